"""Trainers: games between networks, on TensorFlow."""

from tfsynth.trainers.adversarial import AdversarialTrainer as AdversarialTrainer
from tfsynth.trainers.callbacks import Clock as Clock
from tfsynth.trainers.callbacks import LearningRateByProgress as LearningRateByProgress
from tfsynth.trainers.callbacks import ProgressBar as ProgressBar
from tfsynth.trainers.callbacks import SampleSheets as SampleSheets
from tfsynth.trainers.callbacks import SaveCheckpoint as SaveCheckpoint
from tfsynth.trainers.callbacks import StopBetweenSteps as StopBetweenSteps
from tfsynth.trainers.checkpoints import Checkpoints as Checkpoints
from tfsynth.trainers.devices import choose_devices as choose_devices
from tfsynth.trainers.devices import choose_precision as choose_precision
from tfsynth.trainers.devices import scope_of as scope_of
from tfsynth.trainers.finite import NonFiniteGuard as NonFiniteGuard
from tfsynth.trainers.finite import NotFiniteError as NotFiniteError
from tfsynth.trainers.players import PlayerOptimizers as PlayerOptimizers
from tfsynth.trainers.schedules import ConstantThenLinearDecay as ConstantThenLinearDecay
from tfsynth.trainers.trainer import Trainer as Trainer

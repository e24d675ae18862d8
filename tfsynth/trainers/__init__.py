"""Trainers of games, on TensorFlow or on JAX: what `KERAS_BACKEND` says."""

import keras

if keras.backend.backend() == "tensorflow":
    from tfsynth.trainers import tensorflow_devices as devices
    from tfsynth.trainers.tensorflow_trainer import Trainer as Trainer
elif keras.backend.backend() == "jax":
    from tfsynth.trainers import jax_devices as devices
    from tfsynth.trainers.jax_trainer import Trainer as Trainer
else:
    raise ValueError(
        f"Training needs Keras on TensorFlow or on JAX, and KERAS_BACKEND is "
        f"{keras.backend.backend()!r}. Set it to tensorflow or jax."
    )

from tfsynth.trainers.callbacks import Clock as Clock
from tfsynth.trainers.callbacks import LearningRateByProgress as LearningRateByProgress
from tfsynth.trainers.callbacks import ProgressBar as ProgressBar
from tfsynth.trainers.callbacks import SampleSheets as SampleSheets
from tfsynth.trainers.callbacks import SaveCheckpoint as SaveCheckpoint
from tfsynth.trainers.callbacks import StopBetweenSteps as StopBetweenSteps
from tfsynth.trainers.checkpoints import Checkpoints as Checkpoints
from tfsynth.trainers.finite import NonFiniteGuard as NonFiniteGuard
from tfsynth.trainers.finite import NotFiniteError as NotFiniteError
from tfsynth.trainers.logs import ScalarWriters as ScalarWriters
from tfsynth.trainers.logs import TensorBoardLogs as TensorBoardLogs
from tfsynth.trainers.players import PlayerOptimizers as PlayerOptimizers
from tfsynth.trainers.reestimation import ReestimateLayerWeights as ReestimateLayerWeights
from tfsynth.trainers.schedules import ConstantThenCosineDecay as ConstantThenCosineDecay
from tfsynth.trainers.schedules import ConstantThenLinearDecay as ConstantThenLinearDecay
from tfsynth.trainers.trainer import check_optimizers as check_optimizers
from tfsynth.trainers.transfer import layer_shapes as layer_shapes
from tfsynth.trainers.transfer import plan_transfer as plan_transfer
from tfsynth.trainers.transfer import transfer_optimizers as transfer_optimizers

choose_devices = devices.choose_devices
scope_of = devices.scope_of
peak_device_bytes = devices.peak_device_bytes


def precision_of(precision):
    """Returns the name of the dtype policy that a config's `precision` means here.

    Args:
        precision: "float32", "mixed_bfloat16", or "auto": mixed_bfloat16 where the device
            computes faster in it, else float32.
    """
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if devices.bfloat16_is_fast() else "float32"

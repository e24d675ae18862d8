"""Settings of a run: one complete YAML file, checked before the run starts. Without Keras."""

from tfsynth.config.checks import AFTER_TRAINING as AFTER_TRAINING
from tfsynth.config.checks import PRECISIONS as PRECISIONS
from tfsynth.config.reading import config_names as config_names
from tfsynth.config.reading import load_config as load_config
from tfsynth.config.reading import parse_config as parse_config
from tfsynth.config.reading import parse_override as parse_override
from tfsynth.config.reading import set_key as set_key
from tfsynth.config.settings import Config as Config
from tfsynth.config.settings import ConfigError as ConfigError
from tfsynth.config.settings import DataSettings as DataSettings
from tfsynth.config.settings import TrainSettings as TrainSettings
from tfsynth.files import config_folder as config_folder

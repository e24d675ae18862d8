"""The registry: names in a config, and the classes that they stand for."""

from tfsynth.registry.building import build as build
from tfsynth.registry.building import check as check
from tfsynth.registry.building import describe as describe
from tfsynth.registry.classes import PACKAGE as PACKAGE
from tfsynth.registry.classes import import_registered_classes as import_registered_classes
from tfsynth.registry.classes import register as register
from tfsynth.registry.classes import registered_names as registered_names
from tfsynth.registry.classes import resolve as resolve
from tfsynth.registry.networks import keras_arguments as keras_arguments
from tfsynth.registry.networks import own_random_numbers as own_random_numbers
from tfsynth.registry.networks import without_policy as without_policy

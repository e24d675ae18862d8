"""Semantic layouts: label sets, label and instance maps, their regions, and drawn ones."""

from tfsynth.layouts.labels import DataError as DataError
from tfsynth.layouts.labels import LabelSet as LabelSet
from tfsynth.layouts.layout import Layout as Layout
from tfsynth.layouts.regions import components as components

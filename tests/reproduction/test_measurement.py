"""What is measured in photographs beside the scores."""

import numpy as np
import pytest

from tests import tiny
from tfsynth import registry
from tfsynth.config import DataSettings
from tfsynth.reproduction.measurement import diversity, measure_pictures

EXAMPLES = [{"labels": np.zeros((4, 4), int), "instances": np.zeros((4, 4), int)}] * 2


class Painter:
    """Paints a picture of one grey: `greys[seed]`."""

    def __init__(self, *greys):
        self.greys = greys

    def synthesize(self, labels, instances, seed):
        return np.full((*labels.shape, 3), self.greys[seed % len(self.greys)], np.uint8)


def test_diversity_is_the_deviation_over_samples():
    # Of 10, 20, 30: mean 20, (100 + 0 + 100) / 2 = 10 squared.
    assert diversity(Painter(10, 20, 30), EXAMPLES, samples=3) == pytest.approx(10.0)


def test_a_model_without_lots_has_no_diversity():
    assert diversity(Painter(77), EXAMPLES) == 0.0


class Real:
    """Gives the real photograph of a layout back."""

    def __init__(self, split):
        examples = [split.load(i) for i in range(len(split))]
        self.pictures = {e["labels"].astype("uint8").tobytes(): e["image"] for e in examples}

    def synthesize(self, labels, instances, seed):
        return self.pictures[labels.astype("uint8").tobytes()]


def test_real_photographs_measure_as_themselves(tmp_path):
    node = tiny.tree(tiny.draw_streets(tmp_path))["data"]["dataset"]
    dataset = registry.build(node)
    found = measure_pictures(Real(dataset.split("test")), dataset, DataSettings(node, (32, 64)))
    assert found["spectrum_error"] == 0.0
    assert found["boundary_visibility"] == found["boundary_visibility_real"]


def test_where_there_are_no_cars_their_boundaries_are_not_measured(tmp_path):
    folder = tiny.paired_folders(tmp_path, test=2, train=2)
    dataset = registry.build(folder)  # Its classes have no names.
    found = measure_pictures(Real(dataset.split("test")), dataset, DataSettings(folder, (32, 64)))
    assert found["boundary_visibility"] is found["boundary_visibility_real"] is None

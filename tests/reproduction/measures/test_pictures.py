"""Measures of whole pictures: real ones measure as themselves, and samples differ or do not."""

import numpy as np
import pytest

from tests import tiny
from tests.reproduction.drawn import Painter, Street, subject
from tfsynth import registry
from tfsynth.config import DataSettings
from tfsynth.reproduction.measurement import Subject, take_measures
from tfsynth.reproduction.measures.pictures import diversity
from tfsynth.streets import classes

NAMES = ("spectrum_error", "grid_peak", "boundary_visibility")


def test_diversity_is_the_deviation_over_samples():
    streets = [Street(), Street()]
    # Of 10, 20, 30: mean 20, (100 + 0 + 100) / 2 = 10 squared.
    assert diversity(subject(Painter((10, 20, 30)), test=streets), samples=3) == pytest.approx(10)


def test_a_model_of_one_picture_has_no_diversity():
    assert diversity(subject(Painter((77,)), test=[Street()])) == 0.0


class Real:
    """Gives the real photograph of a layout back, at the size of the layout."""

    def __init__(self, split):
        examples = [split.load(i) for i in range(len(split))]
        self.pictures = {e["labels"].astype("uint8").tobytes(): e["image"] for e in examples}

    def synthesize(self, labels, instances, seed):
        return self.pictures[labels.astype("uint8").tobytes()]


class Woven(Real):
    """Gives the real photograph back, with stripes two pixels apart over its sky."""

    def synthesize(self, labels, instances, seed):
        picture = super().synthesize(labels, instances, seed).astype(int)
        picture[:, ::2] += 12 * (labels[:, ::2] == classes.SKY)[..., None]
        return np.clip(picture, 0, 255).astype("uint8")


def test_grids_are_found_where_they_are(tmp_path):
    node = tiny.tree(tiny.draw_streets(tmp_path))["data"]["dataset"]
    dataset = registry.build(node)
    subject = Subject(Woven(dataset.split("test")), dataset, DataSettings(node, (32, 64)))
    found, _ = take_measures(subject, ["grid_peak", "grid_peak_sky", "grid_peak_facades"])
    assert found["grid_peak_sky"] > 3
    assert 1 < found["grid_peak"] < found["grid_peak_sky"]
    assert found["grid_peak_facades"] == 1


def test_real_photographs_measure_as_themselves(tmp_path):
    node = tiny.tree(tiny.draw_streets(tmp_path))["data"]["dataset"]
    dataset = registry.build(node)
    model = Real(dataset.split("test"))
    found, real = take_measures(Subject(model, dataset, DataSettings(node, (32, 64))), NAMES)
    assert found["spectrum_error"] == 0.0 and found["grid_peak"] == 1
    assert found["boundary_visibility"] == real["boundary_visibility"]


def test_where_a_class_is_not_there_it_is_not_measured(tmp_path):
    folder = tiny.paired_folders(tmp_path, test=2, train=2)
    dataset = registry.build(folder)  # Its classes have no names.
    model = Real(dataset.split("test"))
    names = (*NAMES, "grid_peak_sky")
    found, real = take_measures(Subject(model, dataset, DataSettings(folder, (32, 64))), names)
    assert found["boundary_visibility"] is found["grid_peak_sky"] is None and real == {}


def test_smaller_pictures_are_enlarged_before_they_are_measured():
    # 8 x 12 of one grey are 16 x 24 of it; the layouts that are measured are the full ones.
    found = subject(Painter((50,)), (8, 12), (16, 24), test=[Street(("red", (9, 9, 9)))])
    (picture,), (layout,), (example,) = found.pictures, found.layouts, found.examples
    assert picture.shape == (16, 24, 3) and np.all(picture == 50)
    assert layout["labels"].shape == (8, 12)
    assert example["labels"].shape == found.real[0].shape[:2] == (16, 24)
    assert (example["labels"] == 8).sum() == 64

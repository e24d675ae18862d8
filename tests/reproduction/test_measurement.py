"""A model under measurement: what several measures share is made once."""

import pytest

from tests.reproduction.drawn import Painter, Street, subject
from tfsynth.config import DataSettings
from tfsynth.reproduction.measurement import Subject, take_measures
from tfsynth.reproduction.measures import MEASURES


class Counting(Painter):
    made = 0

    def synthesize(self, labels, instances, styles=None, seed=0):
        self.made += 1
        return super().synthesize(labels, instances, styles, seed)


def test_pictures_are_made_once():
    model = Counting()
    found = subject(model, test=[Street(("red", (9, 9, 9)))] * 3)
    take_measures(found, ["spectrum_error", "boundary_visibility"])
    assert model.made == 3
    # A colour asked for is two pictures of each of three cars, for all measures of it.
    cars = subject(model, test=[Street(("red", (9, 9, 9)))] * 3, train=[Street(("red", (1, 1, 1)))])
    take_measures(cars, ["style_error", "style_hits", "style_change"])
    assert model.made == 3 + 6


def test_scores_are_asked_for_by_the_measures_that_need_them():
    scores = {"synthesised": {"mean_iou": 0.5, "pixel_accuracy": 0.75}}
    data = subject(Painter(), test=[Street()]).dataset
    found = Subject(Painter(), data, DataSettings({}, (16, 24)), score=lambda: scores)
    take_measures(found, ["diversity"])
    assert not found.scored
    assert take_measures(found, ["pixel_accuracy"]) == ({"pixel_accuracy": 0.75}, {})
    assert found.scored
    assert take_measures(found, ["second_mean_iou"]) == ({"second_mean_iou": None}, {})
    scores["second"] = {"synthesised": {"mean_iou": 0.25}}
    assert take_measures(found, ["second_mean_iou"]) == ({"second_mean_iou": 0.25}, {})
    with pytest.raises(ValueError, match="This subject was given no `score`"):
        take_measures(subject(Painter(), test=[Street()]), ["mean_iou"])


def test_features_and_seeds_are_read_from_the_scores():
    distances = {"synthesised": {"distance": 0.5}, "training": {"distance": 0.125}}
    scores = {"kernel_distance": distances, "seeds": {"texture": 3.0, "layout": 0.75}}
    data = subject(Painter(), test=[Street()]).dataset
    found = Subject(Painter(), data, DataSettings({}, (16, 24)), score=lambda: scores)
    names = ["kernel_distance", "seed_texture", "seed_layout"]
    values = {"kernel_distance": 0.5, "seed_texture": 3.0, "seed_layout": 0.75}
    assert take_measures(found, names) == (values, {"kernel_distance": 0.125})
    # Where nothing is drawn, or too little is there, nothing is measured.
    del scores["seeds"]
    distances |= {"synthesised": None, "training": None}
    assert take_measures(found, names) == (dict.fromkeys(names), {})


def test_measures_have_titles():
    assert MEASURES["spectrum_error"].higher_is_better is False
    assert len({measure.title for measure in MEASURES.values()}) == len(MEASURES)

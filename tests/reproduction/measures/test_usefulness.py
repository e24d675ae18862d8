"""What a segmenter reads that was trained on real pairs, synthetic ones, and both."""

import numpy as np
import pytest

from tests import tiny
from tests.reproduction.drawn import SIZE, DrawnData, Painter, Street
from tfsynth import registry
from tfsynth.config import DataSettings
from tfsynth.data import Share
from tfsynth.reproduction.measurement import Subject, take_measures
from tfsynth.reproduction.measures import MEASURES, usefulness
from tfsynth.streets import classes

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow

LIGHT = ("red", (250, 250, 250))
NAMES = [name for name in MEASURES if name.startswith("useful_")]
LEARNS = {"steps": 60, "learning_rate": 0.01, "precision": "float32", "filters": [8, 8]}


class ClassPainter(Painter):
    """Draws cars in one grey, and all else in another."""

    def __init__(self, car, road):
        super().__init__()
        self.car, self.road = car, road

    def synthesize(self, labels, instances, styles=None, seed=0):
        grey = np.where(labels == classes.CAR, self.car, self.road).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)


def subject(painter, share=1.0, protocol=None, **changes):
    streets = [Street(LIGHT), Street(LIGHT, LIGHT)] * 4
    data = Share(DrawnData(train=streets, test=streets[:2]), share)
    protocol = registry.build({**tiny.PROTOCOL, **(protocol or LEARNS), **changes})
    return Subject(painter, data, DataSettings({}, SIZE), protocol=protocol, seed=1)


@pytest.fixture(scope="module")
def faithful():
    found = subject(ClassPainter(250, 0))
    return found, *take_measures(found, NAMES)


def test_pictures_like_the_real_ones_teach_as_much(faithful):
    found, measures, of_real = faithful
    assert measures["useful_real"] > 0.9
    assert measures["useful_synthetic"] > 0.9 and measures["useful_both"] > 0.9
    assert measures["useful_pairs"] == 8
    for name, source in (("useful_gain", "both"), ("useful_gap", "synthetic")):
        expected = measures[f"useful_{source}"] - measures["useful_real"]
        assert measures[name] == pytest.approx(expected)
    assert of_real == {}
    assert found.facts["examples"] == 2
    assert "/steps60x2/" in found.facts["protocol"] and "/seed1/" in found.facts["protocol"]


def test_objects_that_lie_apart_are_counted(faithful):
    _, measures, _ = faithful
    for source in usefulness.SOURCES:
        assert measures[f"useful_{source}_count_error"] <= 0.5
        assert measures[f"useful_{source}_matched_iou"] > 0.7


def test_pictures_that_are_wrong_do_harm_and_the_sign_says_so():
    found = subject(ClassPainter(0, 250))
    measures, _ = take_measures(found, ["useful_real", "useful_synthetic", "useful_gap"])
    assert measures["useful_synthetic"] < 0.2 < measures["useful_real"]
    assert measures["useful_gap"] < -0.5


def test_only_the_share_is_seen_and_synthetic_pairs_are_as_many_as_all_real_ones():
    found = subject(ClassPainter(250, 0), share=0.25)
    pairs = found.once(usefulness.pairs)
    assert {source: len(pairs[source]) for source in pairs} == {
        "real": 2,
        "synthetic": 8,
        "both": 16,
    }
    assert len(pairs["synthetic"].recombination.layouts) == 2
    assert take_measures(found, ["useful_pairs"])[0] == {"useful_pairs": 2}


def test_segmenters_learn_from_all_pairs_by_the_seed_of_the_run():
    protocol = registry.build({**tiny.PROTOCOL, "seed": 7})
    assert usefulness.protocol_on_all_pairs(protocol, 2).get_config() == {
        **protocol.get_config(),
        "seed": 2,
    }


def test_objects_that_hide_each_other_are_not_counted():
    streets = [Street(LIGHT), Street(LIGHT, LIGHT)]
    for street in streets:
        street.labels[:8][street.labels[:8] == classes.ROAD] = classes.SKY
    data = DrawnData(train=streets, test=streets)
    protocol = registry.build(tiny.PROTOCOL)
    found = Subject(Painter(), data, DataSettings({}, SIZE), protocol=protocol)
    measures, _ = take_measures(found, ["useful_real", "useful_real_count_error"])
    assert found.once(usefulness.pairs)["synthetic"].recombination.upright
    assert measures["useful_real"] is not None and measures["useful_real_count_error"] is None


def test_small_parts_are_no_objects():
    objects = np.array([[1, 1, 1, 2, 2], [1, 1, 0, 0, 3]])
    assert usefulness.large_objects(objects).tolist() == [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]


def test_without_a_protocol_it_is_said_what_is_missing():
    found = Subject(Painter(), DrawnData(train=[Street()], test=[Street()]), DataSettings({}, SIZE))
    with pytest.raises(ValueError, match="This subject was given no `protocol`"):
        take_measures(found, ["useful_real"])

"""Cars in a style that was asked for, on squares whose colours a hand can compare."""

import pytest

from tests.reproduction.drawn import Painter, Street, subject
from tfsynth.reproduction.measurement import take_measures
from tfsynth.reproduction.measures.styles import MEASURES
from tfsynth.streets import classes

TRAIN = [
    Street(("red", (200, 0, 0)), ("red", (220, 0, 0))),
    Street(("blue", (0, 0, 100))),
]
# The first one is asked for in red, the second one in blue.
TEST = [Street(("silver", (0, 0, 0)), ("silver", (90, 90, 90)))]


def measured(painter, train=TRAIN, test=TEST):
    return take_measures(subject(painter, train=train, test=test), MEASURES)


def test_what_a_painter_of_mean_colours_gives():
    found, real = measured(Painter(range(0, 80, 10)))
    # It paints (210, 0, 0) and (0, 0, 100), which are the means of the real cars.
    assert found["style_error"] == 0
    # From the other colour (210 + 0 + 100) / 3; the mean of that and 0.
    assert found["style_error_to_all"] == pytest.approx(310 / 3 / 2)
    assert found["style_hits"] == 1
    # 210 / 3 from black to red, (90 + 90 + 10) / 3 from grey to blue.
    assert found["style_change"] == pytest.approx((70 + 190 / 3) / 2)
    assert found["style_leak"] == 0
    # Greys 0, 10, ... 70 over the samples: the squares about 35 sum to 4200; 4200 / 7.
    assert found["style_spread"] == pytest.approx(600**0.5)
    # Reds are 10 / 3 from their mean, the one blue car 0.
    assert real["style_error"] == pytest.approx(10 / 3 / 2)
    # Red: 60, 80 and -140 from the mean; blue: -100/3 twice and 200/3; green: 0.
    assert real["style_spread"] == pytest.approx((14800**0.5 + (20000 / 6) ** 0.5) / 3)


class Careless(Painter):
    """Paints all of the picture in the last style that differs from the photograph's."""

    def synthesize(self, labels, instances, styles=None, seed=0):
        picture = super().synthesize(labels, instances, styles, seed)
        asked = [c for c in (styles or {}).values() if tuple(c) in ((210, 0, 0), (0, 0, 100))]
        if asked:
            picture[:] = asked[0]
        return picture


def test_a_change_elsewhere_is_seen():
    found, _ = measured(Careless(), test=[Street(("silver", (0, 0, 0)))])
    assert found["style_change"] == found["style_leak"] == pytest.approx(70)


def test_a_picture_that_does_not_listen_misses_half_of_the_colours():
    found, _ = measured(Deaf())
    # Always (0, 0, 100): right for the second car only.
    assert found["style_hits"] == 0.5
    assert found["style_error"] == pytest.approx(310 / 3 / 2)
    assert found["style_change"] == 0


class Deaf(Painter):
    """Paints all in blue, whatever is asked."""

    def synthesize(self, labels, instances, styles=None, seed=0):
        picture = super().synthesize(labels, instances, None, seed)
        picture[:] = (0, 0, 100)
        return picture


@pytest.mark.parametrize("painter", [Painter(num_outputs=3), Painter(by_label=True)])
def test_models_without_styles_of_objects_are_not_asked(painter):
    found, real = measured(painter)
    del found["style_spread"]
    assert set(found.values()) == {None}
    assert real["style_error"] == pytest.approx(10 / 3 / 2)


def test_where_there_are_no_cars_there_is_nothing_to_measure():
    houses = [Street(("a wall", (9, 9, 9)), class_id=classes.BUILDING)]
    found, real = measured(Painter(), train=houses, test=houses)
    assert set(found.values()) == {None}
    assert real == {}

"""Several pictures of a street: how their objects differ, and from the real ones."""

import pytest

from tests.reproduction.drawn import Painter, Street, subject
from tfsynth.reproduction.measurement import take_measures
from tfsynth.reproduction.measures.several import MEASURES
from tfsynth.streets import classes

CARS = Street(("red", (0, 0, 0)), ("red", (90, 90, 90)))
HOUSE = Street(("a wall", (60, 60, 60)), class_id=classes.BUILDING)


def test_three_greys_against_two_cars():
    three = Painter((0, 60, 120), num_outputs=3)
    found, real = take_measures(subject(three, test=[CARS, HOUSE]), MEASURES)
    assert found["car_spread"] == pytest.approx(60)
    assert found["car_first_error"] == pytest.approx(45)  # 0 and 90.
    assert found["car_best_error"] == pytest.approx(15)  # 0 and 30.
    assert real["car_spread"] == pytest.approx(4050**0.5)  # 45 to both sides, by one less.
    assert found["facade_first_error"] == pytest.approx(60)
    assert found["facade_best_error"] == 0
    assert "facade_spread" not in real  # Of one house.


def test_one_picture_has_no_spread():
    found, real = take_measures(subject(Painter(), test=[CARS]), MEASURES)
    assert set(found.values()) == {None}
    assert set(real) == {"car_spread"}

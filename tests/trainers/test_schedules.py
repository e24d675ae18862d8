import math

import pytest

from tests.harness import round_trip
from tfsynth.trainers import ConstantThenCosineDecay, ConstantThenLinearDecay


@pytest.mark.parametrize(
    ("epoch", "expected"), [(1, 2e-4), (101, 2e-4), (102, 1.98e-4), (150, 1.02e-4), (200, 2e-6)]
)
def test_pix2pixhd_schedule_by_epochs_counted_from_one(epoch, expected):
    schedule = round_trip(ConstantThenLinearDecay(constant_epochs=100, decay_epochs=100))
    assert 2e-4 * schedule(epoch - 1) == pytest.approx(expected, rel=1e-9)


def test_between_and_after_the_epochs():
    schedule = ConstantThenLinearDecay(constant_epochs=1, decay_epochs=4)
    assert schedule.epochs == 5
    assert schedule(2.5) == pytest.approx(1 - 1.5 / 4)
    assert schedule(99) == 0.0
    assert ConstantThenLinearDecay(constant_epochs=3, decay_epochs=0)(3) == 1.0


def test_negative_numbers_are_refused():
    with pytest.raises(ValueError, match="Received: -1, 5"):
        ConstantThenLinearDecay(-1, 5)


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, 1.0), (7, 1.0), (8, 0.75), (8.5, 0.5), (9, 0.25), (10, 0.0), (99, 0.0)],
)
def test_a_half_cosine_over_the_last_epochs(epoch, expected):
    """Golden: cos of 60, 90 and 120 degrees are 1/2, 0 and -1/2."""
    schedule = round_trip(ConstantThenCosineDecay(constant_epochs=7, decay_epochs=3))
    assert schedule.epochs == 10
    assert schedule(epoch) == pytest.approx(expected, abs=1e-12)


def test_the_cosine_is_that_of_its_source():
    schedule = ConstantThenCosineDecay(constant_epochs=0, decay_epochs=10)
    for epoch in range(11):
        expected = 0.5 * (1 + math.cos(math.pi * epoch / 10))
        assert schedule(epoch) == pytest.approx(expected, abs=1e-12)
    assert ConstantThenCosineDecay(constant_epochs=3, decay_epochs=0)(3) == 1.0

import numpy as np
import pytest

from tfsynth.layouts.statistics import layout_statistics


def test_shares_and_heights_of_classes():
    """Class 0 is the upper half of one map and all of another of four times the pixels."""
    first = np.zeros((4, 2), "uint8")
    first[2:] = 2
    found = layout_statistics([first, np.zeros((8, 4), "uint8")], 4)
    # Maps weigh alike.
    assert found["shares"] == [0.75, 0.0, 0.25, 0.0]
    assert found["rows"][0] == pytest.approx((0.5 * 0.25 + 0.5) / 1.5, abs=1e-4)
    assert found["rows"][1:] == [0.5, 0.75, 0.5]
    # Rows 0.625 and 0.875.
    assert found["spreads"][1:] == [0.0, 0.125, 0.0]


def test_one_class_over_the_whole_picture():
    found = layout_statistics([np.full((100, 3), 1)], 2)
    assert found["shares"] == [0.0, 1.0] and found["rows"] == [0.5, 0.5]
    # A uniform distribution.
    assert found["spreads"][1] == pytest.approx(12**-0.5, abs=1e-4)

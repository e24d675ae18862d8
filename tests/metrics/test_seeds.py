"""What two seeds change and leave, by hand."""

import numpy as np
import pytest

from tfsynth.metrics import reading_agreement, texture_difference


def test_texture_is_what_a_blur_takes_away():
    first = np.full((40, 60, 3), 100, np.uint8)
    assert texture_difference(first, first) == 0
    # Another tone is no other texture, and nor is a slow ramp.
    assert texture_difference(first, first + 50) == pytest.approx(0, abs=1e-9)
    ramp = first + np.arange(60, dtype=np.uint8)[None, :, None]
    assert texture_difference(first, ramp) < 0.1
    # A grain of one pixel is nothing else.
    grain = first.copy()
    grain[(np.indices((40, 60)).sum(axis=0) % 2).astype(bool)] += 20
    assert texture_difference(first, grain) == pytest.approx(10, rel=0.01)


def test_one_pixel_by_hand():
    first = np.full((41, 41, 1), 7, np.uint8)
    second = first.copy()
    second[20, 20] += 100
    # The Gaussian of deviation 2 has 1 / 5.0133 of each axis in the middle.
    middle = 1 / np.exp(-(np.arange(-8, 9) ** 2) / 8).sum() ** 2
    assert middle == pytest.approx(5.0133**-2, rel=1e-3)
    # What the middle loses is spread over the others.
    assert texture_difference(first, second) == pytest.approx(200 * (1 - middle) / 41**2)
    assert texture_difference(first, second, sigma=20) > texture_difference(first, second, 0.5)


def test_pictures_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one shape. Received: \(2, 3, 3\) and \(2, 4, 3\)"):
        texture_difference(np.zeros((2, 3, 3)), np.zeros((2, 4, 3)))


def test_readings_agree_where_they_count():
    first, second = np.array([[1, 2, 3, 4]]), np.array([[1, 2, 4, 3]])
    counted = np.array([[True, True, True, False]])
    assert reading_agreement(first, second, counted) == pytest.approx(2 / 3)
    assert np.isnan(reading_agreement(first, second, ~(counted | True)))

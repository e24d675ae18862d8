"""Boundaries between touching objects, counted by hand."""

import math

import numpy as np

from tfsynth.metrics import boundary_visibility, touching_boundaries
from tfsynth.metrics.boundaries import _inner, gradient_magnitude

CAR = 2


def scene():
    """Two cars that touch at column 10, the road around them."""
    labels = np.ones((16, 24), int)
    instances = np.zeros((16, 24), int)
    labels[4:12, 2:18] = CAR
    instances[4:12, 2:10] = 5
    instances[4:12, 10:18] = 6
    return labels, instances


def test_only_pixels_between_two_of_the_class_are_marked():
    marks = touching_boundaries(*scene(), CAR)
    expected = np.zeros((16, 24), bool)
    expected[4:12, 9:11] = True
    np.testing.assert_array_equal(marks, expected)
    assert not touching_boundaries(*scene(), 1).any()
    vertical = touching_boundaries(*(m.T for m in scene()), CAR)
    np.testing.assert_array_equal(vertical, expected.T)


def test_a_seam_is_seen_and_its_absence_is_chance():
    labels, instances = scene()
    seam = np.zeros((16, 24, 3), "uint8")
    seam[:, 10:] = 200
    found = boundary_visibility([(labels, instances, seam)], CAR)
    # Inside: 4 rows, and 4 of the 8 columns of each car.
    assert found == {"visibility": 1.0, "boundary_pixels": 16, "inner_pixels": 32}
    plain = np.full((16, 24, 3), 90, "uint8")
    assert boundary_visibility([(labels, instances, plain)], CAR)["visibility"] == 0.5
    nothing = boundary_visibility([(labels * 0, instances, plain)], CAR)
    assert math.isnan(nothing["visibility"]) and nothing["boundary_pixels"] == 0


def test_visibility_is_a_probability_by_ranks():
    random = np.random.default_rng(1)
    labels, instances = scene()
    image = random.integers(0, 40, (16, 24, 3)).astype("uint8")
    image[:, 10:] += 30
    gradient = gradient_magnitude(image)
    at = gradient[touching_boundaries(labels, instances, CAR)]
    inside = gradient[_inner(labels, instances, CAR)]
    pairs = at[:, None] - inside[None]
    expected = (pairs > 0).mean() + (pairs == 0).mean() / 2
    found = boundary_visibility([(labels, instances, image)], CAR)["visibility"]
    np.testing.assert_allclose(found, expected, atol=1e-12)

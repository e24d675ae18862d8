"""Boundaries between touching objects, counted by hand."""

import math

import numpy as np

from tfsynth.metrics import boundary_visibility, touching_boundaries
from tfsynth.metrics.boundaries import depth_inside, far_from_others, gradient_magnitude

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
    # Apart: the 8 rows of each car but the two columns on its side of the seam.
    assert found == {"visibility": 1.0, "boundary_pixels": 16, "other_pixels": 8 * 12}
    plain = np.full((16, 24, 3), 90, "uint8")
    assert boundary_visibility([(labels, instances, plain)], CAR)["visibility"] == 0.5
    nothing = boundary_visibility([(labels * 0, instances, plain)], CAR)
    assert math.isnan(nothing["visibility"]) and nothing["boundary_pixels"] == 0


def test_depth_counts_from_the_outline():
    depth = depth_inside(scene()[0] == CAR)
    np.testing.assert_array_equal(depth[3:13, 9], [0, 1, 2, 3, 4, 4, 3, 2, 1, 0])
    np.testing.assert_array_equal(depth[7, :7], [0, 0, 1, 2, 3, 4, 4])
    # The picture's border is no outline.
    np.testing.assert_array_equal(depth_inside(np.ones((3, 3), bool)), np.full((3, 3), 4))


def test_outlines_alone_make_no_boundary_visible():
    labels, instances = scene()
    # A bright outline, which a label map tells, and nothing at the seam.
    outline = (depth_inside(labels == CAR) == 1).astype("uint8")
    image = np.repeat(200 * outline[..., None], 3, axis=-1)
    gradient = gradient_magnitude(image)
    at = gradient[touching_boundaries(labels, instances, CAR)]
    deep = gradient[far_from_others(labels, instances, CAR) & (depth_inside(labels == CAR) > 2)]
    assert (at[:, None] > deep).mean() == 0.25 and (at[:, None] < deep).mean() == 0
    visible = boundary_visibility([(labels, instances, image)], CAR)["visibility"]
    np.testing.assert_allclose(visible, 0.5, atol=0.06)


def test_visibility_is_a_probability_by_ranks_at_equal_depth():
    random = np.random.default_rng(1)
    labels, instances = scene()
    image = random.integers(0, 40, (16, 24, 3)).astype("uint8")
    image[:, 10:] += 30
    gradient, depth = gradient_magnitude(image), depth_inside(labels == CAR)
    expected = []
    for pixel, deep in zip(
        *(m[touching_boundaries(labels, instances, CAR)] for m in (gradient, depth)), strict=True
    ):
        others = gradient[far_from_others(labels, instances, CAR) & (depth == deep)]
        expected.append((pixel > others).mean() + (pixel == others).mean() / 2)
    found = boundary_visibility([(labels, instances, image)], CAR)["visibility"]
    np.testing.assert_allclose(found, np.mean(expected), atol=1e-12)

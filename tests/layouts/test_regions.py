"""Regions of pixels against hand-written maps and slow, simple methods."""

import numpy as np
import pytest

from tfsynth.layouts.regions import components, nearest_pixels, polygon_mask, without_small


def test_components_of_a_map_written_out():
    labels = [
        [3, 3, 0, 3],
        [0, 3, 0, 3],
        [0, 0, 3, 3],
        [3, 0, 3, 9],
    ]
    found = components(labels)
    assert found.dtype == np.int32
    assert found.tolist() == [
        [0, 0, 1, 2],
        [3, 0, 1, 2],
        [3, 3, 2, 2],
        [4, 3, 2, 5],
    ]


def flooded(labels):
    """Components, pixel by pixel."""
    found = np.full(labels.shape, -1)
    for first in np.ndindex(labels.shape):
        if found[first] >= 0:
            continue
        number, waiting = found.max() + 1, [first]
        while waiting:
            row, column = place = waiting.pop()
            inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
            if inside and found[place] < 0 and labels[place] == labels[first]:
                found[place] = number
                waiting += [(row + 1, column), (row - 1, column)]
                waiting += [(row, column + 1), (row, column - 1)]
    return found


@pytest.mark.parametrize("classes", [1, 2, 3, 9])
@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (23, 31)])
def test_components_equal_a_flood(shape, classes):
    labels = np.random.default_rng(classes).integers(0, classes, shape)
    np.testing.assert_array_equal(components(labels), flooded(labels))


def test_components_across_edges_that_join():
    labels = np.array([[3, 0, 3, 0], [3, 0, 3, 3], [1, 0, 0, 1], [0, 1, 1, 0]])
    assert components(labels).tolist() == [[0, 1, 2, 3], [0, 1, 2, 2], [4, 1, 1, 5], [6, 7, 7, 8]]
    joined = components(labels, joined=True)
    assert joined.dtype == np.int32
    assert joined.tolist() == [[0, 1, 0, 2], [0, 1, 0, 0], [3, 1, 1, 3], [4, 5, 5, 4]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (23, 31)])
def test_joined_components_do_not_depend_on_where_the_seam_is(shape):
    labels = np.random.default_rng(5).integers(0, 2, shape)
    found = components(labels, joined=True)
    assert np.unique(found).tolist() == list(range(found.max() + 1))
    for turn in range(shape[1]):
        turned = np.roll(components(np.roll(labels, turn, axis=1), joined=True), -turn, axis=1)
        pairs = np.unique(np.stack([found.ravel(), turned.ravel()]), axis=1)
        assert pairs.shape[1] == found.max() + 1 == turned.max() + 1


def test_components_follow_a_spiral():
    size = 63
    spiral = np.zeros((size, size), int)
    row, column, turn, length = 0, 0, 0, size - 1
    for leg in range(size // 2):
        for _ in range(length):
            spiral[row, column] = 1
            row, column = np.add((row, column), ((0, 1), (1, 0), (0, -1), (-1, 0))[turn])
        turn = (turn + 1) % 4
        length -= 2 if leg >= 2 and leg % 2 == 0 else 0
    np.testing.assert_array_equal(components(spiral), flooded(spiral))
    assert components(spiral).max() == 1


def test_components_of_a_checkerboard_of_street_size():
    rows, columns = np.ogrid[:1024, :2048]
    found = components((rows + columns) % 2)
    np.testing.assert_array_equal(found.ravel(), np.arange(1024 * 2048))


@pytest.mark.parametrize("labels", [[0, 1], [[0.5]], [[True]], np.zeros((2, 0), int)])
def test_components_refuse(labels):
    with pytest.raises(ValueError, match=r"\(height, width\) of integer ids; this one is"):
        components(labels)


def test_polygon_takes_the_pixels_whose_centres_it_holds():
    assert polygon_mask([(1, 0), (4, 0), (4, 2), (1, 2)], (3, 5)).astype(int).tolist() == [
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    assert polygon_mask([(0, 4), (2.2, 0), (5, 4)], (4, 5)).astype(int).tolist() == [
        [0, 0, 1, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
    ]


def test_polygon_that_crosses_itself_is_even_odd():
    twice = [(0, 0), (5, 0), (5, 5), (0, 5), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)]
    assert polygon_mask(twice, (5, 5)).astype(int).tolist() == [
        [1, 1, 1, 1, 1],
        [1, 0, 0, 1, 1],
        [1, 0, 0, 1, 1],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
    ]


def test_polygon_is_clipped_and_does_not_mind_its_direction():
    points = [(-9, -1e6), (2, -1e6), (2, 1e6), (-9, 1e6)]
    for corners in (points, points[::-1]):
        assert polygon_mask(corners, (2, 3)).tolist() == [[True, True, False]] * 2
    assert not polygon_mask([(-5, -5), (-1, -5), (-1, -1)], (2, 3)).any()


def test_triangles_that_share_an_edge_share_no_pixel_and_leave_none():
    generator = np.random.default_rng(3)
    # Quarters hit the centres of pixels.
    for corner in (*generator.uniform(0, 8, (50, 2)), *generator.integers(0, 33, (50, 2)) / 4):
        frame = [(0, 0), (8, 0), (8, 8), (0, 8)]
        parts = [
            polygon_mask([corner, frame[i], frame[(i + 1) % 4]], (8, 8)).astype(int)
            for i in range(4)
        ]
        assert (sum(parts) == 1).all()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(0, 0), (1, 1)], r"at least 3 corners \(x, y\), each .* this one is \(2, 2\)"),
        ([0, 1, 2], r"this one is \(3,\)"),
        ([(0, 0, 0)] * 3, r"this one is \(3, 3\)"),
        ([(0, 0), (1, 0), (0, np.nan)], "finite numbers.*nan"),
        ([(0, 0), (np.inf, 0), (0, 1)], "finite numbers.*inf"),
        ([("0", "0")] * 3, "finite numbers"),
        ([(0, 0), (1e300, 0), (0, 1)], "each within 2147483648 pixels"),
        ([(0, 0), (-(2**63), 0), (0, 1)], "each within 2147483648 pixels"),
        ([(0, 0), (1, 0), (0,)], "A polygon is one array; its rows are of one length"),
    ],
)
def test_polygon_refuses(points, message):
    with pytest.raises(ValueError, match=message):
        polygon_mask(points, (4, 4))


def test_nearest_pixels_of_two():
    sources = np.zeros((3, 5), bool)
    sources[0, 0] = sources[2, 4] = True
    found = nearest_pixels(sources)
    assert found.dtype == np.int32
    # Of the three pixels that are as far from one as from the other either would do.
    assert found.tolist() == [
        [0, 0, 0, 0, 14],
        [0, 0, 0, 14, 14],
        [0, 0, 14, 14, 14],
    ]


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (23, 31)])
@pytest.mark.parametrize("part", [0.01, 0.5, 1.0])
def test_nearest_pixels_are_as_near_as_any(shape, part):
    sources = np.random.default_rng(1).random(shape) < part
    sources[-1, 0] = True
    found = np.stack(np.divmod(nearest_pixels(sources), shape[1]))
    assert sources[tuple(found)].all()
    places = np.stack(np.indices(shape))
    steps = abs(places[..., None] - np.argwhere(sources).T[:, None, None]).sum(axis=0)
    np.testing.assert_array_equal(abs(places - found).sum(axis=0), steps.min(axis=-1))


def test_small_regions_go_to_their_neighbours():
    labels = np.zeros((12, 16), np.uint8)
    labels[:, 8:] = 1
    labels[2:4, 2:4] = labels[6:9, 10:14] = 5
    labels[5, 0] = labels[5, 15] = 7
    found = without_small(labels, 5)
    assert found.dtype == np.uint8
    # The one of 12 pixels stays.
    expected = np.where(np.isin(labels, (0, 7)) | (labels == 5), 0, 1)
    expected[:, 8:] = np.where(labels[:, 8:] == 5, 5, 1)
    np.testing.assert_array_equal(found, expected)
    # Across joined edges two pixels are one region.
    joined = without_small(labels, 2, joined=True)
    assert joined[5, 0] == joined[5, 15] == 7
    assert without_small(labels, 2)[5, 0] == 0
    # Of nothing but small regions all stay.
    np.testing.assert_array_equal(without_small(labels, 1000), labels)

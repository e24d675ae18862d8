"""Regions of pixels: connected parts of a label map, polygons, and the nearest pixel of a set."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Pixels off the picture that the corner of a polygon may be.
FARTHEST = 2**31


def array_of(values: Any, what: str) -> np.ndarray:
    """Returns values as an array.

    Args:
        values: An array, or lists in lists.
        what: What they are, for the message.

    Raises:
        ValueError: the lists have different lengths.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{what} is one array; its rows are of one length: {str(error).rstrip('.')}."
        ) from None


def components(labels: Any, joined: bool = False) -> np.ndarray:
    """Returns an instance map that makes every connected part of a class one instance.

    Two pixels are connected if they have the same label and share a side.

    Args:
        labels: `(height, width)` integer ids.
        joined: Whether the left and right edges join, so that a part across them is one.

    Returns:
        `(height, width)` int32, 0 to m - 1 for m parts, numbered by their first pixels, row by
        row.

    Raises:
        ValueError: not two-dimensional, not integer, or empty.

    Example:

    >>> components(np.array([[5, 5, 7], [7, 5, 7]]))
    array([[0, 0, 1],
           [2, 0, 1]], dtype=int32)
    """
    labels = array_of(labels, "A label map")
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            "Components are those of a label map, (height, width) of integer ids; this one is "
            f"{labels.shape} of {labels.dtype}. Give one picture's ids."
        )
    starts = np.ones(labels.shape, bool)
    starts[:, 1:] = labels[:, 1:] != labels[:, :-1]
    # A run is the stretch of a row that has one label: far fewer than pixels.
    runs = np.cumsum(starts).reshape(labels.shape) - 1
    touching = labels[1:] == labels[:-1]
    # One pair of runs often touches in many columns; the first will do.
    touching[:, 1:] &= starts[1:, 1:] | starts[:-1, 1:]
    first, second = runs[:-1][touching], runs[1:][touching]
    if joined:
        across = labels[:, 0] == labels[:, -1]
        first = np.concatenate([first, runs[across, 0]])
        second = np.concatenate([second, runs[across, -1]])
    roots = _roots(int(runs[-1, -1]) + 1, first, second)
    numbers = np.cumsum(roots == np.arange(len(roots)), dtype=np.int32) - np.int32(1)
    return numbers[roots][runs]


def polygon_mask(points: Any, shape: Sequence[int]) -> np.ndarray:
    """Returns the pixels whose centres lie in a polygon.

    The centre of the pixel in column 0 and row 0 is (0.5, 0.5): a polygon through the corners of
    `Layout.box` covers exactly the box. A polygon that crosses itself contains the pixels that it
    surrounds an odd number of times.

    Args:
        points: `(n, 2)` numbers, the corners (x, y) in pixels, at least 3; fractions and
            points outside the picture are allowed. The last is joined to the first.
        shape: `(height, width)` of the picture.

    Returns:
        `(height, width)` bool.

    Raises:
        ValueError: fewer points, not pairs, or not numbers up to 2**31 either way.

    Example:

    >>> polygon_mask([(0, 0), (3, 0), (0, 3)], (3, 4)).astype(int)
    array([[1, 1, 0, 0],
           [1, 0, 0, 0],
           [0, 0, 0, 0]])
    """
    corners, (height, width) = array_of(points, "A polygon"), shape
    pairs = corners.ndim == 2 and corners.shape[1] == 2 and len(corners) >= 3
    # NaN is not within any limit; beyond this one the crossings would overflow. In float, since
    # the least int64 has no absolute value.
    numbers = corners.dtype.kind in "iuf"
    if not pairs or not numbers or not (abs(corners.astype(float)) <= FARTHEST).all():
        raise ValueError(
            "A polygon is an array (n, 2) of finite numbers, at least 3 corners (x, y), each "
            f"within {FARTHEST} pixels; this one is {corners.shape} of {corners.dtype}: "
            f"{corners.tolist()}. Leave out unknown corners."
        )
    # Every edge turns the pixels of its rows over, from where it crosses the row to the right.
    turns = np.zeros((height, width + 1), bool)
    corners = corners.astype(float)
    for ends in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Downwards always: polygons that share an edge then round its crossings alike.
        (x, top), (end, bottom) = sorted(ends, key=lambda corner: corner[1])
        rows = np.arange(*np.clip(np.ceil(np.subtract((top, bottom), 0.5)), 0, height).astype(int))
        if len(rows):
            crossings = x + (rows + 0.5 - top) * ((end - x) / (bottom - top))
            turns[rows, np.clip(np.ceil(crossings - 0.5), 0, width).astype(int)] ^= True
    return np.logical_xor.accumulate(turns, axis=1)[:, :-1]


def nearest_pixels(sources: np.ndarray) -> np.ndarray:
    """Returns for each pixel the nearest true one.

    Distances count steps up, down, left and right. Among equally near pixels SciPy chooses one,
    always the same in the same picture.

    Args:
        sources: `(height, width)` bool, at least one true.

    Returns:
        `(height, width)` int32, indices into the flat picture, row by row.
    """
    # On use: it takes longer to import than all else here, and few layouts are edited.
    from scipy.ndimage import distance_transform_cdt

    rows, columns = distance_transform_cdt(
        ~sources, metric="taxicab", return_distances=False, return_indices=True
    )
    return rows * np.int32(sources.shape[1]) + columns


def without_small(labels: np.ndarray, least: float, joined: bool = False) -> np.ndarray:
    """Returns a label map whose small regions are given to their neighbours.

    Args:
        labels: `(height, width)` integer ids.
        least: Pixels of the smallest region that stays.
        joined: Whether the left and right edges join, so that a region across them is one.

    Returns:
        `(height, width)` of the dtype of `labels`.
    """
    margin = 32 if joined else 0
    wide = np.pad(labels, ((0, 0), (margin, margin)), mode="wrap")
    # Where two neighbours are equally near, what is given away can end up in specks again.
    for _ in range(3):
        parts = components(wide)
        small = (np.bincount(parts.ravel()) < least)[parts]
        if not small.any() or small.all():
            break
        wide = wide.ravel()[nearest_pixels(~small)]
    return wide[:, margin : margin + labels.shape[1]]


def _roots(count: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns for each of `count` nodes the smallest one that the edges connect it with."""
    roots = np.arange(count)
    while len(first):
        # Every root that has a smaller neighbour goes under its smallest, so two rounds at least
        # halve the roots that have neighbours.
        np.minimum.at(roots, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(further := roots[roots], roots):
            roots = further
        first, second = roots[first], roots[second]
        apart = first != second
        first, second = first[apart], second[apart]
    return roots

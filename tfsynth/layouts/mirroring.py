"""Layouts mirrored, and moved as a whole."""

from collections.abc import Sequence

import numpy as np

from tfsynth.layouts.regions import components

# Labels and instances of one layout, integer arrays (height, width).
Maps = tuple[np.ndarray, np.ndarray]


def mirrored(
    labels: np.ndarray, instances: np.ndarray, rows: bool = False, columns: bool = False
) -> Maps:
    """Returns a layout with its rows in reverse order, upside down, its columns, or both."""
    step = slice(None, None, -1 if rows else 1), slice(None, None, -1 if columns else 1)
    return labels[step], instances[step]


def shifted(
    labels: np.ndarray, instances: np.ndarray, rows: int, columns: int, objects: Sequence[int] = ()
) -> Maps:
    """Returns a layout moved downwards and to the right.

    What comes in is the mirror image of what is beside it, so that nothing is cut off there.

    Args:
        labels, instances: Integer arrays (height, width).
        rows, columns: Pixels, 0 up to the size.
        objects: Classes whose instances are objects: a mirror image that does not touch what it
            is of is another object, with a new id.

    Raises:
        ValueError: a distance is out of range.
    """
    height, width = labels.shape
    if not (0 <= rows <= height and 0 <= columns <= width):
        raise ValueError(
            f"A layout of {height} x {width} is shifted by 0 up to its size; got {rows} rows and "
            f"{columns} columns."
        )
    padding = ((rows, 0), (columns, 0))
    labels, instances = (
        np.pad(array, padding, mode="symmetric")[:height, :width] for array in (labels, instances)
    )
    new = np.ones(labels.shape, bool)
    new[rows:, columns:] = False
    parts = components(instances)
    apart = new & np.isin(labels, objects) & ~np.isin(parts, parts[~new])
    return labels, np.where(apart, int(instances.max()) + 1 + parts, instances)

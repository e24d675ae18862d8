"""The style of every pixel, as a graph: given by the id of its object, else drawn by its seed.

pix2pixHD, https://arxiv.org/abs/1711.11585, section 3.4, draws a cluster's centre for each object.
"""

from typing import Any

import numpy as np
from keras import ops

from tfsynth.layers import hashing
from tfsynth.synthesis.joint_styles import candidates
from tfsynth.synthesis.style_table import StyleTable

# Halvings that find one of at most 2**16 - 1 styles where their number is not known.
_MOST_HALVINGS = 16


def draw_styles(table: StyleTable, ids: Any, classes: Any, seeds: Any) -> Any:
    """Draws the style of every pixel among those of its class, all with equal probability.

    All pixels of one class and one id have the same. It depends on seed, id and class alone, and is
    the same on every backend and in every export. A class without styles has zeros. With a table
    of photographs the seed draws one of them, and each object one of the styles that go with it.

    Args:
        table: The styles.
        ids: Int32 (batch, height, width), of any value.
        classes: Int32 (batch, height, width), or one int for all pixels.
        seeds: Int32 (batch,).

    Returns:
        Float32 (batch, height, width, features).
    """
    if table.photographs is not None:
        return _draw_together(table, ids, classes, seeds)
    # Row 0 is the zeros of a class without styles.
    rows = [np.zeros((1, table.num_features), np.float32)]
    starts, counts = np.zeros((2, max(table.centres) + 2), np.int32)
    counts[:] = 1
    for class_id, centres in table.centres.items():
        starts[class_id], counts[class_id] = sum(map(len, rows)), len(centres)
        rows.append(centres)
    # Classes beyond those of the table are read at its end, where there are none.
    classes = ops.minimum(classes, len(counts) - 1)
    words = hashing.parts(ops.reshape(ops.cast(seeds, "int32"), (-1, 1, 1)))
    state = hashing.absorb(hashing.START, hashing.STYLES, *words)
    drawn = hashing.absorb(state, *hashing.parts(ids)).left * ops.take(counts, classes)
    # (batch, height, width) -> (batch, height, width, features)
    return ops.take(
        np.concatenate(rows), ops.take(starts, classes) + drawn // hashing.PRIME, axis=0
    )


def _draw_together(table, ids, classes, seeds):
    found = candidates(table)
    photographs, width = found.starts.shape
    # The zeros of a class without styles come last, behind one more class that is nobody's.
    rows = np.concatenate([*table.centres.values(), np.zeros((1, table.num_features), np.float32)])
    places = np.append(found.rows, len(rows) - 1).astype(np.int32)
    empty = found.counts == 0
    starts = np.where(empty, len(places) - 1, found.starts)
    counts = np.where(empty, 1, found.counts)
    nobody = ((0, 0), (0, 1))
    starts = np.pad(starts, nobody, constant_values=len(places) - 1).ravel().astype(np.int32)
    counts = np.pad(counts, nobody, constant_values=1).ravel().astype(np.int32)
    classes = ops.minimum(classes, width)
    words = hashing.parts(ops.reshape(ops.cast(seeds, "int32"), (-1, 1, 1)))
    state = hashing.absorb(hashing.START, hashing.STYLES, *words)
    photograph = state.left * photographs // hashing.PRIME  # (batch, 1, 1)
    entry = photograph * (width + 1) + classes  # (batch, height, width)
    drawn = hashing.absorb(state, *hashing.parts(ids)).left * ops.take(counts, entry)
    place = ops.take(places, ops.take(starts, entry) + drawn // hashing.PRIME)
    return ops.take(rows, place, axis=0)  # (batch, height, width, features)


def replace_given(painted: Any, ids: Any, style_ids: Any, styles: Any) -> Any:
    """Gives the pixels of some objects the styles that came with them.

    Args:
        painted: Float (batch, height, width, features).
        ids: Int32 (batch, height, width).
        style_ids: Int32 (batch, n), n at least 1, ascending in each row; of an id that comes
            twice the last style is taken.
        styles: Float (batch, n, features), the style of each.

    Returns:
        Float (batch, height, width, features).
    """
    count = style_ids.shape[1]
    halvings = _MOST_HALVINGS if count is None else int(count).bit_length()
    batch, count = ops.shape(style_ids)[0], ops.shape(style_ids)[1]
    # Row i of picture b is row b * n + i of all. Those before `found` are not larger than the id.
    first = count * ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1))
    every_id, found = ops.reshape(style_ids, (-1,)), ops.zeros_like(ids)
    for step in (2**i for i in reversed(range(halvings))):
        further = ops.minimum(found + step, count)
        smaller = ops.take(every_id, first + further - 1) <= ids
        found = ops.where(smaller, further, found)
    place = first + ops.maximum(found - 1, 0)
    given = ops.take(ops.reshape(styles, (-1, styles.shape[2])), place, axis=0)
    match = ops.expand_dims(ops.take(every_id, place) == ids, axis=-1)
    return ops.where(match, ops.cast(given, painted.dtype), painted)

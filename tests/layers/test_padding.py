"""Edges repeated up to a size that a network takes."""

import numpy as np
import pytest

from tfsynth.layers import repeat_edges


@pytest.mark.parametrize(
    ("size", "multiple", "minimum", "good"),
    [((5, 8), 4, 4, (8, 8)), ((1, 3), 2, 6, (6, 6)), ((4, 4), 4, 4, (4, 4))],
)
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_the_last_row_and_column_are_repeated(size, multiple, minimum, good, dtype):
    maps = np.random.default_rng(0).integers(0, 255, (2, *size, 3)).astype(dtype)
    both = [(0, wanted - had) for wanted, had in zip(good, size, strict=True)]
    expected = np.pad(maps, [(0, 0), *both, (0, 0)], mode="edge")
    padded = np.asarray(repeat_edges(maps, multiple, minimum))
    assert padded.dtype == dtype
    np.testing.assert_array_equal(padded, expected)
    np.testing.assert_array_equal(repeat_edges(maps[..., 0], multiple, minimum), expected[..., 0])

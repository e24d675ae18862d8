"""Reflection, and edges repeated up to a size that a network takes."""

import numpy as np
import pytest

from tfsynth.layers import ReflectionPadding2D, reflection_in_slices, repeat_edges


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


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_slices_reflect_alike(padding):
    pictures = np.random.default_rng(0).normal(size=(2, 4, 7, 3)).astype("float32")
    layer = ReflectionPadding2D(padding)
    both = [(padding, padding)] * 2
    expected = np.pad(pictures, [(0, 0), *both, (0, 0)], mode="reflect")
    np.testing.assert_array_equal(layer(pictures), expected)
    with reflection_in_slices():
        np.testing.assert_array_equal(layer(pictures), expected)

"""The hash that draws styles and noise: its numbers, the same everywhere, and how they spread."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsynth.layers import hashing


def numbers(seed, height, width, channels, layer=0):
    """The hashes of a map's places, in NumPy."""
    state = hashing.absorb(hashing.START, hashing.NOISE, layer, *hashing.parts(seed))
    places = np.ogrid[:height, :width, :channels]
    return hashing.absorb(state, *(place.astype("int32") for place in places)).left


def correlation(first, second):
    """In standard deviations of that of independent numbers."""
    return np.corrcoef(first.ravel(), second.ravel())[0, 1] * np.sqrt(first.size)


def test_the_numbers_of_python_by_hand():
    """Recomputed with unbounded integers: no sum or product left int32."""
    left, right = 0, 0
    for word in (hashing.NOISE, 3, 7, 0, 0, 40000, 46336):
        left = (left + word) % 46337
        for constant in (14159, 26535, 8979):
            assert left * left < 2**31
            assert (left * left % 46337) * left + right + constant < 2**31
            left, right = (left**3 + right + constant) % 46337, left
    state = hashing.absorb(hashing.START, hashing.NOISE, 3, *hashing.parts(7), 40000, 46336)
    assert state == (left, right) == GOLDEN


# Stored in files of format 4 as what a seed draws: it must not change.
GOLDEN = (33806, 2653)


@pytest.mark.parametrize("number", [0, 1, 2**15, 2**30, 2**31 - 1, -1, -(2**15), -(2**31)])
def test_numbers_of_32_bits_are_told_apart(number):
    first, second, third = hashing.parts(number)
    magnitude = first + 2**15 * second + 2**30 * (third % 2)
    assert (magnitude if third < 2 else -1 - magnitude) == number
    assert 0 <= first < 2**15 and 0 <= second < 2**15 and 0 <= third < 4


@pytest.mark.parametrize("xla", [False, True])
def test_numpy_and_graphs_agree(xla):
    ids = np.array([[0, 1, -1, 26001, 2**31 - 1, -(2**31)]], "int32")
    places = np.arange(1000, dtype="int32").reshape(-1, 1)

    @tf.function(jit_compile=xla)
    def graph(ids, places):
        return hashing.absorb(hashing.START, *hashing.parts(ids), places)

    with np.errstate(all="raise"):
        expected = hashing.absorb(hashing.START, *hashing.parts(ids), places)
    for ours, theirs in zip(expected, graph(ids, places), strict=True):
        assert theirs.dtype == "int32"
        np.testing.assert_array_equal(theirs, ours)
    eager = hashing.absorb(hashing.START, *hashing.parts(keras.ops.convert_to_tensor(ids)), places)
    np.testing.assert_array_equal(eager.left, expected.left)


def test_the_numbers_are_evenly_spread_and_independent():
    drawn = numbers(0, 32, 32, 256)
    assert drawn.min() >= 0 and drawn.max() < hashing.PRIME
    counts, _ = np.histogram(drawn, 256, (0, hashing.PRIME))
    expected = drawn.size / 256
    # Chi squared of 255 degrees: 255 +- 23.
    assert abs(((counts - expected) ** 2 / expected).sum() - 255) < 4 * 23
    for axis in range(3):
        before, after = (np.delete(drawn, end, axis) for end in (0, -1))
        assert abs(correlation(before, after)) < 4
        assert abs(correlation(before % 2, after % 2)) < 4
    others = [numbers(seed, 32, 32, 256) for seed in (1, 2**15, 2**30, 2**31 - 1)]
    for other in (*others, numbers(0, 32, 32, 256, layer=1)):
        assert abs(correlation(drawn, other)) < 4
        assert (drawn == other).mean() == pytest.approx(1 / hashing.PRIME, abs=4e-5)


def test_every_object_draws_evenly_over_seeds_and_every_seed_over_objects():
    seeds, ids = np.ogrid[:500, 26000:26500]
    state = hashing.absorb(hashing.START, hashing.STYLES, *hashing.parts(seeds))
    drawn = hashing.absorb(state, *hashing.parts(ids)).left * 10 // hashing.PRIME
    for axis in (0, 1):
        counts = np.stack([(drawn == style).sum(axis) for style in range(10)])
        chi_squared = ((counts - 50) ** 2 / 50).sum(axis=0)
        # 9 degrees each, of 500: the mean is 9 +- 0.19.
        assert chi_squared.mean() == pytest.approx(9, abs=0.8)
        assert chi_squared.max() < 40

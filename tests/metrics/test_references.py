"""The reference pictures: mean colours, flat painting, and photographs that all changed place."""

import numpy as np
import pytest

from tfsynth.metrics import flat_pairs, mean_colours, shuffled_pairs


def pairs(count, shape=(2, 3)):
    """Pair i has i in all its labels and all its pixels."""
    return [(np.full(shape, i, np.uint8), np.full((*shape, 3), i, np.uint8)) for i in range(count)]


def test_mean_colours_are_means_over_the_pixels_of_the_whole_set():
    labels = np.uint8([[0, 0, 1]])
    first = np.uint8([[[10, 0, 0], [20, 0, 3], [100, 100, 100]]])
    second = np.uint8([[[60, 9, 0], [30, 3, 3], [101, 102, 100]]])
    colours = mean_colours([(labels, first), (labels, second)], 3)
    assert colours.dtype == np.uint8
    # Class 0: (10 + 20 + 60 + 30) / 4, (0 + 0 + 9 + 3) / 4, (0 + 3 + 0 + 3) / 4, rounded to even.
    np.testing.assert_array_equal(colours[:2], [[30, 3, 2], [100, 101, 100]])
    # Class 2 has no pixel: the mean of all six, 321 / 6, 214 / 6, 206 / 6.
    np.testing.assert_array_equal(colours[2], [54, 36, 34])
    with pytest.raises(ValueError, match="got none"):
        mean_colours([], 3)


def test_flat_pictures_show_each_class_in_its_one_colour():
    colours = np.uint8([[1, 2, 3], [40, 50, 60]])
    labels = np.uint8([[0, 1], [1, 1]])
    ((kept, painted),) = flat_pairs([(labels, None)], colours)
    np.testing.assert_array_equal(kept, labels)
    np.testing.assert_array_equal(painted, [[[1, 2, 3], [40, 50, 60]], [[40, 50, 60]] * 2])
    assert painted.dtype == np.uint8


@pytest.mark.parametrize("count", [2, 3, 50])
@pytest.mark.parametrize("seed", range(5))
def test_no_photograph_keeps_its_layout_and_each_comes_once(count, seed):
    shuffled = list(shuffled_pairs(pairs(count), seed))
    layouts = [int(labels[0, 0]) for labels, _ in shuffled]
    photographs = [int(image[0, 0, 0]) for _, image in shuffled]
    assert layouts == list(range(count))
    assert sorted(photographs) == layouts
    assert all(a != b for a, b in zip(layouts, photographs, strict=True))


def test_the_order_follows_the_seed():
    def order(seed):
        return [int(image[0, 0, 0]) for _, image in shuffled_pairs(pairs(50), seed)]

    assert order(3) == order(3)
    assert order(3) != order(4)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_pairs_cannot_be_shuffled(count):
    with pytest.raises(ValueError, match=f"at least 2 pairs.*got {count}"):
        shuffled_pairs(pairs(count))


def test_shuffled_pictures_must_be_of_one_size():
    with pytest.raises(ValueError, match="one size"):
        list(shuffled_pairs([*pairs(1), *pairs(1, (4, 4))]))

"""Bootstrap intervals against the normal theory, and of scores that are no means."""

import numpy as np
import pytest

from tfsynth.metrics import (
    Interval,
    bootstrap_interval,
    bootstrap_mean,
    confusion_matrix,
    segmentation_scores,
)


def mean_iou(matrix):
    return segmentation_scores(matrix).mean_iou


def matrices(count, errors, seed=0):
    """Confusion matrices of pictures of two classes, a share of whose pixels is wrong."""
    random = np.random.default_rng(seed)
    truths = random.integers(0, 2, (count, 50))
    wrong = random.random((count, 50)) < np.linspace(0, 2 * errors, count)[:, None]
    return np.stack([confusion_matrix(t, t ^ w, 2) for t, w in zip(truths, wrong, strict=True)])


def test_the_interval_of_a_mean_is_that_of_the_normal_theory():
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = bootstrap_mean(values, resamples=4000)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high == pytest.approx(values.mean() + half, abs=0.02)


def test_the_interval_of_two_pictures_by_hand():
    # The mean of 0 and 1 drawn twice is 0, 1/2, 1/2 or 1: a quarter, a half, a quarter.
    found = bootstrap_mean([0.0, 1.0], level=0.4, resamples=999)
    assert found == Interval(0.5, 0.5, 0.5)
    assert bootstrap_mean([0.0, 1.0], level=0.6, resamples=999) == Interval(0.5, 0.0, 1.0)
    assert bootstrap_mean([3.0]) == Interval(3.0, 3.0, 3.0)


def test_a_mean_iou_is_that_of_the_summed_matrices():
    found = bootstrap_interval(matrices(60, 0.2), mean_iou)
    assert found.value == mean_iou(matrices(60, 0.2).sum(axis=0))
    assert found.low < found.value < found.high
    # About a third of the pictures: about the root of three times as wide.
    few = bootstrap_interval(matrices(60, 0.2)[::3], mean_iou)
    assert (few.high - few.low) / (found.high - found.low) == pytest.approx(3**0.5, rel=0.25)


def test_the_seed_decides():
    sums = matrices(20, 0.2)
    first, again, other = (bootstrap_interval(sums, mean_iou, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    narrow = bootstrap_interval(sums, mean_iou, level=0.5)
    assert first.low < narrow.low < narrow.high < first.high


def test_differences_of_models_are_those_on_the_same_pictures():
    both = np.stack([matrices(40, 0.2), matrices(40, 0.22)], axis=1)
    found = bootstrap_interval(both, lambda sums: mean_iou(sums[0]) - mean_iou(sums[1]))
    single = bootstrap_interval(both[:, 0], mean_iou)
    assert 0 < found.low < found.high
    # The pictures' own difficulty is in both models and goes away.
    assert found.high - found.low < single.high - single.low


def test_pixels_are_counted_exactly():
    pixels = np.full((3, 1), 2**53 + 1, np.int64)
    sums = []
    bootstrap_interval(pixels, lambda total: sums.append(int(total[0])) or 0.0, resamples=2)
    assert sums == [3 * (2**53 + 1)] * 3


def test_pictures_without_anything_to_count_are_left_out():
    assert bootstrap_mean([np.nan, 2.0, 2.0]) == Interval(2.0, 2.0, 2.0)
    nothing = bootstrap_mean([np.nan, np.nan])
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


@pytest.mark.parametrize(
    "sums, settings, message",
    [
        ([], {}, "1 picture or more; got none"),
        (3.0, {}, "1 picture or more; got none"),
        ([1.0], {"level": 1}, "between 0 and 1, and `resamples` 1 or more; got 1 and 1000"),
        ([1.0], {"resamples": 0}, "got 0.95 and 0"),
    ],
)
def test_what_has_no_interval_is_refused(sums, settings, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(sums, float, **settings)

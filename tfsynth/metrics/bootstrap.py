"""Intervals of scores: how far another draw of the test pictures might have moved them."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class Interval:
    """A score and its interval.

    Attributes:
        value: The score of all pictures.
        low, high: Ends of the interval; NaN where no resample has a score.
    """

    value: float
    low: float
    high: float


def bootstrap_interval(sums, score, level=0.95, resamples=1000, seed=0):
    """Returns a score with its percentile interval under resampling of the pictures.

    The percentile interval of Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
    section 13.3. It says how the score depends on which pictures were drawn, and not how training
    again would move it. Add up pictures that belong together, such as crops of one photograph,
    before. To compare two models, score the difference on the same pictures:

        both = np.stack([matrices_a, matrices_b], axis=1)
        bootstrap_interval(both, lambda s: mean_iou(s[0]) - mean_iou(s[1]))

    Args:
        sums: Array (pictures, ...): what adds up over pictures, such as confusion matrices
            (pictures, classes, classes).
        score: Function of such an array summed over pictures, (...) of the dtype of `sums` ->
            float. For integers, that is int64.
        level: Share of the resamples inside, between 0 and 1.
        resamples: Number of resamples.
        seed: Whole number; the same one draws the same resamples.

    Returns:
        `Interval`. Resamples whose score is NaN, for none of their pictures had anything to
        count, are left out.

    Raises:
        ValueError: If there is no picture, or a number is out of range.
    """
    sums = np.asarray(sums)
    if sums.ndim < 1 or not len(sums):
        raise ValueError("A bootstrap interval needs the sums of 1 picture or more; got none.")
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(
            "`level` must be between 0 and 1, and `resamples` 1 or more; got "
            f"{level} and {resamples}."
        )
    exact = np.int64 if sums.dtype.kind in "iub" else np.float64
    sums = sums.astype(exact)
    flat = sums.reshape(len(sums), -1).T
    shares = np.full(len(sums), 1 / len(sums))
    generator = np.random.default_rng(seed)
    scores = np.empty(resamples)
    for i in range(resamples):
        # How often each picture is drawn; of int64, so that counts of pixels stay exact.
        drawn = generator.multinomial(len(sums), shares)
        scores[i] = score((flat @ drawn).reshape(sums.shape[1:]))
    scores = scores[~np.isnan(scores)]
    tail = (1 - level) / 2
    ends = np.quantile(scores, [tail, 1 - tail]) if len(scores) else [math.nan, math.nan]
    return Interval(float(score(sums.sum(axis=0))), float(ends[0]), float(ends[1]))


def bootstrap_mean(values, level=0.95, resamples=1000, seed=0):
    """Returns the mean of one number a picture, with its interval; see `bootstrap_interval`.

    Args:
        values: Floats (pictures,). NaN: the picture has nothing to count, and is left out.
        level, resamples, seed: See `bootstrap_interval`.
    """
    values = np.asarray(values, np.float64)
    counted = ~np.isnan(values)
    sums = np.stack([np.where(counted, values, 0), counted], axis=-1)
    return bootstrap_interval(sums, _mean, level, resamples, seed)


def _mean(sums):
    total, count = sums
    return total / count if count else math.nan

"""The kernel distance of two sets of pictures, over features of any model.

With the features of one certain Inception network it is called Kernel Inception Distance,
https://arxiv.org/abs/1801.01401; of other features it has another scale.
"""

import dataclasses

import numpy as np

# Rows of a kernel matrix that are in memory at once.
_ROWS = 1024


@dataclasses.dataclass(frozen=True)
class KernelDistance:
    """What `kernel_distance` found.

    Attributes:
        distance: The unbiased estimate from all pictures. Around 0 for two sets of one
            distribution, and as often below 0 as above.
        spread: Standard deviation of the estimates from the subsets. Of halves (the default) it
            is about the standard error of `distance`, and more than that where the distance is
            about 0. NaN where there is one subset only, or all hold the same pictures.
        feature_model: Name of the feature model, without which the number means nothing.
        scale: What features were divided by: the root mean square of the references', or 1.
        pictures, references: How many there were.
        subsets: Number of subsets.
    """

    distance: float
    spread: float
    feature_model: str
    scale: float
    pictures: int
    references: int
    subsets: int


def kernel_distance(
    pictures, references, features, subsets=100, subset_size=None, seed=0, unit_scale=True
):
    """Returns the kernel distance between pictures and references.

    Args:
        pictures, references: Iterables of uint8 arrays (height, width, 3), 2 or more each, of any
            sizes that the feature model takes.
        features: A `FeatureModel`.
        subsets: Number of subsets, 1 or more, drawn without replacement from either set.
        subset_size: Pictures of a subset, 2 up to the smaller set. Default: half of each set, at
            least 2, so that the spread is that of a delete-half jackknife (Shao and Wu, The
            Annals of Statistics 17(3), 1989). The usual Kernel Inception Distance is the mean
            over subsets of 1000, whose expectation over the draws is `distance`.
        seed: Whole number; the same one draws the same subsets.
        unit_scale: Whether features are divided by the root mean square of the references'. The
            kernel adds 1 to a mean product of features: beside features in the hundreds that is
            lost, and beside hundredths it is all there is. `False` for the published distance, of
            features whose scale is known.

    Returns:
        `KernelDistance`.

    Raises:
        ValueError: If there are fewer than 2 pictures or references, or a number is out of range.
    """
    x, y = features(pictures), features(references)
    _require_two(x, y)
    if subset_size is not None and not 2 <= subset_size <= min(len(x), len(y)):
        raise ValueError(
            f"`subset_size` must be 2 up to the smaller set, {min(len(x), len(y))} pictures; got "
            f"{subset_size}."
        )
    if subsets < 1:
        raise ValueError(f"`subsets` must be 1 or more; got {subsets}.")
    scale = float(np.sqrt(np.square(y).mean())) if unit_scale else 1.0
    if scale == 0:
        raise ValueError(f"All features ({features.name}) of the references are 0: no scale.")
    x, y = x / scale, y / scale
    sizes = [subset_size or max(2, len(set_) // 2) for set_ in (x, y)]
    generator = np.random.default_rng(seed)
    estimates = [
        unbiased_mmd2(
            *(
                set_[generator.permutation(len(set_))[:size]]
                for set_, size in zip((x, y), sizes, strict=True)
            )
        )
        for _ in range(subsets)
    ]
    differ = subsets > 1 and sizes != [len(x), len(y)]
    return KernelDistance(
        distance=unbiased_mmd2(x, y),
        spread=float(np.std(estimates, ddof=1)) if differ else float("nan"),
        feature_model=features.name,
        scale=scale,
        pictures=len(x),
        references=len(y),
        subsets=subsets,
    )


def unbiased_mmd2(x, y):
    """Returns the unbiased estimate of the squared maximum mean discrepancy of two samples.

    Gretton et al., A Kernel Two-Sample Test, JMLR 13, 2012, Lemma 6: the means of the kernel over
    all pairs of different members of x, and of y, less twice that over all pairs of an x and a
    y. The kernel is (<a, b> / features + 1) ** 3, with which https://arxiv.org/abs/1801.01401
    defines the Kernel Inception Distance.

    Args:
        x, y: Float arrays (members, features), 2 or more members each.

    Returns:
        A float; below 0 about as often as above where the distributions are one.

    Raises:
        ValueError: If there are fewer than 2 members, or the numbers of features differ.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    _require_two(x, y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"Both samples need the same features. Received: {x.shape}, {y.shape}.")
    m, n = len(x), len(y)
    within = _off_diagonal(x) / (m * (m - 1)) + _off_diagonal(y) / (n * (n - 1))
    return float(within - 2 * _sum_of_kernel(x, y) / (m * n))


def _sum_of_kernel(x, y):
    starts = range(0, len(x), _ROWS)
    return sum(_cubed(x[start : start + _ROWS] @ y.T, x).sum() for start in starts)


def _off_diagonal(x):
    return _sum_of_kernel(x, x) - _cubed(np.einsum("ij,ij->i", x, x), x).sum()


def _cubed(products, x):
    return (products / x.shape[1] + 1) ** 3


def _require_two(x, y):
    if min(len(x), len(y)) < 2:
        raise ValueError(
            f"A kernel distance needs 2 pictures or more of either set; got {len(x)} and {len(y)}."
        )

"""The kernel distance against sums by hand, and against an expectation that is known."""

import itertools

import numpy as np
import pytest

from tfsynth.metrics import FeatureModel, kernel_distance, unbiased_mmd2

# A picture's mean colour: three features.
COLOURS = FeatureModel(lambda pictures: pictures.mean(axis=(1, 2)), "mean colour")


def pictures(count, level, seed=0):
    """Noise around a grey level."""
    random = np.random.default_rng(seed)
    return [
        random.integers(level - 40, level + 40, (4, 6, 3)).astype("uint8") for _ in range(count)
    ]


def test_the_estimate_by_hand():
    # k(1, 2) = 27, k(0, 3) = 1, and the four pairs across are 1 + 64 + 1 + 343 = 409.
    assert unbiased_mmd2([[1.0], [2.0]], [[0.0], [3.0]]) == pytest.approx(27 + 1 - 2 * 409 / 4)
    # Two features: <a, b> / 2. k = 27 within x, 8 within y; across 8, 1, 8, 1.
    x, y = [[2.0, 0.0], [2.0, 5.0]], [[1.0, 0.0], [0.0, 0.0]]
    assert unbiased_mmd2(x, y) == pytest.approx(27 + 1 - 2 * (8 + 1 + 8 + 1) / 4)


def test_the_estimate_is_that_of_a_loop_over_pairs():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(1030, 2)), random.normal(size=(7, 2))  # More than a block of rows.
    within = [
        np.mean([(a @ b / 2 + 1) ** 3 for a, b in itertools.permutations(s, 2)])
        for s in (x[:40], y)
    ]
    across = np.mean([(a @ b / 2 + 1) ** 3 for a in x[:40] for b in y])
    assert unbiased_mmd2(x[:40], y) == pytest.approx(sum(within) - 2 * across)
    kernel = (x @ x.T / 2 + 1) ** 3
    np.fill_diagonal(kernel, 0)
    expected = kernel.sum() / (1030 * 1029) + within[1] - 2 * ((x @ y.T / 2 + 1) ** 3).mean()
    assert unbiased_mmd2(x, y) == pytest.approx(expected)


def test_the_estimate_is_unbiased():
    # All samples of two from {0, 1} and from {0, 2}, each as likely as any other.
    first, second = [0.0, 1.0], [0.0, 2.0]
    pairs = [
        unbiased_mmd2(np.reshape(x, (2, 1)), np.reshape(y, (2, 1)))
        for x in itertools.product(first, repeat=2)
        for y in itertools.product(second, repeat=2)
    ]
    kernel = [[(a * b + 1) ** 3 for b in (0, 1, 2)] for a in (0, 1, 2)]
    p, q = np.array([0.5, 0.5, 0]), np.array([0.5, 0, 0.5])
    assert np.mean(pairs) == pytest.approx((p - q) @ kernel @ (p - q))


def test_it_is_about_0_for_one_distribution_and_grows_with_the_difference():
    references = pictures(60, 128, seed=1)
    same, near, far = (
        kernel_distance(pictures(60, level), references, COLOURS) for level in (128, 138, 168)
    )
    assert abs(same.distance) < 3 * same.spread
    assert near.distance > 5 * same.spread
    assert far.distance > 5 * near.distance
    assert (far.feature_model, far.pictures, far.references) == ("mean colour", 60, 60)


def test_subsets_follow_the_seed():
    made, references = pictures(12, 120), pictures(20, 130, seed=1)
    first, again, other = (
        kernel_distance(made, references, COLOURS, subsets=5, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first.distance == other.distance and first.spread != other.spread
    # The mean of many subsets of the published kind is the estimate from all pictures.
    features = COLOURS(made), COLOURS(references)
    random = np.random.default_rng(0)
    means = [
        unbiased_mmd2(*(random.permutation(f)[:6] / first.scale for f in features))
        for _ in range(3000)
    ]
    assert np.mean(means) == pytest.approx(first.distance, abs=4 * np.std(means) / 3000**0.5)
    whole = kernel_distance(made, made, COLOURS, subset_size=12)
    assert np.isnan(whole.spread)


def test_the_scale_of_features_does_not_matter_unless_asked():
    made, references = pictures(6, 120), pictures(6, 130, seed=1)
    large = FeatureModel(lambda batch: 1000 * batch.mean(axis=(1, 2)), "thousandfold")
    found = kernel_distance(made, references, COLOURS)
    scaled = kernel_distance(made, references, large)
    assert scaled.distance == pytest.approx(found.distance)
    assert scaled.scale == pytest.approx(1000 * found.scale)
    published = kernel_distance(made, references, COLOURS, unit_scale=False)
    assert published.scale == 1
    assert published.distance == unbiased_mmd2(COLOURS(made), COLOURS(references))


@pytest.mark.parametrize(
    "counts, settings, message",
    [
        ((1, 5), {}, "2 pictures or more of either set; got 1 and 5"),
        ((5, 1), {}, "got 5 and 1"),
        ((5, 4), {"subset_size": 5}, "2 up to the smaller set, 4 pictures; got 5"),
        ((5, 4), {"subset_size": 1}, "got 1"),
        ((5, 4), {"subsets": 0}, "`subsets` must be 1 or more; got 0"),
    ],
)
def test_what_has_no_distance_is_refused(counts, settings, message):
    sets = [pictures(count, 128, seed) for seed, count in enumerate(counts)]
    with pytest.raises(ValueError, match=message):
        kernel_distance(*sets, COLOURS, **settings)


def test_features_of_two_kinds_are_refused():
    with pytest.raises(ValueError, match=r"the same features. Received: \(2, 1\), \(2, 3\)"):
        unbiased_mmd2(np.ones((2, 1)), np.ones((2, 3)))
    black = [np.zeros((4, 4, 3), "uint8")] * 2
    with pytest.raises(ValueError, match="All features .mean colour. of the references are 0"):
        kernel_distance(black, black, COLOURS)

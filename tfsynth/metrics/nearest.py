"""The nearest training picture of each picture: whether a model repeats what it was trained on."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class NearestPictures:
    """What `nearest_training_pictures` found.

    Attributes:
        index: Integer array (made,): the number of the nearest training picture, from 0.
        distance: Float64 array (made,): its distance, the root mean square of the difference of
            features; 0 for a copy.
        ratio: Float64 array (made,): the distance over the median of `held_out`. Far below 1: the
            picture is nearer to a training picture than a new real picture would be.
        held_out: Float64 array (real pictures,): distance of each real picture that was not
            trained on from its nearest training picture.
        nearer: Probability that a made picture is nearer to the training set than a held-out one
            is, ties counting half: 0.5 for new pictures, 1 for copies, below 0.5 for pictures
            that are far from all real ones.
        feature_model: Name of the feature model.
    """

    index: np.ndarray
    distance: np.ndarray
    ratio: np.ndarray
    held_out: np.ndarray
    nearer: float
    feature_model: str


def nearest_training_pictures(made, training, held_out, features):
    """Finds the nearest training picture of each made picture.

    The comparison of distances with those of held-out pictures is the test for copied data of
    Meehan, Chaudhuri and Dasgupta, https://arxiv.org/abs/2004.05675, with all of space as one
    cell: `nearer` is its Mann-Whitney statistic, between 0 and 1.

    Args:
        made: Iterable of uint8 pictures (height, width, 3) that a model made.
        training: Iterable of those it was trained on. They are read once and not kept, so that
            a set may be larger than the memory. To find mirrored copies, chain their mirror
            images, if training mirrored them.
        held_out: Iterable of real pictures that it was not trained on.
        features: A `FeatureModel`; `pixel_features()` compares pixels of pictures of one size.

    Returns:
        `NearestPictures`.

    Raises:
        ValueError: If one of the sets has no picture, pictures cannot be compared, or half of the
            held-out pictures are training pictures.
    """
    made, held_out = features(made), features(held_out)
    index, distance = _nearest(np.concatenate([made, held_out]), training, features)
    index, distance, reference = index[: len(made)], distance[: len(made)], distance[len(made) :]
    median = np.median(reference)
    if median == 0:
        raise ValueError(
            "Half of the held-out pictures or more equal a training picture. Name pictures that "
            "were not trained on."
        )
    below = (distance[:, None] < reference).mean() + (distance[:, None] == reference).mean() / 2
    return NearestPictures(
        index, distance, distance / median, reference, float(below), features.name
    )


def nearest_training_distances(pictures, training, features):
    """Returns the distance of each picture from its nearest training picture.

    Args:
        pictures, training: Iterables of uint8 pictures (height, width, 3).
        features: See `nearest_training_pictures`.

    Returns:
        Float64 array (pictures,): the root mean square of the difference of features; 0 for a copy.

    Raises:
        ValueError: If one of the sets has no picture, or pictures cannot be compared.
    """
    return _nearest(features(pictures), training, features)[1]


def _nearest(queries, training, features):
    """Returns the number of the nearest training picture of each query, and its distance."""
    index = np.full(len(queries), -1)
    squared = np.full(len(queries), np.inf)
    norms = np.einsum("ij,ij->i", queries, queries)
    first = 0
    for batch in features.batches(training):
        if batch.shape[1] != queries.shape[1]:
            raise ValueError(
                f"Training pictures have {batch.shape[1]} features ({features.name}), the others "
                f"{queries.shape[1]}. Resize all pictures to one size."
            )
        products = queries @ batch.T
        expanded = norms[:, None] + np.einsum("ij,ij->i", batch, batch) - 2 * products
        best = expanded.argmin(axis=1)
        # From the differences: the expanded form leaves a rest where the features are equal.
        exact = np.square(queries - batch[best]).mean(axis=1)
        better = exact < squared
        index[better], squared[better] = first + best[better], exact[better]
        first += len(batch)
    if not first:
        raise ValueError("The nearest training picture needs a training picture; got none.")
    return index, np.sqrt(squared)

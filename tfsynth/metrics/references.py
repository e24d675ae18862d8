"""Reference rows for a score: pictures that give a number its scale.

The real photographs ("oracle") are an upper bound of a score. Flat colour ("flat") shows how much
the segmenter recognises by class colours and outlines alone, and photographs of other layouts
("floor") its score when the picture does not belong to the layout.
"""

import numpy as np


def mean_colours(pairs, num_classes):
    """Returns the mean colour of each class over all pixels of a set.

    Args:
        pairs: Iterable of (labels (height, width) integer, image (height, width, 3) uint8).
        num_classes: Number of classes, void ones included.

    Returns:
        Uint8 array (num_classes, 3). A class without a pixel gets the mean of the others'
        pixels.

    Raises:
        ValueError: If there is no pair.
    """
    counts = np.zeros(num_classes, np.int64)
    sums = np.zeros((3, num_classes), np.float64)
    for labels, image in pairs:
        ids = np.asarray(labels).ravel()
        counts += np.bincount(ids, minlength=num_classes)
        for channel, values in enumerate(np.asarray(image).reshape(-1, 3).T):
            # Sums of bytes: exact in float64.
            sums[channel] += np.bincount(ids, weights=values, minlength=num_classes)
    if not counts.any():
        raise ValueError("Mean colours need at least one pair of labels and photograph; got none.")
    overall = sums.sum(axis=1) / counts.sum()
    means = np.where(counts > 0, sums / np.maximum(counts, 1), overall[:, None])
    return np.rint(means.T).astype(np.uint8)


def flat_pairs(pairs, colours):
    """Yields each layout with every class painted in its one colour.

    Args:
        pairs: Iterable of (labels (height, width) integer, image); the image is not used.
        colours: Uint8 array (num_classes, 3), as of `mean_colours`.
    """
    colours = np.asarray(colours, np.uint8)
    for labels, _ in pairs:
        yield labels, colours[labels]


def shuffled_pairs(pairs, seed=0):
    """Pairs each layout with the photograph of another one; every photograph comes once.

    Args:
        pairs: Sequence of (labels (height, width), image (height, width, 3)), at least two,
            all of one size.
        seed: Whole number; the same one gives the same order.

    Returns:
        Iterator of (labels, image). It raises `ValueError` at a photograph of another size
        than its new layout's.

    Raises:
        ValueError: If there are fewer than two pairs.
    """
    if len(pairs) < 2:
        raise ValueError(
            f"Shuffling needs at least 2 pairs, for no photograph may keep its layout; "
            f"got {len(pairs)}. Score more examples."
        )
    return _paired(pairs, _one_cycle(len(pairs), seed))


def _paired(pairs, order):
    for i, other in enumerate(order):
        labels, image = pairs[i][0], pairs[other][1]
        if labels.shape != image.shape[:2]:
            raise ValueError(
                f"Shuffled pairs must be of one size; a layout is {labels.shape}, a photograph "
                f"{image.shape[:2]}. Resize the pairs first."
            )
        yield labels, image


def _one_cycle(count, seed):
    """Returns a permutation that is a single cycle, so moves all (Sattolo's algorithm)."""
    generator = np.random.default_rng(seed)
    order = np.arange(count)
    for i in range(count - 1, 0, -1):
        j = generator.integers(i)  # Below i: with i itself this would be Fisher-Yates.
        order[[i, j]] = order[[j, i]]
    return order

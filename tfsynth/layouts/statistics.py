"""Where the classes of label maps lie: numbers to make similar layouts by, without the maps."""

from collections.abc import Iterable

import numpy as np

# Of values 0..1: more digits would say nothing of other layouts.
_DIGITS = 4


def layout_statistics(maps: Iterable[np.ndarray], num_classes: int) -> dict[str, list[float]]:
    """Returns how frequent each class is, and at what height in the picture.

    Args:
        maps: Label maps (height, width) of ids 0..num_classes-1, of any sizes.
        num_classes: Number of classes.

    Returns:
        Dict of lists of num_classes numbers: `shares`, of all pixels; `rows`, the mean row, 0 the
        top and 1 the bottom, of a class without pixels 0.5; `spreads`, the standard deviations of
        the rows, of such a class 0.

    Example:

    >>> layout_statistics([np.array([[0, 0], [1, 1]])], num_classes=3)
    {'shares': [0.5, 0.5, 0.0], 'rows': [0.25, 0.75, 0.5], 'spreads': [0.0, 0.0, 0.0]}
    """
    # Sums of 1, row and squared row over the pixels of each class; maps weigh alike.
    sums = np.zeros((3, num_classes))
    for labels in maps:
        height = len(labels)
        rows = np.broadcast_to((np.arange(height) + 0.5)[:, None] / height, labels.shape)
        for power in range(3):
            weights = rows.ravel() ** power / labels.size
            sums[power] += np.bincount(labels.ravel(), weights, num_classes)[:num_classes]
    counts = np.where(sums[0] > 0, sums[0], 1)
    means = np.where(sums[0] > 0, sums[1] / counts, 0.5)
    variances = np.where(sums[0] > 0, sums[2] / counts - means**2, 0)
    found = {
        "shares": sums[0] / max(sums[0].sum(), 1e-12),
        "rows": means,
        "spreads": np.sqrt(np.maximum(variances, 0)),
    }
    return {name: np.round(numbers, _DIGITS).tolist() for name, numbers in found.items()}

"""Boundaries between touching objects of one class: whether a picture shows them."""

import numpy as np
from scipy.ndimage import distance_transform_cdt

# Pixels; what lies deeper inside a class is all the same.
_DEEPEST = 4


def touching_boundaries(labels, instances, class_id):
    """Marks the pixels of a class that have a 4-neighbour of the class in another instance.

    Args:
        labels: Integer array (height, width).
        instances: Integer array (height, width).
        class_id: The class.

    Returns:
        Boolean array (height, width).
    """
    labels, instances = np.asarray(labels), np.asarray(instances)
    own = labels == class_id
    marks = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        first = [slice(None), slice(None)]
        second = [slice(None), slice(None)]
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        a, b = tuple(first), tuple(second)
        touch = own[a] & own[b] & (instances[a] != instances[b])
        marks[a] |= touch
        marks[b] |= touch
    return marks


def gradient_magnitude(image):
    """Returns the length of the gradient of a picture's luma, float (height, width), 0..255."""
    luma = np.asarray(image, np.float64).mean(axis=-1)
    down, across = np.gradient(luma)
    return np.hypot(down, across)


def boundary_visibility(examples, class_id):
    """Returns how well gradients separate boundaries between touching objects from surfaces.

    The probability that a pixel at such a boundary has a larger gradient than one that is more than
    two pixels from any other object of the class and as deep inside the class: the area under the
    receiver operating characteristic. 0.5: the boundaries cannot be seen. Depth counts because
    pictures have gradients along the outlines of a class, which every label map shows, and touching
    objects meet near those.

    Args:
        examples: Iterable of (labels, instances, image), the image (height, width, 3) uint8.
        class_id: The class, for example cars.

    Returns:
        `{"visibility": 0..1, "boundary_pixels": n, "other_pixels": n}`; the visibility is NaN
        where there are no such pixels.
    """
    at, away = _Samples(), _Samples()
    for labels, instances, image in examples:
        gradient = gradient_magnitude(image)
        depth = depth_inside(np.asarray(labels) == class_id)
        at.add(gradient, depth, touching_boundaries(labels, instances, class_id))
        away.add(gradient, depth, far_from_others(labels, instances, class_id))
    areas, weights = [], []
    for depth in range(1, _DEEPEST + 1):
        positive, negative = at.of(depth), away.of(depth)
        if len(positive) and len(negative):
            areas.append(_area_under_curve(positive, negative))
            weights.append(len(positive))
    visibility = float(np.average(areas, weights=weights)) if areas else float("nan")
    return {"visibility": visibility, "boundary_pixels": len(at), "other_pixels": len(away)}


class _Samples:
    """Gradients of pixels and their depths."""

    def __init__(self):
        self._gradients, self._depths = [np.zeros(0)], [np.zeros(0, int)]

    def add(self, gradient, depth, mask):
        self._gradients.append(gradient[mask])
        self._depths.append(depth[mask])

    def of(self, depth):
        return np.concatenate(self._gradients)[np.concatenate(self._depths) == depth]

    def __len__(self):
        return sum(map(len, self._gradients))


def depth_inside(own):
    """Returns the distance of own pixels to the nearest other one, 1 at the outline, 0 outside.

    Steps go in eight directions. What is beyond the picture continues it.
    """
    if own.all():
        return np.full(own.shape, _DEEPEST)
    return np.minimum(distance_transform_cdt(own, metric="chessboard"), _DEEPEST)


def far_from_others(labels, instances, class_id):
    """Marks pixels of the class that have no other object of it within two pixels."""
    labels, instances = np.asarray(labels), np.asarray(instances)
    own = labels == class_id
    height, width = own.shape
    known, ids = np.pad(own, 2), np.pad(instances, 2)
    marks = own.copy()
    for down in range(5):
        for across in range(5):
            window = (slice(down, down + height), slice(across, across + width))
            marks &= ~(known[window] & (ids[window] != instances))
    return marks


def _area_under_curve(positive, negative):
    """Returns P(positive > negative) + P(equal) / 2, by ranks."""
    values = np.concatenate([positive, negative])
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    n = len(positive)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negative)))

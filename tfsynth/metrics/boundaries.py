"""Boundaries between touching objects of one class: whether a picture shows them."""

import numpy as np


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
    """Returns how well gradients tell boundaries between touching objects from their insides.

    The probability that a pixel at such a boundary has a larger gradient than one inside an
    object of the class, two pixels or more from any other object: the area under the curve
    of the receiver. 0.5: the boundaries cannot be seen.

    Args:
        examples: Iterable of (labels, instances, image), the image (height, width, 3) uint8.
        class_id: The class, for example cars.

    Returns:
        `{"visibility": 0..1, "boundary_pixels": n, "inner_pixels": n}`; the visibility is NaN
        where there are no such pixels.
    """
    at, inside = [], []
    for labels, instances, image in examples:
        gradient = gradient_magnitude(image)
        at.append(gradient[touching_boundaries(labels, instances, class_id)])
        inside.append(gradient[_inner(labels, instances, class_id)])
    at, inside = np.concatenate(at), np.concatenate(inside)
    visibility = _area_under_curve(at, inside) if len(at) and len(inside) else float("nan")
    return {"visibility": visibility, "boundary_pixels": len(at), "inner_pixels": len(inside)}


def _inner(labels, instances, class_id):
    """Marks pixels of the class whose neighbours to two pixels' distance are of their object."""
    labels, instances = np.asarray(labels), np.asarray(instances)
    same = labels == class_id
    padded = np.pad(instances, 2, mode="edge")
    height, width = instances.shape
    for down in range(5):
        for across in range(5):
            same &= padded[down : down + height, across : across + width] == instances
    return same


def _area_under_curve(positive, negative):
    """Returns P(positive > negative) + P(equal) / 2, by ranks."""
    values = np.concatenate([positive, negative])
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    n = len(positive)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negative)))

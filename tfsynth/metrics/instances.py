"""The agreement of two maps of numbered objects: which objects are found, and how well."""

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment

# What `instance_sums` adds up, in this order.
_SUMS = ("true", "predicted", "hits", "iou of hits", "iou of pairs", "count errors", "pictures")


@dataclasses.dataclass(frozen=True)
class Match:
    """A true object and the predicted one that was matched with it; `iou` is above 0."""

    true_id: int
    predicted_id: int
    iou: float


@dataclasses.dataclass(frozen=True)
class InstanceScores:
    """Scores of matched objects over a set of pictures; NaN where nothing was counted.

    A hit is a matched pair whose intersection over union (IoU) reaches the threshold.

    Attributes:
        mean_iou: Mean IoU over the true objects, 0 for one without a match.
        mean_matched_iou: Mean IoU over the hits: "segmentation quality",
            https://arxiv.org/abs/1801.00868, equation 2.
        recall: Hits over true objects.
        precision: Hits over predicted objects.
        panoptic_quality: The product of `mean_matched_iou` and the F1 score of recall and
            precision, same equation.
        count_error: Mean over pictures of |predicted - true objects|.
        count_bias: Mean over pictures of predicted - true objects; above 0: too many.
    """

    mean_iou: float
    mean_matched_iou: float
    recall: float
    precision: float
    panoptic_quality: float
    count_error: float
    count_bias: float


def objects_of(labels, instances, class_ids):
    """Returns the map of the objects of classes: int64 (height, width), 1, 2, ..., 0 elsewhere.

    Args:
        labels: Integer array (height, width).
        instances: Integer array (height, width), any ids, also 0. Pixels of one id in two
            classes are two objects.
        class_ids: The class, or several.
    """
    labels, instances = np.asarray(labels), np.asarray(instances)
    own = np.isin(labels, class_ids)
    objects = np.zeros(own.shape, np.int64)
    pairs = np.stack([labels[own], instances[own]])
    _, numbers = np.unique(pairs, axis=1, return_inverse=True)
    objects[own] = numbers.reshape(-1) + 1
    return objects


def has_own_instances(dataset):
    """Returns whether a data set has instance maps that were not made of its label maps.

    Args:
        dataset: A `Dataset` with a training split.
    """
    made = getattr(dataset, "instances_from", None) is not None
    return not made and "instances" in dataset.split("train")[0]


def thing_classes(labels, instances, class_ids):
    """Returns the classes that are counted: those of which one layout shows two objects or more.

    Args:
        labels, instances: Iterables of the integer arrays (height, width) of the layouts.
        class_ids: The classes among which to look.

    Returns:
        Sorted tuple of ids.
    """
    found = set()
    for classes, ids in zip(labels, instances, strict=True):
        pairs = np.unique(np.stack([np.ravel(classes), np.ravel(ids)]), axis=1)
        shown, counts = np.unique(pairs[0], return_counts=True)
        found.update(shown[counts > 1].tolist())
    return tuple(sorted(found & set(class_ids)))


def match_instances(truth, prediction, method="greedy", background=0):
    """Matches the objects of two maps one to one by their intersection over union (IoU).

    Args:
        truth, prediction: Integer arrays of one shape; pixels of one id are one object. The ids of
            the two maps have nothing to do with each other.
        method: "greedy" takes the largest IoU first; of equal ones, that of the lowest true id,
            then the lowest predicted id. It has every pair above an IoU of 0.5, for no object has
            two such. "optimal" has the largest sum of IoU (Hungarian method), and may give up such
            a pair for two lesser ones.
        background: Id of the pixels of no object, in both maps; `None` if there is none.

    Returns:
        List of `Match` by true id. Objects that overlap no other, or are left over, are not in it.

    Raises:
        ValueError: If the shapes differ, the maps are not integer, or the method is unknown.
    """
    true_ids, predicted_ids, ious = _overlaps(truth, prediction, background)
    if method == "optimal":
        rows, columns = linear_sum_assignment(ious, maximize=True)
    elif method == "greedy":
        rows, columns = _greedy(ious)
    else:
        raise ValueError(f"`method` must be 'optimal' or 'greedy'; got {method!r}.")
    pairs = sorted(zip(rows, columns, strict=True))
    return [
        Match(int(true_ids[row]), int(predicted_ids[column]), float(ious[row, column]))
        for row, column in pairs
        if ious[row, column] > 0
    ]


def instance_sums(truth, prediction, threshold=0.5, method="greedy", background=0):
    """Returns what `instance_scores` needs of one picture: sums, which add up over pictures.

    Args:
        truth, prediction, method, background: See `match_instances`.
        threshold: IoU from which a match is a hit, above 0, up to 1.

    Returns:
        Float64 array (7,). Stacked, (pictures, 7), they are the `sums` of `bootstrap_interval`.

    Raises:
        ValueError: See `match_instances`; and if the threshold is out of range.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"`threshold` must be above 0, and 1 at most; got {threshold}.")
    ious = [match.iou for match in match_instances(truth, prediction, method, background)]
    hits = [iou for iou in ious if iou >= threshold]
    true, predicted = (len(_ids(numbers, background)) for numbers in (truth, prediction))
    error = abs(predicted - true)
    return np.array([true, predicted, len(hits), sum(hits), sum(ious), error, 1], np.float64)


def instance_scores(sums):
    """Returns the `InstanceScores` of a set of pictures.

    Args:
        sums: Float array (7,): the sum of `instance_sums` over the pictures.

    Raises:
        ValueError: If it has another shape.
    """
    sums = np.asarray(sums, np.float64)
    if sums.shape != (len(_SUMS),):
        raise ValueError(
            f"`sums` must be one array ({len(_SUMS)},): {', '.join(_SUMS)}. Received: {sums.shape}."
        )
    true, predicted, hits, iou_of_hits, iou_of_pairs, errors, pictures = sums
    return InstanceScores(
        mean_iou=_share(iou_of_pairs, true),
        mean_matched_iou=_share(iou_of_hits, hits),
        recall=_share(hits, true),
        precision=_share(hits, predicted),
        panoptic_quality=_share(iou_of_hits, (true + predicted) / 2),
        count_error=_share(errors, pictures),
        count_bias=_share(predicted - true, pictures),
    )


def _overlaps(truth, prediction, background):
    """Returns sorted true ids, sorted predicted ids, and IoU (true ids, predicted ids)."""
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise ValueError(
            f"Truth and prediction must have one shape. Received: {truth.shape} and "
            f"{prediction.shape}."
        )
    true_ids, rows = np.unique(truth, return_inverse=True)
    predicted_ids, columns = np.unique(prediction, return_inverse=True)
    cells = rows.reshape(-1) * len(predicted_ids) + columns.reshape(-1)
    counts = np.bincount(cells, minlength=len(true_ids) * len(predicted_ids))
    shared = counts.reshape(len(true_ids), len(predicted_ids))
    # Of each object all pixels count, also those on the other map's background.
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0) - shared
    kept = np.ix_(*(np.isin(ids, _ids(ids, background)) for ids in (true_ids, predicted_ids)))
    ious = shared[kept] / np.maximum(union[kept], 1)
    return _ids(true_ids, background), _ids(predicted_ids, background), ious


def _ids(numbers, background):
    """Returns the sorted ids of objects in a map."""
    numbers = np.asarray(numbers)
    if numbers.dtype.kind not in "iu":
        raise ValueError(f"Maps of objects must hold integer ids. Received: {numbers.dtype}.")
    ids = np.unique(numbers)
    return ids if background is None else ids[ids != background]


def _greedy(ious):
    """Returns the rows and the columns of the pairs."""
    rows, columns = np.nonzero(ious)
    free_rows, free_columns = (np.ones(length, bool) for length in ious.shape)
    pairs = []
    for at in np.argsort(-ious[rows, columns], kind="stable"):
        row, column = rows[at], columns[at]
        if free_rows[row] and free_columns[column]:
            free_rows[row] = free_columns[column] = False
            pairs.append((row, column))
    return [row for row, _ in pairs], [column for _, column in pairs]


def _share(part, whole):
    return float(part / whole) if whole else float("nan")

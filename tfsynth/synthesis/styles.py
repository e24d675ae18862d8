"""Styles per class: what the objects of a data set look like, in a table to draw from.

pix2pixHD, https://arxiv.org/abs/1711.11585, section 3.4: the features of all instances of a class
are clustered, and a cluster's centre is a style.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfsynth.synthesis.style_table import StyleTable as StyleTable
from tfsynth.synthesis.style_table import finite_numbers

# An instance counts where it covers more than this part of its picture: what a smaller one shows
# is mostly its surroundings. The published rule.
MINIMUM_AREA = 1 / 64
CLUSTERS = 10


def cluster(
    classes: Any,
    vectors: Any,
    areas: Any,
    *,
    clusters: int = CLUSTERS,
    minimum_area: float = MINIMUM_AREA,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
) -> StyleTable:
    """Returns the table of styles that instances have: k-means per class, by scikit-learn.

    Args:
        classes: `(instances,)` class ids.
        vectors: `(instances, features)` their features.
        areas: `(instances,)` the part of its picture that each covers, 0..1.
        clusters: Styles of a class, where it has as many different instances.
        minimum_area: An instance counts where it covers more than this. A class that never
            does is in the table with its largest instances, as many as there are clusters.
        seed: Seed of the starts, of which the best of ten is kept.
        class_names: Names of the classes by id, for the table to keep.

    Raises:
        ValueError: If there are no instances.
    """
    classes, vectors, areas = map(np.asarray, (classes, vectors, areas))
    if not len(classes):
        raise ValueError("There are no instances to take styles from.")
    centres, counts = {}, {}
    for class_id in np.unique(classes):
        mine = np.flatnonzero(classes == class_id)
        kept = mine[areas[mine] > minimum_area]
        if not len(kept):
            kept = mine[np.argsort(-areas[mine], kind="stable")[:clusters]]
        points = vectors[kept].astype(np.float64)
        different = np.unique(points, axis=0)
        k = min(clusters, len(different))
        centres[int(class_id)], counts[int(class_id)] = _k_means(points, k, seed)
    names = None if class_names is None else {c: class_names[int(c)] for c in centres}
    return StyleTable(centres, counts, names)


def collect(
    synthesizer: Any,
    examples: Iterable[Mapping[str, Any]],
    *,
    clusters: int = CLUSTERS,
    minimum_area: float = MINIMUM_AREA,
    seed: int = 0,
) -> StyleTable:
    """Returns the styles of a data set's objects, as a synthesizer's encoder sees them.

    The class of an object is the label that most of its pixels have, whatever its id. Beside
    condition pictures there are no labels: all objects are of class 0 then.

    Args:
        synthesizer: A `Synthesizer` with an encoder.
        examples: Dicts of `labels` (if any) and `instances` (height, width) and `image`
            (height, width, channels) uint8.
        clusters, minimum_area, seed: As in `cluster`.

    Raises:
        ValueError: If there is no encoder, or there are no examples.
    """
    classes, vectors, areas = [], [], []
    for example in examples:
        instances = np.asarray(example["instances"])
        labels = np.asarray(example.get("labels", np.zeros_like(instances)))
        found = synthesizer.encode(example["image"], instances, labels)
        by_label = synthesizer.encoder_regions == "labels"
        regions = labels if by_label else instances
        # In the order of `found`: both sort the ids.
        ids, numbers = np.unique(regions, return_inverse=True)
        numbers = numbers.reshape(regions.shape)
        classes.extend(majority_classes(labels, numbers, len(ids)))
        areas.extend(np.bincount(numbers.ravel()) / numbers.size)
        vectors.extend(found.values())
    label_set = synthesizer.label_set
    return cluster(
        *(classes, vectors, areas),
        clusters=clusters,
        minimum_area=minimum_area,
        seed=seed,
        class_names=label_set and label_set.names,
    )


def assign(
    regions: np.ndarray,
    labels: np.ndarray | None,
    shape: tuple[int, int],
    *,
    by_label: bool = False,
    given: Mapping[int, Any] | None = None,
    table: StyleTable | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Gives every region of a batch its style: the given one, else a drawn one, else zeros.

    Args:
        regions: `(batch, height, width)` integer ids.
        labels: `(batch, height, width)` class ids, or None if there are none: all are 0 then.
        shape: The most regions in a picture, and the features of a style.
        by_label: Whether regions are classes, which keep their ids.
        given: `{id: (features,) float}`.
        table: What the others are drawn from. What is drawn for an id depends on it and the
            seed alone.
        seed: A whole number, 0 or more.

    Returns:
        The regions, int32, numbered from 0 in each picture unless they are classes; and
        `(batch, *shape)` float32, row i the style of region i.

    Raises:
        ValueError: If there are too many regions, a style has another shape or is not of finite
            numbers, or one is given for an id that is nowhere.
    """
    given = _checked_styles(given, shape[1])
    labels = np.zeros_like(regions) if labels is None else labels
    numbered = np.array(regions, np.int32)
    styles = np.zeros((len(regions), *shape), np.float32)
    used = set()
    for i, picture in enumerate(regions):
        ids, numbers = np.unique(picture, return_inverse=True)
        require_at_most(len(ids), shape[0])
        numbers = numbers.reshape(picture.shape)
        classes = majority_classes(labels[i], numbers, len(ids))
        used.update(ids.tolist())
        rows = ids if by_label else range(len(ids))
        for row, number, class_id in zip(rows, ids.tolist(), classes, strict=True):
            if number in given:
                styles[i, row] = given[number]
            elif table is not None:
                random = np.random.default_rng([seed, number % 2**32])
                styles[i, row] = table.sample(class_id, random)
        if not by_label:
            numbered[i] = numbers
    unknown = sorted(set(given) - used, key=repr)
    if unknown:
        raise ValueError(
            f"`styles` names {unknown[:5]}, which the layout does not have. It has "
            f"{sorted(used)[:10]}."
        )
    return numbered, styles


def require_at_most(count: int, most: int) -> None:
    """Raises `ValueError` if a picture has more instances than an encoder takes."""
    if count > most:
        raise ValueError(
            f"The picture has {count} instances; this model takes at most {most} "
            "(`max_instances` of its encoder). Join small ones, or train with more."
        )


def majority_classes(labels: np.ndarray, regions: np.ndarray, count: int) -> np.ndarray:
    """Returns the label that most pixels of each region have, of equals the smallest id.

    Args:
        labels: `(height, width)` class ids, not negative.
        regions: `(height, width)` ids 0..count-1, each with a pixel at least.
        count: The number of regions.

    Returns:
        `(count,)` class ids.
    """
    num_classes = int(labels.max()) + 1
    votes = np.bincount(
        regions.ravel() * num_classes + labels.ravel(), minlength=count * num_classes
    )
    return votes.reshape(count, num_classes).argmax(axis=1)


def _k_means(points, k, seed):
    # On use: it takes a second to import, and most models have no styles.
    from sklearn.cluster import KMeans

    fitted = KMeans(k, n_init=10, random_state=seed).fit(points)
    return fitted.cluster_centers_, np.bincount(fitted.labels_, minlength=k)


def _checked_styles(given, width):
    """Returns {id: (width,) float32} of the styles that a caller gave."""
    if not isinstance(given, Mapping | None):
        hint = "; a table is for the model: `model.styles = table`" * isinstance(given, StyleTable)
        raise ValueError(
            f"`styles` is a dict of instance id -> style{hint}. Received: {type(given).__name__}."
        )
    styles = {}
    for number, style in (given or {}).items():
        style = finite_numbers(style, f"the style of {number}")
        if style.shape != (width,):
            raise ValueError(
                f"A style is an array ({width},) of numbers. Received for {number}: shape "
                f"{style.shape}."
            )
        styles[number] = style
    return styles

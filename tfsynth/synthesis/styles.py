"""Styles per class: the features of a data set's objects, clustered into a table.

pix2pixHD, https://arxiv.org/abs/1711.11585, section 3.4: the features of all instances of a class
are clustered, and a cluster's centre is a style.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfsynth.synthesis.joint_styles import joint_table
from tfsynth.synthesis.style_table import StyleTable as StyleTable
from tfsynth.synthesis.style_table import finite_numbers

# An instance is used if it covers more than this part of its picture: the features of a smaller
# one are mostly those of its surroundings. The published rule.
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
    """Returns the table of the styles of instances: k-means per class, by scikit-learn.

    Args:
        classes: `(instances,)` class ids.
        vectors: `(instances, features)` their features.
        areas: `(instances,)` the part of its picture that each covers, 0..1.
        clusters: Styles of a class, if it has as many different instances.
        minimum_area: An instance is used if it covers more than this. A class without such
            instances is in the table with its largest ones, as many as there are clusters.
        seed: Seed of the initial centres; the best of ten runs is kept.
        class_names: Names of the classes by id, to store in the table.

    Raises:
        ValueError: If there are no instances.
    """
    classes, vectors, areas = map(np.asarray, (classes, vectors, areas))
    if not len(classes):
        raise ValueError(
            "There are no instances to take styles from. Give instance maps with at least one."
        )
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
    together: bool = False,
) -> StyleTable:
    """Returns the styles of a data set's objects, as a synthesizer's encoder sees them.

    The class of an object is the label of most of its pixels and does not depend on its id. With
    condition pictures there are no labels: all objects are then of class 0.

    Args:
        synthesizer: A `Synthesizer` with an encoder.
        examples: Dicts of `labels` (if any) and `instances` (height, width) and `image`
            (height, width, channels) uint8.
        clusters, minimum_area, seed: As in `cluster`.
        together: Whether the styles of a picture are drawn together, from photographs that look
            alike (see `joint_styles`), in place of clusters.

    Raises:
        ValueError: If there is no encoder, or there are no examples.
    """
    classes, vectors, areas, photographs = [], [], [], []
    for photograph, example in enumerate(examples):
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
        photographs.extend([photograph] * len(ids))
    names = synthesizer.label_set and synthesizer.label_set.names
    how: dict[str, Any] = {"minimum_area": minimum_area, "seed": seed, "class_names": names}
    if together:
        return joint_table(classes, vectors, areas, photographs, **how)
    return cluster(classes, vectors, areas, clusters=clusters, **how)


def given_styles(
    given: Mapping[int, Any], regions: np.ndarray, width: int
) -> dict[str, np.ndarray]:
    """Returns the styles of objects as a graph takes them, the same for each picture of a batch.

    Args:
        given: `{id: (features,) float}`.
        regions: `(batch, height, width)` integer ids.
        width: The features of a style.

    Returns:
        `style_ids` (batch, n) int32, ascending in each row, and `styles` (batch, n, features)
        float32.

    Raises:
        ValueError: If a style has another shape or is not of finite numbers, or one is given for
            an id that does not occur.
    """
    styles = checked_styles(given, width)
    used = set(np.unique(regions).tolist())
    unknown = sorted(set(styles) - used, key=repr)
    if unknown:
        raise ValueError(
            f"`styles` names {unknown[:5]}, which the layout does not have. It has "
            f"{sorted(used)[:10]}."
        )
    batch, ids = len(regions), np.array(sorted(styles), np.int32)
    rows = np.stack([styles[number] for number in ids.tolist()])
    return {"style_ids": np.tile(ids, (batch, 1)), "styles": np.tile(rows, (batch, 1, 1))}


def require_at_most(count: int, most: int) -> None:
    """Raises `ValueError` if a picture has more instances than an encoder takes."""
    if count > most:
        raise ValueError(
            f"The picture has {count} instances; this model takes at most {most} "
            "(`max_instances` of its encoder). Join small ones, or train with more."
        )


def majority_classes(labels: np.ndarray, regions: np.ndarray, count: int) -> np.ndarray:
    """Returns the label of most pixels of each region; of equally frequent ones the smallest id.

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


def _k_means(points: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    # On use: it takes a second to import, and most models have no styles.
    from sklearn.cluster import KMeans

    fitted = KMeans(k, n_init=10, random_state=seed).fit(points)
    return fitted.cluster_centers_, np.bincount(fitted.labels_, minlength=k)


def checked_styles(given: Any, width: int) -> dict[int, np.ndarray]:
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

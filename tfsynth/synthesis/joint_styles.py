"""Styles that go together: all those of a picture are drawn from photographs that look alike.

Styles drawn for each class by itself make a night sky over a noon road. Here a photograph is drawn,
and each object has the style of an object of its class in that photograph, or in one of those whose
styles are the most similar.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tfsynth.synthesis.style_table import StyleTable

# Photographs whose styles are kept, at most.
PHOTOGRAPHS = 128
# Objects of a class that each photograph keeps, at most: the largest ones.
OBJECTS = 4
# Objects that several of one class are drawn among, at least, if there are so many.
CHOICES = 6


class Candidates(NamedTuple):
    """Which styles may be drawn with each photograph.

    Attributes:
        rows: Int32 (entries,), places in the styles of all classes, one class after the other.
        starts: Int32 (photographs, classes), the first entry of each.
        counts: Int32 (photographs, classes), the number of entries of each, 0 for a class without
            styles.
    """

    rows: np.ndarray
    starts: np.ndarray
    counts: np.ndarray


def joint_table(
    classes: Any,
    vectors: Any,
    areas: Any,
    photographs: Any,
    *,
    minimum_area: float,
    seed: int = 0,
    class_names: Any = None,
) -> StyleTable:
    """Returns the table of the styles of photographs' objects, each with its photograph.

    Args:
        classes: `(objects,)` class ids.
        vectors: `(objects, features)` their features.
        areas: `(objects,)` the part of its picture that each covers, 0..1.
        photographs: `(objects,)` the number of its photograph.
        minimum_area: An object is used if it covers more than this; of a class that a photograph
            shows in smaller ones only, the largest of them.
        seed: Seed of the choice of photographs, where there are more than are kept.
        class_names: Names of the classes by id, to store in the table.

    Raises:
        ValueError: If there are no objects.
    """
    classes, vectors, areas, photographs = map(np.asarray, (classes, vectors, areas, photographs))
    if not len(classes):
        raise ValueError(
            "There are no instances to take styles from. Give instance maps with at least one."
        )
    chosen = _chosen(photographs, classes, seed)
    number = {int(p): i for i, p in enumerate(np.sort(chosen))}
    kept: dict[int, list[tuple[int, int]]] = {}  # Class -> [(photograph, object)]
    for photograph, i in number.items():
        for class_id in np.unique(classes[photographs == photograph]):
            mine = np.flatnonzero((photographs == photograph) & (classes == class_id))
            mine = mine[np.argsort(-areas[mine], kind="stable")]
            large = mine[areas[mine] > minimum_area]
            objects = (large if len(large) else mine[:1])[:OBJECTS]
            kept.setdefault(int(class_id), []).extend((i, int(j)) for j in objects)
    centres = {c: vectors[[j for _, j in pairs]] for c, pairs in kept.items()}
    counts = {c: np.ones(len(pairs), np.int64) for c, pairs in kept.items()}
    where = {c: [i for i, _ in pairs] for c, pairs in kept.items()}
    names = None if class_names is None else {c: class_names[c] for c in centres}
    return StyleTable(centres, counts, names, where)


def _chosen(photographs, classes, seed):
    """Returns the photographs that are kept: drawn by chance, but with every class in one."""
    drawn = np.random.default_rng(seed).permutation(np.unique(photographs))
    if len(drawn) <= PHOTOGRAPHS:
        return drawn
    place = {int(p): i for i, p in enumerate(drawn)}
    order = np.array([place[int(p)] for p in photographs])
    # The first photograph of each class comes first, then the others in the order of the draw.
    first = np.unique([order[classes == c].min() for c in np.unique(classes)])
    rest = np.setdiff1d(np.arange(len(drawn)), first)
    return drawn[np.concatenate([first, rest])[:PHOTOGRAPHS]]


def candidates(table: StyleTable) -> Candidates:
    """Returns which styles of a table with photographs may be drawn with each of them.

    A photograph's own objects of a class come first, then those of the photographs nearest to it,
    until there are `CHOICES`; of a class of which no photograph has two objects, such as
    the sky, one.
    """
    photographs: Mapping[int, np.ndarray] = table.photographs or {}
    count = 1 + max(int(p.max()) for p in photographs.values())
    order = _nearest(table, count)
    width = 1 + max(table.centres)
    rows: list[int] = []
    starts, counts = np.zeros((2, count, width), np.int32)
    first = 0
    for class_id in table.centres:
        where = photographs[class_id]
        single = np.bincount(where).max() == 1
        for p in range(count):
            rank = np.argsort(order[p])[where]
            found = np.argsort(rank, kind="stable")[: 1 if single else CHOICES]
            starts[p, class_id], counts[p, class_id] = len(rows), len(found)
            rows.extend((first + found).tolist())
        first += len(where)
    return Candidates(np.array(rows, np.int32), starts, counts)


def _nearest(table: StyleTable, count: int) -> np.ndarray:
    """Returns the photographs in the order of how much they look like each, (count, count).

    By the mean squared difference of the mean styles of the classes that both have.
    """
    total, shared = np.zeros((2, count, count))
    for class_id, centres in table.centres.items():
        where = table.photographs[class_id]  # pyright: ignore[reportOptionalSubscript]
        means = np.full((count, centres.shape[1]), np.nan)
        for p in np.unique(where):
            means[p] = centres[where == p].mean(axis=0)
        distance = np.square(means[:, None] - means[None]).mean(axis=-1)  # (count, count)
        both = np.isfinite(distance)
        total += np.where(both, distance, 0.0)
        shared += both
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(shared > 0, total / shared, np.inf)
    np.fill_diagonal(distance, -1.0)  # Itself comes first.
    return np.argsort(distance, axis=1, kind="stable")

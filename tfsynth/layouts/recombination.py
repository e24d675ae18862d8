"""New layouts of known ones: mirrored, shifted, and with objects moved or taken from others."""

import bisect
import dataclasses
from collections.abc import Sequence

import numpy as np

from tfsynth.layouts.mirroring import Maps, mirrored, shifted
from tfsynth.layouts.regions import nearest_pixels

# Classes of the upper half differ so much from those of the lower one, where up is up: the share
# of the pixels that would have to change. 0 where pictures can be turned over, 1 at most.
_UPRIGHT = 0.25
# An object is not larger than this share of the picture; what is larger is scenery.
_LARGEST = 0.125
# Of what an object stands on, so much must be there in its new place.
_GROUND = 0.9
# An upright object keeps its distance, and so its row, up to this share of the height.
_ROWS = 0.02
_TRIES = 20
# An object is replaced by one of up to so many times its pixels, or as many times fewer.
_SIZES = 1.5


@dataclasses.dataclass(frozen=True)
class Thing:
    """One object, cut out.

    Attributes:
        class_id: Its class.
        mask: Boolean (rows, columns): its pixels in the smallest box around it.
        top, left: Where that box begins.
        ground: The class that it stands on, or lies in.
    """

    class_id: int
    mask: np.ndarray
    top: int
    left: int
    ground: int

    @property
    def foot(self) -> int:
        """The first row below it."""
        return self.top + len(self.mask)

    @property
    def area(self) -> int:
        """The number of its pixels."""
        return int(self.mask.sum())

    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the rows and the columns of its pixels in the picture."""
        rows, columns = np.nonzero(self.mask)
        return rows + self.top, columns + self.left


class Recombination:
    """Layouts that could be of the same data as some known ones.

    Layout k begins with known layout k, counted around. It is mirrored in half of the cases and,
    where pictures have no up and down, turned over in half of the cases and shifted by any
    distance, what comes in being the mirror image of what is beside it. Then a third of the objects
    move, and a third is replaced by objects of the same class and about the same size from all
    layouts, as are those that the shift has joined with their mirror images. Their former places
    are filled with what is nearest.

    Two things are read off the known layouts:

    - Objects are the instances of classes that have several of them in one layout, up to an
      eighth of the picture, and not cut off by its border.
    - Pictures are upright if upper and lower halves differ in their classes, as streets do and
      cells do not. There an object keeps its row, stands on the class that it stood on, and covers
      only objects whose feet are farther up; elsewhere it lies anywhere in the class that it lay
      in.

    An object that fits nowhere in 20 tries stays as it was; one that was joined is left out.

    Args:
        layouts: Sequence of (labels, instances), integer arrays (height, width), all of one size.
        num_classes: Number of classes.
        seed: Whole number; layout k depends on the layouts, the seed and k only.

    Attributes:
        object_classes: Sorted tuple of the classes of objects.
        upright: Whether the pictures are.

    Raises:
        ValueError: there is no layout, or they differ in size.
    """

    def __init__(self, layouts: Sequence[Maps], num_classes: int, seed: int = 0) -> None:
        if not len(layouts):
            raise ValueError("New layouts are made of known ones; got none.")
        shapes = {labels.shape for labels, _ in layouts} | {other.shape for _, other in layouts}
        if len(shapes) > 1:
            raise ValueError(
                f"Layouts that are recombined have one size; got {sorted(shapes)}. Resize them."
            )
        self.layouts = layouts
        self.seed = seed
        self.object_classes = _classes_of_objects(layouts, num_classes)
        self.upright = _are_upright([labels for labels, _ in layouts], num_classes)
        every = [thing for pair in layouts for _, thing in self.things(*pair)]
        every.sort(key=lambda thing: thing.area)
        self._library = {c: [t for t in every if t.class_id == c] for c in self.object_classes}
        self._areas = {c: [t.area for t in things] for c, things in self._library.items()}

    def layout(self, k: int) -> Maps:
        """Returns layout k, 0 or more: labels of the known dtype, instances int32 from 0."""
        random = np.random.default_rng((self.seed, k))
        labels, instances = self.layouts[k % len(self.layouts)]
        labels, instances = mirrored(labels, instances, columns=random.random() < 0.5)
        joined = np.zeros(0, int)
        if not self.upright:
            labels, instances = mirrored(labels, instances, rows=random.random() < 0.5)
            top, left = (int(random.integers(side)) for side in labels.shape)
            labels, instances = shifted(labels, instances, top, left, self.object_classes)
            moved = np.zeros(labels.shape, bool)
            moved[top:, left:] = True
            joined = np.intersect1d(instances[moved], instances[~moved])
        labels, instances = labels.copy(), instances.astype(np.int32)
        self._recombine(labels, instances, joined.tolist(), random)
        numbers = np.unique(instances, return_inverse=True)[1]
        return labels, numbers.reshape(instances.shape).astype(np.int32)

    def things(self, labels: np.ndarray, instances: np.ndarray) -> list[tuple[int, Thing]]:
        """Returns the objects of a layout that can be moved, each with its instance id."""
        found = []
        for instance, (rows, columns) in _boxes(instances).items():
            inside = instances[rows, columns] == instance
            class_id = int(np.bincount(labels[rows, columns][inside]).argmax())
            if class_id not in self.object_classes or inside.sum() > _LARGEST * labels.size:
                continue
            if min(rows.start, columns.start) == 0:
                continue
            if rows.stop == labels.shape[0] or columns.stop == labels.shape[1]:
                continue
            ground = self._ground(labels, inside, rows, columns)
            if ground is None or (
                self.upright and self._may_be_hidden(labels, instances, instance)
            ):
                continue
            found.append((instance, Thing(class_id, inside, rows.start, columns.start, ground)))
        return found

    def _ground(
        self, labels: np.ndarray, inside: np.ndarray, rows: slice, columns: slice
    ) -> int | None:
        """Returns the class below an upright object, or around another; `None` if it has none."""
        around = labels[rows.start - 1 : rows.stop + 1, columns.start - 1 : columns.stop + 1]
        padded = np.pad(inside, 1)
        beside = np.zeros_like(padded)
        if self.upright:
            beside[-1] = padded[-2]
        else:
            beside = _grown(padded) & ~padded & ~np.isin(around, self.object_classes)
        classes = around[beside]
        return int(np.bincount(classes).argmax()) if len(classes) else None

    def _may_be_hidden(self, labels: np.ndarray, instances: np.ndarray, instance: int) -> bool:
        """Returns whether an object that reaches farther down is beside one."""
        inside = instances == instance
        beside = _grown(inside) & ~inside & np.isin(labels, self.object_classes)
        below = instances[np.flatnonzero(inside.any(axis=1))[-1] + 1 :]
        return bool(np.isin(instances[beside], below).any())

    def _recombine(
        self,
        labels: np.ndarray,
        instances: np.ndarray,
        joined: list[int],
        random: np.random.Generator,
    ) -> None:
        """Moves objects and replaces others, the `joined` ids among them; in place."""
        hole = np.isin(instances, joined) & np.isin(labels, self.object_classes)
        placed = []
        for instance, thing in self.things(labels, instances):
            choice = 2 if instance in joined else random.integers(3)
            if choice == 0:
                continue
            hole |= instances == instance
            new = self._like(thing, random) if choice == 2 else thing
            if random.random() < 0.5:
                new = dataclasses.replace(new, mask=new.mask[:, ::-1])
            placed.append((None if instance in joined else thing, new))
        self._fill(labels, instances, hole)
        number = int(instances.max())
        feet = {i: rows.stop for i, (rows, _) in _boxes(instances).items()}
        # The farthest first, so that nearer ones cover them.
        for old, new in sorted(placed, key=lambda pair: pair[1].foot):
            number += 1
            found = self._placed(new, labels, instances, feet, random) or old
            if found is None:
                continue
            pixels = found.pixels()
            labels[pixels], instances[pixels] = found.class_id, number
            feet[number] = found.foot

    def _like(self, thing: Thing, random: np.random.Generator) -> Thing:
        """Returns any object of all layouts of the class and about the size; `thing` if none is."""
        library = self._library[thing.class_id]
        areas, area = self._areas[thing.class_id], thing.area
        first = bisect.bisect_left(areas, area / _SIZES)
        last = bisect.bisect_right(areas, area * _SIZES)
        return library[random.integers(first, last)] if first < last else thing

    def _fill(self, labels: np.ndarray, instances: np.ndarray, hole: np.ndarray) -> None:
        sources = ~hole
        if not self.upright:
            background = sources & ~np.isin(labels, self.object_classes)
            sources = background if background.any() else sources
        if hole.any() and sources.any():
            nearest = nearest_pixels(sources)[hole]
            for array in (labels, instances):
                array[hole] = array.ravel()[nearest]

    def _placed(
        self,
        thing: Thing,
        labels: np.ndarray,
        instances: np.ndarray,
        feet: dict[int, int],
        random: np.random.Generator,
    ) -> Thing | None:
        """Returns an object at a place where it fits; `None` if none was found."""
        height, width = labels.shape
        rows, columns = thing.mask.shape
        last_row, last_column = height - rows - 1, width - columns - 1
        if min(last_row, last_column) < 1:
            return None
        reach = max(1, round(_ROWS * height))
        for _ in range(_TRIES):
            left = int(random.integers(1, last_column + 1))
            top = int(random.integers(1, last_row + 1))
            if self.upright:
                top = thing.top + int(random.integers(-reach, reach + 1))
                if not 1 <= top <= last_row:
                    continue
            found = dataclasses.replace(thing, top=top, left=left)
            if self._fits(found, labels, instances, feet):
                return found
        return None

    def _fits(
        self, thing: Thing, labels: np.ndarray, instances: np.ndarray, feet: dict[int, int]
    ) -> bool:
        y, x = thing.pixels()
        if not self.upright:
            return bool((labels[y, x] == thing.ground).mean() >= _GROUND)
        # The row below it, where its lowest pixels are.
        stands = np.flatnonzero(thing.mask[-1]) + thing.left
        if (labels[thing.foot, stands] == thing.ground).mean() < _GROUND:
            return False
        covered = np.isin(labels[y, x], self.object_classes)
        return all(feet[i] < thing.foot for i in np.unique(instances[y, x][covered]).tolist())


def _classes_of_objects(layouts: Sequence[Maps], num_classes: int) -> tuple[int, ...]:
    """Returns the classes that have several instances in one layout."""
    several = np.zeros(num_classes, bool)
    for labels, instances in layouts:
        pairs = np.unique(np.stack([labels.ravel(), instances.ravel()]), axis=1)
        several |= np.bincount(pairs[0].astype(int), minlength=num_classes)[:num_classes] > 1
    return tuple(np.flatnonzero(several).tolist())


def _are_upright(maps: Sequence[np.ndarray], num_classes: int) -> bool:
    """Returns whether upper and lower halves have other classes."""
    counts = np.zeros((2, num_classes))
    for labels in maps:
        half = len(labels) // 2
        for i, part in enumerate((labels[:half], labels[len(labels) - half :])):
            counts[i] += np.bincount(part.ravel(), minlength=num_classes)[:num_classes]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return bool(np.abs(shares[0] - shares[1]).sum() / 2 > _UPRIGHT)


def _boxes(instances: np.ndarray) -> dict[int, tuple[slice, slice]]:
    """Returns dict of instance id -> the rows and the columns of the smallest box around it."""
    from scipy.ndimage import find_objects  # On use, as `nearest_pixels` does.

    ids, numbers = np.unique(instances, return_inverse=True)
    boxes = find_objects(numbers.reshape(instances.shape) + 1)
    return dict(zip(ids.tolist(), boxes, strict=True))


def _grown(mask: np.ndarray) -> np.ndarray:
    """Returns a mask with the pixels up, down, left and right of it."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown

"""A semantic layout, labels and instances pixel by pixel, edited object by object with undo.

Pixels are addressed as everywhere in pictures: x counts columns to the right, y rows downwards,
and pixel (x, y) spans x to x + 1 and y to y + 1.
"""

import operator
import zlib
from collections import deque
from typing import Any

import numpy as np

from tfsynth.layouts.labels import LabelSet
from tfsynth.layouts.regions import array_of, components, nearest_pixels, polygon_mask

# Edits that can be undone. They are kept compressed: one that touched all of 1024 x 2048 pixels
# took 50 to 230 kB, not 10 MB.
HISTORY = 100
_INT32 = np.iinfo(np.int32)


class Layout:
    """Label and instance ids of one picture, and the edits that keep both in step.

    Every pixel belongs to one instance. The class of an instance is the label that most of its
    pixels have (of equally frequent ones, the smallest id), whatever the digits of its id. A part
    of an instance that is painted over is lost to it; when all of it is, its id vanishes. A new
    instance gets an id above all that the layout ever had, undone ones included.

    An edit is done whole or, with an error, not at all. One that changes no pixel is not recorded.
    `undo` takes back the last 100 (`HISTORY`).

    What a moved or deleted instance leaves is filled pixel by pixel: with label and instance of
    the nearest pixel of another instance, counted in steps up, down, left and right. Of equally
    near ones SciPy takes one, in the same picture always the same. Where a class is given as
    `fill`, only pixels with this label are considered; if there are none, all that was left
    becomes one new instance of the class.

    Args:
        labels: `(height, width)` integer ids of `label_set`.
        label_set: The `LabelSet` of the labels.
        instances: `(height, width)` integers, any that int32 holds; pixels with the same number
            are one instance. Default: `components(labels)`, whose outlines are those of the
            classes.

    Raises:
        ValueError: the arrays do not fit each other, or are not integer ids in range.

    Example:

    >>> label_set = LabelSet(["road", "car"], [(128, 64, 128), (0, 0, 142)])
    >>> layout = Layout(np.zeros((3, 6), int), label_set)
    >>> car = layout.draw_polygon([(0, 1), (2, 1), (2, 3), (0, 3)], class_id=1)
    >>> layout.move(car, rows=0, columns=3)
    >>> layout.labels
    array([[0, 0, 0, 0, 0, 0],
           [0, 0, 0, 1, 1, 0],
           [0, 0, 0, 1, 1, 0]], dtype=uint8)
    >>> layout.undo()
    >>> layout.box(car), layout.instance_at(1, 2) == car
    ((0, 1, 2, 3), True)
    """

    def __init__(self, labels: Any, label_set: LabelSet, instances: Any = None) -> None:
        if not isinstance(label_set, LabelSet):
            raise ValueError(
                f"A layout has a LabelSet, the names and colours of its classes; got {label_set!r}."
                " That of a model is `model.label_set`."
            )
        labels = array_of(labels, "A label map")
        label_set.check(labels, "`labels`")
        given = components(labels) if instances is None else instances
        instances = array_of(given, "An instance map")
        _check_instances(instances, labels.shape)
        self.label_set = label_set
        self._show(labels.astype(label_set.dtype), instances.astype(np.int32))
        self._largest_id = max(int(self._instances.max()), -1)
        self._undo: deque[tuple] = deque(maxlen=HISTORY)
        self._redo: deque[tuple] = deque(maxlen=HISTORY)

    @property
    def labels(self) -> np.ndarray:
        """Class ids, `(height, width)` of `label_set.dtype`, read-only; edits leave it alone."""
        return self._labels

    @property
    def instances(self) -> np.ndarray:
        """Instance ids, `(height, width)` int32, read-only; edits leave it alone."""
        return self._instances

    def paint(self) -> np.ndarray:
        """Returns the labels in the classes' colours, `(height, width, 3)` uint8."""
        return self.label_set.paint(self._labels)

    def ids(self) -> list[int]:
        """Returns the ids of all instances, ascending."""
        return np.unique(self._instances).tolist()

    def mask(self, instance: int) -> np.ndarray:
        """Returns where an instance is, `(height, width)` bool, at least one pixel of it true.

        Raises:
            ValueError: there is no such instance.
        """
        mask = self._instances == _integer(instance, "An instance id")
        if not mask.any():
            raise ValueError(
                f"The layout has no instance {instance}; it may be deleted, painted over or "
                "undone. `ids()` lists those there are."
            )
        return mask

    def class_of(self, instance: int) -> int:
        """Returns the label that most pixels of an instance have, of equals the smallest id.

        Raises:
            ValueError: there is no such instance.
        """
        return int(np.bincount(self._labels[self.mask(instance)]).argmax())

    def box(self, instance: int) -> tuple[int, int, int, int]:
        """Returns the smallest (left, top, right, bottom) around an instance, in pixels.

        Right and bottom are the first column and row behind it, as in Pillow.

        Raises:
            ValueError: there is no such instance.
        """
        rows, columns = _surrounding(self.mask(instance))
        return columns.start, rows.start, columns.stop, rows.stop

    def instance_at(self, x: int, y: int) -> int:
        """Returns the id of the instance at column `x` and row `y`, counted from 0.

        Raises:
            ValueError: the pixel is not in the picture.
        """
        height, width = self._labels.shape
        column, row = _integer(x, "A column"), _integer(y, "A row")
        if not (0 <= column < width and 0 <= row < height):
            raise ValueError(
                f"A pixel (x, y) is from (0, 0) to ({width - 1}, {height - 1}) in a picture of "
                f"{height} x {width}; got ({x}, {y}). Clip it to the picture first."
            )
        return int(self._instances[row, column])

    def draw(self, mask: Any, class_id: int, instance: int | None = None) -> int:
        """Gives all pixels of a mask one class and one instance.

        Args:
            mask: `(height, width)` bool, at least one pixel true.
            class_id: The new label of these pixels.
            instance: The instance that they join; its other pixels keep their labels. Default:
                a new one.

        Returns:
            The id of the instance.

        Raises:
            ValueError: the mask does not fit or is empty, or class or instance do not exist.
        """
        mask = array_of(mask, "A mask")
        if mask.dtype != bool or mask.shape != self._labels.shape:
            raise ValueError(
                f"A mask is bool of the layout's shape, {self._labels.shape}; this one is "
                f"{mask.dtype} of {mask.shape}. Compare to make it bool, as in `array == 1`."
            )
        if not mask.any():
            raise ValueError("What is drawn covers at least one pixel of the picture; got none.")
        labels, instances = self._copies()
        labels[mask] = self._known_class(class_id)
        if instance is None:
            instance = self._new_id()
        else:
            self.mask(instance)  # Raises if there is none.
        instances[mask] = instance
        self._commit(labels, instances)
        return int(instance)

    def draw_polygon(self, points: Any, class_id: int, instance: int | None = None) -> int:
        """Gives all pixels of a polygon one class and one instance, and returns its id; see `draw`.

        Args:
            points: `(n, 2)` numbers, the corners (x, y) in pixels, as for `polygon_mask`. What is
                off the picture is cut off.
            class_id: The new label of these pixels.
            instance: The instance that they join. Default: a new one.

        Raises:
            ValueError: no polygon, no pixel in it, or class or instance do not exist.
        """
        return self.draw(polygon_mask(points, self._labels.shape), class_id, instance)

    def change_class(self, instance: int, class_id: int) -> None:
        """Gives all pixels of an instance one class.

        Raises:
            ValueError: the instance or the class does not exist.
        """
        labels, instances = self._copies()
        labels[self.mask(instance)] = self._known_class(class_id)
        self._commit(labels, instances)

    def move(self, instance: int, rows: int, columns: int, fill: int | None = None) -> None:
        """Moves an instance over the others, and fills what it leaves.

        Args:
            instance: The instance; it keeps its id and its labels. What moves off the picture
                is cut off.
            rows: Pixels downwards, negative upwards.
            columns: Pixels to the right, negative to the left.
            fill: The class to fill with. Default: whatever is nearest (see the class).

        Raises:
            ValueError: the instance or the class does not exist, the instance would lie off the
                picture, or nothing else is there to fill with.
        """
        mask = self.mask(instance)
        source, target = _shifted(mask, rows, columns)
        labels, instances = self._without(mask, fill)
        labels[target] = self._labels[source]
        instances[target] = instance
        self._commit(labels, instances)

    def copy(self, instance: int, rows: int, columns: int) -> int:
        """Puts a copy of an instance over the others.

        Args:
            instance: The instance to copy, with its labels. What falls off the picture is cut
                off.
            rows: Pixels downwards from the instance to the copy, negative upwards.
            columns: Pixels to the right, negative to the left.

        Returns:
            The id of the copy, a new one.

        Raises:
            ValueError: there is no such instance, or the copy would lie off the picture.
        """
        source, target = _shifted(self.mask(instance), rows, columns)
        labels, instances = self._copies()
        labels[target] = self._labels[source]
        instances[target] = number = self._new_id()
        self._commit(labels, instances)
        return number

    def delete(self, instance: int, fill: int | None = None) -> None:
        """Removes an instance and fills its place.

        Args:
            instance: The instance.
            fill: The class to fill with. Default: whatever is nearest (see the class).

        Raises:
            ValueError: the instance or the class does not exist, or nothing else is there to
                fill with.
        """
        self._commit(*self._without(self.mask(instance), fill))

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether an edit was taken back and none made since."""
        return bool(self._redo)

    def undo(self) -> None:
        """Takes back the last edit.

        Raises:
            ValueError: there is none.
        """
        if not self._undo:
            raise ValueError("There is no edit to undo. Ask `can_undo` first.")
        self._redo.append(self._restore(*self._undo.pop()))

    def redo(self) -> None:
        """Makes the edit again that was taken back last; new instances have the same ids.

        Raises:
            ValueError: there is none.
        """
        if not self._redo:
            raise ValueError("There is no edit to redo. Ask `can_redo` first.")
        self._undo.append(self._restore(*self._redo.pop()))

    def _show(self, labels: np.ndarray, instances: np.ndarray) -> None:
        self._labels, self._instances = labels, instances
        labels.setflags(write=False)
        instances.setflags(write=False)

    def _copies(self) -> tuple[np.ndarray, np.ndarray]:
        return self._labels.copy(), self._instances.copy()

    def _commit(self, labels: np.ndarray, instances: np.ndarray) -> None:
        changed = (labels != self._labels) | (instances != self._instances)
        if changed.any():
            self._undo.append(self._stored(_surrounding(changed)))
            self._redo.clear()
            self._show(labels, instances)

    def _stored(self, region: tuple[slice, slice]) -> tuple:
        """Returns what `_restore` needs to bring a region back as it is now."""
        arrays = (self._labels, self._instances)
        return region, *(zlib.compress(array[region].tobytes(), 1) for array in arrays)

    def _restore(self, region: tuple[slice, slice], *stored: bytes) -> tuple:
        """Brings a region back, and returns it as it was before."""
        before = self._stored(region)
        arrays = self._copies()
        for array, data in zip(arrays, stored, strict=True):
            values = np.frombuffer(zlib.decompress(data), array.dtype)
            array[region] = values.reshape(array[region].shape)
        self._show(*arrays)
        return before

    def _without(self, hole: np.ndarray, fill: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Returns labels and instances with the hole filled."""
        labels, instances = self._copies()
        if fill is None:
            # The nearest pixel touches the hole: a path to any other one leaves the hole earlier.
            region = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in _surrounding(hole))
            sources = ~hole
            if not sources.any():
                raise ValueError(
                    "The instance is the whole picture: no other is left to fill its place. Give "
                    "a class as `fill`."
                )
        else:
            region = ...
            sources = ~hole & (labels == self._known_class(fill))
            if not sources.any():
                labels[hole], instances[hole] = fill, self._new_id()
                return labels, instances
        places = nearest_pixels(sources[region])[hole[region]]
        for array in (labels, instances):
            array[hole] = array[region].ravel()[places]
        return labels, instances

    def _known_class(self, class_id: int) -> int:
        class_id = _integer(class_id, "A class id")
        if not 0 <= class_id < self.label_set.num_classes:
            raise ValueError(
                f"Class ids are in 0..{self.label_set.num_classes - 1}; got {class_id}. Take the "
                "position of the class in `label_set.names`."
            )
        return class_id

    def _new_id(self) -> int:
        if self._largest_id == _INT32.max:
            raise ValueError(
                f"A new instance gets the largest id plus 1, and {_INT32.max} is the last that "
                "int32 holds. Number the instances anew, as "
                "`np.unique(instances, return_inverse=True)[1]` does."
            )
        self._largest_id += 1
        return self._largest_id


def _shifted(mask: np.ndarray, rows: int, columns: int) -> tuple[tuple, tuple]:
    """Returns where the pixels of a mask are that stay in the picture, and where they go."""
    rows, columns = _integer(rows, "A distance"), _integer(columns, "A distance")
    height, width = mask.shape
    y, x = np.nonzero(mask)
    # Limited, for NumPy cannot add an integer beyond 64 bits.
    new_y, new_x = y + max(-height, min(rows, height)), x + max(-width, min(columns, width))
    inside = (0 <= new_y) & (new_y < height) & (0 <= new_x) & (new_x < width)
    if not inside.any():
        top, left = _surrounding(mask)
        raise ValueError(
            f"An instance keeps at least one pixel in the picture of {height} x {width}; this "
            f"one, rows {top.start} to {top.stop - 1} and columns {left.start} to "
            f"{left.stop - 1}, would go {rows} rows and {columns} columns, off it. Go less far, "
            "or use `delete`."
        )
    return (y[inside], x[inside]), (new_y[inside], new_x[inside])


def _surrounding(mask: np.ndarray) -> tuple[slice, slice]:
    """Returns the rows and the columns from the first true one to the last."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _check_instances(instances: np.ndarray, shape: tuple[int, ...]) -> None:
    if instances.dtype.kind not in "iu" or instances.shape != shape:
        raise ValueError(
            f"`instances` are integers of the shape of `labels`, {shape}; these are "
            f"{instances.dtype} of {instances.shape}. Leave them out to have the connected parts "
            "of each class."
        )
    if instances.min() < _INT32.min or instances.max() > _INT32.max:
        raise ValueError(
            f"Instance ids are in {_INT32.min}..{_INT32.max}, as int32 holds; these go from "
            f"{instances.min()} to {instances.max()}. Number them anew, as "
            "`np.unique(instances, return_inverse=True)[1]` does."
        )


def _integer(value: Any, what: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{what} is an integer; got {value!r}. Round it first.") from None

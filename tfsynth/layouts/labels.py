"""The classes of a data set: their names, colours and void ids, and the checks of a label map."""

import dataclasses
import hashlib
import json
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsynth.layouts.guesses import guess_classes
from tfsynth.layouts.guesses import pascal_palette as pascal_palette
from tfsynth.layouts.label_files import classes_in_order, listed_values, read_label_file
from tfsynth.layouts.messages import DataError as DataError
from tfsynth.layouts.messages import listing, percent


@dataclasses.dataclass(frozen=True)
class LabelSet:
    """The classes that a label map may hold, id by id.

    The id of a class is its position, 0 to `num_classes - 1`. A void class ("unlabelled", "out of
    the region of interest") is an ordinary input channel of the networks; it is only excluded
    from the scores.

    Args:
        names: One name per class, all different.
        colours: One (red, green, blue) per class, integers from 0 to 255, for pictures of label
            maps. Two classes may share a colour, except to decode maps coded by colour.
        void_ids: The ids of void classes. Default: none.
        aliases: `{value: id}`: further values that label files use for a class, often
            `{255: 19}` for "ignore". They are replaced when a file is read (see `resolve`), so
            that 19 classes and void are 20 channels, not 256. Default: none.
        values: `{value: id}`: all that label files hold, where that is not the ids themselves:
            often `{7: 0}` for a class with the number 7 in a longer list. Every class has a value
            from 0 up, and there are no aliases beside them. Default: the ids.

    Example:

    >>> labels = LabelSet(["sky", "road"], [(70, 130, 180), (128, 64, 128)])
    >>> labels.paint(np.array([[0, 1]]))[0, 1]
    array([128,  64, 128], dtype=uint8)
    """

    names: Sequence[str]
    colours: Sequence[Sequence[int]]
    void_ids: Sequence[int] = ()
    aliases: Mapping[int, int] | Sequence[tuple[int, int]] = ()
    values: Mapping[int, int] | Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        # Tuples: a frozen value that can be hashed, compared and used as a key.
        frozen = {
            "names": tuple(str(name) for name in self.names),
            "colours": tuple(tuple(map(_whole, colour)) for colour in self.colours),
            "void_ids": tuple(sorted(set(map(_whole, self.void_ids)))),
            "aliases": _pairs(self.aliases),
            "values": _pairs(self.values),
        }
        for field, value in frozen.items():
            object.__setattr__(self, field, value)
        self._check_fields()

    def _check_fields(self) -> None:
        if not self.names:
            raise ValueError("A label set needs at least one class; it has none.")
        if len(self.colours) != len(self.names):
            raise ValueError(
                f"A label set needs one colour per class; it has {len(self.names)} names and "
                f"{len(self.colours)} colours."
            )
        repeated = [name for name, count in Counter(self.names).items() if count > 1]
        if repeated:
            raise ValueError(f"Class names must differ; these come twice: {repeated}.")
        for name, colour in zip(self.names, self.colours, strict=True):
            if len(colour) != 3 or not all(0 <= part <= 255 for part in colour):
                raise ValueError(
                    f"A colour is three integers from 0 to 255; class {name!r} has {colour}."
                )
        ids = range(self.num_classes)
        if any(i not in ids for i in self.void_ids):
            raise ValueError(f"Void ids must be in {self._range()}; got {list(self.void_ids)}.")
        values, targets = list(dict(self.aliases)), dict(self.aliases).values()
        if (
            any(i not in ids for i in targets)
            or any(value in ids or value < 0 for value in values)
            or len(values) != len(self.aliases)
        ):
            raise ValueError(
                f"An alias maps a value outside {self._range()} to an id inside, each value once; "
                f"got {list(self.aliases)}."
            )
        self._check_values()

    def _check_values(self) -> None:
        if not self.values:
            return
        if self.aliases:
            raise ValueError("A label set has values or aliases; put the aliases among the values.")
        targets = {i for value, i in dict(self.values).items() if value >= 0}
        if targets != set(range(self.num_classes)) or len(dict(self.values)) != len(self.values):
            raise ValueError(
                f"Values map what label files hold to ids in {self._range()}, each value once and "
                f"every id from a value that is not negative; got {list(self.values)}."
            )

    @property
    def num_classes(self) -> int:
        """The number of classes, void ones included: the channels of a one-hot map."""
        return len(self.names)

    @property
    def scored_ids(self) -> tuple[int, ...]:
        """The ids that count in scores: all that are not void."""
        return tuple(i for i in range(self.num_classes) if i not in self.void_ids)

    @property
    def palette(self) -> np.ndarray:
        """The colours as an array, `(num_classes, 3)` uint8."""
        return np.array(self.colours, np.uint8)

    @property
    def dtype(self) -> np.dtype:
        """The smallest of uint8, uint16 and int32 that holds every id."""
        if self.num_classes <= 256:
            return np.dtype(np.uint8)
        return np.dtype(np.uint16 if self.num_classes <= 65536 else np.int32)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with any field."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def paint(self, labels: Any) -> np.ndarray:
        """Returns the map in the classes' colours.

        Args:
            labels: `(height, width)` integer ids.

        Returns:
            `(height, width, 3)` uint8.

        Raises:
            DataError: an id is out of range.
        """
        labels = np.asarray(labels)
        self.check(labels)
        return self.palette[labels]

    def check(self, labels: Any, source: object = "the label map") -> None:
        """Raises if `labels` is no map of this set's ids.

        Args:
            labels: `(height, width)` integer ids, aliases already resolved.
            source: The file or name that the message begins with.

        Raises:
            DataError: not two-dimensional, not integer, or an id is out of range; the message
                names the first bad id, the allowed range and how many pixels are outside.
        """
        labels = np.asarray(labels)
        if labels.ndim != 2 or labels.dtype.kind not in "iu":
            hint = (
                " It seems to be coded by colour: decode it with `LabelSet.decode_colours` first."
                if labels.ndim == 3 and labels.shape[-1] in (3, 4)
                else ""
            )
            raise DataError(
                f"{source}: a label map is (height, width) of integer ids; this one is "
                f"{labels.shape} of {labels.dtype}.{hint}"
            )
        if labels.size == 0:
            raise DataError(f"{source}: a label map needs pixels; this one is {labels.shape}.")
        if 0 <= labels.min() and labels.max() < self.num_classes:
            return
        bad = labels[(labels < 0) | (labels >= self.num_classes)]
        raise DataError(
            f"{source}: label id {bad[0]} is out of range: this label set has ids "
            f"{self._range()} ({self.num_classes} classes). {bad.size} of {labels.size} pixels "
            f"({percent(bad.size, labels.size)}) are outside; the ids there: "
            f"{listing(np.unique(bad))}. {self._remedy(bad)}"
        )

    def _remedy(self, bad: np.ndarray) -> str:
        if np.all(bad == 255):
            return (
                "255 often marks pixels to ignore: write `aliases: [255]` at the void class in "
                "the label file."
            )
        return "Correct these pixels, or give a label set that has a class for every id."

    def resolve(self, values: np.ndarray, source: object = "the label map") -> np.ndarray:
        """Returns the ids for the values of a label file.

        Without `values` aliases are replaced and the rest is as it is.

        Args:
            values: `(height, width)` integers as they are in the file.
            source: The file or name that a message begins with.

        Raises:
            DataError: the set has `values`, and this one is none of them.
        """
        if self.values:
            return self._resolve_values(values, source)
        resolved = values
        for value, i in dict(self.aliases).items():
            found = values == value
            if found.any():
                resolved = np.where(found, np.asarray(i, values.dtype), resolved)
        return resolved

    def _resolve_values(self, values: np.ndarray, source: object) -> np.ndarray:
        known, ids = np.array(self.values).T
        if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
            # A table takes less memory than a search.
            table = np.full(np.iinfo(values.dtype).max + 1, -1, np.int32)
            fitting = (known >= 0) & (known < len(table))
            table[known[fitting]] = ids[fitting]
            resolved = table[values]
            strange = np.unique(values[resolved < 0])
        else:
            places = np.minimum(np.searchsorted(known, values), len(known) - 1)
            resolved, strange = ids[places], np.unique(values[known[places] != values])
        if strange.size:
            raise DataError(
                f"{source}: this label set has no class for {listing(strange)}; its files hold "
                f"{listing(known, most=len(known))}. Correct these pixels, or add the value to "
                "the `values` of a class in the label file."
            )
        return resolved.astype(self.dtype)

    def id_of_value(self, value: int) -> int | None:
        """Returns the id for one value of a label file, or None where it has none."""
        if self.values:
            return dict(self.values).get(value)
        return dict(self.aliases).get(value, value if 0 <= value < self.num_classes else None)

    def is_alias(self, value: int) -> bool:
        """Returns whether a label file's value stands for a class beside the class's own."""
        return value in dict(self.aliases)

    def file_values(self, ids: np.ndarray) -> np.ndarray:
        """Returns what a label file holds for ids: `resolve` gives the ids again.

        Args:
            ids: Integers in 0..num_classes-1.
        """
        if not self.values:
            return ids
        first = {i: value for value, i in reversed(dict(self.values).items()) if value >= 0}
        return np.array([first[i] for i in range(self.num_classes)])[ids]

    def decode_colours(self, pixels: np.ndarray, source: object = "the label map") -> np.ndarray:
        """Returns the ids of a map that is coded by colour.

        Args:
            pixels: `(height, width, 3)` uint8.
            source: The file or name that a message begins with.

        Returns:
            `(height, width)` of `dtype`.

        Raises:
            DataError: two classes share a colour, or a pixel's colour is no class's.
        """
        self.require_unique_colours()
        keys = _colour_keys(self.palette)
        order = np.argsort(keys)
        pixels = np.asarray(pixels, np.uint8)
        ids = np.empty(pixels.shape[:2], self.dtype)
        first, count = None, 0
        # Some rows at a time: the search takes much more memory than the map.
        step = max(1, 2**20 // max(1, pixels.shape[1]))
        for top in range(0, len(pixels), step):
            wanted = _colour_keys(pixels[top : top + step])
            places = np.minimum(np.searchsorted(keys[order], wanted), self.num_classes - 1)
            found = order[places]
            unknown = keys[found] != wanted
            if first is None and unknown.any():
                row, column = np.argwhere(unknown)[0]
                first = (top + int(row), int(column))
            count += int(unknown.sum())
            ids[top : top + step] = found
        if first is not None:
            raise self._unknown_colour(pixels, first, count, source)
        return ids

    def _unknown_colour(
        self, pixels: np.ndarray, place: tuple[int, int], count: int, source: object
    ) -> DataError:
        colour = tuple(int(part) for part in pixels[place])
        nearest = int(np.abs(self.palette.astype(int) - colour).sum(axis=1).argmin())
        total = pixels.shape[0] * pixels.shape[1]
        return DataError(
            f"{source}: the colour {colour} at row {place[0]}, column {place[1]} is no class's; "
            f"{count} of {total} pixels ({percent(count, total)}) have such colours. The nearest "
            f"class is {self.names[nearest]!r} {self.colours[nearest]}. Add the colour to the "
            "label file, or save the map without smoothing or lossy compression."
        )

    def require_unique_colours(self) -> None:
        """Raises `DataError` if two classes share a colour, so that no map can be decoded."""
        owners: dict[Any, int] = {}
        for i, colour in enumerate(self.colours):
            first = owners.setdefault(colour, i)
            if first != i:
                raise DataError(
                    "Label maps coded by colour need a colour of its own for every class; "
                    f"{self.names[first]!r} and {self.names[i]!r} are both {colour}. Change one, "
                    "or use label maps of ids."
                )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types, in the shape of a label file; `from_dict` reads them."""
        classes = []
        for i, (name, colour) in enumerate(zip(self.names, self.colours, strict=True)):
            node: dict[str, Any] = {"name": name, "colour": list(colour)}
            if i in self.void_ids:
                node["void"] = True
            values = [value for value, target in dict(self.aliases).items() if target == i]
            if values:
                node["aliases"] = values
            values = [value for value, target in dict(self.values).items() if target == i]
            if values:
                node["values"] = values
            classes.append(node)
        return {"classes": classes}

    @classmethod
    def from_dict(cls, node: Mapping[str, Any], source: object = "the label set") -> "LabelSet":
        """Builds a label set from `{"classes": [{"name", "colour", ...}, ...]}`.

        A class is described by `name` and `colour`, and if needed `void: true`, `aliases: [255]`,
        `values: [7]` and `id` (for all classes or for none; without it ids are positions).
        """
        classes = classes_in_order(node, source)
        try:
            return cls(
                [entry["name"] for entry in classes],
                [entry["colour"] for entry in classes],
                [i for i, entry in enumerate(classes) if entry.get("void", False)],
                *(listed_values(key, classes) for key in ("aliases", "values")),
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"{source}: {error}") from error

    @classmethod
    def load(cls, path: str | Path) -> "LabelSet":
        """Reads a label file, YAML or JSON; a bare name such as "camvid" finds an installed one.

        Raises:
            ValueError: no such file or name (listing those installed), or a malformed file.
        """
        node, file = read_label_file(path)
        return cls.from_dict(node, file)

    @classmethod
    def infer(
        cls, maps: Iterable[Any], palette: Sequence[Sequence[int]] | None = None
    ) -> "LabelSet":
        """Guesses a label set from label maps; see `from_values`.

        Args:
            maps: Label maps, or examples with the key `"labels"` (a split is such an iterable).
            palette: Colours by id, as of a palettised PNG.
        """
        values: set[int] = set()
        for item in maps:
            labels = item["labels"] if isinstance(item, Mapping) else item
            values.update(np.unique(np.asarray(labels)).tolist())
        return cls.from_values(values, palette)

    @classmethod
    def from_values(
        cls, values: Iterable[int], palette: Sequence[Sequence[int]] | None = None
    ) -> "LabelSet":
        """Guesses a label set from the values that label maps hold.

        Ids are 0 to the largest value, names "class 0" and so on, colours those of `palette` where
        it goes so far, else Pascal VOC's. The value 255, where it stands apart, is by custom
        "ignore": it becomes the last class, "void", with the alias 255. Maps of 0 and 255 alone
        are masks: two classes, the second with the alias 255 and not void.

        Raises:
            DataError: no values, a negative one, or so large that they must be instance ids.
        """
        return cls(*guess_classes(values, palette))

    def _range(self) -> str:
        return f"0..{self.num_classes - 1}"


def _whole(value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"Ids and the parts of a colour are integers; got {value!r}.") from None


def _pairs(mapping: Mapping[int, int] | Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    pairs = mapping.items() if isinstance(mapping, Mapping) else mapping
    return tuple(sorted((_whole(value), _whole(i)) for value, i in pairs))


def _colour_keys(colours: np.ndarray) -> np.ndarray:
    parts = colours.astype(np.int32)
    return (parts[..., 0] << 16) | (parts[..., 1] << 8) | parts[..., 2]

"""The interface of data sets: named splits of examples, indexed by number."""

import abc
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from tfsynth.layouts.labels import DataError, LabelSet

__all__ = [
    "CheckReport",
    "DataError",
    "Dataset",
    "Split",
    "check_example",
    "compact_ids",
    "count_instances",
]

Example = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class CheckReport:
    """The result of `Split.check`.

    Args:
        examples: The number of examples, all valid.
        most_instances: The largest number of instances in one example; where the data set has no
            instance maps, of classes in one, or 1 for a condition picture.
        fullest_stem: The stem of that example.
    """

    examples: int
    most_instances: int
    fullest_stem: str

    def require_at_most(self, max_instances: int | None) -> None:
        """Raises `DataError` if an example has more than `max_instances` instances."""
        if max_instances is not None and self.most_instances > max_instances:
            raise too_many_instances(self.fullest_stem, self.most_instances, max_instances)


class Split(Sequence[Example]):
    """The examples of one split, in a fixed order, indexed by number.

    An example is a dict of

    - `"labels"`: `(height, width)` ids of `label_set`, of the dtype `label_set.dtype`; or
      `"condition"`: `(height, width, condition_channels)` uint8, where `label_set` is None;
    - `"image"`: `(height, width, image_channels)` uint8;
    - `"instances"`: `(height, width)` int32 raw instance ids, the same number for all pixels of
      one instance; absent where the data set has no instance maps.

    A subclass sets `label_set` (None, and `condition_channels`, for condition pictures) and
    `stems`, and `image_channels` if they are not 3, and writes `load`.
    """

    label_set: LabelSet | None
    stems: Sequence[str]
    condition_channels: int | None = None
    image_channels: int = 3

    @property
    def condition_name(self) -> str:
        """The key of the condition in an example: "labels" or "condition"."""
        return "condition" if self.label_set is None else "labels"

    @abc.abstractmethod
    def load(self, index: int) -> Example:
        """Returns example `index`, 0 to `len(self) - 1`; called from several threads at once.

        Raises:
            DataError: the example breaks a rule; the message names its file.
        """

    def __len__(self) -> int:
        return len(self.stems)

    # One example, never a slice: a split of pictures is too large to copy by accident.
    def __getitem__(self, index: int) -> Example:  # pyright: ignore[reportIncompatibleMethodOverride]
        index = int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"Example {index} of a split of {len(self)} examples.")
        return self.load(index % len(self))

    def check(self, progress: bool = True, max_instances: int | None = None) -> CheckReport:
        """Reads every example once, so that bad ones are found before training.

        Args:
            progress: Whether to show a progress bar.
            max_instances: The most instances that an example may have; None: any number.

        Raises:
            DataError: for the first bad example, naming its file, the id and the remedy.
        """
        counts = []
        for index, stem in enumerate(tqdm(self.stems, "checking", disable=not progress)):
            example = self[index]
            check_example(example, self, stem)
            counts.append(count_instances(example))
        report = summarise(self.stems, counts)
        report.require_at_most(max_instances)
        return report


class Dataset(abc.ABC):
    """A data set of up to three splits, "train", "validation" and "test".

    A subclass is registered with `tfsynth.registry.register`, so that a config can name it; its
    constructor arguments are its config. It sets or computes

    - `label_set`: the classes of all splits, or None, and `condition_channels`, where the
      conditions are pictures;
    - `image_channels`: those of the photographs, 3 by default;
    - `label_hint`: the origin of the number of classes, if it was guessed;
    - `fingerprint`: hexadecimal digits that change with the content, as a key of caches.
    """

    label_set: LabelSet | None
    condition_channels: int | None = None
    image_channels: int = 3
    label_hint: str = ""
    fingerprint: str

    @property
    def inventory(self) -> str:
        """Hexadecimal digits that a copy of the data has too, wherever and since when it lies."""
        return self.fingerprint

    @property
    @abc.abstractmethod
    def split_names(self) -> tuple[str, ...]:
        """The existing splits among "train", "validation" and "test"."""

    @abc.abstractmethod
    def split(self, name: str) -> Split:
        """Returns the split called "train", "validation" or "test".

        Raises:
            DataError: there is no such split, or it is empty; the message lists those that exist.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, verbatim."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Dataset":
        """Builds the data set from `get_config`'s dict."""
        return cls(**config)


def check_example(example: Example, split: Split, source: object) -> None:
    """Raises `DataError` unless `example` follows the rules of `Split`.

    Args:
        example: The example.
        split: Its split.
        source: The file or stem, for the beginning of a message.
    """
    condition, image = example[split.condition_name], example["image"]
    if split.label_set is None:
        what = "condition picture"
        _require_pixels(source, f"a {what}", condition, split.condition_channels)
    else:
        what = "label map"
        split.label_set.check(condition, source)
    _require_pixels(source, "a photo", image, split.image_channels)
    require_same_size(source, "the photo", image.shape, condition.shape, other=what)
    instances = example.get("instances")
    if instances is not None:
        if instances.dtype != np.int32 or instances.ndim != 2:
            raise DataError(
                f"{source}: an instance map is (height, width) of int32; this one is "
                f"{instances.shape} of {instances.dtype}."
            )
        require_same_size(source, "the instance map", instances.shape, condition.shape, other=what)


def _require_pixels(source: object, what: str, pixels: np.ndarray, channels: int | None) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != channels:
        raise DataError(
            f"{source}: {what} is (height, width, {channels}) of uint8; this one is "
            f"{pixels.shape} of {pixels.dtype}."
        )


def require_same_size(
    source: object,
    what: str,
    shape: Sequence[int],
    other_shape: Sequence[int],
    hint: str = "",
    other: str = "label map",
) -> None:
    """Raises `DataError` unless `shape` has the height and width of the `other`."""
    if tuple(shape[:2]) != tuple(other_shape[:2]):
        raise DataError(
            f"{source}: {what} is {shape[1]} x {shape[0]} pixels (width x height), its {other} "
            f"{other_shape[1]} x {other_shape[0]}; they must be equal. "
            f"{hint or 'Resize one, label and instance maps without interpolation.'}"
        )


def require_same_turn(
    source: object,
    what: str,
    turn: int,
    other_turn: int,
    shape: Sequence[int],
    other: str = "label map",
) -> None:
    """Raises `DataError` where EXIF turns one of two pictures, and their sizes prove nothing.

    Args:
        source: The file of the first, for the message.
        what: What it is, "the photo" for example.
        turn: Its EXIF orientation, 1 to 8.
        other_turn: That of the other.
        shape: The height and width of both, upright.
        other: What the other is.
    """
    if turn == other_turn:
        return
    # A quarter turn changes the size of an oblong picture: equal sizes then say that the one
    # without an orientation was made of the other as it is seen.
    if min(turn, other_turn) == 1 and max(turn, other_turn) >= 5 and shape[0] != shape[1]:
        return
    raise DataError(
        f"{source}: {what} has the EXIF orientation {turn}, its {other} {other_turn} (1 is upright "
        "or none). Each is turned by its own, and their sizes cannot tell whether they still lie "
        "over each other. Store both upright and without the tag, or give both the same one."
    )


def instances_or_classes(example: Example) -> np.ndarray:
    """Returns the instance map, else the label map, else a map of one instance."""
    for name in ("instances", "labels"):
        if name in example:
            return example[name]
    return np.zeros(example["condition"].shape[:2], np.int32)


def count_instances(example: Example) -> int:
    """Returns the number of different ids in `instances_or_classes`."""
    return compact_ids(instances_or_classes(example))[1]


def compact_ids(ids: np.ndarray) -> tuple[np.ndarray, int]:
    """Renumbers ids to 0..m-1 in rising order, and returns them as int32, with m."""
    lowest, highest = int(ids.min()), int(ids.max())
    if lowest < 0 or highest > 4 * ids.size + 65536:
        values, places = np.unique(ids, return_inverse=True)
        return places.reshape(ids.shape).astype(np.int32), len(values)
    # A table is ten times as fast as sorting the pixels.
    present = np.zeros(highest + 1, np.int32)
    present[ids] = 1
    table = np.cumsum(present, dtype=np.int32) - 1
    return table[ids], int(table[-1]) + 1


def too_many_instances(source: object, count: int, max_instances: int) -> DataError:
    """Returns the error for an example with more than `max_instances` instances."""
    return DataError(
        f"{source}: {count} instances, and max_instances is {max_instances}. Raise "
        "max_instances in the data settings, or merge small instances."
    )


def summarise(stems: Sequence[str], counts: Iterable[int]) -> CheckReport:
    """Returns the report for valid examples with these stems and instance counts."""
    count, stem = max(zip(counts, stems, strict=True), default=(0, ""))
    return CheckReport(len(stems), count, stem)

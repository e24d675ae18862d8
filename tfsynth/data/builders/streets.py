"""Street scenes that are drawn by the package, without a download."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfsynth import streets
from tfsynth.data.dataset import DataError, Dataset, Split
from tfsynth.layouts.labels import LabelSet
from tfsynth.registry import register

SPLITS: tuple[str, ...] = tuple(streets.SPLIT_STREAMS)


@register
class Streets(Dataset):
    """Street scenes drawn by the package: photo, labels, instances, colours and patterns.

    They are drawn on first use (20 to 50 a second at 96 x 192) and kept in `data_dir`: by
    TensorFlow Datasets, or, on another backend than TensorFlow, as NumPy files.

    Args:
        height, width: Size in pixels, 32 or more. Default: 96 x 192, on which a processor trains.
        train, validation, test: Numbers of streets of the splits; 0 for none.
        seed: Seed of the streets; the splits of one seed share no street.
        data_dir: The folder that they are stored in. None: `$TFSYNTH_DATA`, else
            `~/.cache/tfsynth/tfds`.

    A split also has `looks(i)`, the main colour and the pattern of every instance, and
    `time_of_day(i)`.

    Example: `Streets(train=10, validation=2, test=2).split("train")[0]["image"]`

    Raises:
        ValueError: a size or number out of range.
        DataError: the folder cannot be written or has too little space; it is named.
    """

    def __init__(
        self,
        height: int = 96,
        width: int = 192,
        train: int = 1000,
        validation: int = 100,
        test: int = 200,
        seed: int = 0,
        data_dir: str | None = None,
    ) -> None:
        self.height, self.width = height, width
        self.train, self.validation, self.test = train, validation, test
        self.seed, self.data_dir = seed, data_dir
        _require_whole("height", height, 32)
        _require_whole("width", width, 32)
        for name in SPLITS:
            _require_whole(name, getattr(self, name), 0)
        _require_whole("seed", seed, 0)
        self.label_set = LabelSet(streets.CLASS_NAMES, streets.CLASS_COLOURS, streets.VOID_IDS)
        self._splits: dict[str, StreetsSplit] = {}

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digits that change with the arguments and with the drawing."""
        content = [self.height, self.width, self.train, self.validation, self.test, self.seed]
        text = f"synth_streets {content} {streets.DRAWING_VERSION}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """The folder that TFDS keeps the streets under."""
        default = os.environ.get("TFSYNTH_DATA") or "~/.cache/tfsynth/tfds"
        return Path(os.path.expandvars(self.data_dir or default)).expanduser()

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that have streets."""
        return tuple(name for name in SPLITS if getattr(self, name) > 0)

    def split(self, name: str) -> "StreetsSplit":
        """Returns a split, drawing all of them first if they are not in the folder yet.

        Args:
            name: "train", "validation" or "test".

        Raises:
            DataError: there is no such split, or the folder cannot be written.
        """
        existing = self.split_names
        if name not in existing:
            raise DataError(
                f"Streets has no split {name!r}; it has: {', '.join(existing) or 'none'}. "
                "The arguments train, validation and test give their numbers of streets."
            )
        if name not in self._splits:
            self._splits[name] = StreetsSplit(self._kept(name), name, self)
        return self._splits[name]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, verbatim."""
        names = ("height", "width", *SPLITS, "seed", "data_dir")
        return {name: getattr(self, name) for name in names}

    def _kept(self, split: str) -> Any:
        folder = self.folder
        arguments = {k: v for k, v in self.get_config().items() if k != "data_dir"}
        if keras.backend.backend() == "tensorflow":
            from tfsynth.data.builders import tfds_streets as store

            kind = store.Records
        else:
            from tfsynth.data.builders import drawn_arrays as store

            kind = store.Arrays
        try:
            return kind(folder, split, self._require_space, **arguments)
        except store.ERRORS as error:
            raise DataError(
                f"{folder}: the drawn streets cannot be kept there ({type(error).__name__}: "
                f"{error}). Make the folder writable and free some space, or name another in "
                "`data_dir` or the environment variable TFSYNTH_DATA."
            ) from error

    def _require_space(self, folder: Path, bytes_per_pixel: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("it is not writable")
        pixels = self.height * self.width * (self.train + self.validation + self.test)
        needed, free = pixels * bytes_per_pixel, shutil.disk_usage(folder).free
        if free < needed:
            raise OSError(f"it needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free")


class StreetsSplit(Split):
    """One split of `Streets`."""

    def __init__(self, source: Any, name: str, dataset: Streets) -> None:
        self._source, self._name = source, name
        self.label_set = dataset.label_set
        self.stems = [f"{name}_{i:05d}" for i in range(getattr(dataset, name))]

    def load(self, index: int) -> dict[str, np.ndarray]:
        """Returns street `index`: labels uint8, instances int32, image uint8."""
        return self._source.example(index)

    def looks(self, index: int) -> tuple[streets.Look, ...]:
        """Returns colour and pattern of every instance in street `index`, by instance id."""
        return self._source.looks(index)

    def time_of_day(self, index: int) -> str:
        """Returns the word of `streets.TIMES_OF_DAY` for street `index`."""
        return self._source.time_of_day(index)


def _require_whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"`{name}` is a whole number of at least {least}. Received: {value!r}.")

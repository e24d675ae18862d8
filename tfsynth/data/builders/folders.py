"""The base of data sets in folders: splits by name, examples by file name, a check of all files.

Files are paired by name and not by position in two sorted lists.
"""

import abc
import contextlib
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsynth.data import checking, maps
from tfsynth.data.builders import layout_hints, pairing
from tfsynth.data.dataset import (
    CheckReport,
    DataError,
    Dataset,
    Split,
    require_same_size,
    require_same_turn,
    summarise,
)

# The folder prefixes of each split, in the words that data sets use.
PREFIXES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
INSTANCE_CHOICES = ("auto", "none", "required")


class FolderDataset(Dataset):
    """A data set whose splits are folders below one root, such as `train_label/` and `train_img/`.

    A subclass sets `_endings` before this constructor, and writes `_content` and `_split_of`.

    Args:
        root: The folder; `~` and environment variables are expanded.
        splits: Folder prefixes, as `{"validation": "val"}`. None: "validation" is found as
            validation, val or valid, "train" and "test" likewise.
        instances: "auto": instance maps are read where there is a folder of them; "none": never;
            "required": a split without them is an error.
        exclude: Names of examples to leave out, such as one whose label map is known to be wrong;
            each must be there, in one split or another.

    Raises:
        DataError: there is no such folder, or no split in it. (`split` and `Split.check` find
            what is wrong inside.)
        ValueError: an argument is unknown.
    """

    # Of the folders of conditions and of photographs; the first one makes a split.
    _endings: tuple[str, str] = ("_label", "_img")
    # What the conditions are, in the words of `pairing`.
    _role = "label"

    def __init__(
        self,
        root: str | Path,
        splits: Mapping[str, str] | None = None,
        instances: str = "auto",
        exclude: Sequence[str] = (),
    ) -> None:
        self.root = str(root)
        self.splits = None if splits is None else dict(splits)
        self.instances = instances
        self.exclude = [exclude] if isinstance(exclude, str) else list(exclude)
        self._check_choices()
        self._folder = Path(os.path.expandvars(self.root)).expanduser().absolute()
        self._prefixes = self._find_prefixes()

    def get_config(self) -> dict[str, Any]:
        return {
            "root": self.root,
            "splits": self.splits,
            "instances": self.instances,
            "exclude": self.exclude,
        }

    @functools.cached_property
    def fingerprint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Changes with the settings, and with the name, size or date of any file."""
        # The number is that of the rules by which files are read.
        parts: list[Any] = ["reading 2", self._content()]
        for name in self._prefixes:
            parts.append((name, [pair.stem for pair in self._pairs(name)]))
            files = [file for pair in self._pairs(name) for file in pair.files]
            parts.append(checking.signature_of_files(files, self._folder))
        return checking.digest(parts)

    @functools.cached_property
    def inventory(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Changes with the settings, and with the name or size of any file."""
        files = [
            (pair.stem, file.name, file.stat().st_size)
            for name in self._prefixes
            for pair in self._pairs(name)
            for file in pair.files
        ]
        return checking.digest([self._content(), list(self._prefixes), files])

    @property
    def split_names(self) -> tuple[str, ...]:
        return tuple(self._prefixes)

    def split(self, name: str) -> "FolderSplit":
        if name not in self._prefixes:
            raise DataError(
                f"{self._folder}: there is no split {name!r}; there are "
                f"{list(self._prefixes)}. {self._layout_hint(name)}"
            )
        pairs = self._pairs(name)
        if not pairs:
            raise DataError(f"{self._folder}: `exclude` leaves no example in the split {name!r}.")
        self._refuse_training_files(name)
        return self._split_of(pairs)

    @abc.abstractmethod
    def _content(self) -> list[Any]:
        """Returns, as plain JSON types, all but the files that decides what is read."""

    @abc.abstractmethod
    def _split_of(self, pairs: list[pairing.Pair]) -> "FolderSplit":
        """Returns the split of these examples."""

    def _pairs(self, name: str) -> list[pairing.Pair]:
        if not self.exclude:
            return self._all_pairs(name)
        # An unknown name is an error: otherwise its example would be trained on.
        stems = {pair.stem for split in self._prefixes for pair in self._all_pairs(split)}
        exclude = pairing.composed(self.exclude)
        pairing.require_examples(exclude, stems, self._folder)
        return [pair for pair in self._all_pairs(name) if pair.stem not in exclude]

    def _all_pairs(self, name: str) -> list[pairing.Pair]:
        if name not in self._paired:
            prefix = self._folder / self._prefixes[name]
            conditions, photos = (Path(f"{prefix}{ending}") for ending in self._endings)
            self._paired[name] = pairing.pair_folders(
                conditions, photos, self._instance_folder(prefix), self._role
            )
        return self._paired[name]

    @functools.cached_property
    def _paired(self) -> dict[str, list[pairing.Pair]]:
        return {}

    def _refuse_training_files(self, name: str) -> None:
        """Raises `DataError` where the files of a split are those of the training split.

        A split that `splits` names is meant so.
        """
        if name == "train" or "train" not in self._prefixes or name in (self.splits or {}):
            return
        same = layout_hints.first_of_equal_splits(self._all_pairs(name), self._all_pairs("train"))
        if same is not None:
            raise DataError(
                f"{same.photo}: the {name} split holds the files of the training split, so that "
                f"its scores would say nothing. Give it others; or, if it is meant so, name it: "
                f"splits={{{name!r}: {self._prefixes[name]!r}}}."
            )

    def _instance_folder(self, prefix: Path) -> Path | None:
        folder = Path(f"{prefix}_inst")
        if self.instances == "none" or (self.instances == "auto" and not folder.is_dir()):
            return None
        return folder

    def _find_prefixes(self) -> dict[str, str]:
        if not self._folder.is_dir():
            raise DataError(
                f"{self._folder}: there is no such folder. Give `root` the folder that holds "
                f"{self._folders_of('train')}."
            )
        found, mark = {}, self._endings[0]
        for name in PREFIXES:
            wanted = self.splits or {}
            candidates = (wanted[name],) if name in wanted else PREFIXES[name]
            here = [c for c in candidates if (self._folder / f"{c}{mark}").is_dir()]
            if name in wanted and not here:
                raise DataError(
                    f"{self._folder}: splits says {name}: {wanted[name]}, but there is no folder "
                    f"{wanted[name]}{mark}."
                )
            if len(here) > 1:
                raise DataError(
                    f"{self._folder}: both {here[0]}{mark} and {here[1]}{mark} could be the "
                    f"{name} split. Say which: splits={{{name!r}: {here[0]!r}}}."
                )
            if here:
                found[name] = here[0]
        if not found:
            there = sorted(p.name for p in self._folder.iterdir() if p.is_dir())
            raise DataError(
                f"{self._folder}: no split found; the folders there are {there[:12]}. Lay the data "
                f"out as {self._folders_of('train')} (and train_inst/), likewise validation and "
                f"test.{layout_hints.hint(self._folder, self._endings)}"
            )
        return found

    def _folders_of(self, prefix: str) -> str:
        return " and ".join(dict.fromkeys(f"{prefix}{ending}/" for ending in self._endings))

    def _layout_hint(self, name: str) -> str:
        if name not in PREFIXES:
            return f"Splits are called {list(PREFIXES)}."
        folders = " or ".join(f"{prefix}{self._endings[0]}/" for prefix in PREFIXES[name])
        return f"Add {folders}, laid out as the others are, or name the prefix by `splits`."

    def _check_choices(self) -> None:
        require_choice("instances", self.instances, INSTANCE_CHOICES)
        unknown = sorted(set(self.splits or {}) - set(PREFIXES))
        if unknown:
            raise ValueError(f"Splits are called {list(PREFIXES)}; got {unknown}.")
        for stem in self.exclude:
            if not isinstance(stem, str):
                raise DataError(
                    f"`exclude` lists names of examples; got {stem!r}, a number or the like. "
                    "Quote it in YAML, with every zero that the file's name has: '000139'."
                )


class FolderSplit(Split):
    """One split of a `FolderDataset`; files are read when an example is asked for.

    A subclass writes `load` and `_check_one`.

    Args:
        root: The data set's folder, for messages and caches.
        pairs: The files of every example.
        content: Plain JSON types: the settings that determine what is read, without the files.
    """

    def __init__(self, root: Path, pairs: Sequence[pairing.Pair], content: list[Any]) -> None:
        self.stems = [pair.stem for pair in pairs]
        self.pairs = list(pairs)
        self._root = root
        self._content = content

    def check(self, progress: bool = True, max_instances: int | None = None) -> CheckReport:
        """Reads every file once, in threads; the result is cached outside `root`.

        A second check of files with the same names, sizes and dates reads nothing.

        Args:
            progress: Whether to show a progress bar.
            max_instances: The most instances that an example may have; None: any number.

        Raises:
            DataError: for the first bad example.
        """
        files = [file for pair in self.pairs for file in pair.files]
        signature = checking.signature_of_files(files, self._root)
        key = checking.digest(["check 4", self._content, str(self._root), signature])
        report = None
        with contextlib.suppress(TypeError):  # Nothing is remembered, or no report.
            report = CheckReport(**checking.recall(key))
        if report is None:
            counts = checking.in_threads(self._check_one, self.pairs, "checking", progress)
            report = summarise(self.stems, counts)
            checking.remember(key, vars(report))
        report.require_at_most(max_instances)
        return report

    @abc.abstractmethod
    def _check_one(self, pair: pairing.Pair) -> int:
        """Returns the number of instances of a sound example; raises `DataError` for another."""

    def _read_instances(
        self, path: Path, shape: Sequence[int], turn: int, other: str, thorough: bool
    ) -> np.ndarray:
        """Returns an instance map, of the size and EXIF orientation of the `other`."""
        instances, own = maps.instance_map_and_turn(path, thorough)
        require_same_size(path, "the instance map", instances.shape, shape, other=other)
        require_same_turn(path, "the instance map", own, turn, instances.shape, other)
        return instances


def require_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raises `ValueError` unless the argument `name` has one of these values."""
    if value not in choices or isinstance(value, bool):
        raise ValueError(f"{name} is one of {list(choices)}; got {value!r}.")

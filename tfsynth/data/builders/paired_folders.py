"""Any data set laid out as folders: `train_label/`, `train_img/` and, if wanted, `train_inst/`.

The layout is that of pix2pixHD (arXiv 1711.11585, its released code), but files are paired by
their names, never by their places in two sorted lists.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsynth.data import checking, images
from tfsynth.data.builders import pairing
from tfsynth.data.dataset import (
    CheckReport,
    DataError,
    Dataset,
    Example,
    Split,
    count_instances,
    require_same_size,
    summarise,
)
from tfsynth.labels import LabelSet
from tfsynth.registry import register

# The folder prefixes of each split, in the words that data sets use.
PREFIXES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
INSTANCE_CHOICES = ("auto", "none", "required")


@register
class PairedFolders(Dataset):
    """Label maps, photographs and instance maps in folders, paired by file name.

    Under `root`, each split has `{split}_label/`, `{split}_img/` and perhaps `{split}_inst/`;
    subfolders are searched. A label map, its photo and its instance map have the same name up to
    the extension (of any case) and to the endings of Cityscapes, which are left out
    (`_leftImg8bit`, `_gtFine_labelIds`, `_gtFine_instanceIds`, likewise `_gtCoarse_`). Where a
    name comes in several subfolders, the subfolder belongs to the name.

    Args:
        root: The folder; `~` and environment variables are expanded.
        labels: A label file, or the name of an installed one ("camvid", "cityscapes35"). None:
            every label map is read once, and the classes are guessed (`LabelSet.from_values`).
        splits: Folder prefixes, as `{"validation": "val"}`. None: "validation" is found as
            validation_, val_ or valid_, "train" and "test" likewise.
        label_coding: "ids": pixels are class ids, or palette indices. "colour": pixels are the
            colours of `labels`.
        instances: "auto": instance maps are read where there is a folder of them; "none": never;
            "required": a split without them is an error.
        exclude: Names of examples to leave out, such as one whose label map is known to be wrong;
            each must be there, in one split or another.

    Example: `PairedFolders("~/data/cityscapes", labels="cityscapes35").split("train")[0]["image"]`

    Raises:
        DataError: there is no such folder, or no split in it. (`split` and `Split.check` find
            what is wrong inside.)
        ValueError: an argument is unknown.
    """

    def __init__(
        self,
        root: str | Path,
        labels: str | Path | None = None,
        splits: Mapping[str, str] | None = None,
        label_coding: str = "ids",
        instances: str = "auto",
        exclude: Sequence[str] = (),
    ):
        self.root = str(root)
        self.labels = None if labels is None else str(labels)
        self.splits = None if splits is None else dict(splits)
        self.label_coding = label_coding
        self.instances = instances
        self.exclude = [exclude] if isinstance(exclude, str) else list(exclude)
        self._check_choices()
        self._folder = Path(os.path.expandvars(self.root)).expanduser().absolute()
        self._prefixes = self._find_prefixes()
        self._given_labels = None if self.labels is None else LabelSet.load(self.labels)
        if label_coding == "colour" and self._given_labels is not None:
            self._given_labels.require_unique_colours()

    def get_config(self) -> dict[str, Any]:
        return {
            "root": self.root,
            "labels": self.labels,
            "splits": self.splits,
            "label_coding": self.label_coding,
            "instances": self.instances,
            "exclude": self.exclude,
        }

    @functools.cached_property
    def label_set(self) -> LabelSet:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The classes: those of `labels`, else guessed from the label maps of all splits."""
        if self._given_labels is not None:
            return self._given_labels
        files = [pair.label for name in self._prefixes for pair in self._pairs(name)]
        palette = images.read_palette(files[0])
        return LabelSet.from_values(checking.values_of_label_maps(files), palette)

    @functools.cached_property
    def fingerprint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Changes with the label set, and the name, size or date of any file."""
        parts: list[Any] = [self.label_set.to_dict(), self.label_coding]
        for name in self._prefixes:
            parts.append((name, [pair.stem for pair in self._pairs(name)]))
            files = [file for pair in self._pairs(name) for file in pair.files]
            parts.append(checking.signature_of_files(files, self._folder))
        return checking.digest(parts)

    @property
    def split_names(self) -> tuple[str, ...]:
        return tuple(self._prefixes)

    def split(self, name: str) -> "FolderSplit":
        if name not in self._prefixes:
            raise DataError(
                f"{self._folder}: there is no split {name!r}; there are "
                f"{list(self._prefixes)}. {_layout_hint(name)}"
            )
        pairs = self._pairs(name)
        if not pairs:
            raise DataError(f"{self._folder}: `exclude` leaves no example in the split {name!r}.")
        return FolderSplit(self._folder, pairs, self.label_set, self.label_coding)

    def _pairs(self, name: str) -> list[pairing.Pair]:
        if not self.exclude:
            return self._all_pairs(name)
        # A name that is nowhere is a slip: its example would be trained on all the same.
        stems = {pair.stem for split in self._prefixes for pair in self._all_pairs(split)}
        pairing.require_examples(self.exclude, stems, self._folder)
        return [pair for pair in self._all_pairs(name) if pair.stem not in self.exclude]

    def _all_pairs(self, name: str) -> list[pairing.Pair]:
        if name not in self._paired:
            prefix = self._folder / self._prefixes[name]
            self._paired[name] = pairing.pair_folders(
                Path(f"{prefix}_label"),
                Path(f"{prefix}_img"),
                self._instance_folder(prefix),
                self.label_coding,
            )
        return self._paired[name]

    @functools.cached_property
    def _paired(self) -> dict[str, list[pairing.Pair]]:
        return {}

    def _instance_folder(self, prefix: Path) -> Path | None:
        folder = Path(f"{prefix}_inst")
        if self.instances == "none" or (self.instances == "auto" and not folder.is_dir()):
            return None
        return folder

    def _find_prefixes(self) -> dict[str, str]:
        if not self._folder.is_dir():
            raise DataError(
                f"{self._folder}: there is no such folder. Give `root` the folder that holds "
                "train_label/ and train_img/."
            )
        found = {}
        for name in PREFIXES:
            wanted = self.splits or {}
            candidates = (wanted[name],) if name in wanted else PREFIXES[name]
            here = [c for c in candidates if (self._folder / f"{c}_label").is_dir()]
            if name in wanted and not here:
                raise DataError(
                    f"{self._folder}: splits says {name}: {wanted[name]}, but there is no folder "
                    f"{wanted[name]}_label."
                )
            if len(here) > 1:
                raise DataError(
                    f"{self._folder}: both {here[0]}_label and {here[1]}_label could be the "
                    f"{name} split. Say which: splits={{{name!r}: {here[0]!r}}}."
                )
            if here:
                found[name] = here[0]
        if not found:
            there = sorted(p.name for p in self._folder.iterdir() if p.is_dir())
            raise DataError(
                f"{self._folder}: no split found; the folders there are {there[:12]}. Lay the data "
                "out as train_label/ and train_img/ (and train_inst/), likewise validation_ and "
                "test_."
            )
        return found

    def _check_choices(self) -> None:
        for name, value, choices in (
            ("label_coding", self.label_coding, images.LABEL_CODINGS),
            ("instances", self.instances, INSTANCE_CHOICES),
        ):
            if value not in choices:
                raise ValueError(f"{name} is one of {list(choices)}; got {value!r}.")
        unknown = sorted(set(self.splits or {}) - set(PREFIXES))
        if unknown:
            raise ValueError(f"Splits are called {list(PREFIXES)}; got {unknown}.")
        for stem in self.exclude:
            if not isinstance(stem, str):
                raise DataError(
                    f"`exclude` lists names of examples; got {stem!r}, a number or the like. "
                    "Quote it in YAML, with every zero that the file's name has: '000139'."
                )
        if self.label_coding == "colour" and self.labels is None:
            raise ValueError(
                "label_coding 'colour' needs the colours: give `labels`, a label file with the "
                "colour of every class."
            )


class FolderSplit(Split):
    """One split of `PairedFolders`; files are read when an example is asked for.

    Args:
        root: The data set's folder, for messages and caches.
        pairs: The files of every example.
        label_set: The classes.
        label_coding: "ids" or "colour".
    """

    def __init__(
        self,
        root: Path,
        pairs: Sequence[pairing.Pair],
        label_set: LabelSet,
        label_coding: str = "ids",
    ):
        self.label_set = label_set
        self.stems = [pair.stem for pair in pairs]
        self.pairs = list(pairs)
        self._root = root
        self._label_coding = label_coding

    def load(self, index: int) -> Example:
        pair = self.pairs[index]
        example = self._load_maps(pair)
        example["image"] = images.read_photo(pair.photo)
        self._require_photo_size(pair, example["image"].shape, example["labels"].shape)
        return example

    def check(self, progress: bool = True, max_instances: int | None = None) -> CheckReport:
        """Reads every file once, in threads; what was found is remembered outside `root`.

        A second check of files that have the same names, sizes and dates costs nothing.

        Args:
            progress: Whether to show a progress bar.
            max_instances: The most instances that an example may have; None: any number.

        Raises:
            DataError: for the first bad example.
        """
        files = [file for pair in self.pairs for file in pair.files]
        key = checking.digest(
            [
                "check 1",
                self.label_set.to_dict(),
                self._label_coding,
                str(self._root),
                checking.signature_of_files(files, self._root),
            ]
        )
        try:
            report = CheckReport(**checking.recall(key))
        except TypeError:  # Nothing is remembered, or no report.
            counts = checking.in_threads(self._check_one, self.pairs, "checking", progress)
            report = summarise(self.stems, counts)
            checking.remember(key, vars(report))
        report.require_at_most(max_instances)
        return report

    def _check_one(self, pair: pairing.Pair) -> int:
        example = self._load_maps(pair)
        self._require_photo_size(pair, images.verify_photo(pair.photo), example["labels"].shape)
        return count_instances(example)

    def _load_maps(self, pair: pairing.Pair) -> Example:
        labels = images.read_label_map(pair.label, self.label_set, self._label_coding)
        example = {"labels": labels}
        if pair.instance is not None:
            example["instances"] = images.read_instance_map(pair.instance)
            require_same_size(
                pair.instance, "the instance map", example["instances"].shape, labels.shape
            )
        return example

    def _require_photo_size(
        self, pair: pairing.Pair, shape: Sequence[int], label_shape: Sequence[int]
    ) -> None:
        if tuple(shape[:2]) == tuple(label_shape):
            return
        orientation = images.photo_orientation(pair.photo)
        hint = ""
        if orientation >= 5 and (shape[1], shape[0]) == tuple(label_shape):
            hint = (
                f"The photo's EXIF orientation is {orientation}, so it is turned upright; the "
                "label map was made of the photo as it was before. Turn the label map, or remove "
                "the tag from the photo."
            )
        require_same_size(pair.photo, "the photo", shape, label_shape, hint)


def _layout_hint(name: str) -> str:
    if name not in PREFIXES:
        return f"Splits are called {list(PREFIXES)}."
    folders = " or ".join(f"{prefix}_label/" for prefix in PREFIXES[name])
    return f"Add {folders} with {PREFIXES[name][0]}_img/, or name the prefix by `splits`."

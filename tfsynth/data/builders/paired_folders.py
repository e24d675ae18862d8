"""Data sets in folders: `train_label/`, `train_img/` and optionally `train_inst/`.

The layout is that of pix2pixHD (arXiv 1711.11585, its released code), but files are paired by
name and not by position in two sorted lists.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsynth.data import checking, images, maps
from tfsynth.data.builders import pairing
from tfsynth.data.builders.folders import FolderDataset, FolderSplit, require_choice
from tfsynth.data.dataset import (
    CheckReport,
    Example,
    count_instances,
    require_same_size,
    require_same_turn,
)
from tfsynth.layouts.labels import LabelSet
from tfsynth.layouts.regions import components
from tfsynth.registry import register

INSTANCE_SOURCES = (None, "components")


@register
class PairedFolders(FolderDataset):
    """Label maps, photographs and instance maps in folders, paired by file name.

    Under `root`, each split has `{split}_label/`, `{split}_img/` and perhaps `{split}_inst/`;
    subfolders are searched. A label map, its photo and its instance map have the same name, without
    the extension and without the endings of Cityscapes (`_leftImg8bit`, `_gtFine_labelIds`,
    `_gtFine_instanceIds`, likewise `_gtCoarse_`). If a name occurs in several subfolders, the
    subfolder is part of the name.

    Args:
        root: The folder; `~` and environment variables are expanded.
        labels: A label file, or the name of an installed one ("camvid", "cityscapes35"). None:
            every label map is read once, and the classes are guessed (`LabelSet.from_values`).
        splits: Folder prefixes, as `{"validation": "val"}`. None: "validation" is found as
            validation_, val_ or valid_, "train" and "test" likewise.
        label_coding: "ids": pixels are class ids, or palette indices. Where the palette's colours
            are those of `labels` in another order, they tell the classes; where they are others,
            the palettes of all files must agree. "colour": pixels are the colours of `labels`.
        instances: "auto": instance maps are read where there is a folder of them; "none": never;
            "required": a split without them is an error.
        exclude: Names of examples to leave out, such as one whose label map is known to be wrong;
            each must be there, in one split or another.
        image_channels: Channels of the photographs: 1 (grey), 3 (RGB) or 4 (RGB and alpha); see
            `read_picture` for files that have others.
        instances_from: "components": where no instance maps are read, every connected part of a
            class (pixels that share a side) is an instance. A fallback: objects of one class
            that touch become one, and one that is partly hidden several; speckled label maps
            have hundreds (`max_instances`). None: every class is then one instance.

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
        image_channels: int = 3,
        instances_from: str | None = None,
    ) -> None:
        require_choice("label_coding", label_coding, maps.LABEL_CODINGS)
        require_choice("image_channels", image_channels, images.PICTURE_CHANNELS)
        require_choice("instances_from", instances_from, INSTANCE_SOURCES)
        if label_coding == "colour" and labels is None:
            raise ValueError(
                "label_coding 'colour' needs the colours: give `labels`, a label file with the "
                "colour of every class."
            )
        self.labels = None if labels is None else str(labels)
        self.label_coding = label_coding
        self.image_channels = image_channels
        self.instances_from = instances_from
        self._role = "colour" if label_coding == "colour" else "label"
        super().__init__(root, splits, instances, exclude)
        self._given_labels = None if self.labels is None else LabelSet.load(self.labels)
        if label_coding == "colour" and self._given_labels is not None:
            self._given_labels.require_unique_colours()

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "labels": self.labels,
            "label_coding": self.label_coding,
            "image_channels": self.image_channels,
            "instances_from": self.instances_from,
        }

    @functools.cached_property
    def label_set(self) -> LabelSet:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The classes: those of `labels`, else guessed from the label maps of all splits."""
        if self._given_labels is not None:
            return self._given_labels
        survey = checking.survey_label_maps(self._label_files())
        return LabelSet.from_values(survey.values, survey.palette)

    @property
    def label_hint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The file and value that determine the number of classes, if it was guessed."""
        if self._given_labels is not None:
            return ""
        file, highest = checking.highest_label(self._label_files())
        return (
            f"No `labels` are given, so there is a class up to the highest id, {highest}, which is "
            f"in {file}. If it does not belong there, correct the file, or name the classes in a "
            "label file."
        )

    def require_one_palette(self, progress: bool = True) -> None:
        """Raises `DataError` if palettes of the label maps list their colours in other orders.

        Palettes of the classes' own colours may: those are read by colour.
        """
        if self.label_coding == "ids":
            checking.survey_label_maps(self._label_files(), self._given_labels, progress)

    def _label_files(self) -> list[Path]:
        return [pair.condition for name in self._prefixes for pair in self._pairs(name)]

    def _content(self) -> list[Any]:
        settings = (self.label_coding, self.image_channels, self.instances_from)
        return [self.label_set.to_dict(), *settings]

    def _split_of(self, pairs: list[pairing.Pair]) -> "LabelledSplit":
        return LabelledSplit(self, self._folder, pairs, self._content())


class LabelledSplit(FolderSplit):
    """One split of `PairedFolders`.

    Args:
        dataset: The `PairedFolders`.
        root, pairs, content: As in `FolderSplit`.
    """

    def __init__(
        self,
        dataset: PairedFolders,
        root: Path,
        pairs: Sequence[pairing.Pair],
        content: list[Any],
    ) -> None:
        super().__init__(root, pairs, content)
        self._dataset = dataset
        self.label_set = dataset.label_set
        self.image_channels = dataset.image_channels
        self._label_coding = dataset.label_coding
        self._instances_from = dataset.instances_from

    def check(self, progress: bool = True, max_instances: int | None = None) -> CheckReport:
        report = super().check(progress, max_instances)
        self._dataset.require_one_palette(progress)
        return report

    def load(self, index: int) -> Example:
        pair = self.pairs[index]
        example, turn = self._load_maps(pair, thorough=False)
        example["image"], own = images.picture_and_turn(pair.photo, self.image_channels)
        self._require_fitting_photo(pair, example["image"].shape, own, example["labels"], turn)
        return example

    def _check_one(self, pair: pairing.Pair) -> int:
        example, turn = self._load_maps(pair, thorough=True)
        shape, own = images.size_and_turn(pair.photo, self.image_channels)
        self._require_fitting_photo(pair, shape, own, example["labels"], turn)
        return count_instances(example)

    def _load_maps(self, pair: pairing.Pair, thorough: bool) -> tuple[Example, int]:
        """Returns labels and instances, and the EXIF orientation that they were stored in."""
        coding = self._label_coding
        labels, turn = maps.label_map_and_turn(pair.condition, self.label_set, coding, thorough)
        example = {"labels": labels}
        if pair.instance is not None:
            example["instances"] = self._read_instances(
                pair.instance, labels.shape, turn, "label map", thorough
            )
        elif self._instances_from == "components":
            example["instances"] = components(labels)
        return example, turn

    def _require_fitting_photo(
        self, pair: pairing.Pair, shape: Sequence[int], turn: int, labels: np.ndarray, other: int
    ) -> None:
        """Raises unless the photo has the size of its label map, and was turned likewise."""
        hint = ""
        if turn >= 5 and (shape[1], shape[0]) == labels.shape:
            hint = (
                f"The photo's EXIF orientation is {turn}, so it is turned upright; the "
                "label map was made of the photo as it was before. Turn the label map, or remove "
                "the tag from the photo."
            )
        require_same_size(pair.photo, "the photo", shape, labels.shape, hint)
        require_same_turn(pair.photo, "the photo", turn, other, shape)

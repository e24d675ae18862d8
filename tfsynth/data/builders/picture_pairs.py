"""Pairs of pictures: `train_A/` and `train_B/`, or one file that holds both side by side.

The first layout is that of pix2pixHD (its released code, without label maps), the second that of
pix2pix, https://arxiv.org/abs/1611.07004.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsynth.data import images
from tfsynth.data.builders import listing, pairing
from tfsynth.data.builders.folders import FolderDataset, FolderSplit, require_choice
from tfsynth.data.dataset import (
    DataError,
    Example,
    count_instances,
    require_same_size,
    require_same_turn,
)
from tfsynth.registry import register

_CONDITION = listing.NAMES["condition"]
DIRECTIONS = ("AtoB", "BtoA")


@register
class PicturePairs(FolderDataset):
    """Condition pictures and photographs, paired by file name or side by side in one file.

    Under `root`, each split has `{split}_A/`, `{split}_B/` and perhaps `{split}_inst/`, paired as
    in `PairedFolders`. With `side_by_side` it has `{split}/` alone (and perhaps
    `{split}_inst/`, of the size of one half): the left half of each file is A, the right half B.

    Pictures have 8 bits per channel and 1, 3 or 4 channels, by the arguments; see `read_picture`
    for files that have others. More channels and 16 bits are not supported: there is no common
    file format for them.

    Args:
        root: The folder; `~` and environment variables are expanded.
        condition_channels: Channels of the condition pictures: 1 (grey), 3 (RGB) or 4 (RGB and
            alpha).
        image_channels: Channels of the photographs, likewise.
        direction: "AtoB": A is the condition and B the photograph; "BtoA": the other way round.
        side_by_side: Whether one file holds A and B.
        splits, instances, exclude: As in `PairedFolders`. An example without an instance map
            is one instance.

    Example: `PicturePairs("~/data/facades", side_by_side=True, direction="BtoA")`

    Raises:
        DataError: there is no such folder, or no split in it. (`split` and `Split.check` find
            what is wrong inside.)
        ValueError: an argument is unknown.
    """

    label_set = None
    _role = "condition"

    def __init__(
        self,
        root: str | Path,
        condition_channels: int = 3,
        image_channels: int = 3,
        direction: str = "AtoB",
        side_by_side: bool = False,
        splits: Mapping[str, str] | None = None,
        instances: str = "auto",
        exclude: Sequence[str] = (),
    ) -> None:
        require_choice("condition_channels", condition_channels, images.PICTURE_CHANNELS)
        require_choice("image_channels", image_channels, images.PICTURE_CHANNELS)
        require_choice("direction", direction, DIRECTIONS)
        self.condition_channels = condition_channels
        self.image_channels = image_channels
        self.channels = (condition_channels, image_channels)
        self.direction = direction
        self.side_by_side = side_by_side
        a, b = ("", "") if side_by_side else ("_A", "_B")
        self._endings = (a, b) if direction == "AtoB" else (b, a)
        super().__init__(root, splits, instances, exclude)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "condition_channels": self.condition_channels,
            "image_channels": self.image_channels,
            "direction": self.direction,
            "side_by_side": self.side_by_side,
        }

    def _content(self) -> list[Any]:
        return ["pictures", *self.channels, self.direction, self.side_by_side]

    def _split_of(self, pairs: list[pairing.Pair]) -> "PictureSplit":
        return PictureSplit(self, self._folder, pairs, self._content())


class PictureSplit(FolderSplit):
    """One split of `PicturePairs`.

    Args:
        dataset: The `PicturePairs`.
        root, pairs, content: As in `FolderSplit`.
    """

    label_set = None

    def __init__(
        self,
        dataset: PicturePairs,
        root: Path,
        pairs: Sequence[pairing.Pair],
        content: list[Any],
    ) -> None:
        super().__init__(root, pairs, content)
        self.condition_channels = dataset.condition_channels
        self.image_channels = dataset.image_channels
        self._as_condition = (dataset.channels[0], "condition_channels")
        self._as_photo = (dataset.channels[1], "image_channels")
        self._side_by_side = dataset.side_by_side
        self._left_is_condition = dataset.direction == "AtoB"

    def load(self, index: int) -> Example:
        pair = self.pairs[index]
        condition, turn = images.picture_and_turn(pair.condition, *self._as_condition)
        image, own = images.picture_and_turn(pair.photo, *self._as_photo)
        self._require_fitting(pair, image.shape, own, condition.shape, turn)
        if self._side_by_side:
            middle = _half(pair.photo, image.shape)
            left, right = np.s_[:, :middle], np.s_[:, middle:]
            first, second = (left, right) if self._left_is_condition else (right, left)
            condition, image = condition[first], image[second]
        instances = self._instances(pair, image.shape, turn, thorough=False)
        return {"condition": condition, "image": image, **instances}

    def _check_one(self, pair: pairing.Pair) -> int:
        condition_shape, turn = images.size_and_turn(pair.condition, *self._as_condition)
        shape, own = images.size_and_turn(pair.photo, *self._as_photo)
        self._require_fitting(pair, shape, own, condition_shape, turn)
        if self._side_by_side:
            shape = (shape[0], _half(pair.photo, shape))
        instances = self._instances(pair, shape, turn, thorough=True)
        return count_instances(instances) if instances else 1

    def _require_fitting(
        self,
        pair: pairing.Pair,
        shape: Sequence[int],
        turn: int,
        condition_shape: Sequence[int],
        condition_turn: int,
    ) -> None:
        """Raises unless photo and condition have one size, and were turned likewise."""
        require_same_size(pair.photo, "the photo", shape, condition_shape, other=_CONDITION)
        require_same_turn(pair.photo, "the photo", turn, condition_turn, shape, _CONDITION)

    def _instances(
        self, pair: pairing.Pair, shape: Sequence[int], turn: int, thorough: bool
    ) -> Example:
        if pair.instance is None:
            return {}
        instances = self._read_instances(pair.instance, shape, turn, _CONDITION, thorough)
        return {"instances": instances}


def _half(path: Path, shape: Sequence[int]) -> int:
    if shape[1] % 2:
        raise DataError(
            f"{path}: a file of two pictures side by side has an even width; this one is "
            f"{shape[1]} x {shape[0]} pixels (width x height). Set `side_by_side` to false if it "
            "holds one picture."
        )
    return shape[1] // 2

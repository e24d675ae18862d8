"""Cell nuclei under the microscope, made from the public archive of the 2018 Data Science Bowl."""

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from tfsynth.data import checking, images, maps
from tfsynth.data.builders.drawn_folder import require_drawn
from tfsynth.data.builders.paired_folders import PairedFolders
from tfsynth.data.dataset import DataError, Dataset, Split, require_same_size
from tfsynth.files import cache_folder
from tfsynth.layouts.cells import MODALITIES
from tfsynth.layouts.labels import LabelSet
from tfsynth.registry import register

# Splits and the prefixes of their folders.
_PREFIXES = {"train": "train", "validation": "val", "test": "test"}
# Of the pictures of a kind.
_TEST, _VALIDATION = 0.12, 0.08
# Changes with what is made of the same files.
_VERSION = 2
# Mean difference between the channels of a stained picture, at least; mean grey of a bright one.
_STAINED, _BRIGHT = 6.0, 100.0
# A crop of a bright picture that is whiter than 200 on more of it shows nothing but the plate.
_WHITE, _MOST_WHITE = 200, 0.85
# Pixels of the smallest part of a nucleus that a crop keeps.
_SLIVER = 6
_WHERE = (
    "https://bbbc.broadinstitute.org/BBBC038 has it (stage1_train.zip; Creative Commons CC0 "
    "1.0, public domain; credit: Caicedo et al., Nature Methods 16, 2019)"
)


@register
class Nuclei(Dataset):
    """Microscope pictures of cell nuclei, their classes by kind of picture, and instances.

    It reads the public archive as it is (BBBC038, the first stage's training pictures of the 2018
    Data Science Bowl; CC0): `<id>/images/<id>.png` and `<id>/masks/*.png`, one mask for each
    nucleus, whose pixels are those that are not 0. The folder names the picture: pictures of other
    sources may all be called `images/image.png`. From them it makes, on first use, crops as PNG,
    label maps and instance maps of 16 bits, and keeps them in `data_dir`. Classes
    (configs/labels/nuclei.yaml) and rules are those of nuclei_256, which differs in this:

    - nuclei_256 was made from masks that volunteers have mended; those of the archive join some
      nuclei and leave out others, and rings are not filled here.
    - Splits are drawn by the pictures' ids here: within each size and kind 12 % test and 8 %
      validation, as there, but other pictures, and near-identical ones are not kept together.
    - Crops are stored without loss.

    The kind is decided from the picture: stained if its channels differ by 6 levels or more in
    the mean, else bright-field if its mean is above 100, else fluorescence.

    Args:
        root: The folder of the archive that holds a folder for each picture; `~` and environment
            variables are expanded.
        size: Side in pixels of the crops, 32 or more: larger pictures are cut into as many as
            lie in them side by side, around the middle; smaller ones are left out.
        data_dir: The folder that the crops are kept in. None: `$TFSYNTH_DATA`, else the cache.

    Example: `Nuclei("~/data/stage1_train").split("train")[0]["instances"]`

    Raises:
        ValueError: the size is out of range.
        DataError: there is no such folder, or no picture in it; says where the archive is. Or a
            folder in it holds several pictures, or no folder `masks`; it is named. (`split`
            finds damaged files, and a folder that cannot be written.)
    """

    def __init__(self, root: str, size: int = 256, data_dir: str | None = None) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < 32:
            raise ValueError(f"`size` is a whole number of at least 32. Received: {size!r}.")
        self.root, self.size, self.data_dir = str(root), size, data_dir
        self.label_set = LabelSet.load("nuclei")
        self._folder = Path(os.path.expandvars(self.root)).expanduser().absolute()
        if not self._folder.is_dir():
            raise DataError(f"{self._folder}: there is no such folder. {_WHERE}: unpack it there.")
        if not self._pictures:
            raise DataError(
                f"{self._folder}: no folder in it holds images/NAME.png, as the archive has them "
                f"for each picture, and masks/*.png. {_WHERE}: name the folder that it unpacks to."
            )
        _require_one_picture_and_masks(self._pictures)

    @property
    def split_names(self) -> tuple[str, ...]:
        return self._made.split_names

    @functools.cached_property
    def fingerprint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Changes with the size of the crops, and with the name or size of any file."""
        files = [
            (path.relative_to(self._folder).as_posix(), path.stat().st_size)
            for picture in self._pictures
            for path in (picture, *_masks_of(picture))
        ]
        text = json.dumps([_VERSION, self.size, files])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def split(self, name: str) -> Split:
        if name not in _PREFIXES:
            raise DataError(f"Nuclei has no split {name!r}; splits are {', '.join(_PREFIXES)}.")
        return self._made.split(name)

    def get_config(self) -> dict[str, Any]:
        return {"root": self.root, "size": self.size, "data_dir": self.data_dir}

    @functools.cached_property
    def _pictures(self) -> list[Path]:
        # A folder that was packed on a Mac has hidden files beside.
        found = self._folder.glob("*/images/*.png")
        return sorted(path for path in found if not path.name.startswith("."))

    @functools.cached_property
    def _made(self) -> PairedFolders:
        """The crops, as folders of labels, photographs and instances."""
        given = self.data_dir or os.environ.get("TFSYNTH_DATA")
        parent = Path(os.path.expandvars(given)).expanduser() if given else cache_folder()
        path = parent / "nuclei" / f"{self.size}_{self.fingerprint}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            require_drawn(path, self._make, "the crops are made")
        except OSError as error:
            raise DataError(
                f"{parent}: the crops of Nuclei cannot be kept there ({type(error).__name__}: "
                f"{error}). Make the folder writable and free some space, or name another in "
                "`data_dir` or the environment variable TFSYNTH_DATA."
            ) from error
        return PairedFolders(path, "nuclei", instances="required")

    def _make(self, folder: Path) -> None:
        shapes = checking.in_threads(self._kind_of, self._pictures, "sorting nuclei")
        splits = split_by_kind(dict(zip(self._pictures, shapes, strict=True)))
        for prefix in _PREFIXES.values():
            for ending in ("label", "img", "inst"):
                (folder / f"{prefix}_{ending}").mkdir()
        counts = checking.in_threads(
            lambda picture: self._write_crops(folder, picture, _PREFIXES[splits[picture]]),
            self._pictures,
            "making crops of nuclei",
        )
        if not sum(counts):
            raise DataError(
                f"{self._folder}: no picture holds a crop of {self.size} x {self.size} pixels with "
                "a nucleus. Give a smaller `size`."
            )
        # Of a few pictures none is held out.
        for part in folder.iterdir():
            if not any(part.iterdir()):
                part.rmdir()

    def _kind_of(self, picture: Path) -> tuple[tuple[int, ...], str]:
        pixels = images.read_photo(picture)
        return pixels.shape, modality_of(pixels)

    def _write_crops(self, folder: Path, picture: Path, prefix: str) -> int:
        """Writes the crops of a picture, and returns their number."""
        pixels, count = images.read_photo(picture), 0
        modality = modality_of(pixels)
        instances = merged(picture, pixels.shape)
        background = 2 * MODALITIES.index(modality)
        for number, box in enumerate(_crops(pixels.shape, self.size)):
            crop, ids = pixels[box], _numbered(instances[box])
            white = modality == "bright-field" and (crop.min(axis=-1) > _WHITE).mean() > _MOST_WHITE
            if white or not ids.any():
                continue
            name = f"{_name_of(picture)}_{number:02d}.png"
            labels = np.where(ids > 0, background + 1, background).astype(np.uint8)
            images.write_photo(folder / f"{prefix}_img" / name, crop)
            maps.write_label_map(folder / f"{prefix}_label" / name, labels, self.label_set)
            maps.write_instance_map(folder / f"{prefix}_inst" / name, ids)
            count += 1
        return count


def modality_of(pixels: np.ndarray) -> str:
    """Returns the kind of a microscope picture, one of `MODALITIES`.

    Args:
        pixels: `(height, width, 3)` uint8.
    """
    spread = pixels.max(axis=-1).astype(int) - pixels.min(axis=-1)
    if spread.mean() > _STAINED:
        return "stained"
    return "bright-field" if pixels.mean() > _BRIGHT else "fluorescence"


def merged(picture: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the instances of a picture of the archive: 0, and a number for each mask.

    Args:
        picture: The picture's file, in its folder `images`.
        shape: Its height and width.

    Raises:
        DataError: a mask is damaged or of another size; it is named.
    """
    found = []
    for path in _masks_of(picture):
        mask = maps.read_instance_map(path) > 0
        require_same_size(path, "the mask", mask.shape, shape, other="picture")
        found.append(mask)
    instances = np.zeros(shape[:2], np.int32)
    # Smaller ones over larger ones.
    order = sorted(range(len(found)), key=lambda i: -int(found[i].sum()))
    for number, index in enumerate(order, 1):
        instances[found[index]] = number
    return instances


def split_by_kind(kinds: dict[Path, Any]) -> dict[Path, str]:
    """Returns the split of each picture: those of one kind in fixed shares, by their ids.

    Args:
        kinds: Path of the picture, `<id>/images/<name>.png` -> its kind.
    """
    splits = {}
    for kind in set(kinds.values()):
        alike = [path for path, own in kinds.items() if own == kind]
        # The order of the hashes of ids is by chance, and the same everywhere.
        alike.sort(key=lambda path: hashlib.sha256(_name_of(path).encode()).digest())
        test, validation = (round(share * len(alike)) for share in (_TEST, _VALIDATION))
        for place, path in enumerate(alike):
            held = "test" if place < test else "validation"
            splits[path] = held if place < test + validation else "train"
    return splits


def _name_of(picture: Path) -> str:
    """Returns the id of a picture: its folder's name, since files of two may be called alike."""
    return picture.parents[1].name


def _require_one_picture_and_masks(pictures: list[Path]) -> None:
    """Raises `DataError` unless each picture is alone in its folder, and has masks beside it."""
    seen: dict[Path, Path] = {}
    for picture in pictures:
        folder = picture.parents[1]
        if folder in seen:
            raise DataError(
                f"{picture.parent}: a folder of this archive holds one picture, whose nuclei its "
                f"masks are; this one holds {seen[folder].name} and {picture.name}. Give each a "
                "folder of its own, with its masks, or remove one."
            )
        seen[folder] = picture
        if not (folder / "masks").is_dir():
            raise DataError(
                f"{folder}: it holds images/{picture.name} but no folder masks, in which the "
                "archive has a PNG for each nucleus. Add it (empty for a picture without nuclei), "
                "or take this folder away."
            )


def _masks_of(picture: Path) -> list[Path]:
    found = (picture.parents[1] / "masks").glob("*.png")
    return sorted(path for path in found if not path.name.startswith("."))


def _crops(shape, size):
    """Yields the boxes of a grid around the middle, without overlap, row by row."""
    rows, columns = shape[0] // size, shape[1] // size
    top, left = (shape[0] - rows * size) // 2, (shape[1] - columns * size) // 2
    for row in range(rows):
        for column in range(columns):
            y, x = top + row * size, left + column * size
            yield slice(y, y + size), slice(x, x + size)


def _numbered(instances):
    """Returns the instances of a crop as 0..n, without slivers of those that its edges cut."""
    ids, places, counts = np.unique(instances, return_inverse=True, return_counts=True)
    kept = (ids > 0) & (counts >= _SLIVER)
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return numbers[places].reshape(instances.shape)

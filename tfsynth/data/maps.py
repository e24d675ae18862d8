"""Reading and writing label maps and instance maps as files, without changing ids.

A label map loses its meaning if a reader converts it: palette indices to colours, 4-bit values to
0..255, 16-bit ids to 8 bits or signed integers, white as zero to white as 255. These functions
give the numbers that the file stores, or refuse the file.
"""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from tfsynth.data.map_checks import (
    alpha_differs,
    in_alpha,
    is_constant,
    not_one_channel,
    require_exact,
    require_stored_numbers,
)
from tfsynth.data.picture_files import opened, upright
from tfsynth.layouts.labels import DataError, LabelSet
from tfsynth.layouts.palettes import Colour, ids_by_palette

MAP_EXTENSIONS = frozenset({".png", ".tif", ".tiff", ".bmp"})
LABEL_CODINGS = ("ids", "colour")

# Greys of so many bits are shown stretched to 0..255 by these factors; Pillow does so with the
# latter two.
_STRETCH = {1: 255, 2: 85, 4: 17}


def read_label_map(
    path: str | Path, label_set: LabelSet | None = None, coding: str = "ids"
) -> np.ndarray:
    """Reads a label map, turned upright as its EXIF orientation says.

    Args:
        path: A PNG (1 to 16 bits, grey or palettised), TIFF or BMP file.
        label_set: The classes; its aliases and values become ids, and every id is checked. The
            colours of a palette count if they are those of the classes: then the classes are told
            by colour, in whatever order the palette lists them (see `layouts.palettes`).
            None: the pixels are returned as they are in the file.
        coding: "ids": pixels are ids, palette indices among them. "colour": pixels are the
            colours of `label_set`.

    Returns:
        `(height, width)`, of `label_set.dtype`, or of the file's integer type without a set.

    Raises:
        DataError: unreadable, coded otherwise, in a format that changes numbers, or an id or
            colour outside the set.
    """
    return label_map_and_turn(path, label_set, coding)[0]


def label_map_and_turn(
    path: str | Path,
    label_set: LabelSet | None = None,
    coding: str = "ids",
    thorough: bool = True,
) -> tuple[np.ndarray, int]:
    """As `read_label_map`; returns the EXIF orientation, 1 to 8, that the map was turned by too.

    Args:
        path, label_set, coding: As in `read_label_map`.
        thorough: Whether to look for rows that a PNG lacks, which takes longer; `Split.check` does.
    """
    path = Path(path)
    if coding == "colour":
        if label_set is None:
            raise ValueError(
                "Label maps coded by colour need a label set to decode them. Give one."
            )
        pixels, turn = _read_coloured_map(path, label_set, thorough)
        return label_set.decode_colours(pixels, path), turn
    stored = _read_integers(path, "label map", thorough)
    values, palette, turn = stored.values, stored.palette, stored.turn
    if label_set is None:
        return values, turn
    ids = None
    if palette is not None:
        ids = ids_by_palette(label_set, palette, distinct(values), path, stored.transparent)
    labels = label_set.resolve(values, path) if ids is None else ids.astype(label_set.dtype)[values]
    label_set.check(labels, path)
    return labels.astype(label_set.dtype, copy=False), turn


def read_instance_map(path: str | Path) -> np.ndarray:
    """Reads an instance map: one number per instance, 0 to 2**31 - 1; turned as a label map is.

    Args:
        path: A PNG of up to 16 bits, or a TIFF of up to 32.

    Returns:
        `(height, width)` int32.

    Raises:
        DataError: unreadable, not one integer per pixel, or a negative id.
    """
    return instance_map_and_turn(path)[0]


def instance_map_and_turn(path: str | Path, thorough: bool = True) -> tuple[np.ndarray, int]:
    """As `read_instance_map`; returns the EXIF orientation, 1 to 8, too.

    Args:
        path: As in `read_instance_map`.
        thorough: As in `label_map_and_turn`.
    """
    stored = _read_integers(Path(path), "instance map", thorough)
    return stored.values.astype(np.int32, copy=False), stored.turn


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a label map holds, without its pixels.

    Args:
        values: The values, sorted.
        palette: The colours by index, or None where there is no palette.
        stretch: Without a palette, the grey that shows 1: 255, 85 or 17 for 1, 2 or 4 bits, else 1.
    """

    values: list[int]
    palette: list[Colour] | None
    stretch: int


def contents(path: str | Path) -> Contents:
    """Returns what a label map holds; raises `DataError` as `read_label_map` without a set."""
    stored = _read_integers(Path(path), "label map")
    return Contents(distinct(stored.values), stored.palette, stored.stretch)


def distinct(values: np.ndarray) -> list[int]:
    """Returns the different numbers in an array of integers from 0 up, sorted."""
    if values.dtype.itemsize > 2:
        return np.unique(values).tolist()
    # A table is faster than sorting the pixels.
    present = np.zeros(np.iinfo(values.dtype).max + 1, bool)
    present[values] = True
    return np.flatnonzero(present).tolist()


def write_label_map(
    path: str | Path, labels: np.ndarray, label_set: LabelSet | None = None
) -> None:
    """Writes a label map as PNG: 8 bits, palettised by `label_set` if given; 16 bits above 255.

    The pixels are ids, or the values that the files of `label_set` hold for them.

    Raises:
        DataError: an id is out of range, or above 65535.
    """
    labels = np.asarray(labels)
    if label_set is not None:
        label_set.check(labels, path)
        labels = label_set.file_values(labels)
    _require_ids(path, labels, 65535)
    if labels.max() > 255:
        Image.fromarray(labels.astype(np.uint16)).save(path, "PNG")
        return
    image = Image.fromarray(labels.astype(np.uint8))
    if label_set is not None and label_set.num_classes <= 256:
        places = label_set.file_values(np.arange(label_set.num_classes))
        palette = np.zeros((max(places) + 1, 3), np.uint8)
        palette[places] = label_set.palette
        image.putpalette(palette[:256].tobytes())
    image.save(path, "PNG")


def write_instance_map(path: str | Path, instances: np.ndarray) -> None:
    """Writes ids as 16-bit PNG, or as 32-bit TIFF where `path` ends in .tif or .tiff.

    Raises:
        DataError: an id is negative, or above 65535 in a PNG.
    """
    path, instances = Path(path), np.asarray(instances)
    if path.suffix.lower() in (".tif", ".tiff"):
        _require_ids(path, instances, 2**31 - 1)
        Image.fromarray(instances.astype(np.int32)).save(path, "TIFF")
        return
    _require_ids(path, instances, 65535, " Write a .tif file for larger ids.")
    Image.fromarray(instances.astype(np.uint16)).save(path, "PNG")


@dataclasses.dataclass(frozen=True)
class _Stored:
    """The numbers of a map, upright, and what says their meaning; see `Contents`.

    `transparent` are the indices of the palette that are not opaque, `turn` is the orientation.
    """

    values: np.ndarray
    palette: list[Colour] | None
    transparent: list[int]
    stretch: int
    turn: int


def _read_integers(path: Path, what: str, thorough: bool = True) -> _Stored:
    """Returns the numbers that a file stores."""
    with opened(path, what, thorough) as picture:
        image, mode = picture.image, picture.image.mode
        require_exact(picture, path, what, "pixel values")
        if mode not in ("1", "L", "P", "I") and not mode.startswith("I;16"):
            raise not_one_channel(path, what, image, picture.bits)
        require_stored_numbers(picture, path, what)
        before = picture.orientation
        palette = _palette(image) if mode == "P" else None
        hidden = _transparent(image) if mode == "P" else []
        if hidden and alpha_differs(image) and is_constant(image.convert("RGBA").convert("RGB")):
            start = f"{path}: the {what} has a palette of one colour"
            raise in_alpha(path, what, start, ".convert('RGBA')")
        values = np.asarray(image)
        # Pillow has turned a TIFF, and nothing else.
        values = upright(values, picture.orientation)
    stretch = _STRETCH.get(picture.bits, 1) if mode in ("1", "L") else 1
    if mode == "1":
        values = values.astype(np.uint8)
    elif stretch > 1:
        values = values // stretch
    elif mode == "I" and values.min() < 0:
        raise DataError(
            f"{path}: the {what} must hold ids from 0 to {2**31 - 1}; it holds "
            f"{int(values.min())} (a number from {2**31} up is read as negative)."
        )
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return _Stored(values, palette, hidden, stretch, before)


def _palette(image: Image.Image) -> list[Colour]:
    flat = image.getpalette("RGB") or []
    return [(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3)]


def _transparent(image: Image.Image) -> list[int]:
    """Returns the indices of a palette that are not opaque."""
    alpha = image.info.get("transparency", b"")
    if isinstance(alpha, int):
        return [alpha]
    return [index for index, one in enumerate(alpha) if one != 255]


def _read_coloured_map(path: Path, label_set: LabelSet, thorough: bool) -> tuple[np.ndarray, int]:
    """Returns the colours, `(height, width, 3)` uint8, upright, and the orientation."""
    with opened(path, "label map", thorough) as picture:
        image = picture.image
        require_exact(picture, path, "label map", "colours")
        if image.mode not in ("RGB", "RGBA", "P") and not _is_of_greys(image, label_set):
            raise DataError(
                f"{path}: label_coding is colour, but this label map has one grey channel (mode "
                f"{image.mode}). Use label_coding: ids, the default."
            )
        if picture.bits > 8:
            raise DataError(
                f"{path}: the colours of a label map have 8 bits per channel; these have "
                f"{picture.bits}. Save it with 8."
            )
        before = picture.orientation
        differs = alpha_differs(image)
        # Pillow wants a palette with transparency to become RGBA first.
        colours = image.convert("RGBA") if image.has_transparency_data else image
        colours = colours.convert("RGB")
        constant = differs and is_constant(colours)
        pixels = upright(np.asarray(colours), picture.orientation)
    if differs:
        if constant:
            raise in_alpha(path, "label map", f"{path}: this label map has no classes in colour")
        raise DataError(
            f"{path}: this label map is transparent in parts, where its colours cannot be told. "
            "Save it without alpha."
        )
    return pixels, before


def _is_of_greys(image: Image.Image, label_set: LabelSet) -> bool:
    """Returns whether a picture without colour holds the greys of classes alone.

    Programs that make files small store a map of black and white classes so.
    """
    if image.mode not in ("1", "L", "LA"):
        return False
    levels = [level for level, count in enumerate(image.convert("L").histogram()) if count]
    return {(level, level, level) for level in levels} <= {
        tuple(colour) for colour in label_set.colours
    }


def _require_ids(path: str | Path, ids: np.ndarray, highest: int, remedy: str = "") -> None:
    if ids.min() < 0 or ids.max() > highest:
        raise DataError(
            f"{path}: this file holds ids from 0 to {highest}; got {int(ids.min())} to "
            f"{int(ids.max())}.{remedy}"
        )

"""Reading and writing label maps and instance maps as files, without changing ids.

A label map loses its meaning if a reader converts it: palette indices to colours, 4-bit values to
0..255, 16-bit ids to 8 bits or signed integers, white as zero to white as 255. These functions
give the numbers that the file stores, or refuse the file.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from tfsynth.data import picture_formats
from tfsynth.data.picture_files import Picture, opened, upright
from tfsynth.layouts.labels import DataError, LabelSet
from tfsynth.layouts.palettes import Colour, ids_by_palette

MAP_EXTENSIONS = frozenset({".png", ".tif", ".tiff", ".bmp"})
LABEL_CODINGS = ("ids", "colour")

# Pillow stretches grey values of so many bits to 0..255 by these factors.
_STRETCH = {2: 85, 4: 17}
# The formats and TIFF's compressions that keep every number.
_EXACT_FORMATS = ("PNG", "TIFF", "BMP", "PPM")
_EXACT_COMPRESSIONS = frozenset(
    {"raw", "tiff_ccitt", "group3", "group4", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate"}
    | {"packbits", "lzma", "zstd"}
)
_PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _SAMPLE_FORMAT = 262, 266, 277, 339

_PALETTE_REMEDY = (
    "Give the palette: a label file with the colour of every class and label_coding: colour, as in "
    "PairedFolders(root, labels='classes.yaml', label_coding='colour'); `tfsynth synthesize` takes "
    "--label-coding colour"
)


def read_label_map(
    path: str | Path, label_set: LabelSet | None = None, coding: str = "ids"
) -> np.ndarray:
    """Reads a label map, turned upright as its EXIF orientation says.

    Args:
        path: A PNG (1 to 16 bits, grey or palettised), TIFF or BMP file.
        label_set: The classes; its aliases and values become ids, and every id is checked. The
            colours of a palette count if they are those of the classes: then the classes are told
            by colour, in whatever order the palette lists them (see `layouts.ids_by_palette`).
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
    path: str | Path, label_set: LabelSet | None = None, coding: str = "ids"
) -> tuple[np.ndarray, int]:
    """As `read_label_map`; returns the EXIF orientation, 1 to 8, that the map was turned by too."""
    path = Path(path)
    if coding == "colour":
        if label_set is None:
            raise ValueError(
                "Label maps coded by colour need a label set to decode them. Give one."
            )
        pixels, turn = _read_coloured_map(path)
        return label_set.decode_colours(pixels, path), turn
    values, palette, turn = _read_integers(path, "label map")
    if label_set is None:
        return values, turn
    ids = None
    if palette is not None:
        ids = ids_by_palette(label_set, palette, distinct(values), path)
    labels = label_set.resolve(values, path) if ids is None else ids[values]
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


def instance_map_and_turn(path: str | Path) -> tuple[np.ndarray, int]:
    """As `read_instance_map`; returns the EXIF orientation, 1 to 8, too."""
    values, _, turn = _read_integers(Path(path), "instance map")
    return values.astype(np.int32, copy=False), turn


def values_and_palette(path: str | Path) -> tuple[list[int], list[Colour] | None]:
    """Returns the values in a label map, sorted, and its palette: colours by index, or None."""
    values, palette, _ = _read_integers(Path(path), "label map")
    return distinct(values), palette


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


def _read_integers(path: Path, what: str) -> tuple[np.ndarray, list[Colour] | None, int]:
    """Returns the stored numbers, upright, the palette if there is one, and the orientation."""
    with opened(path, what) as picture:
        image, mode = picture.image, picture.image.mode
        _require_exact(picture, path, what, "pixel values")
        if mode not in ("1", "L", "P", "I") and not mode.startswith("I;16"):
            raise _not_one_channel(path, what, image)
        _require_stored_numbers(picture, path, what)
        before = picture.orientation
        palette = _palette(image) if mode == "P" else None
        values = np.asarray(image)
        # Pillow has turned a TIFF, and nothing else.
        values = upright(values, picture.orientation)
    if mode == "1":
        values = values.astype(np.uint8)
    elif mode == "L" and picture.bits in _STRETCH:
        values = values // _STRETCH[picture.bits]
    elif mode == "I" and values.min() < 0:
        raise DataError(
            f"{path}: the {what} must hold ids from 0 to {2**31 - 1}; it holds "
            f"{int(values.min())} (a number from {2**31} up is read as negative)."
        )
    return values.astype(values.dtype.newbyteorder("="), copy=False), palette, before


def _require_exact(picture: Picture, path: Path, what: str, kept: str) -> None:
    """Raises unless the format keeps every number."""
    image = picture.image
    lossy = "JPEG" if image.format in ("JPEG", "MPO") else image.format
    if image.format == "TIFF":
        compression = image.info.get("compression", "raw")
        if compression in _EXACT_COMPRESSIONS:
            return
        lossy = f"TIFF with the compression {compression}"
    elif image.format in _EXACT_FORMATS:
        return
    named = f" (it is named {path.suffix})" if path.suffix.lower() not in (".jpg", ".jpeg") else ""
    named = named if image.format in ("JPEG", "MPO") else ""
    raise DataError(
        f"{path}: {lossy} changes {kept}, so it cannot hold {_a(what)}{named}. Give PNG or TIFF made "
        f"from the original {'ids' if kept == 'pixel values' else 'colours'}."
    )


def _require_stored_numbers(picture: Picture, path: Path, what: str) -> None:
    """Raises where Pillow gives other numbers than those in the file, or leaves some out."""
    image, reason = picture.image, ""
    if image.format == "PPM":
        highest = picture_formats.highest_of_ppm(image)
        if image.mode == "1":
            reason = "is a PBM, whose 1 is black, so that programs disagree on its ids"
        elif highest not in (255, 65535):
            reason = f"is a PGM whose highest number is {highest}: programs stretch it to 255"
    elif image.format == "TIFF":
        photometric = picture_formats.tiff_tag(image, _PHOTOMETRIC)
        formats = picture_formats.tiff_tag(image, _SAMPLE_FORMAT, (1,))
        if photometric not in (1, 3):
            reason = "is a TIFF whose zero is white, so that programs disagree on its ids"
            if photometric is None:
                reason = "is a TIFF that does not say whether its zero is black or white"
        elif picture_formats.tiff_tag(image, _SAMPLES, 1) != 1:
            reason = "has a further channel beside its ids"
        elif picture_formats.tiff_tag(image, _FILL_ORDER, 1) != 1:
            reason = "is a TIFF whose bits are in reversed order"
        elif max(formats) != 1 and picture.bits <= 8:
            reason = "is a TIFF of signed numbers of 8 bits"
    if reason:
        raise DataError(f"{path}: the {what} {reason}. Save it as PNG with one grey channel.")


def _palette(image: Image.Image) -> list[Colour]:
    flat = image.getpalette("RGB") or []
    return [(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3)]


def _not_one_channel(path: Path, what: str, image: Image.Image) -> DataError:
    if image.mode == "F":
        return DataError(
            f"{path}: the {what} must hold integers; it holds floating-point numbers. Convert it "
            "to 8- or 16-bit PNG, or 32-bit integer TIFF."
        )
    pixels = np.asarray(image.convert("RGB"))
    count = len(image.getbands())
    start = f"{path}: the {what} must have one integer per pixel; it has {count} channels (mode "
    start += f"{image.mode})"
    alpha = _alpha(image)
    if alpha is not None and np.all(pixels == pixels[0, 0]):
        return _in_alpha(path, what, start)
    if np.all(pixels == pixels[..., :1]):
        if alpha is not None:
            return DataError(
                f"{start}: one grey and its alpha, which both differ from pixel to pixel. Save the "
                "one that holds the ids as an 8-bit grey PNG."
            )
        return DataError(
            f"{start} that are all equal, so it was saved in the wrong mode. Save one channel "
            "as an 8-bit grey PNG."
        )
    if what == "label map":
        colours = np.unique(pixels.reshape(-1, 3), axis=0)
        shown = ", ".join(str(tuple(int(part) for part in colour)) for colour in colours[:4])
        more = ", ..." if len(colours) > 4 else ""
        return DataError(
            f"{start}: it is coded by colour, with {len(colours)} colours: {shown}{more}. "
            f"{_PALETTE_REMEDY}; or convert the maps to ids."
        )
    return DataError(
        f"{start}. Convert it to 16-bit PNG or 32-bit TIFF; where the colour holds the id, it is "
        "often red + 256 * green + 65536 * blue."
    )


def _alpha(image: Image.Image) -> np.ndarray | None:
    """Returns the alpha of a picture where it is not the same everywhere."""
    if not image.has_transparency_data:
        return None
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    return None if np.all(alpha == alpha[0, 0]) else alpha


def _in_alpha(path: Path, what: str, start: str) -> DataError:
    return DataError(
        f"{start}: its colour is the same everywhere, so what it shows is in the alpha channel. "
        f"Save that channel as the {what}: `Image.open({path.name!r}).getchannel('A').save(...)` "
        "with Pillow."
    )


def _read_coloured_map(path: Path) -> tuple[np.ndarray, int]:
    """Returns the colours, `(height, width, 3)` uint8, upright, and the orientation."""
    with opened(path, "label map") as picture:
        image = picture.image
        _require_exact(picture, path, "label map", "colours")
        if image.mode not in ("RGB", "RGBA", "P"):
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
        alpha = _alpha(image)
        pixels = np.asarray((image if alpha is None else image.convert("RGBA")).convert("RGB"))
        pixels = upright(pixels, picture.orientation)
    if alpha is not None:
        if np.all(pixels == pixels[0, 0]):
            raise _in_alpha(path, "label map", f"{path}: this label map has no classes in colour")
        raise DataError(
            f"{path}: this label map is transparent in parts, where its colours cannot be told. "
            "Save it without alpha."
        )
    return pixels, before


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _require_ids(path: str | Path, ids: np.ndarray, highest: int, remedy: str = "") -> None:
    if ids.min() < 0 or ids.max() > highest:
        raise DataError(
            f"{path}: this file holds ids from 0 to {highest}; got {int(ids.min())} to "
            f"{int(ids.max())}.{remedy}"
        )

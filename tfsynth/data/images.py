"""Reading and writing label maps, instance maps and pictures as files, without changing ids.

A label map loses its meaning if a reader converts it: palette indices to colours, 4-bit values to
0..255, 16-bit ids to 8 bits or signed integers. These functions do not convert ids.
"""

import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tfsynth.layouts.labels import DataError, LabelSet

MAP_EXTENSIONS = frozenset({".png", ".tif", ".tiff", ".bmp"})
PHOTO_EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})

LABEL_CODINGS = ("ids", "colour")
# Channels of a picture -> Pillow's mode.
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
PICTURE_CHANNELS = tuple(_MODES)
# The name of the pictures whose channels a setting gives, in messages.
_PICTURES = {"image_channels": "photo", "condition_channels": "condition picture"}

# Pillow stretches 2- and 4-bit grey values to 0..255 by these factors.
_STRETCH = {"L;2": 85, "L;4": 17}
_EXIF_ORIENTATION = 0x0112

_PALETTE_REMEDY = (
    "Give the palette: a label file with the colour of every class and label_coding: colour, as in "
    "PairedFolders(root, labels='classes.yaml', label_coding='colour'); `tfsynth synthesize` takes "
    "--label-coding colour"
)


def read_label_map(
    path: str | Path, label_set: LabelSet | None = None, coding: str = "ids"
) -> np.ndarray:
    """Reads a label map.

    Args:
        path: A PNG (1 to 16 bits, grey or palettised), TIFF or BMP file.
        label_set: The classes; its aliases and values become ids, and every id is checked. None:
            the pixels are returned as they are in the file.
        coding: "ids": pixels are ids, palette indices among them. "colour": pixels are the
            colours of `label_set`.

    Returns:
        `(height, width)`, of `label_set.dtype`, or of the file's integer type without a set.

    Raises:
        DataError: unreadable, coded otherwise, or an id or colour outside the set.
    """
    path = Path(path)
    if coding == "colour":
        if label_set is None:
            raise ValueError(
                "Label maps coded by colour need a label set to decode them. Give one."
            )
        return label_set.decode_colours(_read_coloured_map(path), path)
    values = _read_integers(path, "label map")
    if label_set is None:
        return values
    labels = label_set.resolve(values, path)
    label_set.check(labels, path)
    return labels.astype(label_set.dtype, copy=False)


def read_instance_map(path: str | Path) -> np.ndarray:
    """Reads an instance map: one number per instance, 0 to 2**31 - 1.

    Args:
        path: A PNG of up to 16 bits, or a TIFF of up to 32.

    Returns:
        `(height, width)` int32.

    Raises:
        DataError: unreadable, not one integer per pixel, or a negative id.
    """
    values = _read_integers(Path(path), "instance map")
    return values.astype(np.int32, copy=False)


def read_photo(path: str | Path, channels: int = 3) -> np.ndarray:
    """Reads a photograph; as `read_picture`, whose `setting` is "image_channels".

    Args:
        path: A PNG, JPEG, WebP, BMP, TIFF or PPM file.
        channels: 1, 3 or 4.

    Returns:
        `(height, width, channels)` uint8.

    Raises:
        DataError: as `read_picture`.
    """
    return read_picture(path, channels)


def read_picture(
    path: str | Path, channels: int = 3, setting: str = "image_channels"
) -> np.ndarray:
    """Reads a picture of 8 bits per channel, turned upright as its EXIF orientation says.

    The picture is converted to the given number of channels. Grey becomes RGB exactly; colour
    becomes grey by the weights of ITU-R 601. Alpha is neither added nor dropped: four channels
    need a file with alpha, fewer channels a file without, or with an opaque one.

    Args:
        path: A PNG, JPEG, WebP, BMP, TIFF or PPM file.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha).
        setting: "image_channels" or "condition_channels": the name of `channels` in messages.

    Returns:
        `(height, width, channels)` uint8.

    Raises:
        DataError: unreadable, 16-bit or floating-point grey, partly transparent without a channel
            for it, or without alpha where four channels are given.
    """
    path, what = Path(path), _PICTURES[setting]
    with _opened(path, what) as image:
        if image.mode.startswith(("I", "F")):
            kind = "grey" if channels == 1 else "RGB"
            raise DataError(
                f"{path}: a {what} has 8 bits per channel; this one is of mode {image.mode}. "
                f"Convert it to 8-bit {kind}, choosing its black and white."
            )
        if channels == 4:
            _require_alpha(image, path, setting)
        else:
            _refuse_transparency(image, path, setting)
        upright = ImageOps.exif_transpose(image).convert(_MODES[channels])
        return np.asarray(upright).reshape(upright.height, upright.width, channels)


def verify_picture(
    path: str | Path, channels: int = 3, setting: str = "image_channels"
) -> tuple[int, int]:
    """Decodes a picture at the least cost that finds damage; returns `(height, width)`, upright.

    Raises:
        DataError: as `read_picture`.
    """
    path = Path(path)
    with _opened(path, _PICTURES[setting]) as image:
        turned = image_orientation(image) >= 5
        width, height = image.size
        if image.format != "JPEG" or channels == 4:
            return read_picture(path, channels, setting).shape[:2]  # pyright: ignore[reportReturnType]
        # Every byte is still read, but only an eighth of the pixels is made.
        image.draft(None, (max(1, width // 8), max(1, height // 8)))
        image.load()
    return (width, height) if turned else (height, width)


def image_orientation(image: Image.Image) -> int:
    """Returns the EXIF orientation, 1 (upright) to 8; 1 where there is none."""
    return int(image.getexif().get(_EXIF_ORIENTATION, 1))


def photo_orientation(path: str | Path) -> int:
    """Returns the EXIF orientation of a photo file, 1 (upright) to 8."""
    with _opened(Path(path), "photo") as image:
        return image_orientation(image)


def read_palette(path: str | Path) -> list[tuple[int, int, int]]:
    """Returns the colours of a palettised image by index; an empty list for any other image."""
    with _opened(Path(path), "label map") as image:
        flat = image.getpalette("RGB") if image.mode == "P" else None
    flat = flat or []
    return [(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3)]


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


def write_photo(path: str | Path, image: np.ndarray) -> None:
    """Writes `(height, width, 1, 3 or 4)` uint8 pixels in the format that the file name says."""
    image = np.asarray(image, np.uint8)
    # Pillow's grey pictures have no axis of channels.
    image = image[..., 0] if image.shape[-1] == 1 else image
    # The settings play no part in other formats than JPEG and WebP.
    Image.fromarray(image).save(path, quality=95, subsampling=0)


@contextlib.contextmanager
def _opened(path: Path, what: str) -> Iterator[Image.Image]:
    """Opens an image and raises any error of decoding as a `DataError`."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file (a {what} was expected).")
    try:
        with Image.open(path) as image:
            yield image
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: the {what} is too large to be safe ({error}).") from error
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: the {what} cannot be read ({error}). The file is empty, truncated or "
            "damaged, or no image: replace it."
        ) from error


def _read_integers(path: Path, what: str) -> np.ndarray:
    if _is_jpeg(path):
        raise DataError(
            f"{path}: JPEG changes pixel values, so it cannot hold a {what}. Give PNG or TIFF made "
            "from the original ids."
        )
    with _opened(path, what) as image:
        mode = image.mode
        if mode not in ("1", "L", "P", "I") and not mode.startswith("I;16"):
            raise _not_one_channel(path, what, image)
        tiles = getattr(image, "tile", None)
        raw = tiles[0].args if tiles else None
        stretch = _STRETCH.get(str(raw[0] if isinstance(raw, tuple) else raw), 1)
        values = np.asarray(image)
    if mode == "1":
        return values.astype(np.uint8)
    if mode == "I" and values.min() < 0:
        raise DataError(
            f"{path}: the {what} must hold ids from 0 to {2**31 - 1}; it holds "
            f"{int(values.min())} (a number from {2**31} up is read as negative)."
        )
    values = values // stretch if stretch > 1 else values
    return values.astype(values.dtype.newbyteorder("="), copy=False)


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
    if np.all(pixels == pixels[..., :1]):
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


def _read_coloured_map(path: Path) -> np.ndarray:
    if _is_jpeg(path):
        raise DataError(
            f"{path}: JPEG changes colours, so it cannot hold a label map. Give PNG made from the "
            "original colours."
        )
    with _opened(path, "label map") as image:
        if image.mode not in ("RGB", "RGBA", "P"):
            raise DataError(
                f"{path}: label_coding is colour, but this label map has one grey channel (mode "
                f"{image.mode}). Use label_coding: ids, the default."
            )
        return np.asarray(image.convert("RGB"))


def _refuse_transparency(image: Image.Image, path: Path, setting: str) -> None:
    if image.has_transparency_data:
        lowest = image.convert("RGBA").getchannel("A").getextrema()[0]
        if lowest != 255:
            raise DataError(
                f"{path}: a {_PICTURES[setting]} has no transparent pixels; this one does (its "
                f"lowest alpha is {lowest}). Flatten it onto the background that you want, or set "
                f"`{setting}` to 4."
            )


def _require_alpha(image: Image.Image, path: Path, setting: str) -> None:
    if not image.has_transparency_data:
        raise DataError(
            f"{path}: `{setting}` is 4, and this {_PICTURES[setting]} has no alpha (mode "
            f"{image.mode}). Save it as RGBA, or set `{setting}` to 3 or 1."
        )


def _require_ids(path: str | Path, ids: np.ndarray, highest: int, remedy: str = "") -> None:
    if ids.min() < 0 or ids.max() > highest:
        raise DataError(
            f"{path}: this file holds ids from 0 to {highest}; got {int(ids.min())} to "
            f"{int(ids.max())}.{remedy}"
        )


def _is_jpeg(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg")

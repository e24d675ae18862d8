"""Reading and writing photographs and condition pictures: 8 bits per channel, upright."""

from pathlib import Path

import numpy as np
from PIL import Image

from tfsynth.data import picture_formats
from tfsynth.data.picture_files import Picture, opened, upright
from tfsynth.layouts.labels import DataError

PHOTO_EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})

# Channels of a picture -> Pillow's mode.
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
PICTURE_CHANNELS = tuple(_MODES)
# The name of the pictures whose channels a setting gives, in messages.
_PICTURES = {"image_channels": "photo", "condition_channels": "condition picture"}
# What is converted to these without loss of meaning.
_READ_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")
_PHOTOMETRIC, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 262, 338, 339


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
        DataError: unreadable, of more than 8 bits per channel or of floating-point numbers, of
            channels that are neither grey, RGB nor alpha, partly transparent without a channel
            for it, or without alpha where four channels are given.
    """
    return picture_and_turn(path, channels, setting)[0]


def picture_and_turn(
    path: str | Path,
    channels: int = 3,
    setting: str = "image_channels",
    thorough: bool = False,
) -> tuple[np.ndarray, int]:
    """As `read_picture`; returns the EXIF orientation, 1 to 8, that it was turned by too.

    Args:
        path, channels, setting: As in `read_picture`.
        thorough: Whether to look for rows that a PNG lacks, which takes as long again.
    """
    path, what = Path(path), _PICTURES[setting]
    with opened(path, what, thorough) as picture:
        _require_plain(picture, path, what, channels)
        before = picture.orientation
        image = picture.image
        if channels == 4:
            _require_alpha(image, path, setting)
        else:
            _refuse_transparency(image, path, setting)
        if image.has_transparency_data:
            image = image.convert("RGBA")
        image = image if image.mode == _MODES[channels] else image.convert(_MODES[channels])
        pixels = np.asarray(image).reshape(image.height, image.width, channels)
        # Pillow has turned a TIFF, and nothing else.
        return upright(pixels, picture.orientation), before


def verify_picture(
    path: str | Path, channels: int = 3, setting: str = "image_channels"
) -> tuple[int, int]:
    """Decodes a picture at the least cost that finds damage; returns `(height, width)`, upright.

    Raises:
        DataError: as `read_picture`.
    """
    return size_and_turn(path, channels, setting)[0]


def size_and_turn(
    path: str | Path, channels: int = 3, setting: str = "image_channels"
) -> tuple[tuple[int, int], int]:
    """As `verify_picture`; returns the EXIF orientation, 1 to 8, too."""
    path = Path(path)
    what = _PICTURES[setting]
    with opened(path, what, thorough=False) as picture:
        image = picture.image
        if image.format == "JPEG" and channels != 4:
            _require_plain(picture, path, what, channels)
            turn, (width, height) = picture.orientation, image.size
            # Every byte is still read, but only an eighth of the pixels is made.
            image.draft(None, (max(1, width // 8), max(1, height // 8)))
            image.load()
            return ((width, height) if turn >= 5 else (height, width)), turn
    pixels, turn = picture_and_turn(path, channels, setting, thorough=True)
    return (pixels.shape[0], pixels.shape[1]), turn


def write_photo(path: str | Path, image: np.ndarray) -> None:
    """Writes `(height, width, 1, 3 or 4)` uint8 pixels in the format that the file name says."""
    image = np.asarray(image, np.uint8)
    # Pillow's grey pictures have no axis of channels.
    image = image[..., 0] if image.shape[-1] == 1 else image
    # The settings play no part in other formats than JPEG and WebP.
    Image.fromarray(image).save(path, quality=95, subsampling=0)


def _require_plain(picture: Picture, path: Path, what: str, channels: int) -> None:
    """Raises unless this is grey, a palette or RGB, of 8 bits, with or without alpha."""
    image = picture.image
    kind = "grey" if channels == 1 else "RGB"
    if picture.bits > 8 or image.mode.startswith(("I", "F")):
        raise DataError(
            f"{path}: a {what} has 8 bits per channel; this one has {picture.bits} (mode "
            f"{image.mode}). Convert it to 8-bit {kind}, choosing its black and white."
        )
    if image.mode not in _READ_MODES:
        raise DataError(
            f"{path}: a {what} is grey or RGB, with or without alpha; this one is of mode "
            f"{image.mode}. Convert it to {kind}, with its colour profile if it has one."
        )
    if image.format == "TIFF":
        reason = ""
        if picture_formats.tiff_tag(image, _PHOTOMETRIC) is None:
            reason = "does not say whether its zero is black or white"
        elif 0 in picture_formats.tiff_tag(image, _EXTRA_SAMPLES, ()):
            reason = "has a further channel that is neither colour nor alpha"
        elif max(picture_formats.tiff_tag(image, _SAMPLE_FORMAT, (1,))) != 1:
            reason = "has signed numbers"
        if reason:
            raise DataError(
                f"{path}: this {what} is a TIFF that {reason}. Save it as 8-bit {kind}."
            )


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

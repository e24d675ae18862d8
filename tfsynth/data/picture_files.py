"""The one place that opens pictures: the formats that are meant, whole files, errors with a name.

What a file stores decides how it is read, not its name: its first bytes say which format it has.
"""

import contextlib
import dataclasses
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

# Imported by name, so that no other plug-in of Pillow is looked for: some start other programs.
from PIL import (  # noqa: F401
    BmpImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from tfsynth.data import picture_formats
from tfsynth.data.picture_formats import Unsuitable
from tfsynth.layouts.labels import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
_ORIENTATION = 0x0112

# The frame's header of a JPEG of 12 bits, somewhere in the beginning.
_HEAD, _DEEP_JPEG = 2**20, re.compile(rb"\xff[\xc0-\xc2]\0.\x0c", re.DOTALL)

_DAMAGED = "The file is empty, truncated or damaged, or no image: replace it."
# The first bytes of files that are no picture that is read -> what they are, and what to do.
_OTHERS = {
    b"version https://git-lfs.github.com/spec": (
        "it is a pointer of Git LFS, in place of the file itself",
        "Run `git lfs pull` in the repository that it is from.",
    ),
    b"\x1f\x8b": ("it is compressed by gzip", "Unpack it with gunzip."),
    b"PK\x03\x04": ("it is a ZIP archive", "Unpack it."),
    b"%!PS": ("it is PostScript, which is a program", "Save it as PNG."),
    b"\xc5\xd0\xd3\xc6": ("it is PostScript, which is a program", "Save it as PNG."),
    b"%PDF": ("it is a PDF", "Save it as PNG."),
    b"GIF8": ("it is a GIF", "Save it as PNG."),
    b"\x00\x00\x00\x0cjP  ": ("it is JPEG 2000", "Save it as PNG."),
    b"\x93NUMPY": ("it is an array of NumPy", "Save it as PNG."),
    b"\x89HDF": ("it is HDF5", "Save its pictures as PNG."),
    b"8BPS": ("it is a Photoshop file", "Save it as PNG."),
    b"<": (
        "it is HTML, SVG or XML",
        "If it was downloaded, the server sent a page: fetch it anew.",
    ),
}


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture that is open.

    Args:
        image: Pillow's, not yet decoded.
        bits: The bits of one stored number; Pillow itself makes 8 of 16 in several channels.
    """

    image: Image.Image
    bits: int

    @property
    def orientation(self) -> int:
        """The EXIF orientation, 1 (upright) to 8; 1 where there is none, or no such number.

        Raises:
            Unsuitable: the EXIF data are damaged from their beginning.
        """
        if self.image.format == "PNG":
            self.image.load()  # As `getexif` does; damaged pixels are no damaged EXIF data.
        try:
            exif = self.image.getexif()
            # ImageMagick's older name, which Pillow does not know.
            old = self.image.info.get("Raw profile type APP1")
            if _ORIENTATION not in exif and old is not None:
                data = bytes.fromhex("".join(old.split("\n")[3:]))
                if data.startswith(b"Exif\0\0"):
                    exif.load(data)
        except (SyntaxError, ValueError, TypeError, AttributeError) as error:
            raise Unsuitable(
                f"has damaged EXIF data, which say how to turn it ({error}). Remove them, such as "
                "by `exiftool -exif:all= FILE`, or save it anew; see that it is upright."
            ) from error
        value = exif.get(_ORIENTATION, 1)
        return value if isinstance(value, int) and 2 <= value <= 8 else 1


@contextlib.contextmanager
def opened(path: Path, what: str, thorough: bool = True) -> Iterator[Picture]:
    """Opens a picture file, and raises whatever goes wrong inside the block as `DataError`.

    Args:
        path: The file, of one of `FORMATS`.
        what: What it is, for messages: "photo", "label map" and so on.
        thorough: Whether to unpack a PNG's pixels once more, to count them: Pillow takes one that
            ends early. Checksums are always compared.

    Raises:
        DataError: the file is missing, is damaged, is no picture of these formats, holds several
            frames, or is larger than `picture_formats` allows; the message names it.
    """
    if not path.is_file():
        kind = "this is a folder" if path.is_dir() else "there is no such file"
        if path.is_symlink() and not path.exists():
            kind = f"this is a link to {os.readlink(path)}, and there is no such file"
        raise DataError(f"{path}: {kind} (a {what} was expected).")
    try:
        stream = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise DataError(
            f"{path}: the {what} cannot be opened ({error.strerror}). See who may read it."
        ) from error
    with stream, _decoded(stream, path, what, thorough) as picture:
        yield picture


@contextlib.contextmanager
def opened_bytes(data: bytes, name: object, what: str) -> Iterator[Picture]:
    """As `opened`, for a picture in memory; `name` begins a message."""
    with _decoded(io.BytesIO(data), name, what, thorough=True) as picture:
        yield picture


@contextlib.contextmanager
def _decoded(stream: BinaryIO, name: object, what: str, thorough: bool) -> Iterator[Picture]:
    # Pillow and its libraries raise nearly everything for a damaged file: `struct.error`,
    # `KeyError`, `SystemError`, `MemoryError`, and warnings where these are errors.
    try:
        picture_formats.check_bytes(stream, thorough)
        with Image.open(stream, formats=FORMATS) as image:
            picture_formats.check_image(image, stream)
            yield Picture(image, picture_formats.bits_per_channel(image, stream))
    except DataError:
        raise
    except Unsuitable as error:
        raise DataError(f"{name}: the {what} {error}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{name}: the {what} is too large to be safe ({error}). Cut or shrink it."
        ) from error
    except Exception as error:
        reason, remedy = _other_kind(stream) or (_in_words(error), _DAMAGED)
        raise DataError(f"{name}: the {what} cannot be read ({reason}). {remedy}") from error


def _in_words(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"it is none of {', '.join(FORMATS)}, or its header is damaged"
    return str(error) or type(error).__name__


def _other_kind(stream: BinaryIO) -> tuple[str, str] | None:
    stream.seek(0)
    head = stream.read(_HEAD)
    start = head[:64]
    if not start:
        return "it is empty", _DAMAGED
    if start.startswith(b"\xff\xd8") and _DEEP_JPEG.search(head):
        return "it is a JPEG of 12 bits per channel", "Save it with 8, choosing black and white."
    if start[4:8] == b"ftyp":
        return "it is HEIC, AVIF or a video", "Save it as PNG."
    return next((text for sign, text in _OTHERS.items() if start.startswith(sign)), None)


def upright(pixels: np.ndarray, turned: int) -> np.ndarray:
    """Returns the pixels of a stored picture as they are meant to be seen.

    Args:
        pixels: `(height, width, ...)` as stored.
        turned: The EXIF orientation, 1 to 8.

    Returns:
        The same pixels; `(width, height, ...)` for orientations from 5 up.
    """
    if turned in (3, 7):
        pixels = pixels[::-1, ::-1]
    elif turned in (2, 8):
        pixels = pixels[:, ::-1]
    elif turned in (4, 6):
        pixels = pixels[::-1]
    if turned >= 5:
        pixels = pixels.swapaxes(0, 1)
    return np.ascontiguousarray(pixels)

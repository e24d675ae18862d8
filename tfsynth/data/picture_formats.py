"""What Pillow does not check: checksums, missing rows, and files that take all memory or time."""

import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from PIL import Image

# 8192 x 8192. A picture then takes less than a gigabyte while it is read.
MOST_PIXELS = 2**26
# WebP's library keeps several copies.
MOST_WEBP_PIXELS = 2**25
# Pillow decodes these in Python, a microsecond or so for each number.
MOST_SLOW_PIXELS = 2**22
MOST_BYTES = 2**29
# Of a PNG chunk without pixels, and of numbers in one TIFF tag.
MOST_EXTRA_BYTES = 2**24
MOST_TAG_NUMBERS = 2**18
MOST_CHUNKS = 2**18
MOST_TAGS = 4096
MOST_PPM_HEADER = 2**16
# A progressive JPEG is decoded once for every scan; encoders write about ten.
MOST_SCANNED_PIXELS = 2**30

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BLOCK = 2**20
# Channels of PNG's colour types.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# TIFF's number types but bytes and text, with their sizes.
_TAG_SIZES = {3: 2, 4: 4, 5: 8, 6: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

_BITS_PER_SAMPLE = 258


class Unsuitable(ValueError):
    """A picture that could be decoded, and is not; the message goes on after "the label map"."""


def check_bytes(stream: BinaryIO, thorough: bool) -> None:
    """Raises unless the file is whole and of bounded cost, as far as its format tells.

    PNG has checksums; other formats have none, so that of them only the sizes can be checked.

    Args:
        stream: The file, open for reading; it is left at its beginning.
        thorough: Whether to unpack a PNG's pixels to count them.

    Raises:
        Unsuitable: it is too large.
        ValueError: it is damaged.
    """
    size = stream.seek(0, 2)
    if size > MOST_BYTES:
        raise Unsuitable(f"has {size:,} bytes; files of up to {MOST_BYTES:,} are read.")
    stream.seek(0)
    start = stream.read(32)
    if start.startswith(_PNG):
        _check_png(stream, thorough)
    elif start.startswith(_TIFF):
        _check_tiff_tags(stream, start, size)
    elif start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        _check_webp(start, size)
    elif start[:1] == b"P" and size > MOST_PPM_HEADER:
        # Pillow reads comments byte by byte, however long they are.
        stream.seek(0)
        head = re.sub(rb"#[^\r\n]*", b"", stream.read(MOST_PPM_HEADER))
        if len(head.split(maxsplit=3)) < 3:
            raise Unsuitable("has a comment that is too long. Save it without.")
    stream.seek(0)


def check_image(image: Image.Image, stream: BinaryIO) -> None:
    """Raises `Unsuitable` unless this is one picture of bounded size; nothing is decoded yet.

    Args:
        image: The picture, opened.
        stream: Its file.
    """
    pixels = image.width * image.height
    slow = _decoder(image)[0] in ("ppm", "ppm_plain", "bmp_rle")
    most = MOST_WEBP_PIXELS if image.format == "WEBP" else MOST_PIXELS
    most = MOST_SLOW_PIXELS if slow else most
    if pixels > most:
        raise _too_many(image.size, most, "Save it as PNG." if slow else "Cut or shrink it.")
    # An MPO is a JPEG photo; what follows it is for cameras and 3D screens.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise Unsuitable(
            "has several frames or pages. Save the one that you mean as a file of its own."
        )
    if image.format == "BMP":
        _check_bmp(image, stream)
    if image.info.get("progressive"):
        _check_scans(stream, pixels)


def bits_per_channel(image: Image.Image, stream: BinaryIO) -> int:
    """Returns the bits of one stored number, 1 to 64; a palette's index has up to 8.

    Args:
        image: The picture, opened and not yet decoded.
        stream: Its file; its position stays.
    """
    if image.format == "TIFF":
        return max(tiff_tag(image, _BITS_PER_SAMPLE, (1,)))
    if image.format == "PPM":
        return highest_of_ppm(image).bit_length()
    if image.format == "PNG":
        return _header(stream)[24]
    return _bits_of_bmp(stream) if image.format == "BMP" else 8


def highest_of_ppm(image: Image.Image) -> int:
    """Returns the number that stands for white in a PPM, PGM or PBM file: 1 to 65535."""
    name, arguments = _decoder(image)
    if image.mode == "1":
        return 1
    if name == "raw":
        return 65535 if image.mode == "I" else 255
    return int(arguments[1])


def tiff_tag(image: Image.Image, number: int, default: Any = None) -> Any:
    """Returns what a TIFF file's tag holds."""
    return image.tag_v2.get(number, default)  # pyright: ignore[reportAttributeAccessIssue]


def _decoder(image: Image.Image) -> tuple[str, Any]:
    """Returns Pillow's decoder and its arguments."""
    tiles = getattr(image, "tile", None)
    return (tiles[0][0], tiles[0][3]) if tiles else ("", ())


def _header(stream: BinaryIO) -> bytes:
    place = stream.tell()
    stream.seek(0)
    start = stream.read(32)
    stream.seek(place)
    return start


def _too_many(size: tuple[int, int], most: int, remedy: str) -> Unsuitable:
    return Unsuitable(
        f"is too large to be safe: {size[0]} x {size[1]} pixels, and up to {most:,} are read. "
        f"{remedy}"
    )


def _check_png(stream: BinaryIO, thorough: bool) -> None:
    """Compares the checksum of every chunk; with `thorough`, counts the bytes of the pixels."""
    stream.seek(len(_PNG))
    header, unpacked, wanted, seen = b"", zlib.decompressobj(), 0, 0
    for kind, blocks in _png_chunks(stream):
        if not header:
            header = b"".join(blocks)
            if kind != b"IHDR" or len(header) != 13:
                raise ValueError("it does not begin with a header of PNG")
            wanted = _png_bytes(header)
        for block in blocks:
            if kind != b"IDAT" or not thorough:
                continue
            while block and seen < wanted and not unpacked.eof:
                seen += len(unpacked.decompress(block, _BLOCK))
                block = unpacked.unconsumed_tail
        if kind in (b"acTL", b"fcTL"):
            raise Unsuitable("is animated. Save the frame that you mean as a file of its own.")
    if thorough and seen < wanted:
        raise ValueError(f"its pixels end after {seen} of {wanted} bytes")


def _png_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, Iterator[bytes]]]:
    """Yields every chunk's kind and its data, block by block; raises if a checksum is wrong."""

    def data(kind: bytes, length: int) -> Iterator[bytes]:
        checksum = zlib.crc32(kind)
        while length:
            block = stream.read(min(length, _BLOCK))
            if not block:
                raise ValueError(f"it is truncated in its chunk {kind!r}")
            length -= len(block)
            checksum = zlib.crc32(block, checksum)
            yield block
        if stream.read(4) != checksum.to_bytes(4, "big"):
            raise ValueError(f"the checksum of its chunk {kind!r} is wrong, or it is truncated")

    for _ in range(MOST_CHUNKS):
        start = stream.read(8)
        if len(start) < 8:
            raise ValueError("it is truncated: its last chunk is missing")
        length, kind = int.from_bytes(start[:4], "big"), start[4:]
        if kind != b"IDAT" and length > MOST_EXTRA_BYTES:
            raise Unsuitable(f"has {length:,} bytes in its chunk {kind!r}. Save it without them.")
        blocks = data(kind, length)
        yield kind, blocks
        for _ in blocks:  # What was not read is checked too.
            pass
        if kind == b"IEND":
            return
    raise Unsuitable(f"has more than {MOST_CHUNKS} chunks. Save it anew.")


def _png_bytes(header: bytes) -> int:
    """Returns the bytes of a PNG's pixels before they are packed, with one for every row."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if width * height > MOST_PIXELS:
        raise _too_many((width, height), MOST_PIXELS, "Cut or shrink it.")
    bits = header[8] * _PNG_CHANNELS.get(header[9], 1)
    passes = [(0, 0, 1, 1)]
    if header[12]:  # Adam7: first column and row, and the steps.
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)]
        passes += [(1, 0, 2, 2), (0, 1, 1, 2)]
    total = 0
    for x, y, across, down in passes:
        columns, rows = -((x - width) // across), -((y - height) // down)
        total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return total


def _check_tiff_tags(stream: BinaryIO, start: bytes, size: int) -> None:
    """Bounds the numbers that Pillow makes of tags; each takes a hundred times its bytes."""
    order, big = ("little" if start[:1] == b"I" else "big"), start[2:4] in (b"+\0", b"\0+")
    number = lambda data: int.from_bytes(data, order)  # noqa: E731
    place = number(start[8:16] if big else start[4:8])
    if place >= size:
        raise ValueError("its directory lies behind its end")
    stream.seek(place)
    count = number(stream.read(8 if big else 2))
    if count > MOST_TAGS:
        raise Unsuitable(f"has {count:,} TIFF tags. Save it anew.")
    for _ in range(count):
        entry = stream.read(20 if big else 12)
        kind, length = number(entry[2:4]), number(entry[4:12] if big else entry[4:8])
        if kind in _TAG_SIZES and length > MOST_TAG_NUMBERS:
            raise Unsuitable(f"has {length:,} numbers in one TIFF tag. Save it anew.")
        if length * _TAG_SIZES.get(kind, 1) > size:
            raise ValueError("a tag of it is longer than the file")


def _check_webp(start: bytes, size: int) -> None:
    """Bounds a WebP before its library asks for memory."""
    number = lambda i, count: int.from_bytes(start[i : i + count], "little")  # noqa: E731
    if number(4, 4) + 7 > size:
        raise ValueError("it is truncated")
    width = height = 0
    if start[12:16] == b"VP8 ":
        width, height = number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF
    elif start[12:16] == b"VP8L":
        width, height = (number(21, 4) & 0x3FFF) + 1, (number(21, 4) >> 14 & 0x3FFF) + 1
    elif start[12:16] == b"VP8X":
        width, height = number(24, 3) + 1, number(27, 3) + 1
    if width * height > MOST_WEBP_PIXELS:
        raise _too_many((width, height), MOST_WEBP_PIXELS, "Cut or shrink it.")


def _check_bmp(image: Image.Image, stream: BinaryIO) -> None:
    # Pillow takes a palette of greys for none, and then mistakes the bits of a pixel.
    bits, (name, _) = _bits_of_bmp(stream), _decoder(image)
    if name == "raw" and image.mode in ("1", "L") and bits != (1 if image.mode == "1" else 8):
        raise Unsuitable(f"is a BMP of {bits} bits with a palette of greys. Save it as PNG.")


def _bits_of_bmp(stream: BinaryIO) -> int:
    """Returns the bits of a palette's index or of a grey; 8 for each channel of a colour."""
    header = _header(stream)
    bits = header[24] if header[14] == 12 else header[28]
    return min(bits, 8)


def _check_scans(stream: BinaryIO, pixels: int) -> None:
    place = stream.tell()
    stream.seek(0)
    scans = stream.read().count(b"\xff\xda")
    stream.seek(place)
    if scans > 20 and scans * pixels > MOST_SCANNED_PIXELS:
        raise Unsuitable(f"is a JPEG of {scans} scans, which take too long. Save it anew.")

"""Pictures written byte by byte: what Pillow cannot write, and what no sound program does."""

import struct
import zlib

import numpy as np

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind, data=b""):
    """Returns a PNG chunk with its checksum."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(pixels, bits=8, colour_type=0, before=b"", after=b"", rows=None):
    """Returns a PNG.

    Args:
        pixels: (height, width) numbers of `bits` bits, or (height, width, channels) of 8 or 16.
        bits: Bits of each number.
        colour_type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        before: Chunks before the pixels.
        after: Chunks after them.
        rows: How many rows are written; all of them by default.
    """
    pixels = np.asarray(pixels)
    height, width = pixels.shape[:2]
    if bits == 16:
        packed = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    elif bits == 8:
        packed = pixels.astype(np.uint8).reshape(height, -1)
    else:
        shifts = 8 - bits * (1 + np.arange(8 // bits))
        padded = np.pad(pixels, ((0, 0), (0, -width % len(shifts))))
        packed = (padded.reshape(height, -1, len(shifts)) << shifts).sum(-1).astype(np.uint8)
    data = b"".join(b"\0" + row.tobytes() for row in packed[:rows])
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    parts = [png_chunk(b"IHDR", header), before, png_chunk(b"IDAT", zlib.compress(data)), after]
    return PNG_SIGNATURE + b"".join(parts) + png_chunk(b"IEND")


def exif(orientation):
    """Returns EXIF data with an orientation alone, as of PNG's chunk eXIf."""
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


def tiff(data, width, height, bits=8, tags=None, big_endian=False):
    """Returns an uncompressed TIFF of one strip.

    Args:
        data: The bytes of the pixels.
        width, height: The size.
        bits: Bits of each number, or a list with one for each channel.
        tags: Number -> value (a number or a list of them) of tags to change; None removes one.
        big_endian: Whether numbers have their highest byte first.
    """
    order, bits = (">" if big_endian else "<"), bits if isinstance(bits, list) else [bits]
    values = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: len(bits)}
    values |= {278: height, 279: len(data), **(tags or {})}
    entries, extra = b"", b""
    kept = sorted((number, value) for number, value in values.items() if value is not None)
    start = 8 + len(data)
    behind = start + 2 + 12 * len(kept) + 4
    for number, value in kept:
        value = value if isinstance(value, list) else [value]
        packed = struct.pack(f"{order}{len(value)}H", *value)
        if len(packed) > 4:
            place = struct.pack(f"{order}I", behind + len(extra))
            extra += packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", number, 3, len(value)) + place
    mark = b"MM\0*" if big_endian else b"II*\0"
    head = mark + struct.pack(f"{order}I", start) + data
    return head + struct.pack(f"{order}H", len(kept)) + entries + bytes(4) + extra


def bmp(data, width, height, bits, palette):
    """Returns a BMP with a palette, the lowest row first; rows have a multiple of four bytes."""
    colours = b"".join(bytes([blue, green, red, 0]) for red, green, blue in palette)
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(data), 0, 0, len(palette), 0
    )
    start = 14 + len(info) + len(colours)
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
    return head + info + colours + data

"""Writes grey PNG files with the standard library, right ones and, for tests, wrong ones."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    """Returns a chunk: length, kind, data and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width, height, bits=8, colour=0):
    """Returns the first chunk. Colour 0 is grey, 2 RGB, 6 RGB with alpha."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def grey_png(width, rows, bits=8):
    """Returns a grey PNG file.

    Args:
        width: In pixels.
        rows: List of bytes, one per row: one byte for each pixel, two with 16 bits.
        bits: 8 or 16.
    """
    data = b"".join(b"\0" + row for row in rows)
    pixels = chunk(b"IDAT", zlib.compress(data))
    return SIGNATURE + header(width, len(rows), bits) + pixels + chunk(b"IEND", b"")

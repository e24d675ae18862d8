"""Hostile pictures: other formats under the name of a PNG, and ones that grow when read."""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

from tests.faults.hostile import Hostile, content
from tests.faults.specimens import GOLDENS, IDS

SMALL = IDS[:8, :8] % 3
POSTSCRIPT = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
(ran-by-hostile-code) (w) file dup (ran) writestring closefile
showpage
%%EOF
"""
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
XMP = b"\x01" * 100


def chunk(kind, data):
    """Returns a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *more, depth=8, colour=0, pixels=None):
    """Returns a PNG file; by default its pixels are missing."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"" if pixels is None else chunk(b"IDAT", pixels)
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + body + chunk(b"IEND", b"")


def zeros(count):
    """Returns many zeros, deflated."""
    packer = zlib.compressobj(9)
    block, parts = bytes(1 << 24), []
    while count > 0:
        parts.append(packer.compress(block[: min(count, len(block))]))
        count -= len(block)
    return b"".join(parts) + packer.flush()


def tiff(*tags, next_one=0, at=8):
    """Returns a TIFF file of one list of (tag, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", at, len(tags)) + entries + struct.pack("<I", next_one)


def _sized(width, height, *more, **options):
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (279, 4, 1, 64), *more]
    return tiff(*tags, **options)


def saved(array, format, **options):
    """Returns the array as a file."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, format, **options)
    return file.getvalue()


ROWS = zlib.compress(b"".join(b"\0" + bytes(row) for row in SMALL))


def _noted(count):
    note = chunk(b"zTXt", b"p\0\0" + zeros(200 << 20))
    return png(8, 8, note * count, pixels=ROWS)


def _files():
    yield "PostScript", POSTSCRIPT
    yield (
        "PostScript with a preview",
        b"\xc5\xd0\xd3\xc6" + struct.pack("<7I", 32, 999, 0, 0, 0, 0, 0)[:28] + POSTSCRIPT,
    )
    yield "GIF", saved(SMALL, "GIF")
    yield "PDF", b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\n%%EOF"
    yield "SVG", SVG
    yield "ICO", saved(SMALL.repeat(4, 0).repeat(4, 1), "ICO")
    yield "TGA", saved(SMALL, "TGA")
    yield "JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 64
    yield "PSD", b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 1, 8, 8, 8, 1) + b"\0" * 200
    yield "FLI", b"\0\0\0\0\x11\xaf" + b"\1\0" * 61
    yield "XBM", b"#define a_width 8\n#define a_height 8\nstatic char a_bits[] = {0};"
    yield "WMF", b"\xd7\xcd\xc6\x9a\0\0" + b"\0" * 60
    yield "a PNG of 60,000 x 60,000", png(60_000, 60_000, pixels=zeros(1 << 24))
    yield "a PNG of 2**31 x 2**31", png(2**31 - 1, 2**31 - 1, pixels=ROWS)
    yield "a PNG of 0 x 0", png(0, 0, pixels=ROWS)
    yield (
        "an inflating profile",
        lambda: png(8, 8, chunk(b"iCCP", b"p\0\0" + zeros(1 << 30)), pixels=ROWS),
    )
    yield "an inflating text", lambda: _noted(1)
    yield "many inflating texts", lambda: _noted(20)
    yield "a text of 60 MB", png(8, 8, chunk(b"tEXt", b"p\0" + b"x" * (60 << 20)), pixels=ROWS)
    yield "100,000 chunks", png(8, 8, chunk(b"abCd", b"") * 100_000, pixels=ROWS)
    yield "more pixels than its size", lambda: png(8, 8, pixels=zeros(1 << 30))
    yield (
        "an animation of 10**6",
        png(8, 8, chunk(b"acTL", struct.pack(">II", 10**6, 0)), pixels=ROWS),
    )
    yield "a TIFF in a circle", _sized(8, 8, next_one=8)
    yield "a TIFF list at its own place", tiff((256, 4, 1, 8), at=4)
    yield "a TIFF of 2**31 x 2**31", _sized(2**31 - 1, 2**31 - 1)
    yield "a TIFF of 10**5 x 10**5", _sized(10**5, 10**5)
    yield "a TIFF with a tag of 4 GB", _sized(8, 8, (700, 1, 2**32 - 1, 8))
    yield "a TIFF of 65,535 tags", tiff(*[(256, 4, 1, 8)] * 65_535)
    yield (
        "a BMP of 2**31 x 2**31",
        b"BM" + struct.pack("<IIIIiiHH", 99, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 8) + b"\0" * 80,
    )
    yield "a PPM of 10**5 x 10**5", b"P5 100000 100000 255\n" + b"\0" * 99
    yield "a PPM with a number of 10**6 digits", b"P5 " + b"9" * 10**6 + b" 8 255\n"
    webp = bytearray(saved(SMALL.repeat(2, 0), "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 0x0FFFFFFF)
    yield "a WebP of 16,384 x 16,384", bytes(webp)
    jpeg = saved(np.stack([SMALL] * 3, -1), "JPEG")
    at = jpeg.index(b"\xff\xc0")
    big = jpeg[: at + 5] + struct.pack(">HH", 65_500, 65_500) + jpeg[at + 9 :]
    yield "a JPEG of 65,500 x 65,500", big
    yield "nothing", b""


# Padding, notes and further frames are not pixels: reading past them is right.
HARMLESS = {
    *("an inflating profile", "an inflating text", "many inflating texts", "a text of 60 MB"),
    *("100,000 chunks", "more pixels than its size", "an animation of 10**6", "a TIFF in a circle"),
}


def _link(target):
    return lambda path: path.symlink_to(target)


def pictures():
    """Yields each `Hostile` picture, as a label map."""
    model = str(GOLDENS / "synthesizer_format_2.keras")
    words = ("synthesize", "--model", model, "evil.png", "-o", "out")
    for name, data in _files():
        write = content(data)
        yield Hostile(f"picture: {name}", "evil.png", write, words, name in HARMLESS)
    yield Hostile("picture: a pipe", "evil.png", os.mkfifo, words)
    yield Hostile("picture: a device without end", "evil.png", _link("/dev/zero"), words)
    yield Hostile("picture: a link to itself", "evil.png", _link("evil.png"), words)
    yield Hostile("picture: a link to a text", "evil.png", _link("/etc/passwd"), words)

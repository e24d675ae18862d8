"""A file that was made to harm: what it is called, what is done with it, what must not happen."""

import dataclasses
import functools
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

# A command line that leaves a mark. It is the same everywhere, so that files can be made before
# the folder of the marks is known: hostile code runs in the work folder.
SHELL = "echo ran > ran-by-hostile-code"
MARK = "ran-by-hostile-code"
# Where a config would have its run, far from the folder of the runs.
OUTSIDE = Path(tempfile.gettempdir()) / "written-by-a-hostile-config"


@dataclasses.dataclass
class Hostile:
    """A hostile file.

    Attributes:
        name: Its name in the table.
        file: Its path, relative to the work folder.
        write: Callable that gets the path and makes the file.
        argv: The words after `tfsynth` that give the file to the program.
        harmless: Whether the program may read it: what is hostile in it has no effect.
    """

    name: str
    file: str
    write: Callable
    argv: tuple
    harmless: bool = False


def content(data):
    """Returns a `write` of these bytes, or of those that a callable makes when they are needed."""
    return lambda path: path.write_bytes(data() if callable(data) else data)


@functools.cache
def _blanks(size):
    """Returns (deflated, CRC-32, CRC function state) of so many blanks, quickly made."""
    block = b" " * (16 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(size // len(block)):
        crc = zlib.crc32(block, crc)
    return first * (size // len(block)), crc


def inflating(size, end=b""):
    """Returns the deflated bytes, the length and CRC-32 of many blanks and then `end`."""
    packed, crc = _blanks(size)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed += packer.compress(end) + packer.flush()
    return packed, size // (16 << 20) * (16 << 20) + len(end), zlib.crc32(end, crc)


def archive(members, bomb=None):
    """Returns a zip file.

    Args:
        members: List of (name, bytes).
        bomb: (name, deflated bytes, length, CRC-32) of one that is written as it is.
    """
    packed = [(name, data, len(data), zlib.crc32(data), 0) for name, data in members]
    packed += [(*bomb, zipfile.ZIP_DEFLATED)] if bomb else []
    file, directory = bytearray(), bytearray()
    for name, data, length, crc, method in packed:
        about = struct.pack("<HHHHHIII", 20, 0, method, 0, 33, crc, len(data), length)
        name = name.encode()
        about += struct.pack("<HH", len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + about + bytes(10)
        directory += struct.pack("<I", len(file)) + name
        file += b"PK\x03\x04" + about + name + data
    counts = (min(len(packed), 65_535),) * 2
    end = struct.pack("<HHHHIIH", 0, 0, *counts, len(directory), len(file), 0)
    return bytes(file + directory) + b"PK\x05\x06" + end


def fake_programs(folder):
    """Puts programs into a folder that leave a mark, beside itself, if anything starts them."""
    folder.mkdir(parents=True)
    names = ("gs", "gswin64c", "convert", "magick", "rsvg-convert", "inkscape", "pdftoppm")
    for name in (*names, "djpeg", "xdg-open", "curl", "wget", "ffmpeg", "wish", "xv"):
        script = folder / name
        script.write_text(f"#!/bin/sh\necho {name} > '{folder}.started'\nexit 1\n")
        os.chmod(script, 0o755)
    return folder

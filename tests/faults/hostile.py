"""A file that was made to harm: what it is called, what is done with it, what must not happen."""

import dataclasses
import functools
import io
import os
import zipfile
import zlib
from collections.abc import Callable

# A command line that leaves a mark. It is the same everywhere, so that files can be made before
# the folder of the marks is known: hostile code runs in the work folder.
SHELL = "echo ran > ran-by-hostile-code"
MARK = "ran-by-hostile-code"


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
    """Returns a `write` of these bytes."""
    return lambda path: path.write_bytes(data)


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
        members: List of (name or `ZipInfo`, bytes).
        bomb: (name, deflated bytes, length, CRC-32) of one that is written as it is.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members:
            out.writestr(name, data)
        if bomb is not None:
            name, packed, length, crc = bomb
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.file_size, info.compress_size, info.CRC = length, len(packed), crc
            info.header_offset = file.tell()
            file.write(info.FileHeader(zip64=False) + packed)
            out.filelist.append(info)
            out.NameToInfo[name] = info
            out.start_dir = file.tell()
            out._didModify = True
    return file.getvalue()


def fake_programs(folder):
    """Puts programs into a folder that leave a mark, beside itself, if anything starts them."""
    folder.mkdir(parents=True)
    names = ("gs", "gswin64c", "convert", "magick", "rsvg-convert", "inkscape", "pdftoppm")
    for name in (*names, "djpeg", "xdg-open", "curl", "wget", "ffmpeg", "wish", "xv"):
        script = folder / name
        script.write_text(f"#!/bin/sh\necho {name} > '{folder}.started'\nexit 1\n")
        os.chmod(script, 0o755)
    return folder

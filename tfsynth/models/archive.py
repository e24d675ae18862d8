"""The zip archive of a `.keras` file, read with bounds and without `zipfile`.

Keras stores three members, without compression: `config.json`, `metadata.json` and
`model.weights.h5`. A checkpoint has a fourth, `state.json`. Nothing else is read here, so that no
byte of a file can become more than one byte in memory. `zipfile` would make an object of each of a
directory's entries before a caller could count them.

Source: PKWARE's APPNOTE.TXT 6.3.10, and files that Keras wrote.
"""

import io
import os
import struct
import zlib
from typing import BinaryIO, NamedTuple

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# What `trainers.Checkpoints.save` was given; the others of its file are Keras's.
STATE = "state.json"
# The config of the shipped model has 14 kB; a table of a thousand styles per class has 5 MB.
MOST_CONFIG_BYTES = 8 * 2**20
MOST_METADATA_BYTES = 2**16
# Sixteen times a full pix2pixHD's checkpoint with its optimizers.
MOST_WEIGHT_BYTES = 48 * 2**30

_MOST = {CONFIG: MOST_CONFIG_BYTES, METADATA: MOST_METADATA_BYTES, WEIGHTS: MOST_WEIGHT_BYTES}
_MOST_OF_ALL = {**_MOST, STATE: MOST_METADATA_BYTES}
_MOST_DIRECTORY_BYTES = 2**12
# Headers, directory and end of an archive of four members have some 500 bytes.
_MOST_OTHER_BYTES = 2**13
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_BLOCK = 2**20


class BundleError(ValueError):
    """A `.keras` file breaks a rule; the message says which, but not which file."""


class Member(NamedTuple):
    """Where the bytes of a member lie in the file."""

    name: str
    start: int
    size: int
    crc: int


def read_members(file: BinaryIO) -> dict[str, Member]:
    """Returns the members of a `.keras` file by name.

    Args:
        file: The file, open for reading and seekable.

    Raises:
        BundleError: If it is no archive of exactly these members, stored without compression
            or encryption one behind another, each within its bound.
    """
    file_size = file.seek(0, os.SEEK_END)
    directory = _directory(file, file_size)
    members, headers = {}, {}
    while directory:
        entry, header, directory = _next_entry(directory)
        if entry.name in members:
            raise BundleError(f"it holds {entry.name} twice")
        start = _data_start(file, header, entry.name)
        members[entry.name] = entry._replace(start=start)
        headers[entry.name] = header
    missing, other = sorted(set(_MOST) - set(members)), sorted(set(members) - set(_MOST_OF_ALL))
    if missing or other:
        raise BundleError(
            f"a .keras file holds {', '.join(_MOST)}; it "
            + " and ".join(
                f"{verb} {', '.join(name[:60] for name in names)}"
                for verb, names in (("lacks", missing), ("holds", other))
                if names
            )
        )
    _check_places(members, headers, file_size)
    return members


def read_member(file: BinaryIO, member: Member) -> bytes:
    """Returns the bytes of a small member, whose checksum is right."""
    file.seek(member.start)
    data = file.read(member.size)
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise BundleError(_wrong_checksum(member.name))
    return data


def check_sum(file: BinaryIO, member: Member) -> None:
    """Raises `BundleError` unless a member's bytes have its checksum; they are not kept."""
    found, left = 0, member.size
    file.seek(member.start)
    while left:
        block = file.read(min(_BLOCK, left))
        if not block:
            break
        found, left = zlib.crc32(block, found), left - len(block)
    if left or found != member.crc:
        raise BundleError(_wrong_checksum(member.name))


class Window(io.RawIOBase):
    """A part of an open file as a file of its own, for reading."""

    def __init__(self, file: BinaryIO, member: Member) -> None:
        self._file, self._start, self._size = file, member.start, member.size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        count = max(0, min(len(buffer), self._size - self._position))
        self._file.seek(self._start + self._position)
        data = self._file.read(count)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _directory(file, file_size):
    """Returns the bytes of the central directory, which ends where the end records begin."""
    if file_size < 22:
        raise BundleError("it is no .keras file, or a damaged one")
    end = file_size - 22
    record = _read_at(file, end, 22)
    if record[:4] != _END or record[20:] != b"\0\0":
        raise BundleError("it is no .keras file, or a damaged one")
    count, size, offset = struct.unpack("<10xHII2x", record)
    locator = _read_at(file, max(0, end - 20), 20)
    if locator[:4] == _LOCATOR64:
        # For members beyond 4 GiB. `zipfile` takes these numbers too, where they stand.
        end -= 76
        record = _read_at(file, max(0, end), 56)
        if record[:4] != _END64:
            raise BundleError("its directory is damaged")
        count, size, offset = struct.unpack("<32xQQQ", record)
    # What `zipfile` would do with bytes before the archive, it does not do here.
    if size > _MOST_DIRECTORY_BYTES or offset + size != end or count > len(_MOST_OF_ALL):
        raise BundleError(
            f"its directory is damaged, or lists more than {', '.join(_MOST_OF_ALL)}: {count} "
            f"members in {size} bytes"
        )
    return _read_at(file, offset, size)


def _next_entry(directory):
    """Returns the first entry of a directory, where its member's header is, and the others."""
    if len(directory) < 46 or directory[:4] != _ENTRY:
        raise BundleError("its directory is damaged")
    flags, method, crc, packed, size, *lengths, header = struct.unpack(
        "<8xHH4xIIIHHH8xI", directory[:46]
    )
    name_length, extra_length, comment_length = lengths
    name = directory[46 : 46 + name_length].decode("utf-8", "backslashreplace")
    extra = directory[46 + name_length : 46 + name_length + extra_length]
    size, packed, header = _large(extra, [size, packed, header])
    if method != 0 or size != packed:
        raise BundleError(
            f"its {name[:60]} is compressed, and Keras stores what it writes as it is: it was "
            "packed again, or made to expand"
        )
    if flags & 0x2041:
        raise BundleError(f"its {name[:60]} is encrypted")
    if size > _MOST_OF_ALL.get(name, MOST_WEIGHT_BYTES):
        raise BundleError(f"its {name} has {size:,} bytes; at most {_MOST_OF_ALL[name]:,} are read")
    rest = directory[46 + name_length + extra_length + comment_length :]
    return Member(name, 0, size, crc), header, rest


def _large(extra, numbers):
    """Returns numbers of an entry, those that have no place in it from its extra field."""
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == 1:
            content, large = extra[4 : 4 + length], []
            for number in numbers:
                if number == 0xFFFFFFFF and len(content) >= 8:
                    number, content = int.from_bytes(content[:8], "little"), content[8:]
                large.append(number)
            return large
        extra = extra[4 + length :]
    return numbers


def _data_start(file, header, name):
    local = _read_at(file, header, 30)
    if len(local) < 30 or local[:4] != _LOCAL:
        raise BundleError(f"its {name[:60]} is not where its directory says")
    method, name_length, extra_length = struct.unpack("<8xH16xHH", local)
    own = _read_at(file, header + 30, name_length).decode("utf-8", "backslashreplace")
    if own != name or method != 0:
        raise BundleError(f"its {name[:60]} is not where its directory says")
    return header + 30 + name_length + extra_length


def _check_places(members, headers, file_size):
    """Raises unless members lie one behind another, and are all that the file holds."""
    end = 0
    for name in sorted(members, key=lambda name: headers[name]):
        if headers[name] < end:
            raise BundleError(f"its {name} overlaps another of its members")
        end = members[name].start + members[name].size
    if end > file_size:
        raise BundleError("it was cut short")
    if file_size - sum(member.size for member in members.values()) > _MOST_OTHER_BYTES:
        raise BundleError("it holds bytes that belong to none of its members")


def _read_at(file, offset, count):
    file.seek(offset)
    return file.read(count)


def _wrong_checksum(name):
    return f"its {name} does not have the checksum that was stored with it: the file is damaged"

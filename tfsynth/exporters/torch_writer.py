"""State_dicts written as PyTorch writes them, without PyTorch.

`tfsynth.importers.torch` reads them, and says what the two containers are.
"""

import os
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tfsynth.files import replace_file

# What a file of the older container begins with, one pickle each.
MAGIC = 119547037146038801333356
PROTOCOL = 1001

# The classes of storages in the module `torch` and what their elements are in NumPy, where bfloat16
# is missing: its 16 bits are read as such and widened.
STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}

_STORAGE_NAMES = {
    np.dtype(dtype): name for name, dtype in STORAGES.items() if name != "BFloat16Storage"
}
_ROOT = "archive"  # What `torch.save` names the folder in a zip archive without a file name.
_MACHINE = {
    "protocol_version": PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}


class _Global(NamedTuple):
    module: str
    name: str


class _Call(NamedTuple):
    function: _Global
    arguments: tuple


class _Reference(NamedTuple):
    identity: tuple


def write_state_dict(
    path: str | os.PathLike, arrays: Mapping[str, Any], container: str = "zip"
) -> None:
    """Writes a file that `torch.load(path, weights_only=True)` reads, whole or not at all.

    Each array becomes a contiguous tensor with a storage of its own, in the order of `arrays`. The
    same arrays give the same bytes.

    Args:
        path: The file; its folder must exist. What is there is replaced.
        arrays: `{name: array}`. The types are float16, float32, float64, the signed integers, uint8
            and bool, each kept; nothing is converted.
        container: "zip", which PyTorch reads since 1.6 and writes by default, or "legacy", which
            every version reads.

    Raises:
        ValueError: If the container is unknown, a name is not text, or PyTorch has no storage for
            the type of an array.
        OSError: If the file cannot be written.
    """
    writers = {"zip": _write_zip, "legacy": _write_legacy}
    if container not in writers:
        raise ValueError(f"Unknown container {container!r}. Known: {', '.join(writers)}.")
    checked = {name: _checked(name, array) for name, array in arrays.items()}
    replace_file(Path(path), lambda temporary: writers[container](temporary, checked))


def record_name(key: int) -> str:
    """Returns what the record of the elements of array number `key` is called in a zip archive."""
    return f"{_ROOT}/data/{key}"


def _checked(name: Any, array: Any) -> np.ndarray:
    if not isinstance(name, str):
        raise ValueError(f"The names of a state_dict are text; got {name!r}.")
    array = np.asarray(array)
    little = array.dtype.newbyteorder("<")
    if little not in _STORAGE_NAMES:
        known = ", ".join(dtype.name for dtype in _STORAGE_NAMES)
        raise ValueError(
            f"PyTorch has no storage for {name!r} of {array.dtype}. Convert it to one of {known}."
        )
    return np.asarray(array, little, order="C")


def _write_zip(path: Path, arrays: dict[str, np.ndarray]) -> None:
    # Plain records: PyTorch does not read compressed ones.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:

        def add(name: str, data: bytes) -> None:
            # A `ZipInfo` has a fixed date, where a name alone would get the time of day.
            archive.writestr(zipfile.ZipInfo(f"{_ROOT}/{name}"), data)

        add("data.pkl", _pickled_whole(_described(arrays)))
        add("byteorder", b"little")
        for key, array in enumerate(arrays.values()):
            archive.writestr(zipfile.ZipInfo(record_name(key)), array.tobytes())
        add("version", b"3\n")


def _write_legacy(path: Path, arrays: dict[str, np.ndarray]) -> None:
    keys = [str(key) for key in range(len(arrays))]
    with open(path, "wb") as file:
        # The sixth part of a storage's identity is the part of it that is viewed: all.
        for value in (MAGIC, PROTOCOL, _MACHINE, _described(arrays, (None,)), keys):
            file.write(_pickled_whole(value))
        for array in arrays.values():
            _write_counted(file, array)


def _write_counted(file: BinaryIO, array: np.ndarray) -> None:
    file.write(struct.pack("<q", array.size))
    file.write(array.tobytes())


def _described(arrays: dict[str, np.ndarray], view: tuple = ()) -> _Call:
    ordered_dict = _Global("collections", "OrderedDict")
    tensor = _Global("torch._utils", "_rebuild_tensor_v2")
    items = []
    for key, (name, array) in enumerate(arrays.items()):
        storage_type = _Global("torch", _STORAGE_NAMES[array.dtype])
        storage = _Reference(("storage", storage_type, str(key), "cpu", array.size, *view))
        stride = tuple(step // array.itemsize for step in array.strides)
        no_hooks = _Call(ordered_dict, ())
        items.append([name, _Call(tensor, (storage, 0, array.shape, stride, False, no_hooks))])
    # A list of pairs, as Python 2 pickled it: the constructor of an OrderedDict takes it.
    return _Call(ordered_dict, (items,) if items else ())


def _pickled_whole(value: Any) -> bytes:
    return pickle.PROTO + b"\x02" + _pickled(value) + pickle.STOP


def _pickled(value: Any) -> bytes:
    """Returns the opcodes of a value; `pickle` itself would have to import the names in it."""
    if value is None:
        return pickle.NONE
    if isinstance(value, bool):
        return pickle.NEWTRUE if value else pickle.NEWFALSE
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return pickle.BININT + struct.pack("<i", value)
        return pickle.LONG1 + b"\x10" + value.to_bytes(16, "little", signed=True)
    if isinstance(value, str):
        text = value.encode("utf-8")
        return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
    if isinstance(value, _Global):
        return pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode("ascii")
    if isinstance(value, _Call):
        return _pickled(value.function) + _pickled(value.arguments) + pickle.REDUCE
    if isinstance(value, _Reference):
        return _pickled(value.identity) + pickle.BINPERSID
    if isinstance(value, dict):
        parts = b"".join(_pickled(key) + _pickled(part) for key, part in value.items())
        return pickle.EMPTY_DICT + pickle.MARK + parts + pickle.SETITEMS
    parts = b"".join(map(_pickled, value))
    if isinstance(value, list):
        return pickle.EMPTY_LIST + pickle.MARK + parts + pickle.APPENDS
    return pickle.MARK + parts + pickle.TUPLE

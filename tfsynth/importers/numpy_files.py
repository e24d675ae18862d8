"""Dictionaries of arrays in NumPy's files (`.npy`), read without Python's unpickler.

`numpy.save` writes an object that is no array as a pickle of an array of no dimensions that holds
it. Such a file may be from an unknown source, and NumPy reads it only with `allow_pickle=True`,
which executes code from the file. Here it is read by the interpreter of `torch.pickles`, which
imports nothing and calls only the functions below; all arrays of a file together have no more bytes
than the file.

Known are the protocols 2 to 4, the names of NumPy 1 (`numpy.core`) and 2 (`numpy._core`), and the
texts of Python 2, in which `numpy.save` wrote bytes.

Source: the documentation of `numpy.lib.format` and `pickletools`, and files that NumPy 2 wrote.
"""

import math
import os
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfsynth.importers.foreign import refuse_other_kinds
from tfsynth.importers.torch.pickles import (
    DAMAGED,
    MOST_BYTES,
    Function,
    PickleReader,
    RefusedError,
)
from tfsynth.importers.torch.state_dicts import CheckpointError

_MAGIC = b"\x93NUMPY"
_OBJECT = re.compile(
    rb"\{'descr': '\|?O8?', 'fortran_order': (?:True|False), 'shape': \(\),? ?\}\s*"
)
_TYPES = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1|O8?)")
_LENGTHS = {
    pickle.BINBYTES: "<I",
    pickle.SHORT_BINBYTES: "<B",
    pickle.BINBYTES8: "<Q",
    pickle.BINSTRING: "<i",
    pickle.SHORT_BINSTRING: "<B",
}
_TEXT_LENGTHS = {pickle.SHORT_BINUNICODE: "<B", pickle.BINUNICODE8: "<Q"}


def read_dictionary(path: str | os.PathLike) -> dict[Any, Any]:
    """Reads a file that `numpy.save(path, dictionary)` wrote.

    Args:
        path: The file.

    Returns:
        The dictionary. Its keys are text or integers; arrays of numbers in it are NumPy arrays,
        other values are plain Python.

    Raises:
        CheckpointError: If it is not whole, no such file, or holds or asks for anything else.
        OSError: If it cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    try:
        return _read(data)
    except RefusedError as error:
        raise CheckpointError(f"{Path(path)}: {error}") from error


def _read(data: bytes) -> dict[Any, Any]:
    reader = _NumpyPickleReader(data[_header_end(data) :])
    value = reader.read()
    if reader.position != len(reader.data):
        raise RefusedError(f"something follows its pickle. {DAMAGED}")
    inside = value.content if isinstance(value, _Array) else None
    if type(inside) is not dict:
        raise RefusedError("it holds no dictionary. Name a file that `numpy.save` made of one.")
    return {key: part.content if isinstance(part, _Array) else part for key, part in inside.items()}


def _header_end(data: bytes) -> int:
    """Returns where the pickle begins, after the header of an array of one object."""
    if not data.startswith(_MAGIC):
        refuse_other_kinds(data[:512])
        raise RefusedError(
            f"it begins with {data[:16]!r}, and a file of `numpy.save` with {_MAGIC!r}. "
            + ("It is empty: fetch it again." if not data else "Name the .npy file.")
        )
    form, start = ("<H", 10) if data[6:7] == b"\x01" else ("<I", 12)
    if len(data) < start:
        raise RefusedError("it ends in its header: the download broke off. Fetch it again.")
    end = start + struct.unpack(form, data[8:start])[0]
    if len(data) < end:
        raise RefusedError("it ends in its header: the download broke off. Fetch it again.")
    if not _OBJECT.fullmatch(data[start:end]):
        raise RefusedError(
            f"it is an array, {data[start:end].strip()[:100]!r}, and no dictionary. Name a file "
            "that `numpy.save` made of a dictionary."
        )
    return end


class _Marker:
    """What a name stands for that is only passed on."""


class _Type:
    """A type of numbers, as `numpy.dtype` and then its state describe it."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "<"

    @property
    def dtype(self) -> np.dtype:
        """NumPy's own."""
        return np.dtype(self.order + self.code)


class _Array:
    """An array that is made and then filled; `content` is `None` in between."""

    def __init__(self) -> None:
        self.content: Any = None


_NDARRAY = _Marker()


class _NumpyPickleReader(PickleReader):
    content = "a dictionary of arrays of numbers"
    remedy = "Save the table again with `numpy.save`"
    protocols = (2, 3, 4)
    protocol_remedy = "Save the table again with `numpy.save`, which writes 4."

    def __init__(self, data: bytes) -> None:
        known: dict[str, Any] = {
            "_codecs.encode": Function(_encode),
            "numpy.dtype": Function(_type),
            "numpy.ndarray": _NDARRAY,
        }
        for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            known[f"{module}._reconstruct"] = Function(_reconstruct)
            known[f"{module}.scalar"] = Function(self._scalar)
        super().__init__(data, known, _no_storage)
        self.data = data
        self._bytes_left = len(data)

    def _step(self, opcode: bytes) -> None:
        if opcode in _LENGTHS:
            # Latin 1 keeps every byte, so that texts of Python 2 and bytes can be one.
            self._push(self._take(self._number(_LENGTHS[opcode])).decode("latin-1"))
        elif opcode in _TEXT_LENGTHS:
            self._push(self._text(self._number(_TEXT_LENGTHS[opcode])))
        elif opcode in _STEPS:
            _STEPS[opcode](self)
        else:
            super()._step(opcode)

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise RefusedError(f"its pickle names something by other than text. {DAMAGED}")
        self._push_known(f"{module}.{name}")

    def _fill(self) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, _Type):
            target.order = _order(state)
        elif isinstance(target, _Array) and target.content is None:
            target.content = self._filled(state)
        else:
            raise RefusedError(f"its pickle gives attributes to a value. {DAMAGED}")

    def _filled(self, state: Any) -> Any:
        """Returns what (version, shape, type, Fortran order, data) describes."""
        if type(state) is not tuple or len(state) != 5 or not isinstance(state[2], _Type):
            raise RefusedError(f"it describes an array by other values than it has. {DAMAGED}")
        _, shape, kind, fortran, data = state
        if kind.code == "O":
            if shape != () or type(data) is not list or len(data) != 1:
                raise RefusedError(
                    "it holds an array of objects. Save a dictionary of arrays of numbers."
                )
            return data[0]
        if type(shape) is not tuple or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise RefusedError(f"it describes an array by other values than it has. {DAMAGED}")
        if len(shape) > 8 or math.prod(shape) * kind.dtype.itemsize != len(self._bytes(data)):
            raise RefusedError(f"an array has other bytes than its shape {shape} needs. {DAMAGED}")
        values = np.frombuffer(self._spent(data), kind.dtype)
        values = values.reshape(shape, order="F" if fortran else "C")
        return np.array(values, kind.dtype.newbyteorder("="), order="C")

    def _scalar(self, arguments: tuple) -> Any:
        if len(arguments) != 2 or not isinstance(arguments[0], _Type) or arguments[0].code == "O":
            raise RefusedError(f"it describes a number by other values than it has. {DAMAGED}")
        dtype = arguments[0].dtype
        if len(self._bytes(arguments[1])) != dtype.itemsize:
            raise RefusedError(f"a number has other bytes than its type {dtype} needs. {DAMAGED}")
        return np.frombuffer(self._spent(arguments[1]), dtype)[0].item()

    def _bytes(self, data: Any) -> str:
        if type(data) is not str:
            raise RefusedError(f"it gives an array something else than bytes. {DAMAGED}")
        return data

    def _spent(self, data: str) -> bytes:
        # Bytes that are recalled serve once: the arrays of a file are no larger than the file.
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise RefusedError(f"its arrays have more bytes than the file. {DAMAGED}")
        try:
            return data.encode("latin-1")
        except UnicodeEncodeError:
            raise RefusedError(f"it gives an array text for bytes. {DAMAGED}") from None


_STEPS: dict[bytes, Callable[[_NumpyPickleReader], Any]] = {
    pickle.FRAME: lambda reader: reader._take(8),  # Where a reader may break off for a while.
    pickle.MEMOIZE: _NumpyPickleReader._memoize,
    pickle.STACK_GLOBAL: _NumpyPickleReader._stack_global,
    pickle.BUILD: _NumpyPickleReader._fill,
}


def _encode(arguments: tuple) -> str:
    """Returns the bytes that protocol 2 writes as text; as Latin 1, they are that text."""
    if len(arguments) != 2 or arguments[1] != "latin1" or type(arguments[0]) is not str:
        raise RefusedError(f"it encodes something else than bytes. {DAMAGED}")
    return arguments[0]


def _type(arguments: tuple) -> _Type:
    code = arguments[0] if arguments else None
    match = _TYPES.fullmatch(code) if type(code) is str else None
    if match is None:
        raise RefusedError(
            f"it has an array of the type {str(code)[:60]!r}. Save arrays of real numbers."
        )
    return _Type(match[1].removesuffix("8") if match[1] == "O8" else match[1])


def _order(state: Any) -> str:
    order = state[1] if type(state) is tuple and len(state) > 1 else None
    if order not in ("<", ">", "|", "="):
        raise RefusedError(f"it describes a type by other values than it has. {DAMAGED}")
    return "<" if order == "=" else order


def _reconstruct(arguments: tuple) -> _Array:
    if len(arguments) != 3 or arguments[0] is not _NDARRAY:
        raise RefusedError(f"it makes something else than an array. {DAMAGED}")
    return _Array()


def _no_storage(identity: Any) -> None:
    raise RefusedError(f"it refers to something outside it. {DAMAGED}")

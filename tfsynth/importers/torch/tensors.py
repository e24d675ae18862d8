"""The tensors that a file of PyTorch describes: parts of storages, checked, as arrays.

What is bounded: no storage is larger than the file, no tensor leaves its storage, and all arrays of
a file have together at most `MOST_EXPANSION` times its bytes.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from tfsynth.exporters.torch_writer import STORAGES
from tfsynth.importers.torch.pickles import DAMAGED, Function, PickleReader, RefusedError

# Tensors may share a storage and repeat its elements (tied or expanded weights), which no file of
# weights does often: a small file must not fill the memory.
MOST_EXPANSION = 16

_MOST_DIMENSIONS = 32  # Those of an array in NumPy 1.


class StorageType(NamedTuple):
    """One of the classes of storages, by its name in the module `torch`."""

    name: str
    dtype: np.dtype


class Storage(NamedTuple):
    """Elements in a file, which tensors share."""

    key: str
    type: StorageType
    count: int  # The elements in the file.
    begin: int  # The part that this is a view of: all, but in the oldest files.
    length: int

    @property
    def num_bytes(self) -> int:
        """The size in the file."""
        return self.count * self.type.dtype.itemsize


class Tensor(NamedTuple):
    """A part of a storage; it never leaves it."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """The size as an array."""
        widened = 2 if self.storage.type.name == "BFloat16Storage" else 1
        return math.prod(self.size) * self.storage.type.dtype.itemsize * widened


class Content:
    """What the names in a file's pickle stand for.

    Args:
        file_size: The bytes of the file; no storage is larger.
    """

    def __init__(self, file_size: int) -> None:
        self.storages: dict[str, Storage] = {}
        self._file_size = file_size

    def reader(self, data: bytes) -> PickleReader:
        """Returns a reader of the pickles in `data`; it notes the storages in `storages`."""
        known: dict[str, Any] = {
            "torch._utils._rebuild_tensor": Function(_tensor),
            "torch._utils._rebuild_tensor_v2": Function(_tensor),
            "torch._utils._rebuild_parameter": Function(_parameter),
        }
        for name, dtype in STORAGES.items():
            known[f"torch.{name}"] = StorageType(name, np.dtype(dtype))
        return PickleReader(data, known, self._storage)

    def _storage(self, identity: Any) -> Storage:
        """Returns what ("storage", type, key, device, count[, view]) stands for."""
        if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage":
            raise RefusedError(f"it refers to something that is no storage. {DAMAGED}")
        kind, key, _, count = identity[1:5]
        if not isinstance(kind, StorageType) or type(key) is not str or not _is_size(count):
            raise RefusedError(f"it describes a storage by other values than it has. {DAMAGED}")
        storage = Storage(key, kind, count, 0, count)
        if storage.num_bytes > self._file_size:
            raise RefusedError(
                f"storage {key!r} of {count} elements is larger than the file ({self._file_size} "
                "bytes): the download broke off, or it is damaged or forged. Fetch it again."
            )
        if self.storages.setdefault(key, storage) != storage:
            raise RefusedError(f"it describes storage {key!r} in two ways. {DAMAGED}")
        if len(identity) == 5 or identity[5] is None:
            return storage
        view = identity[5]  # (key of the view, first element, elements), until PyTorch 0.4.
        if type(view) is not tuple or len(view) != 3 or not all(map(_is_size, view[1:])):
            raise RefusedError(f"it describes a view by other values than it has. {DAMAGED}")
        if view[1] + view[2] > count:
            raise RefusedError(f"a view leaves storage {key!r} of {count} elements. {DAMAGED}")
        return storage._replace(begin=view[1], length=view[2])


def _tensor(arguments: tuple) -> Tensor:
    """Returns what (storage, offset, size, stride, ...) describes; gradients are passed over."""
    parts: tuple[Any, ...] = (*arguments, None, None, None, None)
    storage, offset, size, stride = parts[:4]
    if (
        not isinstance(storage, Storage)
        or not _is_size(offset)
        or type(size) is not tuple
        or type(stride) is not tuple
        or not len(size) == len(stride) <= _MOST_DIMENSIONS
        or not all(map(_is_size, size + stride))
    ):
        raise RefusedError(f"it describes a tensor by other values than it has. {DAMAGED}")
    # An empty tensor has no last element, but its size must still be one that NumPy can count.
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if (
        last >= storage.length
        if all(size)
        else offset > storage.length or math.prod(n or 1 for n in size) >= 2**59
    ):
        raise RefusedError(
            f"a tensor of size {size}, stride {stride} and offset {offset} leaves its storage "
            f"{storage.key!r} of {storage.length} elements. {DAMAGED}"
        )
    return Tensor(storage, offset, size, stride)


def _parameter(arguments: tuple) -> Tensor:
    if not arguments or not isinstance(arguments[0], Tensor):
        raise RefusedError(f"it describes a parameter by other values than it has. {DAMAGED}")
    return arguments[0]


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def to_arrays(
    state: Any, file_size: int, fetch: Callable[[Storage], bytes]
) -> dict[str, np.ndarray]:
    """Returns the arrays of a state_dict as it was read.

    Args:
        state: What the pickle holds.
        file_size: The bytes of the file.
        fetch: Returns the bytes of a storage.

    Raises:
        RefusedError: It is no dictionary of named tensors, is too large for the file, or a storage
            has another number of bytes than it claims.
    """
    state = _unwrapped(state)
    _require_tensors(state)
    total = sum(tensor.num_bytes for tensor in state.values())
    if total > MOST_EXPANSION * file_size:
        raise RefusedError(
            f"its tensors would take {total} bytes, more than {MOST_EXPANSION} times the file "
            f"({file_size} bytes). Save them with `.clone()` if the file is yours."
        )
    fetched: dict[str, bytes] = {}
    arrays = {}
    for name, tensor in state.items():
        storage = tensor.storage
        if storage.key not in fetched:
            fetched[storage.key] = fetch(storage)
            if len(fetched[storage.key]) != storage.num_bytes:
                raise RefusedError(
                    f"storage {storage.key!r} has {len(fetched[storage.key])} bytes where its "
                    f"tensors say {storage.num_bytes}. {DAMAGED}"
                )
        arrays[name] = _to_array(tensor, fetched[storage.key])
    return arrays


def _unwrapped(state: Any) -> Any:
    """Returns the only state_dict in a dictionary of other things, else what it was given."""
    if not isinstance(state, dict) or any(isinstance(part, Tensor) for part in state.values()):
        return state
    inside = [part for part in state.values() if _holds_tensors(part)]
    return inside[0] if len(inside) == 1 else state


def _require_tensors(state: Any) -> None:
    if not isinstance(state, dict):
        raise RefusedError(
            f"it holds a {type(state).__name__.lstrip('_')}, and a state_dict is a dictionary of "
            "tensors. Save `model.state_dict()` with `torch.save`."
        )
    wrong = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if wrong or not all(isinstance(key, str) for key in state):
        named = [key for key in wrong if _holds_tensors(state[key])]
        remedy = (
            f"`torch.save(torch.load(path)[{str(named[0])[:60]!r}], new_path)` saves what is inside"
            + (" (or another of them)" if len(named) > 1 else "")
            if named
            else "Save `model.state_dict()` alone with `torch.save`"
        )
        raise RefusedError(
            "it holds a dictionary of other things than named tensors; its keys are "
            f"{listing(state)}. {remedy}."
        )


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(part, Tensor) for part in value.values())


def _to_array(tensor: Tensor, data: bytes) -> np.ndarray:
    storage, dtype = tensor.storage, tensor.storage.type.dtype
    if storage.type.name == "BoolStorage":
        dtype = np.dtype(np.uint8)  # A bool array whose bytes are not 0 and 1 misbehaves.
    if not all(tensor.size):
        values = np.empty(tensor.size, dtype)
    else:
        elements = np.frombuffer(data, dtype)[storage.begin + tensor.offset :]
        # The step of a dimension of size 1 is never taken, and can be any number.
        steps = [
            step * dtype.itemsize if n > 1 else 0
            for n, step in zip(tensor.size, tensor.stride, strict=True)
        ]
        values = np.lib.stride_tricks.as_strided(elements, tensor.size, steps, writeable=False)
    if storage.type.name == "BFloat16Storage":
        # The upper half of a float32; NumPy makes a scalar of what has no dimensions.
        return np.asarray((values.astype(np.uint32, order="C") << 16).view(np.float32))
    if storage.type.name == "BoolStorage":
        return np.asarray(values != 0, order="C")
    return np.array(values, dtype.newbyteorder("="), order="C")


def listing(keys: Iterable[Any], most: int = 8) -> str:
    """Returns the first keys as text for a message."""
    keys = list(keys)
    shown = ", ".join(repr(str(key)[:60]) for key in keys[:most])
    return (shown or "none") + (", ..." if len(keys) > most else "")

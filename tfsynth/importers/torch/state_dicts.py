"""State_dicts in PyTorch's files (`.pth`, `.pt`), read without PyTorch.

`torch.save` has two containers. Since PyTorch 1.6 a file is a zip archive: `*/data.pkl` holds the
names and shapes, `*/data/<key>` the elements of one storage each. Before, it was a stream: pickles
of a magic number, a protocol number, facts about the machine, the names and shapes, and a list of
keys; then per key an int64 count and the elements.

A file may be from an unknown source. Nothing that it names is imported or called (`pickles`), the
sizes that it states are checked (`tensors`), and the records of an archive are not compressed and
together no larger than the file. Reading takes about twice the memory of the arrays.

Source: the documentation of `torch.save` and `zipfile`, and files that PyTorch 2.13 wrote.
"""

import contextlib
import errno
import os
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tfsynth.exporters.torch_writer import MAGIC, PROTOCOL
from tfsynth.importers.foreign import refuse_other_kinds
from tfsynth.importers.torch.pickles import DAMAGED, MOST_BYTES, RefusedError
from tfsynth.importers.torch.tensors import Content, Storage, listing, to_arrays

__all__ = ["CheckpointError", "read_state_dict"]


class CheckpointError(ValueError):
    """A file is no readable state_dict; the message names the file, the rule and a remedy."""


def read_state_dict(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a file that `torch.save(model.state_dict(), path)` wrote, in either container.

    Names are as they stand in the file, in its order; a prefix such as `module.` is kept. If the
    file holds the state_dict in another dictionary (`{"state_dict": ..., "epoch": 3}`), it is read
    if it is the only one there; else the message says which keys came.

    Args:
        path: The file.

    Returns:
        One array per name, which shares memory with no other: C order, native byte order, the type
        of the tensor; bfloat16 becomes float32, which is exact.

    Raises:
        CheckpointError: If it is not whole, no file of PyTorch, from a big-endian machine, holds
            anything but a dictionary of tensors, or contradicts itself.
        OSError: If it cannot be read.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        # A folder; or a pipe, which would be waited for.
        raise CheckpointError(f"{Path(path)}: it is no file. Name the .pth file of a network.")
    with open(path, "rb") as file:
        try:
            return _read(file, os.fstat(file.fileno()).st_size)
        except RefusedError as error:
            raise CheckpointError(f"{Path(path)}: {error}") from error


def _read(file: BinaryIO, file_size: int) -> dict[str, np.ndarray]:
    start = file.read(512)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return _read_zip(file, file_size)
    if start.startswith(b"\x80"):
        return _read_stream(file, file_size)
    if not start:
        raise RefusedError("it is empty. Fetch it again.")
    refuse_other_kinds(start)
    raise RefusedError(
        f"it begins with {start[:16]!r}, and a file of `torch.save` with a zip archive or a "
        "pickle. Name the .pth file of a network."
    )


def _read_zip(file: BinaryIO, file_size: int) -> dict[str, np.ndarray]:
    with _zip_errors():
        archive = zipfile.ZipFile(file)
    names = archive.namelist()
    roots = [name[: -len("/data.pkl")] for name in names if name.endswith("/data.pkl")]
    if len(roots) != 1 or "/" in roots[0]:
        raise RefusedError(
            f"it is a zip archive, but not of `torch.save`; it holds {listing(names)}. If the .pth "
            "file is in it, unpack it; else name another file."
        )
    root = roots[0]
    if f"{root}/constants.pkl" in names:
        raise RefusedError(
            "it is a TorchScript program, not a state_dict. Load it with `torch.jit.load` and "
            "save its `state_dict()` with `torch.save`."
        )
    records = archive.infolist()
    if any(record.compress_type != zipfile.ZIP_STORED for record in records) or (
        sum(record.file_size for record in records) > file_size
    ):
        raise RefusedError(
            "its records are compressed or larger than the file, and those of `torch.save` are "
            "not. The file was packed again, or is damaged or forged: fetch the original."
        )
    if f"{root}/byteorder" in names:
        _require_little_endian(_record(archive, f"{root}/byteorder") == b"little")
    content = Content(file_size)
    state = content.reader(_record(archive, f"{root}/data.pkl")).read()

    def fetch(storage: Storage) -> bytes:
        return _record(archive, f"{root}/data/{storage.key}")

    return to_arrays(state, file_size, fetch)


def _record(archive: zipfile.ZipFile, name: str) -> bytes:
    with _zip_errors():
        return archive.read(name)


@contextlib.contextmanager
def _zip_errors() -> Iterator[None]:
    # What `zipfile` raises for archives that are cut off, changed, encrypted or lack a record.
    kinds = (EOFError, LookupError, OSError, OverflowError, RuntimeError, ValueError)
    try:
        yield
    except (*kinds, struct.error, zipfile.BadZipFile) as error:
        # EINVAL: a seek to a place that no file has. Others are troubles of the disk.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise RefusedError(
            f"its zip archive is not whole ({error}): the download or the copy broke off or "
            "changed it. Fetch it again."
        ) from error


def _read_stream(file: BinaryIO, file_size: int) -> dict[str, np.ndarray]:
    content = Content(file_size)
    reader = content.reader(file.read(MOST_BYTES + 1))
    if reader.read() != MAGIC:
        raise RefusedError(
            "it is a pickle, but not of `torch.save`. Save `model.state_dict()` with `torch.save`."
        )
    version = reader.read()
    if version != PROTOCOL:
        raise RefusedError(f"it does not have the protocol number {PROTOCOL}. {DAMAGED}")
    facts = reader.read()
    _require_little_endian(isinstance(facts, dict) and facts.get("little_endian") is True)
    state, keys = reader.read(), reader.read()
    starts = _storage_starts(file, file_size, reader.position, keys, content.storages)

    def fetch(storage: Storage) -> bytes:
        file.seek(starts[storage.key])
        return file.read(storage.num_bytes)

    return to_arrays(state, file_size, fetch)


def _storage_starts(
    file: BinaryIO, file_size: int, position: int, keys: Any, storages: dict[str, Storage]
) -> dict[str, int]:
    listed = keys if type(keys) is list and all(type(key) is str for key in keys) else []
    if sorted(listed) != sorted(storages):
        raise RefusedError(f"its list of storages is not that of its tensors. {DAMAGED}")
    starts = {}
    for key in listed:
        file.seek(position)
        count = int.from_bytes(file.read(8), "little", signed=True)
        starts[key] = position + 8
        position = starts[key] + storages[key].num_bytes
        if position > file_size:
            raise RefusedError(
                f"it has {file_size} bytes and needs {position} or more: the download or the copy "
                "broke off. Fetch it again."
            )
        if count != storages[key].count:
            raise RefusedError(
                f"storage {key!r} has {count} elements where its tensors say "
                f"{storages[key].count}. {DAMAGED}"
            )
    if position != file_size:
        raise RefusedError(f"{file_size - position} bytes follow its last storage. {DAMAGED}")
    return starts


def _require_little_endian(little: bool) -> None:
    if not little:
        raise RefusedError(
            "it is from a big-endian machine. Load it there with `torch.load`, and save it again "
            "on one that is little-endian."
        )

"""The weights in a `.keras` file, checked before Keras reads them.

The file is HDF5, which can name other files, refer to itself, compress, and say that a few bytes
are terabytes. What Keras writes is a small part of it: groups, and arrays of numbers that lie in
the file as they are. Only that is taken.
"""

import math
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tfsynth.models.archive import BundleError, Member, Window

# A full pix2pixHD in training has 1,600 groups and arrays.
MOST_OBJECTS = 20_000
_MOST_LEVELS = 32
_MOST_DIMENSIONS = 32
# Of a file that h5py wrote, each group and array takes less than 2 kB beside its numbers.
_MOST_OTHER_BYTES = 2**13
_BLOCK = 2**22
# Keras stores bfloat16 as two bytes without meaning.
_BFLOAT16 = np.dtype("V2")


class _Array(NamedTuple):
    name: str
    dtype: np.dtype
    size: int
    start: int | None  # `None`: in the header, and `values` are read already.
    values: np.ndarray | None

    @property
    def num_bytes(self):
        return self.size * self.dtype.itemsize


def check_weights(file: BinaryIO, member: Member) -> int:
    """Checks all arrays in the weights of a `.keras` file, in memory of a few megabytes.

    Args:
        file: The open `.keras` file.
        member: Where its weights lie.

    Returns:
        The number of elements of all arrays together.

    Raises:
        BundleError: If there is anything but groups and arrays of whole or floating-point
            numbers, a link that is no hard link, an array that does not lie in the file as it
            is, or a number that is not finite.
    """
    import h5py

    try:
        with h5py.File(Window(file, member), "r") as weights:
            arrays, objects = _arrays(weights)
    except BundleError:
        raise
    # HDF5 has many errors, and says of damaged files what it saw last.
    except Exception as error:
        raise BundleError(f"its {member.name} is damaged ({_first_line(error)})") from error
    _check_places(arrays, member, objects)
    for array in arrays:
        _check_finite(file, member, array)
    return sum(array.size for array in arrays)


def _arrays(weights) -> tuple[list[_Array], int]:
    """Returns all arrays, and the number of groups and arrays; each was reached in one way."""
    import h5py

    types = _types(h5py)
    found, seen, groups = [], set(), [("", weights.id, 0)]
    while groups:
        path, group, level = groups.pop()
        if level > _MOST_LEVELS or len(seen) + group.get_num_objs() > MOST_OBJECTS:
            raise BundleError(
                f"its weights have more than {MOST_OBJECTS} groups and arrays, or more than "
                f"{_MOST_LEVELS} levels of them"
            )
        for link in group:
            name = f"{path}/{link.decode('utf-8', 'backslashreplace')}"
            if group.links.get_info(link).type != h5py.h5l.TYPE_HARD:
                raise BundleError(f"its weights refer to another place or file: {name[:200]}")
            # An object that is named twice could be a loop.
            place = h5py.h5o.get_info(group, link).addr
            if place in seen:
                raise BundleError(f"its weights name one object twice: {name[:200]}")
            seen.add(place)
            child = h5py.h5o.open(group, link)
            if isinstance(child, h5py.h5g.GroupID):
                groups.append((name, child, level + 1))
            elif isinstance(child, h5py.h5d.DatasetID):
                found.append(_array(child, name, types))
            else:
                raise BundleError(f"its weights hold something else than arrays: {name[:200]}")
    return found, len(seen)


def _array(dataset, name, types) -> _Array:
    import h5py

    kind, creation, space = dataset.get_type(), dataset.get_create_plist(), dataset.get_space()
    dtype = next((dtype for known, dtype in types if kind.equal(known)), None)
    if kind.get_class() == h5py.h5t.OPAQUE and kind.get_size() == 2:
        dtype = _BFLOAT16
    if dtype is None or kind.committed():
        raise BundleError(
            f"its array {name[:200]} holds other values than whole and floating-point numbers"
        )
    layout = creation.get_layout()
    compact = layout == h5py.h5d.COMPACT
    if (
        not (compact or layout == h5py.h5d.CONTIGUOUS)
        or creation.get_external_count()
        or creation.get_nfilters()
    ):
        raise BundleError(
            f"its array {name[:200]} is virtual, chunked, compressed or in another file; Keras "
            "writes the numbers as they are"
        )
    if space.get_simple_extent_type() not in (h5py.h5s.SIMPLE, h5py.h5s.SCALAR):
        raise BundleError(f"its array {name[:200]} has no shape")
    shape = space.get_simple_extent_dims()
    size = math.prod(shape)
    if len(shape) > _MOST_DIMENSIONS:
        raise BundleError(f"its array {name[:200]} has {len(shape)} dimensions")
    if not compact:
        start = dataset.get_offset()
        if size and start is None:
            raise BundleError(f"its array {name[:200]} has the shape {shape} and no numbers")
        return _Array(name, dtype, size, start or 0, None)
    if size * dtype.itemsize > dataset.get_storage_size():
        raise BundleError(f"its array {name[:200]} has the shape {shape} and fewer numbers")
    values = np.empty(shape, dtype)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return _Array(name, dtype, size, None, values)


def _types(h5py: Any):
    """Returns (type of HDF5, type of NumPy) of all numbers that a weight can be."""
    codes = {"f": (16, 32, 64), "i": (8, 16, 32, 64), "u": (8, 16, 32, 64)}
    names = {"f": "IEEE_F{}LE", "i": "STD_I{}LE", "u": "STD_U{}LE"}
    return [
        (getattr(h5py.h5t, names[code].format(bits)), np.dtype(f"<{code}{bits // 8}"))
        for code, widths in codes.items()
        for bits in widths
    ]


def _check_places(arrays, member, objects) -> None:
    """Raises unless arrays lie apart in the file, and little else does."""
    end = 0
    for array in sorted(arrays, key=lambda array: array.start or 0):
        if array.start is None or not array.num_bytes:
            continue
        if array.start < end:
            raise BundleError(f"its array {array.name[:200]} lies where another one lies")
        end = array.start + array.num_bytes
    if end > member.size:
        raise BundleError("its arrays are larger than the file: it is damaged or forged")
    used = sum(array.num_bytes for array in arrays)
    if member.size > used + _MOST_OTHER_BYTES * (objects + 8):
        raise BundleError(
            f"its weights have {used:,} bytes of numbers, and their file {member.size:,}"
        )


def _check_finite(file, member, array) -> None:
    if array.dtype.kind not in "fV":
        return
    if array.start is None:
        blocks = [array.values]
    else:
        blocks = _blocks(file, member.start + array.start, array)
    for block in blocks:
        if not _are_finite(block):
            raise BundleError(
                f"its array {array.name[:200]} holds numbers that are not finite: the training "
                "that it is from had failed"
            )


def _are_finite(values):
    if values.dtype != _BFLOAT16:
        return np.isfinite(values).all()
    # All bits of the exponent are set in what is not finite.
    return ((values.view("<u2") & 0x7F80) != 0x7F80).all()


def _blocks(file, start, array):
    left = array.num_bytes
    file.seek(start)
    while left:
        data = file.read(min(_BLOCK, left))
        if not data:
            raise BundleError(f"its array {array.name[:200]} was cut short")
        left -= len(data)
        yield np.frombuffer(data, array.dtype)


def _first_line(error):
    return (str(error) or type(error).__name__).splitlines()[0][:200].rstrip(". ")

"""PyTorch's files made by hand, opcode by opcode, and what tests say about them."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from tfsynth.exporters.torch_writer import MAGIC, PROTOCOL
from tfsynth.importers.torch.state_dicts import CheckpointError, read_state_dict

# What a pickle is made of, by hand: the hostile ones cannot be made by writing objects.
START, STOP = pickle.PROTO + b"\x02", pickle.STOP
NEW_DICT, NEW_LIST, NOTHING = pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.EMPTY_TUPLE


def whole(number):
    return pickle.LONG1 + b"\x09" + number.to_bytes(9, "little", signed=True)


def text(value):
    return pickle.BINUNICODE + struct.pack("<I", len(value)) + value.encode()


def old_text(value):
    return pickle.SHORT_BINSTRING + bytes([len(value)]) + value.encode()


def row(*parts):
    return pickle.MARK + b"".join(parts) + pickle.TUPLE


def named(module, name):
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def rows(*parts):
    return NEW_LIST + pickle.MARK + b"".join(parts) + pickle.APPENDS


def storage(count=6, key="0", kind="FloatStorage", view=pickle.NONE):
    identity = (text("storage"), named("torch", kind), text(key), text("cpu"), whole(count), view)
    return row(*identity) + pickle.BINPERSID


def tensor(size=(6,), stride=(1,), offset=0, of=None):
    sizes = (row(*map(whole, size)), row(*map(whole, stride)))
    arguments = (of or storage(), whole(offset), *sizes, pickle.NEWFALSE, NEW_DICT)
    return named("torch._utils", "_rebuild_tensor_v2") + row(*arguments) + pickle.REDUCE


def state(*values):
    items = (text(str(i)) + value for i, value in enumerate(values))
    return NEW_DICT + pickle.MARK + b"".join(items) + pickle.SETITEMS


SIX, KEYS = np.arange(6, dtype="<f4"), (text("0"),)


def stream(body, data=SIX, keys=KEYS, little=pickle.NEWTRUE):
    """Returns a file of the older container; `body` is what its state's pickle does."""
    facts = NEW_DICT + text("little_endian") + little + pickle.SETITEM
    magic = pickle.LONG1 + b"\x0a" + MAGIC.to_bytes(10, "little")
    parts = (magic, whole(PROTOCOL), facts, body, rows(*keys) if keys else NEW_LIST)
    content = b"".join(START + value + STOP for value in parts)
    return content + (struct.pack("<q", data.size) + data.tobytes() if keys else b"")


def archive(body=None, compression=zipfile.ZIP_STORED, **records):
    """Returns a zip file; records replace those it has, or take them out with None."""
    body = state(tensor()) if body is None else body
    records = {"data_pkl": START + body + STOP, "data/0": SIX, **records}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as file:
        for name, data in records.items():
            if data is not None:
                file.writestr(f"a/{name.replace('_', '.')}", bytes(data))
    return content.getvalue()


def refusal(path, content):
    """Returns the message with which a file of this content is refused."""
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def assert_same(arrays, expected):
    assert list(arrays) == list(expected)
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype and arrays[name].shape == array.shape, name
        np.testing.assert_array_equal(arrays[name], array, name)
        assert arrays[name].flags.c_contiguous and arrays[name].flags.writeable

"""Dictionaries in NumPy's files: what every NumPy wrote is read, and nothing in a file is run."""

import io
import os
import pickle
import struct

import numpy as np
import pytest

from tests.importers.torch.torch_bytes import (
    NEW_DICT,
    NEW_LIST,
    NOTHING,
    START,
    STOP,
    named,
    old_text,
    row,
    rows,
    text,
    whole,
)
from tfsynth.importers import CheckpointError
from tfsynth.importers.numpy_files import read_dictionary

CENTRES = np.array([[0.5, -0.25, 1e-9], [-1.0, 0.75, 0.125]])
TABLE = {0: CENTRES, 26: CENTRES[:1].astype("float32"), "fortran": np.asfortranarray(CENTRES)}


def npy(body, header=b"{'descr': '|O', 'fortran_order': False, 'shape': (), }", version=1):
    """Returns a file of `numpy.save` with this pickle."""
    header = header.ljust(64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + body


def saved(value, protocol):
    """Returns the file with a pickle of this protocol, as NumPy of this environment makes it."""
    holder = np.empty((), object)
    holder[()] = value
    return npy(pickle.dumps(holder, protocol=protocol))


def of_numpy_1(content):
    """Renames as NumPy 1 named it; in protocol 4 a text's length stands before it."""
    content = content.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    return content.replace(b"numpy._core", b"numpy.core")


def array(data, shape, kind="f8", order="<", of=text, core="numpy.core"):
    """Returns opcodes that make an array of these bytes."""
    make = named(f"{core}.multiarray", "_reconstruct")
    make += row(named("numpy", "ndarray"), row(whole(0)), of("b")) + pickle.REDUCE
    dtype = named("numpy", "dtype") + row(of(kind), whole(0), whole(1)) + pickle.REDUCE
    dtype += row(whole(3), of(order), *[pickle.NONE] * 3, whole(-1), whole(-1), whole(0))
    dtype += pickle.BUILD
    state = row(whole(1), row(*map(whole, shape)), dtype, pickle.NEWFALSE, data)
    return make + state + pickle.BUILD


def old_bytes(data):
    """The `str` of Python 2."""
    return pickle.SHORT_BINSTRING + bytes([len(data)]) + data


def holding(value, of=text):
    """Returns a file whose array of no dimensions holds what these opcodes make."""
    return npy(START + array(rows(value), (), "O8", "|", of) + STOP)


def table(*values):
    items = (whole(i) + value for i, value in enumerate(values))
    return NEW_DICT + pickle.MARK + b"".join(items) + pickle.SETITEMS


GOOD = array(pickle.BINBYTES + struct.pack("<I", 8) + b"\0" * 8, (1, 1))


@pytest.mark.parametrize("change", [lambda content: content, of_numpy_1], ids=["2", "1"])
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_tables_of_all_protocols_and_both_namings(tmp_path, protocol, change):
    (tmp_path / "t.npy").write_bytes(change(saved(TABLE, protocol)))
    again = read_dictionary(tmp_path / "t.npy")
    assert list(again) == list(TABLE)
    for key, expected in TABLE.items():
        assert again[key].dtype == expected.dtype and again[key].flags.c_contiguous
        np.testing.assert_array_equal(again[key], expected)


def test_what_numpy_saves_today(tmp_path):
    np.save(tmp_path / "t.npy", TABLE, allow_pickle=True)
    np.testing.assert_array_equal(read_dictionary(tmp_path / "t.npy")[0], CENTRES)


def test_keys_that_are_numpy_integers(tmp_path):
    content = saved({np.int64(24): CENTRES, np.int32(7): CENTRES}, 4)
    for number, changed in enumerate((content, of_numpy_1(content))):
        (tmp_path / f"{number}.npy").write_bytes(changed)
        assert list(read_dictionary(tmp_path / f"{number}.npy")) == [24, 7]


def test_a_table_of_python_2(tmp_path):
    data = CENTRES.astype("<f8").tobytes()
    content = holding(table(array(old_bytes(data), (2, 3), of=old_text)), of=old_text)
    (tmp_path / "t.npy").write_bytes(content)
    np.testing.assert_array_equal(read_dictionary(tmp_path / "t.npy")[0], CENTRES)


def test_big_endian_numbers_become_native(tmp_path):
    data = old_bytes(CENTRES.astype(">f4").tobytes())
    (tmp_path / "t.npy").write_bytes(holding(table(array(data, (2, 3), "f4", ">"))))
    again = read_dictionary(tmp_path / "t.npy")[0]
    assert again.dtype == np.float32 and again.dtype.isnative
    np.testing.assert_array_equal(again, CENTRES.astype("float32"))


def test_a_header_of_version_2(tmp_path):
    content = npy(START + array(rows(table(GOOD)), (), "O8", "|") + STOP, version=2)
    (tmp_path / "t.npy").write_bytes(content)
    assert read_dictionary(tmp_path / "t.npy")[0].tolist() == [[0.0]]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_every_cut_is_refused(tmp_path, protocol):
    content = saved({0: CENTRES}, protocol)
    for length in range(len(content)):
        (tmp_path / "t.npy").write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="t.npy: "):
            read_dictionary(tmp_path / "t.npy")


def test_every_changed_byte_is_read_or_refused(tmp_path):
    content = saved({0: CENTRES}, 4)
    for place in range(len(content)):
        for value in (0, 255, content[place] ^ 1):
            (tmp_path / "t.npy").write_bytes(
                content[:place] + bytes([value]) + content[place + 1 :]
            )
            try:
                read_dictionary(tmp_path / "t.npy")
            except CheckpointError:
                pass


class Attack:
    """Makes a folder when Python's own unpickler reads it."""

    def __reduce__(self):
        return os.mkdir, ("harmed",)


def plain_array():
    file = io.BytesIO()
    np.save(file, CENTRES)
    return file.getvalue()


ORDER = row(text("mkdir harmed"))
EURO = pickle.BINUNICODE + struct.pack("<I", 3) + "\u20ac".encode()
LARGE = pickle.BINBYTES + struct.pack("<I", 800) + b"\0" * 800


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "It is empty"),
        (b"<html>sign in</html>", r"begins with b'<html>sign in<.*a web page"),
        (plain_array(), r"it is an array, .*<f8.*\(2, 3\).*no dictionary"),
        (saved([1, 2], 4), "holds no dictionary"),
        (npy(pickle.dumps({0: 1}, protocol=4)), "holds no dictionary"),
        (saved(TABLE, 5), "protocol 5; what is read is protocol 2, 3, 4"),
        (saved(TABLE, 4) + b"x", "something follows"),
        (saved({0: Attack()}, 2), "names .(posix|nt).mkdir"),
        (saved({0: Attack()}, 4), "names .(posix|nt).mkdir"),
        (saved(Attack(), 4), "names .(posix|nt).mkdir"),
        (npy(START + named("os", "system") + ORDER + pickle.REDUCE + STOP), "names 'os.system'"),
        (
            npy(START + text("os") + text("system") + pickle.STACK_GLOBAL + STOP),
            "names 'os.system'",
        ),
        (npy(START + whole(1) + whole(2) + pickle.STACK_GLOBAL + STOP), "by other than text"),
        (
            holding(named("numpy.core.multiarray", "scalar") + NOTHING + pickle.REDUCE),
            "a number by other values",
        ),
        (holding(named("_codecs", "encode") + ORDER + pickle.REDUCE), "encodes something else"),
        (
            holding(named("numpy.core.multiarray", "_reconstruct") + ORDER + pickle.REDUCE),
            "something else than an array",
        ),
        (holding(named("numpy", "dtype") + row(text("V8")) + pickle.REDUCE), "the type 'V8'"),
        (holding(named("numpy", "dtype") + row(text("f1")) + pickle.REDUCE), "the type 'f1'"),
        (holding(table(GOOD + whole(1) + pickle.BUILD)), "gives attributes"),
        (holding(NEW_LIST + whole(1) + pickle.BUILD), "gives attributes"),
        (holding(table(array(old_bytes(b"\0" * 8), (2, 1)))), r"than its shape \(2, 1\) needs"),
        (holding(table(array(old_bytes(b""), (2**31, 0)))), "by other values"),
        (holding(table(array(old_bytes(b""), (1,) * 9))), "than its shape"),
        (holding(table(array(old_bytes(b"\0" * 8), (-1,)))), "by other values"),
        (holding(table(array(whole(0), (1,)))), "something else than bytes"),
        (holding(table(array(EURO, (1,), "i1"))), "text for bytes"),
        (holding(table(array(rows(whole(1)), (1,), "O8", "|"))), "an array of objects"),
        (holding(pickle.BINPERSID), "uses a value it lacks"),
        (holding(text("x") + pickle.BINPERSID), "something outside it"),
        (pickle.dumps(TABLE), "and a file of `numpy.save` with"),
    ],
)
def test_foreign_and_hostile_files_are_refused_and_run_nothing(
    tmp_path, monkeypatch, content, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.npy").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_dictionary(tmp_path / "t.npy")
    assert os.listdir(tmp_path) == ["t.npy"]


def test_bytes_that_are_recalled_do_not_fill_the_memory(tmp_path):
    again = array(pickle.BINGET + b"\x07", (100,))
    body = table(array(LARGE + pickle.BINPUT + b"\x07", (100,)), *[again] * 40)
    (tmp_path / "t.npy").write_bytes(holding(body))
    with pytest.raises(CheckpointError, match="more bytes than the file"):
        read_dictionary(tmp_path / "t.npy")


def test_deep_values_end_nothing(tmp_path):
    (tmp_path / "t.npy").write_bytes(holding(table(NOTHING + pickle.TUPLE1 * 100_000)))
    assert type(read_dictionary(tmp_path / "t.npy")[0]) is tuple

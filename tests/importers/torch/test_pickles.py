"""Hostile files are refused: they run nothing, and cost little."""

import os
import pickle
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.importers.torch.torch_bytes import (
    NEW_DICT,
    NEW_LIST,
    NOTHING,
    archive,
    assert_same,
    named,
    refusal,
    row,
    rows,
    state,
    storage,
    stream,
    tensor,
    text,
    whole,
)
from tfsynth.importers.torch import pickles
from tfsynth.importers.torch.state_dicts import read_state_dict


@pytest.mark.parametrize("make", [stream, archive])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (tensor(), "it holds a Tensor"),
        (rows(tensor()), "it holds a list"),
        (state(tensor(), whole(1)), "its keys are '0', '1'. Save `model.state_dict"),
        (NEW_DICT + whole(1) + tensor() + pickle.SETITEM, "other things than named tensors"),
        (state(tensor(size=(7,))), "leaves its storage '0' of 6 elements"),
        (state(tensor(size=(2, 3), stride=(4, 1))), "leaves its storage"),
        (state(tensor(size=(2,), stride=(2**62,))), "leaves its storage"),
        (state(tensor(offset=1)), "leaves its storage"),
        (state(tensor(offset=2**62)), "leaves its storage"),
        (state(tensor(offset=-1)), "tensor by other values"),
        (state(tensor(size=(-6,))), "tensor by other values"),
        (state(tensor(stride=(-1,))), "tensor by other values"),
        (state(tensor(size=(2**64,), stride=(0,))), "tensor by other values"),
        (state(tensor(size=(1,) * 33, stride=(1,) * 33)), "tensor by other values"),
        (state(tensor(size=(6, 1))), "tensor by other values"),
        (state(tensor(of=whole(0))), "tensor by other values"),
        (state(tensor(size=(0, 2**62), stride=(1, 1))), "leaves its storage"),
        (state(tensor(size=(2**62,) * 32, stride=(0,) * 32)), "more than 16 times the file"),
        (state(*[tensor(size=(6, 999), stride=(1, 0))] * 9), "more than 16 times the file"),
        (state(tensor(of=storage(2**62))), "larger than the file"),
        (state(tensor(of=storage(-1))), "storage by other values"),
        (state(tensor(of=storage(kind="Tensor"))), "names 'torch.Tensor'"),
        (state(tensor(), tensor(size=(3,), of=storage(3))), "storage '0' in two ways"),
        (state(tensor(of=storage(view=row(text("1"), whole(3), whole(4))))), "a view leaves"),
        (state(tensor(of=storage(view=row(text("1"), whole(-1), whole(4))))), "a view by other"),
        (state(text("module") + pickle.BINPERSID), "something that is no storage"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path, make, body, message):
    assert re.search(message, refusal(tmp_path / "a.pth", make(body)))


class Attack:
    """Runs code when Python's own unpickler reads it."""

    def __reduce__(self):
        return os.mkdir, ("harmed",)


SYSTEM, ORDER = named("os", "system"), row(text("mkdir harmed"))
MAKE = pickle.GLOBAL + b"torch._utils\n_rebuild_tensor\n"


@pytest.mark.parametrize("make", [stream, archive])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (SYSTEM + ORDER + pickle.REDUCE, "names 'os.system'"),
        (state(SYSTEM), "names 'os.system'"),
        (named("builtins", "eval") + ORDER + pickle.REDUCE, "names 'builtins.eval'"),
        (named("torch.storage", "_load_from_bytes"), "names 'torch.storage._load_from_bytes'"),
        (named("\x1b[2J", "x"), r"names '\\x1b"),
        (pickle.dumps(Attack(), protocol=2)[2:-1], "names .(posix|nt).mkdir"),
        (text("os") + text("system") + pickle.STACK_GLOBAL, "the opcode STACK_GLOBAL"),
        (pickle.MARK + text("a") + pickle.INST + b"os\nsystem\n", "the opcode INST"),
        (pickle.MARK + MAKE + text("a") + pickle.OBJ, "the opcode OBJ"),
        (MAKE + NOTHING + pickle.NEWOBJ, "the opcode NEWOBJ"),
        (MAKE + NOTHING + NEW_DICT + pickle.NEWOBJ_EX, "the opcode NEWOBJ_EX"),
        (pickle.EXT1 + b"\x01", "the opcode EXT1"),
        (pickle.PERSID + b"0\n", "the opcode PERSID"),
        (pickle.BYTEARRAY8 + struct.pack("<Q", 2**62), "the opcode BYTEARRAY8"),
        (b"\xff", "the opcode 0xff"),
        (MAKE + NEW_DICT + pickle.BUILD, "gives attributes to a value"),
        (text("a") + NOTHING + pickle.REDUCE, "calls no function"),
        (named("torch", "FloatStorage") + row(whole(6)) + pickle.REDUCE, "calls no function"),
        (MAKE + NEW_LIST + pickle.REDUCE, "calls no function"),
        (MAKE + NOTHING + pickle.REDUCE, "tensor by other values"),
        (named("torch._utils", "_rebuild_parameter") + NOTHING + pickle.REDUCE, "parameter by"),
        (named("collections", "OrderedDict") + row(rows(whole(1))) + pickle.REDUCE, "no items"),
        (NOTHING + whole(1) + pickle.APPEND, "extends no list"),
        (NEW_DICT + pickle.MARK + text("a") + pickle.SETITEMS, "fills no dictionary"),
        (NEW_DICT + NOTHING + NOTHING + pickle.SETITEM, "dictionary key of type tuple"),
        (pickle.SHORT_BINSTRING + b"\x01\xff", "not UTF-8"),
        (pickle.BINSTRING + struct.pack("<i", -1), "ends in the middle"),
        (pickle.BINUNICODE + struct.pack("<I", 2**32 - 1), "ends in the middle"),
        (pickle.BINGET + b"\x07", "recalls a value it lacks"),
        (pickle.TUPLE, "ends a list it did not begin"),
        (NEW_DICT + NEW_DICT, "leaves values over"),
        (b"", "uses a value it lacks"),
    ],
)
def test_hostile_pickles_are_refused_and_run_nothing(tmp_path, monkeypatch, make, body, message):
    monkeypatch.chdir(tmp_path)
    assert re.search(message, refusal(tmp_path / "a.pth", make(body)))
    assert os.listdir(tmp_path) == ["a.pth"]


DEEP = 100_000
PAIRS = b"".join(rows(whole(i), NOTHING) for i in range(2000))


BOMBS = [
    (NEW_LIST * DEEP + pickle.APPEND * (DEEP - 1), "it holds a list"),
    (NOTHING + pickle.TUPLE1 * DEEP, "it holds a tuple"),
    (NEW_DICT + NOTHING + pickle.TUPLE1 * DEEP + pickle.NONE + pickle.SETITEM, "key of type"),
    # Each tuple holds the last one twice: 2 ** 1000 values to whoever walks over them.
    (NOTHING + (pickle.BINPUT + b"\0" + pickle.BINGET + b"\0" + pickle.TUPLE2) * 1000, "tuple"),
    # One list, made a dictionary again and again.
    (
        rows(PAIRS) + pickle.BINPUT + b"\0" + NEW_LIST
        + (named("collections", "OrderedDict") + b"h\0" + pickle.TUPLE1 + b"Ra") * 20_000,
        "leaves values over",
    ),
    (text("x" * pickles.MOST_BYTES), "do not end within 4 MiB"),
]  # fmt: skip


def test_bombs_are_refused_at_small_cost(tmp_path):
    for number, (body, _) in enumerate(BOMBS):
        (tmp_path / f"{number}.pth").write_bytes(archive(body))
    pytest.importorskip("resource")  # There is none on Windows.
    # A process of its own: what it needs is limited, and nothing can end the tests.
    code = (
        "import resource, sys; from tfsynth.importers.torch.state_dicts import *\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 ** 31, 2 ** 31))\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\n"
        "for path in sys.argv[1:]:\n"
        "    try: read_state_dict(path)\n"
        "    except CheckpointError as error: print(error)"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", code, *sorted(tmp_path.iterdir())],
        **{"capture_output": True, "text": True, "env": environment},
        cwd=Path(pickles.__file__).parents[3],
    )
    refusals = ran.stdout.splitlines()
    assert len(refusals) == len(BOMBS), ran.stderr[-2000:]
    for number, (refused, (_, message)) in enumerate(zip(refusals, BOMBS, strict=True)):
        assert f"{number}.pth" in refused and message in refused


def test_large_numbers_in_a_memo_take_no_memory(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(archive(state(tensor()) + pickle.LONG_BINPUT + b"\xff" * 4))
    assert_same(read_state_dict(path), {"0": np.arange(6, dtype=np.float32)})

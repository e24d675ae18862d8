"""Hostile `.pth` and `.npy` files: pickles that run code, and ones that never end."""

import pickle
import struct

import numpy as np

from tests.faults.hostile import SHELL, Hostile, archive, content, inflating
from tests.faults.specimens import GOLDENS
from tests.importers.torch.torch_bytes import (
    START,
    STOP,
    named,
    old_text,
    row,
    rows,
    state,
    storage,
    stream,
    tensor,
    text,
)

MILLION = 10**6
HUGE = 3 << 30


def calling(module, name, *arguments):
    """Returns opcodes that call a function."""
    return named(module, name) + row(*map(text, arguments)) + pickle.REDUCE


WRITE = f"open('ran-by-hostile-code', 'w').write({SHELL!r})"
BODIES = {
    "os.system": calling("os", "system", SHELL),
    "posix.system": calling("posix", "system", SHELL),
    "builtins.eval": calling("builtins", "eval", WRITE),
    "builtins.exec": calling("builtins", "exec", WRITE),
    "__builtin__.eval": calling("__builtin__", "eval", WRITE),
    "subprocess.getoutput": calling("subprocess", "getoutput", SHELL),
    "numpy's exec": calling("numpy.testing._private.utils", "runstring", WRITE, "d"),
    "torch.hub.load": calling("torch.hub", "load", "a/b", "c"),
    "pickle.loads": named("pickle", "loads")
    + row(old_text("cos\nsystem\n(S'echo ran'\ntR."))
    + pickle.REDUCE,
    "a global by stack": text("os")
    + text("system")
    + pickle.STACK_GLOBAL
    + row(text(SHELL))
    + pickle.REDUCE,
    "INST": pickle.MARK + text(SHELL) + b"ios\nsystem\n",
    "OBJ": pickle.MARK + named("os", "system") + text(SHELL) + pickle.OBJ,
    "NEWOBJ": named("subprocess", "Popen") + row(text(SHELL)) + pickle.NEWOBJ,
    "BUILD of a state": named("collections", "OrderedDict")
    + pickle.EMPTY_TUPLE
    + pickle.REDUCE
    + pickle.EMPTY_DICT
    + text("__class__")
    + named("os", "system")
    + pickle.SETITEM
    + pickle.BUILD,
    "attributes by a dotted name": calling("collections", "OrderedDict.__init__", "x"),
    "an extension": pickle.EXT1 + b"\x01",
    "a tensor's rebuild that calls": named("torch._utils", "_rebuild_tensor_v2")
    + row(calling("os", "system", SHELL))
    + pickle.REDUCE,
    "lists a million deep": pickle.EMPTY_LIST * MILLION + pickle.APPEND * (MILLION - 1),
    "a doubling memo": pickle.EMPTY_LIST
    + b"q\x00"
    + b"".join(
        pickle.EMPTY_LIST + pickle.MARK + bytes([104, i]) * 2 + pickle.APPENDS + bytes([113, i + 1])
        for i in range(100)
    ),
    "a doubling memo of tuples": text("x")
    + b"q\x00"
    + b"".join(bytes([104, i, 104, i]) + pickle.TUPLE2 + bytes([113, i + 1]) for i in range(100)),
    "bytes of 2**60": pickle.BINBYTES8 + struct.pack("<Q", 1 << 60),
    "a frame of 2**62": pickle.FRAME + struct.pack("<Q", 1 << 62) + pickle.NONE,
    "a number of 20 MB": pickle.LONG4 + struct.pack("<i", 20 << 20) + b"\x7f" * (20 << 20),
    "a memo place of 2**31": pickle.NONE + pickle.LONG_BINPUT + struct.pack("<I", 2**31),
    "storage of 10**15": state(tensor((10**15,), (1,), of=storage(10**15))),
    "a view of 10**12": state(tensor((MILLION, MILLION), (0, 0))),
    "a view before its start": state(tensor((2,), (1,), offset=-9)),
    "a view of negative size": state(tensor((-5,), (1,))),
    "100,000 tensors of one storage": state(*[tensor()] * 100_000),
    "a million marks": pickle.MARK * MILLION,
}


def _zip(body):
    return archive([("a/data.pkl", START + body + STOP), ("a/data/0", b"\0" * 24)])


def _npy(header, body=b"", length=None):
    head = header.encode()
    size = struct.pack("<I", len(head) if length is None else length)
    return b"\x93NUMPY\x02\x00" + size + head + body


OBJECT = "{'descr': '|O', 'fortran_order': False, 'shape': ()}\n"
ARRAYS = {
    "os.system": _npy(OBJECT, START + BODIES["os.system"] + STOP),
    "eval": _npy(OBJECT, START + BODIES["builtins.eval"] + STOP),
    "a header that is code": _npy(f"__import__('os').system({SHELL!r})\n"),
    "a header that is a call": _npy("{'descr': exit(), 'fortran_order': False, 'shape': ()}\n"),
    "a header of 4 GB": _npy(OBJECT, length=2**32 - 1),
    "a deep header": _npy("(" * 100_000 + ")" * 100_000 + "\n"),
    "10**12 numbers": _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n"),
    "10**12 objects": _npy("{'descr': '|O', 'fortran_order': False, 'shape': (1000000000000,)}\n"),
    "a doubling memo": _npy(OBJECT, START + BODIES["a doubling memo"] + STOP),
    "lists a million deep": _npy(OBJECT, START + BODIES["lists a million deep"] + STOP),
}


def pickles():
    """Yields each `Hostile` pickle and array."""
    words = ("import", "pix2pixhd", "evil.pth", "-o", "imported")
    for i, (name, body) in enumerate(BODIES.items()):
        # By turns in both containers of PyTorch.
        data = _zip(body) if i % 2 else stream(body)
        yield Hostile(f"pth: {name}", "evil.pth", content(data), words)
    bombs = {
        "a pickle of 3 GB": ("a/data.pkl", [("a/data/0", b"\0" * 24)]),
        "tensors of 3 GB": ("a/data/0", [("a/data.pkl", START + state(tensor()) + STOP)]),
        "a version of 3 GB": ("a/version", [("a/data.pkl", START + rows() + STOP)]),
    }
    for name, (member, others) in bombs.items():

        def bomb(member=member, others=others):
            return archive(others, (member, *inflating(HUGE)))

        yield Hostile(f"pth: {name}", "evil.pth", content(bomb), words)
    networks = [str(GOLDENS / f"torch_{role}.pth") for role in "GE"]
    words = ("import", "pix2pixhd", *networks, "--styles", "evil.npy", "-o", "imported")
    for name, data in ARRAYS.items():
        yield Hostile(f"npy: {name}", "evil.npy", content(data), words)
    nans = np.array({0: np.full((1, 3), np.nan)}, dtype=object)
    yield Hostile("npy: styles that are no numbers", "evil.npy", lambda p: np.save(p, nans), words)

"""PyTorch's files are read exactly and written readably; damaged ones are refused."""

import os
import pickle
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.importers.torch.torch_bytes import (
    NEW_DICT,
    archive,
    assert_same,
    named,
    old_text,
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
from tfsynth.exporters.torch_writer import STORAGES, write_state_dict
from tfsynth.importers.torch.state_dicts import CheckpointError, read_state_dict

GOLDENS = Path(__file__).parents[2] / "goldens"
CONTAINERS = ("zip", "legacy")
ARRAYS = {
    "model.1.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) / 8,
    "model.1.bias": np.array([0.5, -1.0], np.float32),
    "steps": np.array(7, np.int64),
    "none": np.zeros((0, 3), np.float32),
    "ünder": np.array([True, False]),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_is_written_is_read(tmp_path, container):
    path = tmp_path / "latest_net_G.pth"
    write_state_dict(path, ARRAYS, container)
    assert_same(read_state_dict(path), ARRAYS)
    first = path.read_bytes()
    write_state_dict(str(path), ARRAYS, container)
    assert path.read_bytes() == first
    assert os.listdir(tmp_path) == [path.name]


def in_dictionary(**parts):
    """Returns the pickle of a dictionary of them."""
    items = (text(key) + part for key, part in parts.items())
    return NEW_DICT + pickle.MARK + b"".join(items) + pickle.SETITEMS


@pytest.mark.parametrize("key", ["state_dict", "params_ema", "anything"])
@pytest.mark.parametrize("pack", [archive, stream])
def test_the_only_state_dict_in_a_dictionary_is_read(tmp_path, key, pack):
    path = tmp_path / "wrapped.pth"
    others = {"epoch": whole(3), "optimizer": in_dictionary(state=NEW_DICT), "name": text("x")}
    path.write_bytes(pack(in_dictionary(**others, **{key: state(tensor())})))
    np.testing.assert_array_equal(read_state_dict(path)["0"], np.arange(6, dtype="f"))


def test_two_state_dicts_in_a_dictionary_are_named(tmp_path):
    body = in_dictionary(params=state(tensor()), params_ema=state(tensor()))
    message = refusal(tmp_path / "two.pth", archive(body))
    assert "its keys are 'params', 'params_ema'" in message
    assert "`torch.save(torch.load(path)['params'], new_path)`" in message
    # A dictionary in a dictionary in one is not looked for.
    message = refusal(tmp_path / "deep.pth", archive(in_dictionary(a=in_dictionary(b=body))))
    assert "its keys are 'a'" in message


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_pytorch_wrote_is_read(container):
    numbers = np.arange(12, dtype=np.float32) / 8
    shapes = {"conv.weight": (3, 2, 2, 2), "conv.bias": (3,)}
    shapes |= {f"norm.{n}": (3,) for n in ("weight", "bias", "running_mean", "running_var")}
    expected = {
        name: (t + np.arange(np.prod(shape), dtype=np.float32) / 8).reshape(shape)
        for t, (name, shape) in enumerate(shapes.items())
    }
    expected |= {
        "norm.num_batches_tracked": np.array(0, np.int64),
        "half": numbers.astype(np.float16),
        "bfloat16": numbers,
        "flags": numbers > 0.5,
        "shared": numbers,
        "transposed": numbers.reshape(3, 4).T,
        "part": numbers[2:11:3],
        "expanded": np.full((2, 2), 0.375, np.float32),
        "empty": np.zeros((0, 4), np.float32),
    }
    arrays = read_state_dict(GOLDENS / f"torch_{container}.pth")
    assert_same(arrays, expected)
    arrays["shared"][:] = 0
    np.testing.assert_array_equal(arrays["transposed"], expected["transposed"])


def test_a_file_of_python_2_is_read(tmp_path):
    view = row(old_text("9"), whole(2), whole(4))
    sizes = (row(whole(2), whole(2)), row(whole(1), whole(2)))
    arguments = row(storage(view=view), whole(0), *sizes)
    value = named("torch._utils", "_rebuild_tensor") + arguments + pickle.REDUCE
    pairs = rows(rows(old_text("weight"), value))
    body = named("collections", "OrderedDict") + row(pairs) + pickle.REDUCE
    path = tmp_path / "old.pth"
    path.write_bytes(stream(body, keys=(old_text("0"),)))
    assert_same(read_state_dict(path), {"weight": np.array([[2, 4], [3, 5]], np.float32)})


def test_parameters_and_attributes_are_read(tmp_path):
    parameter = row(tensor(), pickle.NEWTRUE, NEW_DICT) + pickle.REDUCE
    body = state(named("torch._utils", "_rebuild_parameter") + parameter)
    attributes = NEW_DICT + text("_metadata") + NEW_DICT + pickle.SETITEM
    path = tmp_path / "a.pth"
    path.write_bytes(stream(body + attributes + pickle.BUILD))
    assert_same(read_state_dict(path), {"0": np.arange(6, dtype=np.float32)})


def test_every_type_of_storage_is_read(tmp_path):
    path = tmp_path / "a.pth"
    for kind, dtype in STORAGES.items():
        data = np.arange(6).astype(dtype)
        expected = data
        if kind == "BFloat16Storage":
            expected = np.array([0, 1, 2, 0.5, -1, 3], np.float32)
            data = (expected.view(np.uint32) >> 16).astype("<u2")
        path.write_bytes(stream(state(tensor(of=storage(kind=kind))), data))
        assert_same(read_state_dict(path), {"0": expected})


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_truncation_is_refused(tmp_path, container):
    path = tmp_path / "a.pth"
    write_state_dict(path, ARRAYS, container)
    content = path.read_bytes()
    for golden in (content, (GOLDENS / f"torch_{container}.pth").read_bytes()):
        for length in range(len(golden)):
            message = refusal(path, golden[:length])
            assert "etch it again" in message or length < 4


@pytest.mark.parametrize("container", CONTAINERS)
def test_damage_is_refused_or_changes_numbers_only(tmp_path, container):
    path = tmp_path / "a.pth"
    content = (GOLDENS / f"torch_{container}.pth").read_bytes()
    random = np.random.default_rng(0)
    for _ in range(1500):
        damaged = bytearray(content)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(len(damaged))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            arrays = read_state_dict(path)
        except CheckpointError:
            continue
        assert all(type(array) is np.ndarray for array in arrays.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "begins with .*PNG.*Name the .pth file"),
        (b"<!DOCTYPE html><html>", "web page that was saved in place of the download"),
        (b"version https://git-lfs.github.com", "Fetch the file itself"),
        (pickle.dumps({"a": 1}, protocol=2), "a pickle, but not of `torch.save`"),
        (pickle.dumps({"a": 1}, protocol=4), "protocol 4.*without `pickle_protocol`"),
        (pickle.dumps(os.path.join, protocol=2), "it names '(posix|nt)path.join'"),
        (archive(data_pkl=None), "not of `torch.save`; it holds 'a/data/0'"),
        (archive(constants_pkl=b""), "TorchScript program.*torch.jit.load"),
        (archive(compression=zipfile.ZIP_DEFLATED), "compressed or larger"),
        (archive(byteorder=b"big"), "big-endian machine"),
        (stream(state(tensor()), little=pickle.NEWFALSE), "big-endian machine"),
        (stream(state(tensor())).replace(b"\xe9\x03", b"\xe8\x03", 1), "protocol number 1001"),
        (archive(**{"data/0": None}), "no item named 'a/data/0'"),
        (archive(**{"data/0": bytes(20)}), "20 bytes where its tensors say 24"),
        (archive().replace(struct.pack("<f", 5), b"\0\0\0\0"), "not whole .Bad CRC"),
        (stream(state(tensor()), np.zeros(5, "<f4")), "the download or the copy broke off"),
        (stream(state(tensor()), np.zeros(7, "<f4")), "has 7 elements where its tensors say 6"),
        (stream(state(tensor())) + b"more", "4 bytes follow its last storage"),
        (stream(state(tensor()), keys=()), "list of storages is not that of its tensors"),
        (stream(state(tensor()), keys=(whole(0),)), "list of storages is not that"),
    ],
)
def test_foreign_and_damaged_files_are_refused(tmp_path, content, message):
    assert re.search(message, refusal(tmp_path / "a.pth", content))


def test_it_needs_no_pytorch():
    code = "import sys, tfsynth.importers.torch.state_dicts as _; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        **{"capture_output": True, "text": True, "check": True},
        cwd=Path(__file__).parents[3],
    )
    assert "torch" not in ran.stdout.split()


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "a.pth")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(CheckpointError, match="is no file. Name the .pth file"):
            read_state_dict(path)

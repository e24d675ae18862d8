"""Files that PyTorch reads: what is written and refused; `tests/importers/torch` reads them."""

import os

import numpy as np
import pytest

from tests.importers.torch.torch_bytes import assert_same
from tfsynth.exporters.torch_writer import write_state_dict
from tfsynth.importers import read_state_dict

CONTAINERS = ("zip", "legacy")


@pytest.mark.parametrize(
    ("arrays", "container", "message"),
    [
        ({}, "tar", "Unknown container 'tar'. Known: zip, legacy"),
        ({1: np.zeros(1)}, "zip", "are text; got 1"),
        ({"a": np.zeros(1, np.uint32)}, "zip", "no storage for 'a' of uint32.*float32"),
        ({"a": np.array(["x"], object)}, "legacy", "no storage for 'a' of object"),
    ],
)
def test_writer_refuses(tmp_path, arrays, container, message):
    with pytest.raises(ValueError, match=message):
        write_state_dict(tmp_path / "a.pth", arrays, container)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("container", CONTAINERS)
def test_writer_takes_any_layout_and_leaves_a_file_whole(tmp_path, monkeypatch, container):
    path = tmp_path / "a.pth"
    turned = np.arange(6.0).reshape(2, 3).T
    given = {"a": turned, "b": np.arange(3, dtype=">f4"), "c": np.float32(2)}
    write_state_dict(path, given, container)
    expected = {"a": turned, "b": np.arange(3, dtype=np.float32), "c": np.array(2, np.float32)}
    assert_same(read_state_dict(path), expected)

    def break_off(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", break_off)
    with pytest.raises(OSError, match="disk full"):
        write_state_dict(path, {}, container)
    assert_same(read_state_dict(path), expected)
    assert os.listdir(tmp_path) == ["a.pth"]

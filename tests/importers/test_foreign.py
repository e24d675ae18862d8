"""Files that are given in place of a checkpoint are named for what they are."""

import gzip
import json
import struct
import sys

import numpy as np
import pytest

from tfsynth.importers import CheckpointError, read_crn, read_pix2pixhd, read_styles, read_vgg19

HEADER = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
KINDS = [
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 729\n",
        "it is a Git-LFS pointer, .* Fetch the file itself: `git lfs pull`",
    ),
    (gzip.compress(b"x" * 99), "is compressed with gzip. Unpack it"),
    (b"BZh9" + b"x" * 99, "is compressed with bzip2. Unpack it"),
    (b"\xfd7zXZ\0" + b"x" * 99, "is compressed with xz. Unpack it"),
    (b"\x28\xb5\x2f\xfd" + b"x" * 99, "is compressed with Zstandard. Unpack it"),
    (
        struct.pack("<Q", len(HEADER)) + HEADER + bytes(4),
        "is a file of safetensors. Save it for PyTorch: `torch.save",
    ),
    (b"<!DOCTYPE html><html>", "web page that was saved in place of the download"),
    (b"\n\n<html>", "web page that was saved in place of the download"),
    (b"x" * 257 + b"ustar" + b"x" * 250, "is a tar archive. Unpack it"),
    (b"\x89HDF\r\n\x1a\n" + b"x" * 99, "is an HDF5 file"),
]


@pytest.mark.parametrize(("content", "message"), KINDS)
def test_the_message_says_what_a_file_is(tmp_path, content, message):
    path = tmp_path / "latest_net_G.pth"
    path.write_bytes(content)
    for read in (read_pix2pixhd, read_vgg19, read_styles):
        with pytest.raises(CheckpointError, match=message) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(b"x")
    (tmp_path / "model.ckpt.index").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_crn(tmp_path / "model.ckpt")


def test_without_tensorflow_crn_says_what_is_missing(tmp_path, monkeypatch):
    for name in ("model.ckpt.index", "model.ckpt.data-00000-of-00001"):
        (tmp_path / name).write_bytes(np.arange(99, dtype="uint8").tobytes())
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(CheckpointError, match="read by TensorFlow, .* `pip install tensorflow`"):
        read_crn(tmp_path / "model.ckpt")

"""Folders of drawn streets: drawn anew if they are damaged, by either store."""

import keras
import numpy as np
import pytest

from tfsynth.data import Streets
from tfsynth.data.builders import drawn_arrays
from tfsynth.data.builders.drawn_folder import require_drawn

SMALL = {"height": 32, "width": 48, "train": 3, "validation": 1, "test": 1, "seed": 7}


def write(folder):
    (folder / "street").write_text("drawn")


def test_a_whole_folder_is_not_drawn_again(tmp_path):
    require_drawn(tmp_path / "store" / "a", write)
    require_drawn(tmp_path / "store" / "a", lambda folder: pytest.fail("drawn again"))


@pytest.mark.parametrize("name", ["street", "sha256.json"])
@pytest.mark.parametrize("content", [None, "", "damaged", "{}", "[1]", '{"../../x": "0"}'])
def test_a_damaged_one_is_drawn_again_with_a_warning(tmp_path, name, content):
    path = tmp_path / "a"
    require_drawn(path, write)
    sound = {file.name: file.read_bytes() for file in path.iterdir()}
    (path / name).unlink()
    if content is not None:
        (path / name).write_text(content)
    with pytest.warns(UserWarning, match=f"{path}: .* the streets are drawn again"):
        require_drawn(path, write)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == sound
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_drawing_that_fails_leaves_nothing(tmp_path):
    def fail(folder):
        write(folder)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        require_drawn(tmp_path / "a", fail)
    assert list(tmp_path.iterdir()) == []


def test_every_file_of_the_records_is_watched(tmp_path):
    first = Streets(**SMALL, data_dir=str(tmp_path)).split("train")
    expected = [first[i]["image"] for i in range(3)]
    files = [path for path in (tmp_path / "synth_streets").rglob("*") if path.is_file()]
    assert len(files) >= 6
    for path in files:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
        with pytest.warns(UserWarning, match="drawn again"):
            again = Streets(**SMALL, data_dir=str(tmp_path)).split("train")
        np.testing.assert_array_equal([again[i]["image"] for i in range(3)], expected)
    # TFDS leaves nothing of its own either.
    assert {path.name for path in tmp_path.iterdir()} == {"synth_streets"}


def test_every_file_of_the_arrays_is_watched(tmp_path):
    assert keras.backend.backend() == "tensorflow"  # The store is used on others; it needs none.

    def split():
        return drawn_arrays.Arrays(tmp_path, "train", lambda folder, bytes: None, **SMALL)

    expected = [split().example(i)["image"] for i in range(3)]
    files = [path for path in (tmp_path / "drawn_streets").rglob("*") if path.is_file()]
    assert len(files) == 5
    for path in files:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
        with pytest.warns(UserWarning, match="drawn again"):
            again = split()
        np.testing.assert_array_equal([again.example(i)["image"] for i in range(3)], expected)

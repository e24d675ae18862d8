"""Drawn streets as NumPy files, which machines without TensorFlow have."""

import numpy as np
import pytest

from tfsynth import streets
from tfsynth.data.builders.drawn_arrays import Arrays

CITY = {"height": 32, "width": 64, "seed": 7}


def drawn(folder, count, seed=7):
    def space(at, bytes_per_pixel):
        # Labels, instances as int32, and three of the photograph: of all splits this one's share.
        assert at == folder
        assert bytes_per_pixel == pytest.approx(8 * count / (count + 2))

    city = {**CITY, "seed": seed}
    return Arrays(folder, "train", space, **city, train=count, validation=1, test=1)


def assert_is_the_street(arrays, index):
    street = streets.draw_street(32, 64, 7, "train", index)
    example = arrays.example(index)
    assert sorted(example) == ["image", "instances", "labels"]
    for name, array in example.items():
        np.testing.assert_array_equal(array, getattr(street, name))
        assert array.dtype == getattr(street, name).dtype
    assert arrays.looks(index) == street.looks
    assert arrays.time_of_day(index) == street.time_of_day


def contents(folder):
    """Returns the bytes of every file below a folder, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_examples_looks_and_times_of_day_are_those_of_the_streets(tmp_path):
    arrays = drawn(tmp_path, 3)
    for index in range(3):
        assert_is_the_street(arrays, index)
    (made,) = (tmp_path / "drawn_streets").iterdir()
    assert made.name == f"32x64_seed7_train3_{streets.DRAWING_VERSION}"
    assert sorted(path.name for path in made.iterdir()) == [
        *("image.npy", "instances.npy", "labels.npy", "notes.json", "sha256.json")
    ]
    # Drawn once: read again, it is not written again.
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert_is_the_street(drawn(tmp_path, 3), 2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_example_may_be_changed_and_is_not(tmp_path):
    arrays = drawn(tmp_path, 1)
    arrays.example(0)["image"][:] = 0
    assert_is_the_street(arrays, 0)


def test_several_processes_draw_what_one_does(tmp_path, monkeypatch):
    # So many that each of two processes is worth its start; one does it where it is the only core.
    count = 41
    for name, cores in (("two", 2), ("one", 1)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        drawn(tmp_path / name, count)
    two, one = (contents(tmp_path / name) for name in ("two", "one"))
    assert len(one) == 5 and two == one
    arrays = drawn(tmp_path / "two", count)
    # The last of the first process, the first of the second, and the last.
    for index in (19, 20, 40):
        assert_is_the_street(arrays, index)


@pytest.mark.parametrize("cores", [1, 2])
def test_nothing_incomplete_is_left_when_drawing_fails(cores, tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    # No street has such a seed.
    with pytest.raises((OSError, ValueError)):
        drawn(tmp_path, 41, seed=-1)
    assert list((tmp_path / "drawn_streets").iterdir()) == []

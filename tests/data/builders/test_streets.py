"""The drawn streets as a data set: kept, read back, and clear errors."""

import threading

import numpy as np
import pytest

from tfsynth import streets
from tfsynth.data.builders.streets import Streets
from tfsynth.data.builders.tfds_streets import SynthStreets
from tfsynth.data.dataset import DataError
from tfsynth.registry import build, describe

SMALL = {"height": 32, "width": 64, "train": 5, "validation": 2, "test": 0, "seed": 7}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return Streets(**SMALL, data_dir=str(tmp_path_factory.mktemp("streets")))


def test_examples_are_the_streets_drawn_in_order(small):
    split = small.split("train")
    assert len(split) == 5
    assert split.stems[4] == "train_00004"
    for index in range(5):
        street = streets.draw_street(32, 64, 7, "train", index)
        example = split[index]
        np.testing.assert_array_equal(example["labels"], street.labels)
        np.testing.assert_array_equal(example["instances"], street.instances)
        np.testing.assert_array_equal(example["image"], street.image)
        assert split.looks(index) == street.looks
        assert split.time_of_day(index) == street.time_of_day
    assert example["labels"].dtype == example["image"].dtype == np.uint8
    assert example["instances"].dtype == np.int32


def test_splits_share_no_street(small):
    train, validation = small.split("train"), small.split("validation")
    for first in train:
        for second in validation:
            assert np.mean(first["image"] != second["image"]) > 0.5


def test_check_finds_nothing(small):
    report = small.split("validation").check(progress=False, max_instances=256)
    assert report.examples == 2
    assert 10 < report.most_instances < 256


def test_streets_are_drawn_once(small, capsys):
    small.split("train")
    files = sorted(p for p in small.folder.rglob("*") if p.is_file())
    times = [p.stat().st_mtime_ns for p in files]
    capsys.readouterr()
    again = Streets(**SMALL, data_dir=small.data_dir)
    np.testing.assert_array_equal(
        again.split("train")[1]["image"], small.split("train")[1]["image"]
    )
    assert "drawing" not in capsys.readouterr().err
    assert [p.stat().st_mtime_ns for p in files] == times


def test_nothing_incomplete_is_left(small):
    small.split("train")
    assert not [p for p in small.folder.rglob("*") if "incomplete" in p.name]


def test_the_builder_is_named_after_all_that_changes_its_content(tmp_path):
    builder = SynthStreets(**SMALL, data_dir=str(tmp_path))
    assert builder.info.full_name == (
        f"synth_streets/32x64_seed7_train5_validation2_test0/{streets.DRAWING_VERSION}"
    )


def test_a_split_that_does_not_exist_lists_those_that_do(small):
    for name in ("test", "val"):
        with pytest.raises(DataError, match=f"no split '{name}'; it has: train, validation"):
            small.split(name)


def test_config_round_trip():
    dataset = Streets(**SMALL, data_dir="somewhere")
    node = describe(dataset)
    assert node == {"class": "Streets", **SMALL, "data_dir": "somewhere"}
    assert build(node).get_config() == dataset.get_config()


def test_fingerprint_changes_with_the_content_not_the_place():
    reference = Streets(**SMALL).fingerprint
    assert Streets(**SMALL, data_dir="elsewhere").fingerprint == reference
    for name, value in (("height", 33), ("seed", 8), ("train", 6), ("test", 1)):
        assert Streets(**{**SMALL, name: value}).fingerprint != reference


def test_the_folder_comes_from_the_environment_unless_given(monkeypatch, tmp_path):
    monkeypatch.setenv("TFSYNTH_DATA", str(tmp_path))
    assert Streets(**SMALL).folder == tmp_path
    assert Streets(**SMALL, data_dir=str(tmp_path / "a")).folder == tmp_path / "a"
    monkeypatch.delenv("TFSYNTH_DATA")
    assert Streets(**SMALL).folder.parts[-3:] == (".cache", "tfsynth", "tfds")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("")
    folder = occupied / "streets"
    with pytest.raises(DataError, match="streets cannot be kept there") as caught:
        Streets(**SMALL, data_dir=str(folder)).split("train")
    assert str(caught.value).startswith(f"{folder}: ")
    assert "TFSYNTH_DATA" in str(caught.value)


def test_a_disk_that_is_too_small_is_found_before_drawing(tmp_path):
    dataset = Streets(**{**SMALL, "train": 10**12}, data_dir=str(tmp_path))
    with pytest.raises(DataError, match="MB are free") as caught:
        dataset.split("train")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "name, value", [("height", 31), ("width", 64.0), ("train", -1), ("seed", True)]
)
def test_arguments_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` is a whole number"):
        Streets(**{**SMALL, name: value})


def test_two_who_draw_the_same_streets_at_once_both_get_them(tmp_path):
    streets_of_two = [Streets(**SMALL, data_dir=str(tmp_path)) for _ in range(2)]
    ready = threading.Barrier(2)
    found = {}

    def draw(who):
        ready.wait()
        found[who] = streets_of_two[who].split("train")[4]["image"]

    threads = [threading.Thread(target=draw, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found[0], found[1])

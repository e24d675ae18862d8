"""What provenance says, whatever its shape, and what of it is not told to others."""

import pytest

from tests import tiny
from tfsynth.models.origin import origin_of, without_paths

NOTHING = {
    **dict.fromkeys(("name", "data", "size", "precision", "device", "steps", "minutes", "seed")),
    **dict.fromkeys(("examples", "method"), ""),
}


def test_what_training_writes_is_found():
    config = {**tiny.tree("data"), "seed": 7}
    found = origin_of({"config": config, "steps": 12, "precision": "float32", "minutes": 0.5})
    assert found == {
        "name": "tiny",
        "data": "Streets",
        "examples": "4 train, 2 validation, 3 test",
        "size": [32, 64],
        "method": "GlobalGenerator + MultiscaleDiscriminator",
        "precision": "float32",
        "device": None,
        "steps": 12,
        "minutes": 0.5,
        "seed": 7,
    }


def test_older_files_have_a_trainer_in_place_of_the_game():
    parts = {"generator": {"class": "UNetGenerator"}, "discriminator": {"class": "PatchDis"}}
    assert origin_of({"config": {"trainer": parts}})["method"] == "UNetGenerator + PatchDis"


@pytest.mark.parametrize(
    "provenance",
    [
        None,
        [],
        {"config": 3},
        {"config": {"data": [], "game": "x", "name": 7, "seed": "x"}},
        {"config": {"data": {"dataset": {"class": 3, "train": "x"}, "size": [1, True]}}},
        {"config": {"data": {"size": [1.0, 2.0]}, "game": {"generator": {"class": []}}}},
        {"steps": float("nan"), "minutes": True, "device": ["x"], "precision": 16},
    ],
)
def test_what_has_another_shape_says_nothing(provenance):
    assert origin_of(provenance) == NOTHING


def test_the_folders_of_a_machine_are_not_told():
    tree = {
        "data_dir": "/home/me/data/streets",
        "root": "C:\\Users\\me\\pairs",
        "labels": "~/my/labels.yaml",
        "features": "file:///home/me/vgg19.keras",
        "relative": "configs/labels/camvid.yaml",
        "size": (32, 64),
        "null": None,
        "deep": [{"er": "/home/me/x"}],
    }
    assert without_paths(tree) == {
        "data_dir": "streets",
        "root": "pairs",
        "labels": "labels.yaml",
        "features": "vgg19.keras",
        "relative": "configs/labels/camvid.yaml",
        "size": [32, 64],
        "null": None,
        "deep": [{"er": "x"}],
    }
    assert "/home" in tree["data_dir"]

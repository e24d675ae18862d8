"""Folders that are laid out otherwise, and splits that hold the same files."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from tfsynth.data import DataError, PairedFolders, PicturePairs


@pytest.mark.parametrize(
    ("folders", "build", "message"),
    [
        (["train_A", "train_B"], PairedFolders, r"train_A/ and train_B/ are read by PictureP"),
        (["train_label", "train_img"], PicturePairs, r"are read by PairedFolders\(root\)"),
        (["train"], PicturePairs, r"PicturePairs\(root, side_by_side=True\)"),
        (["images/train", "labels/train"], PairedFolders, "`ln -s labels/train train_label && "),
        (["train/images", "train/masks"], PairedFolders, "`mv train/masks train_label && mv train"),
        (["else"], PairedFolders, "likewise validation and test.$"),
    ],
)  # fmt: skip
def test_other_layouts_are_known(tmp_path, folders, build, message):
    for name in folders:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(DataError, match=f"no split found.*{message}"):
        build(tmp_path)


@pytest.mark.parametrize("folders", [("labels/train", "images/train"), ("train/mask", "train/rgb")])
def test_what_the_hint_says_makes_the_layout(folders, tmp_path):
    for name, shape in zip(folders, [(4, 4), (4, 4, 3)], strict=True):
        (tmp_path / name).mkdir(parents=True)
        Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / name / "a.png")
    with pytest.raises(DataError) as error:
        PairedFolders(tmp_path)
    subprocess.run(str(error.value).split("`")[1], shell=True, check=True, cwd=tmp_path)
    example = PairedFolders(tmp_path).split("train")[0]
    assert example["labels"].shape == (4, 4) and example["image"].shape == (4, 4, 3)


def test_folders_whose_names_say_nothing_are_left_to_the_user(tmp_path):
    for name in ("one/train", "two/train"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(DataError, match="`ln -s NAME train_label` for the one that holds"):
        PairedFolders(tmp_path)


def test_a_link_to_the_training_split_is_no_validation(folders, label_file):
    for kind in ("label", "img", "inst"):
        shutil.rmtree(folders / f"val_{kind}")
        (folders / f"val_{kind}").symlink_to(folders / f"train_{kind}")
    dataset = PairedFolders(folders, label_file)
    assert len(dataset.split("train")) == 5
    with pytest.raises(
        DataError, match="train0.png: the validation split holds the files of the tr"
    ):
        dataset.split("validation")
    # Said in so many words, it is meant so.
    assert len(PairedFolders(folders, label_file, {"validation": "val"}).split("validation")) == 5


def test_copies_of_the_training_split_are_no_validation(folders, label_file):
    for kind in ("label", "img", "inst"):
        shutil.rmtree(folders / f"val_{kind}")
        shutil.copytree(folders / f"train_{kind}", folders / f"val_{kind}")
    with pytest.raises(DataError, match="holds the files of the training split"):
        PairedFolders(folders, label_file).split("validation")
    Image.fromarray(np.zeros((12, 20, 3), np.uint8)).save(folders / "val_img" / "train4.png")
    assert len(PairedFolders(folders, label_file).split("validation")) == 5

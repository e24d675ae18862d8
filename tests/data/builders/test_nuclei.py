"""Nuclei from a made-up archive: kinds, crops, instances, splits, and clear errors."""

import numpy as np
import pytest
from PIL import Image

from tfsynth.data import DataError, Nuclei
from tfsynth.data.builders.nuclei import modality_of, split_by_kind
from tfsynth.layouts import LabelSet
from tfsynth.layouts.cells import MODALITIES
from tfsynth.registry import build, describe

# Colours of the ground and of the nuclei, of each kind.
COLOURS = {
    "fluorescence": ((8, 8, 8), (60, 60, 60)),
    "stained": ((220, 190, 230), (110, 40, 150)),
    "bright-field": ((180, 180, 180), (90, 90, 90)),
}


def add_picture(root, name, modality, boxes, shape=(32, 32), alpha=True):
    """Writes a picture of the archive, and a mask for each box (top, left, bottom, right)."""
    ground, nucleus = COLOURS[modality]
    pixels = np.full((*shape, 4), 255, np.uint8)
    pixels[..., :3] = ground
    (root / name / "images").mkdir(parents=True)
    (root / name / "masks").mkdir()
    for number, (top, left, bottom, right) in enumerate(boxes):
        mask = np.zeros(shape, np.uint8)
        mask[top:bottom, left:right] = 255
        pixels[mask > 0, :3] = nucleus
        Image.fromarray(mask).save(root / name / "masks" / f"{name}m{number}.png")
    pixels = pixels if alpha else np.ascontiguousarray(pixels[..., :3])
    Image.fromarray(pixels).save(root / name / "images" / f"{name}.png")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "stage1_train"
    for modality in MODALITIES:
        for number in range(13):
            add_picture(folder, f"{modality[0]}{number:02d}", modality, [(4, 4, 14, 12)])
    return folder


def test_kinds_are_decided_from_the_picture(root, tmp_path):
    dataset = Nuclei(str(root), size=32, data_dir=str(tmp_path))
    assert dataset.label_set == LabelSet.load("nuclei")
    assert dataset.split_names == ("train", "validation", "test")
    seen = set()
    for name in dataset.split_names:
        split = dataset.split(name)
        assert split.check(progress=False).most_instances == 2
        for stem, example in zip(split.stems, split, strict=True):
            kind = "fsb".index(stem[0])
            expected = np.full((32, 32), 2 * kind, np.uint8)
            expected[4:14, 4:12] += 1
            np.testing.assert_array_equal(example["labels"], expected)
            np.testing.assert_array_equal(example["instances"], expected % 2)
            assert example["image"][0, 0].tolist() == list(COLOURS[MODALITIES[kind]][0])
            seen.add(stem)
    assert len(seen) == 39
    # 12 and 8 % of 13 pictures of each kind.
    assert [len(dataset.split(name)) for name in dataset.split_names] == [30, 3, 6]


def test_large_pictures_are_cut_around_the_middle(tmp_path):
    root = tmp_path / "archive"
    # Of 70 x 75 pixels, 3 rows and 5 columns lie above and left of the grid of 2 x 2.
    boxes = [(10, 10, 20, 20), (10, 10, 12, 30), (40, 30, 60, 45), (3, 34, 10, 39), (0, 0, 3, 75)]
    add_picture(root, "p", "stained", boxes, shape=(70, 75))
    # Of a nucleus of 4 pixels two crops would hold slivers alone.
    add_picture(root, "q", "fluorescence", [(33, 38, 37, 39)], shape=(70, 75), alpha=False)
    split = Nuclei(str(root), size=32, data_dir=str(tmp_path)).split("train")
    assert split.stems == ["p_00", "p_01", "p_02", "p_03"]
    found = {stem: example["instances"] for stem, example in zip(split.stems, split, strict=True)}
    # Smaller over larger: the second box takes a strip of the first.
    first = found["p_00"]
    assert first.max() == 3
    assert first[11 - 3, 12 - 5] != first[15 - 3, 12 - 5] != 0
    assert first[11 - 3, 12 - 5] == first[11 - 3, 28 - 5]
    # What two crops share counts once in each.
    assert (found["p_02"] > 0).sum() == 20 * 7 and (found["p_03"] > 0).sum() == 20 * 8
    # Two columns of seven rows lie beyond column 36.
    assert found["p_01"].max() == 1 and (found["p_01"] > 0).sum() == 14


def test_crops_without_a_nucleus_or_of_white_plates_are_left_out(tmp_path):
    root = tmp_path / "archive"
    add_picture(root, "empty", "stained", [])
    add_picture(root, "full", "stained", [(0, 0, 9, 9)])
    add_picture(root, "plate", "bright-field", [(0, 0, 5, 5)])
    path = root / "plate" / "images" / "plate.png"
    pixels = np.array(Image.open(path))
    pixels[5:, :, :3] = pixels[:, 5:, :3] = 250
    Image.fromarray(pixels).save(path)
    dataset = Nuclei(str(root), size=32, data_dir=str(tmp_path))
    assert dataset.split("train").stems == ["full_00"]
    # Of so few pictures none is held out.
    assert dataset.split_names == ("train",)


def test_pictures_of_one_name_in_folders_of_their_own_are_kept_apart(tmp_path):
    root = tmp_path / "archive"
    for number in range(20):
        add_picture(root, f"p{number}", "stained", [(4, 4, 14, 12 + number % 4)])
        folder = root / f"p{number}" / "images"
        (folder / f"p{number}.png").rename(folder / "image.png")
    dataset = Nuclei(str(root), size=32, data_dir=str(tmp_path))
    splits = [dataset.split(name) for name in dataset.split_names]
    assert [len(split) for split in splits] == [16, 2, 2]
    stems = [stem for split in splits for stem in split.stems]
    assert sorted(stems) == sorted(f"p{number}_00" for number in range(20))
    for split in splits:
        for stem, example in zip(split.stems, split, strict=True):
            columns = 8 + int(stem[1:-3]) % 4
            assert (example["instances"] > 0).sum() == 10 * columns, stem


@pytest.mark.parametrize("bits", [1, 8])
def test_pixels_of_a_mask_are_those_that_are_not_0(tmp_path, bits):
    root = tmp_path / "archive"
    add_picture(root, "p", "stained", [(4, 4, 14, 12), (20, 20, 26, 26)])
    for path in (root / "p" / "masks").iterdir():
        mask = np.array(Image.open(path)) > 0
        Image.fromarray(mask if bits == 1 else mask.astype(np.uint8)).save(path)
    (example,) = Nuclei(str(root), size=32, data_dir=str(tmp_path)).split("train")
    assert np.bincount(example["instances"].ravel()).tolist() == [1024 - 80 - 36, 80, 36]


def test_splits_do_not_depend_on_the_order_or_on_other_kinds(tmp_path):
    # The folder names a picture, whatever its file is called.
    kinds = {tmp_path / str(i) / "images" / "image.png": i % 2 for i in range(100)}
    splits = split_by_kind(kinds)
    for kind in (0, 1):
        held = [splits[path] for path, own in kinds.items() if own == kind]
        assert (held.count("test"), held.count("validation")) == (6, 4)
    backwards = split_by_kind(dict(reversed([*kinds.items()])))
    assert backwards == splits
    odd = {path: kind for path, kind in kinds.items() if kind}
    assert split_by_kind(odd) == {path: splits[path] for path in odd}


def test_crops_are_made_once_and_anew_for_another_archive(root, tmp_path, recwarn):
    first = Nuclei(str(root), size=32, data_dir=str(tmp_path))
    first.split("train")
    made = sorted((tmp_path / "nuclei").rglob("*.png"))
    times = [path.stat().st_mtime_ns for path in made]
    assert len(made) == 3 * 39
    again = Nuclei(str(root), size=32, data_dir=str(tmp_path))
    assert len(again.split("test")) == 6 and again.fingerprint == first.fingerprint
    assert [path.stat().st_mtime_ns for path in made] == times and not recwarn.list
    add_picture(root, "f99", "fluorescence", [(4, 4, 9, 9)])
    assert Nuclei(str(root), size=32).fingerprint != first.fingerprint


def test_config(root):
    dataset = Nuclei(str(root), size=64)
    node = describe(dataset)
    assert node == {"class": "Nuclei", "root": str(root), "size": 64, "data_dir": None}
    assert build(node).get_config() == dataset.get_config()


def test_errors_say_where_the_archive_is(root, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in ("absent", "empty"):
        with pytest.raises(DataError, match="bbbc.broadinstitute.org/BBBC038 .*CC0 1.0") as caught:
            Nuclei(str(tmp_path / place))
        assert str(caught.value).startswith(str(tmp_path / place))
    with pytest.raises(ValueError, match="`size` is a whole number of at least 32"):
        Nuclei(str(root), size=16)
    with pytest.raises(DataError, match="no split 'val'; splits are train, validation, test"):
        Nuclei(str(root)).split("val")
    with pytest.raises(DataError, match="no picture holds a crop of 64 x 64"):
        Nuclei(str(root), size=64, data_dir=str(tmp_path)).split("train")


def test_folders_that_are_not_as_the_archive_has_them_are_named(root):
    (root / "f05" / "masks" / "f05m0.png").unlink()
    # Without a nucleus, but whole.
    Nuclei(str(root))
    (root / "f05" / "masks").rmdir()
    with pytest.raises(DataError, match=r"f05: it holds images/f05.png but no folder masks"):
        Nuclei(str(root))
    (root / "f05" / "masks").mkdir()
    second = root / "f07" / "images" / "second.png"
    second.write_bytes((root / "f07" / "images" / "f07.png").read_bytes())
    with pytest.raises(DataError, match=r"f07/images: .* this one holds f07.png and second.png"):
        Nuclei(str(root))


def test_bad_files_are_named(root, tmp_path):
    mask = root / "f03" / "masks" / "f03m0.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(mask)
    with pytest.raises(DataError, match="f03m0.png: the mask is 8 x 8"):
        Nuclei(str(root), size=32, data_dir=str(tmp_path)).split("train")
    (root / "f04" / "images" / "f04.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="f04.png"):
        Nuclei(str(root), size=32, data_dir=str(tmp_path)).split("train")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file: the crops of Nuclei cannot be kept there"):
        Nuclei(str(root), size=32, data_dir=str(tmp_path / "file")).split("train")


def test_kinds_of_nuclei_256_itself(shared_data):
    folder = shared_data / "nuclei_256"
    if not folder.is_dir():
        pytest.skip(f"No nuclei_256 at {folder}.")
    for path in sorted((folder / "train_img").iterdir())[::9]:
        labels = np.array(Image.open(folder / "train_label" / f"{path.stem}.png"))
        with Image.open(path) as picture:
            assert modality_of(np.asarray(picture)) == MODALITIES[labels.min() // 2], path.name

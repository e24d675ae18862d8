"""Pairs of pictures, in two folders or side by side: what is read, and what is refused."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tfsynth.data import CheckReport, DataError, PicturePairs, batches, write_instance_map
from tfsynth.registry import build, describe

HEIGHT, WIDTH = 8, 12
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def pixels(seed, channels):
    shape = (HEIGHT, WIDTH, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(path)


@pytest.fixture
def pairs(tmp_path):
    """Writes two training pairs and one of the test split, with these channels."""

    def write(condition_channels, image_channels):
        root = tmp_path / "pairs"
        shutil.rmtree(root, ignore_errors=True)
        for seed, name in enumerate(("train", "train", "test")):
            save(root / f"{name}_A" / f"p{seed}.png", pixels(seed, condition_channels))
            save(root / f"{name}_B" / f"p{seed}.png", pixels(seed + 10, image_channels))
        return root

    return write


@pytest.mark.parametrize("channels", [(3, 3), (1, 1), (4, 3), (1, 4)])
def test_pictures_of_all_channels_come_out_as_they_are(pairs, channels):
    dataset = PicturePairs(pairs(*channels), *channels)
    assert dataset.label_set is None
    assert (dataset.condition_channels, dataset.image_channels) == channels
    split = dataset.split("train")
    assert split.stems == ["p0", "p1"]
    assert split.check(progress=False) == CheckReport(2, 1, "p1")
    assert set(split[0]) == {"condition", "image"}
    np.testing.assert_array_equal(split[1]["condition"], pixels(1, channels[0]))
    np.testing.assert_array_equal(split[1]["image"], pixels(11, channels[1]))


def test_from_b_to_a(pairs):
    split = PicturePairs(pairs(1, 3), 3, 1, direction="BtoA").split("train")
    np.testing.assert_array_equal(split[0]["condition"], pixels(10, 3))
    np.testing.assert_array_equal(split[0]["image"], pixels(0, 1))


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_side_by_side(tmp_path, direction):
    left, right = pixels(0, 3), pixels(1, 3)
    save(tmp_path / "train" / "a.png", np.concatenate([left, right], axis=1))
    split = PicturePairs(tmp_path, direction=direction, side_by_side=True).split("train")
    assert split.check(progress=False) == CheckReport(1, 1, "a")
    condition, image = (left, right) if direction == "AtoB" else (right, left)
    np.testing.assert_array_equal(split[0]["condition"], condition)
    np.testing.assert_array_equal(split[0]["image"], image)
    assert split.pairs[0].files == [tmp_path / "train" / "a.png"]


def test_an_odd_width_is_no_two_pictures(tmp_path):
    save(tmp_path / "train" / "a.png", pixels(0, 3)[:, 1:])
    split = PicturePairs(tmp_path, side_by_side=True).split("train")
    for read in (split.check, lambda: split[0]):
        with pytest.raises(DataError, match=r"a.png: .* even width; this one is 11 x 8 .*`side_by"):
            read()


def test_instance_maps(pairs, tmp_path):
    root = pairs(3, 3)
    ids = np.full((HEIGHT, WIDTH), 26003)
    ids[:, 5:] = 40000
    for name in ("p0", "p1"):
        (root / "train_inst").mkdir(exist_ok=True)
        write_instance_map(root / "train_inst" / f"{name}.png", ids)
    split = PicturePairs(root).split("train")
    assert split.check(progress=False).most_instances == 2
    np.testing.assert_array_equal(split[0]["instances"], ids)
    assert "instances" not in PicturePairs(root, instances="none").split("train")[0]
    write_instance_map(root / "train_inst" / "p1.png", ids[:4])
    message = "p1.png: the instance map is 12 x 4 .* its condition picture 12 x 8"
    with pytest.raises(DataError, match=message):
        PicturePairs(root).split("train").check(progress=False)
    with pytest.raises(DataError, match="test_inst: there is no such folder; every condition pict"):
        PicturePairs(root, instances="required").split("test")


def test_instance_maps_of_pictures_side_by_side_have_the_size_of_a_half(tmp_path):
    save(tmp_path / "train" / "a.png", np.concatenate([pixels(0, 3), pixels(1, 3)], axis=1))
    (tmp_path / "train_inst").mkdir()
    write_instance_map(tmp_path / "train_inst" / "a.png", np.arange(96).reshape(HEIGHT, WIDTH))
    split = PicturePairs(tmp_path, side_by_side=True).split("train")
    assert split.check(progress=False).most_instances == 96
    assert split[0]["instances"].shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("written", "stated", "message"),
    [
        ((3, 3), (4, 3), "train_A/p0.png: `condition_channels` is 4, .* no alpha .mode RGB."),
        ((3, 1), (3, 4), "train_B/p0.png: `image_channels` is 4, .* no alpha .mode L."),
        ((4, 3), (3, 3), "train_A/p0.png: a condition picture has no transparent pixels.*to 4"),
        ((3, 4), (3, 1), "train_B/p0.png: a photo has no transparent pixels.*`image_channels` to"),
    ],
)
def test_other_channels_name_the_file_and_the_setting(pairs, written, stated, message):
    split = PicturePairs(pairs(*written), *stated).split("train")
    for read in (split.check, lambda: split[0]):
        with pytest.raises(DataError, match=message):
            read()


def test_grey_and_colour_become_each_other_as_stated(pairs):
    example = PicturePairs(pairs(3, 1), 1, 3).split("train")[0]
    colour = pixels(0, 3).astype(float) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(example["condition"][..., 0], colour, atol=0.51)
    np.testing.assert_array_equal(example["image"], pixels(10, 1).repeat(3, axis=-1))


def test_sixteen_bits_are_refused(pairs):
    root = pairs(1, 3)
    Image.fromarray(pixels(0, 1)[..., 0].astype(np.uint16)).save(root / "train_A" / "p0.png")
    with pytest.raises(DataError, match="p0.png: a condition picture has 8 bits .* 8-bit grey"):
        PicturePairs(root, 1).split("train").check(progress=False)


def test_photo_of_another_size_or_missing(pairs):
    root = pairs(3, 3)
    save(root / "train_B" / "p1.png", pixels(0, 3)[:5])
    with pytest.raises(DataError, match="p1.png: the photo is 12 x 5 .* condition picture 12 x 8"):
        PicturePairs(root).split("train").check(progress=False)
    (root / "train_B" / "p1.png").unlink()
    with pytest.raises(DataError, match="p1.png: this condition picture has no photo of the same"):
        PicturePairs(root).split("train")


def test_painted_label_maps_of_cityscapes_are_pictures(tmp_path):
    save(tmp_path / "train_A" / "a_gtFine_color.png", pixels(0, 3))
    (tmp_path / "train_A" / "a_gtFine_labelIds.png").touch()
    save(tmp_path / "train_B" / "a_leftImg8bit.png", pixels(1, 3))
    assert PicturePairs(tmp_path).split("train").stems == ["a"]


def test_batches(pairs):
    split = PicturePairs(pairs(1, 4), 1, 4).split("train")
    (batch,) = batches(split, batch_size=2, training=False, size=(HEIGHT, WIDTH))
    assert {key: (array.dtype.name, tuple(array.shape)) for key, array in batch.items()} == {
        "condition": ("uint8", (2, HEIGHT, WIDTH, 1)),
        "instances": ("int32", (2, HEIGHT, WIDTH)),
        "image": ("uint8", (2, HEIGHT, WIDTH, 4)),
    }
    np.testing.assert_array_equal(batch["condition"][1], pixels(1, 1))
    assert batch["instances"].numpy().max() == 0


def test_condition_photo_and_instances_move_together(pairs):
    root = pairs(1, 1)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    picture = (16 * rows + columns).astype(np.uint8)[..., None]
    for name in ("p0", "p1"):
        (root / "train_inst").mkdir(exist_ok=True)
        save(root / "train_A" / f"{name}.png", picture)
        save(root / "train_B" / f"{name}.png", picture)
        write_instance_map(root / "train_inst" / f"{name}.png", picture[..., 0])
    split = PicturePairs(root, 1, 1).split("train")
    steps = batches(split, batch_size=4, size=(4, 6), load_size=(HEIGHT, WIDTH), steps=3, seed=1)
    flips, places = set(), set()
    for batch in steps.as_numpy_iterator():
        np.testing.assert_array_equal(batch["condition"], batch["image"])
        for crop, ids in zip(batch["condition"][..., 0], batch["instances"], strict=True):
            np.testing.assert_array_equal(
                ids, np.unique(crop, return_inverse=True)[1].reshape(4, 6)
            )
            flips.add(bool(crop[0, 0] > crop[0, 1]))
            places.add(int(crop[0, 0]))
    assert flips == {False, True} and len(places) > 2


def test_conditions_are_resized_antialiased(tmp_path):
    stripes = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stripes[:, ::2] = 255
    for folder in ("train_A", "train_B"):
        save(tmp_path / folder / "a.png", stripes)
    split = PicturePairs(tmp_path).split("train")
    (batch,) = batches(split, batch_size=1, training=False, size=(HEIGHT // 2, WIDTH // 2))
    assert abs(float(batch["condition"].numpy()[0, :, 1:-1].mean()) - 127.5) < 8


def test_config_round_trip(pairs):
    arguments = {
        "root": str(pairs(3, 1)),
        "condition_channels": 3,
        "image_channels": 1,
        "direction": "AtoB",
        "side_by_side": False,
        "splits": {"test": "test"},
        "instances": "auto",
        "exclude": ["p0"],
    }
    dataset = PicturePairs(**arguments)
    node = describe(dataset)
    assert node == {"class": "PicturePairs", **arguments}
    assert build(node).fingerprint == dataset.fingerprint
    assert PicturePairs(**{**arguments, "image_channels": 3}).fingerprint != dataset.fingerprint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"condition_channels": 2}, r"condition_channels is one of \[1, 3, 4\]; got 2"),
        ({"image_channels": True}, "image_channels is one of"),
        ({"direction": "A2B"}, r"direction is one of \['AtoB', 'BtoA'\]; got 'A2B'"),
        ({"side_by_side": True}, r"no split found; .* Lay the data out as train/ \(and train_inst"),
    ],
)
def test_arguments_are_checked(pairs, arguments, message):
    with pytest.raises(ValueError, match=message):
        PicturePairs(pairs(3, 3), **arguments)


def test_missing_folders(tmp_path):
    with pytest.raises(DataError, match="Give `root` the folder that holds train_A/ and train_B/"):
        PicturePairs(tmp_path / "nowhere")
    (tmp_path / "label").mkdir()
    with pytest.raises(DataError, match="Lay the data out as train_B/ and train_A/"):
        PicturePairs(tmp_path, direction="BtoA")


@pytest.mark.parametrize(("first", "second"), [("train_A", "train_B"), ("train_B", "train_A")])
def test_pictures_that_exif_turns_are_turned_together_or_refused(pairs, first, second):
    root = pairs(3, 3)
    exif = Image.Exif()
    exif[0x0112] = 3
    for folder in (first, second):
        file = root / folder / "p0.png"
        with Image.open(file) as image:
            image.load()
            image.save(file, exif=exif)
        split = PicturePairs(root).split("train")
        if folder == first:
            for read in (split.check, lambda split=split: split[0]):
                with pytest.raises(DataError, match="EXIF orientation .*over each other"):
                    read()
    np.testing.assert_array_equal(split[0]["condition"], pixels(0, 3)[::-1, ::-1])
    np.testing.assert_array_equal(split[0]["image"], pixels(10, 3)[::-1, ::-1])

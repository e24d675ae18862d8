"""Folders of pairs: what is read, and one clear message for everything that may be wrong."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.data import raw_pictures as raw
from tfsynth.data import CheckReport, DataError, PairedFolders, checking, write_photo
from tfsynth.data import write_instance_map as write_instances
from tfsynth.data import write_label_map as write_labels
from tfsynth.layouts.labels import LabelSet
from tfsynth.registry import build, describe


def check(root, **arguments):
    """Checks the training split."""
    return PairedFolders(root, **arguments).split("train").check(progress=False)


def test_examples(folders, label_file, four):
    dataset = PairedFolders(folders, label_file)
    split = dataset.split("train")
    assert dataset.label_set == four
    assert split.stems == [f"train{i}" for i in range(5)]
    for example in split:
        assert {key: array.dtype.name for key, array in example.items()} == {
            "labels": "uint8",
            "instances": "int32",
            "image": "uint8",
        }
        np.testing.assert_array_equal(example["image"], four.paint(example["labels"]))
        np.testing.assert_array_equal(example["instances"] // 1000, example["labels"])
    assert len(dataset.split("validation")) == 2


def test_check_passes_and_counts_instances(folders, label_file):
    report = PairedFolders(folders, label_file).split("train").check(progress=False)
    assert report.examples == 5
    assert 4 <= report.most_instances <= 8
    assert report.fullest_stem in [f"train{i}" for i in range(5)]


def test_config_round_trip(folders, label_file):
    arguments = {
        "root": str(folders),
        "labels": str(label_file),
        "splits": {"validation": "val"},
        "label_coding": "ids",
        "instances": "none",
        "exclude": ["train3"],
        "image_channels": 3,
        "instances_from": None,
    }
    dataset = PairedFolders(**arguments)
    assert dataset.get_config() == arguments
    node = describe(dataset)
    assert node == {"class": "PairedFolders", **arguments}
    assert build(node).fingerprint == dataset.fingerprint


def test_root_may_hold_home_and_variables(folders, label_file, monkeypatch):
    monkeypatch.setenv("HOME", str(folders.parent))
    monkeypatch.setenv("STREETS", folders.name)
    dataset = PairedFolders("~/$STREETS", label_file)
    assert len(dataset.split("train")) == 5
    assert dataset.get_config()["root"] == "~/$STREETS"


def test_fingerprint_changes_with_content(folders, label_file):
    first = PairedFolders(folders, label_file).fingerprint
    assert PairedFolders(folders, label_file).fingerprint == first
    assert PairedFolders(folders, label_file, instances="none").fingerprint != first
    write_photo(folders / "train_img" / "train0.png", np.zeros((12, 20, 3), np.uint8))
    assert PairedFolders(folders, label_file).fingerprint != first


# Splits -------------------------------------------------------------------------------------------


def test_missing_root(tmp_path):
    with pytest.raises(DataError, match="nowhere: there is no such folder. Give `root`"):
        PairedFolders(tmp_path / "nowhere")


def test_root_without_splits_lists_what_is_there(tmp_path):
    (tmp_path / "leftImg8bit").mkdir()
    with pytest.raises(DataError, match=r"no split found; .* \['leftImg8bit'\].*train_label/"):
        PairedFolders(tmp_path)


def test_unknown_split_lists_those_that_exist(folders, label_file):
    dataset = PairedFolders(folders, label_file)
    message = r"no split 'test'; there are \['train', 'validation'\]. Add test_label/"
    with pytest.raises(DataError, match=message):
        dataset.split("test")
    with pytest.raises(DataError, match="no split 'val'"):
        dataset.split("val")


def test_splits_names_the_prefix(folders, label_file):
    dataset = PairedFolders(folders, label_file, splits={"test": "val"})
    assert dataset.split("test").stems == ["val0", "val1"]
    with pytest.raises(DataError, match="splits says test: demo, but there is no folder demo_lab"):
        PairedFolders(folders, label_file, splits={"test": "demo"})


def test_two_folders_for_one_split(folders, label_file):
    (folders / "validation_label").mkdir()
    with pytest.raises(DataError, match="both validation_label and val_label could be"):
        PairedFolders(folders, label_file)
    assert len(PairedFolders(folders, label_file, {"validation": "val"}).split("validation")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_coding": "color"}, r"label_coding is one of \['ids', 'colour'\]; got 'color'"),
        ({"instances": True}, "instances is one of"),
        ({"splits": {"val": "val"}}, r"Splits are called .* got \['val'\]"),
        ({"label_coding": "colour"}, "needs the colours: give `labels`"),
        ({"labels": "camvit"}, "no label file 'camvit'"),
    ],
)
def test_arguments_are_checked(folders, arguments, message):
    with pytest.raises(ValueError, match=message):
        PairedFolders(folders, **arguments)


def test_examples_may_be_left_out(folders, label_file):
    dataset = PairedFolders(folders, label_file, exclude=["train3", "val0"])
    assert dataset.split("train").stems == ["train0", "train1", "train2", "train4"]
    assert dataset.split("validation").stems == ["val1"]
    whole = PairedFolders(folders, label_file)
    assert dataset.fingerprint != whole.fingerprint


def test_a_name_to_leave_out_that_is_nowhere_is_refused_with_the_nearest(folders, label_file):
    dataset = PairedFolders(folders, label_file, exclude=["val0", "Train3.png"])
    message = (
        "`exclude` names 'Train3.png', but no example is called so. The nearest name: 'train3'"
    )
    for name in ("train", "validation"):
        with pytest.raises(DataError, match=message):
            dataset.split(name)
    with pytest.raises(DataError, match=message):
        PairedFolders(folders, exclude=["Train3.png"]).label_set  # noqa: B018


def test_names_to_leave_out_are_text(folders, label_file):
    with pytest.raises(DataError, match="`exclude` lists names .* got 139, .* '000139'"):
        PairedFolders(folders, label_file, exclude=["train3", 139])
    dataset = PairedFolders(folders, label_file, exclude="train3")
    assert len(dataset.split("train")) == 4


def test_a_split_of_which_nothing_is_left_is_refused(folders, label_file):
    dataset = PairedFolders(folders, label_file, exclude=["val0", "val1"])
    assert len(dataset.split("train")) == 5
    with pytest.raises(DataError, match="`exclude` leaves no example in the split 'validation'"):
        dataset.split("validation")


# Label sets ---------------------------------------------------------------------------------------


def test_labels_are_inferred_with_the_files_own_palette(folders, four):
    dataset = PairedFolders(folders)
    assert dataset.label_set.names == ("class 0", "class 1", "class 2", "class 3")
    assert dataset.label_set.colours == four.colours
    assert check(folders).examples == 5


def test_inferred_labels_cover_every_split(folders):
    write_labels(folders / "val_label" / "val1.png", np.full((12, 20), 6))
    assert PairedFolders(folders).label_set.num_classes == 7


def test_inferred_labels_refuse_instance_ids(folders):
    write_labels(folders / "train_label" / "train0.png", np.full((12, 20), 26003))
    with pytest.raises(DataError, match="id 26003.*look like instance ids"):
        PairedFolders(folders).label_set  # noqa: B018


def test_label_out_of_range(folders, label_file):
    labels = np.zeros((12, 20), int)
    labels[3, 4:10] = 9
    file = folders / "train_label" / "train3.png"
    write_labels(file, labels)
    with pytest.raises(DataError, match=rf"^{file}: label id 9 .*ids 0..3 .*6 of 240 pixels"):
        check(folders, labels=label_file)


@pytest.fixture
def coloured(folders, four):
    """`folders` with label maps coded by colour."""
    for file in folders.glob("*_label/*.png"):
        with Image.open(file) as image:
            labels = np.asarray(image)
        write_photo(file, four.paint(labels))
    return folders


def test_colour_coded_labels_say_how_to_give_the_palette(coloured, label_file):
    with pytest.raises(DataError, match="train0.png: .*coded by colour.*label_coding='colour'"):
        check(coloured, labels=label_file)
    with pytest.raises(DataError, match="coded by colour.*label_coding='colour'"):
        check(coloured)


def test_colour_coded_labels_are_decoded(coloured, label_file, four):
    split = PairedFolders(coloured, label_file, label_coding="colour").split("train")
    assert split.check(progress=False).examples == 5
    for example in split:
        np.testing.assert_array_equal(four.paint(example["labels"]), example["image"])


def test_unknown_colour(coloured, label_file):
    file = coloured / "train_label" / "train2.png"
    pixels = np.full((12, 20, 3), 10, np.uint8)
    pixels[5, 6] = (1, 2, 3)
    write_photo(file, pixels)
    with pytest.raises(DataError, match=rf"^{file}: the colour \(1, 2, 3\) at row 5, column 6"):
        check(coloured, labels=label_file, label_coding="colour")


def test_shared_colours_cannot_be_decoded(folders):
    with pytest.raises(DataError, match="'unlabeled' and 'ego vehicle' are both"):
        PairedFolders(folders, "cityscapes35", label_coding="colour")


# Sizes, instances, damage -------------------------------------------------------------------------


def test_photo_of_another_size(folders, label_file):
    file = folders / "train_img" / "train1.png"
    write_photo(file, np.zeros((12, 21, 3), np.uint8))
    message = rf"^{file}: the photo is 21 x 12 pixels .* label map 20 x 12; they must be equal"
    with pytest.raises(DataError, match=message):
        check(folders, labels=label_file)
    with pytest.raises(DataError, match=message):
        PairedFolders(folders, label_file).split("train")[1]


def test_photo_that_exif_turns_away_from_its_labels(folders, label_file):
    file = folders / "train_img" / "train1.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((12, 20, 3), np.uint8)).save(file, exif=exif)
    with pytest.raises(DataError, match="EXIF orientation is 6.*Turn the label map"):
        check(folders, labels=label_file)


def test_instance_map_of_another_size(folders, label_file):
    file = folders / "train_inst" / "train4.png"
    write_instances(file, np.zeros((24, 40), int))
    with pytest.raises(DataError, match=rf"^{file}: the instance map is 40 x 24 pixels"):
        check(folders, labels=label_file)


def test_instance_map_of_another_type(folders, label_file):
    file = folders / "train_inst" / "train4.png"
    Image.fromarray(np.arange(720, dtype=np.uint8).reshape(12, 20, 3)).save(file)
    with pytest.raises(DataError, match=rf"^{file}: the instance map must have one integer"):
        check(folders, labels=label_file)


def test_32_bit_instances(folders, label_file):
    file = folders / "train_inst" / "train0.png"
    file.unlink()
    write_instances(file.with_suffix(".tif"), np.full((12, 20), 2_000_000_001))
    instances = PairedFolders(folders, label_file).split("train")[0]["instances"]
    assert (instances.dtype.name, int(instances.min())) == ("int32", 2_000_000_001)


def test_too_many_instances(folders, label_file):
    ids = np.arange(240).reshape(12, 20)
    write_instances(folders / "train_inst" / "train2.png", ids)
    split = PairedFolders(folders, label_file).split("train")
    message = "^train2: 240 instances, and max_instances is 100. Raise max_instances"
    for _ in range(2):  # The second time from the cache.
        with pytest.raises(DataError, match=message):
            split.check(progress=False, max_instances=100)
    assert split.check(progress=False, max_instances=240) == CheckReport(5, 240, "train2")


def test_instances_may_be_left_out_or_required(folders, label_file):
    assert "instances" not in PairedFolders(folders, label_file, instances="none").split("train")[0]
    shutil.rmtree(folders / "train_inst")
    assert "instances" not in PairedFolders(folders, label_file).split("train")[0]
    with pytest.raises(DataError, match="train_inst: there is no such folder.*instance map"):
        PairedFolders(folders, label_file, instances="required").split("train")


@pytest.mark.parametrize("kind", ["label", "img", "inst"])
def test_truncated_png(folders, label_file, kind):
    file = folders / f"train_{kind}" / "train2.png"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DataError, match=rf"^{file}: the .* cannot be read .*truncated"):
        check(folders, labels=label_file)


def test_truncated_jpeg(folders, label_file):
    (folders / "train_img" / "train2.png").unlink()
    file = folders / "train_img" / "train2.jpg"
    write_photo(file, np.random.default_rng(0).integers(0, 256, (12, 20, 3)))
    assert check(folders, labels=label_file).examples == 5
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match=rf"^{file}: the photo cannot be read .*truncated"):
        check(folders, labels=label_file)


def test_the_first_bad_example_is_named(folders, label_file):
    for i in (4, 1, 3):
        (folders / "train_img" / f"train{i}.png").write_bytes(b"")
    with pytest.raises(DataError, match="train1.png"):
        check(folders, labels=label_file)


# The remembered check -----------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch):
    """Counts the label maps that are read."""
    counted = []
    read = checking.maps.label_map_and_turn

    def counting(path, *arguments):
        counted.append(path)
        return read(path, *arguments)

    monkeypatch.setattr(checking.maps, "label_map_and_turn", counting)
    return counted


def test_check_is_remembered_outside_the_data(folders, label_file, private_cache, reads):
    before = sorted(folders.rglob("*"))
    first = check(folders, labels=label_file)
    assert len(reads) == 5
    assert check(folders, labels=label_file) == first
    assert len(reads) == 5
    assert sorted(folders.rglob("*")) == before
    # The check of the split, and the palettes of all splits.
    assert len(list(private_cache.rglob("*.json"))) == 2


def test_a_changed_file_is_checked_again(folders, label_file):
    check(folders, labels=label_file)
    write_labels(folders / "train_label" / "train3.png", np.full((12, 20), 9))
    with pytest.raises(DataError, match="train3.png: label id 9"):
        check(folders, labels=label_file)


def test_another_label_set_is_checked_again(folders, label_file, tmp_path):
    check(folders, labels=label_file)
    small = tmp_path / "small.yaml"
    small.write_text("classes: [{name: sky, colour: [0, 0, 0]}]")
    with pytest.raises(DataError, match="is out of range"):
        check(folders, labels=small)


def test_failed_checks_are_not_remembered(folders, label_file, private_cache):
    (folders / "train_img" / "train2.png").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(DataError, match="train2.png"):
            check(folders, labels=label_file)
    assert not list(private_cache.rglob("*.json"))


def test_an_unwritable_cache_breaks_nothing(folders, label_file, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("TFSYNTH_CACHE", str(blocked))
    assert check(folders, labels=label_file).examples == 5
    assert check(folders).examples == 5


def test_a_damaged_cache_is_ignored(folders, label_file, private_cache):
    first = check(folders, labels=label_file)
    for text in ("{", "[1]", '{"examples": 5}'):
        for file in private_cache.rglob("*.json"):
            file.write_text(text)
        assert check(folders, labels=label_file) == first


def test_progress_bar(folders, label_file, capsys):
    PairedFolders(folders, label_file).split("train").check()
    assert "checking" in capsys.readouterr().err


def test_label_set_may_be_an_installed_name(folders):
    assert PairedFolders(folders, "camvid").label_set == LabelSet.load("camvid")


# Channels, and instances from components ----------------------------------------------------------


def test_grey_photographs_keep_one_channel(folders, label_file):
    for file in folders.glob("train_img/*.png"):
        Image.open(file).convert("L").save(file)
    split = PairedFolders(folders, label_file, image_channels=1).split("train")
    assert split.check(progress=False).examples == 5
    with Image.open(folders / "train_img" / "train0.png") as image:
        np.testing.assert_array_equal(split[0]["image"][..., 0], image)
    assert PairedFolders(folders, label_file).split("train")[0]["image"].shape == (12, 20, 3)


def test_alpha_that_is_asked_for_must_be_there(folders, label_file):
    split = PairedFolders(folders, label_file, image_channels=4).split("train")
    for read in (split.check, lambda: split[0]):
        with pytest.raises(DataError, match="train0.png: `image_channels` is 4, .* no alpha"):
            read()


def test_components_stand_in_for_instance_maps(folders, label_file):
    labels = np.zeros((12, 20), np.uint8)
    labels[2:5, 2:5] = labels[8:10, 8:10] = 2
    write_labels(folders / "train_label" / "train0.png", labels)
    expected = labels.astype(int)
    expected[2:5, 2:5], expected[8:10, 8:10] = 1, 2
    arguments = {"instances": "none", "instances_from": "components"}
    split = PairedFolders(folders, label_file, **arguments).split("train")
    np.testing.assert_array_equal(split[0]["instances"], expected)
    assert split[0]["instances"].dtype == np.int32
    assert split.check(progress=False).examples == 5
    # Only where no instance maps are read.
    kept = PairedFolders(folders, label_file, instances_from="components").split("train")
    assert kept[1]["instances"].max() >= 1000
    bare = PairedFolders(folders, label_file, instances="none").split("train")
    assert "instances" not in bare[0]
    with pytest.raises(ValueError, match="instances_from is one of .*'components'.; got 'parts'"):
        PairedFolders(folders, label_file, instances_from="parts")


def test_guessed_classes_say_which_file_makes_them_so_many(folders, label_file):
    labels = np.zeros((12, 20), np.uint8)
    labels[0, 0] = 200
    write_labels(folders / "train_label" / "train3.png", labels)
    dataset = PairedFolders(folders)
    assert dataset.label_set.num_classes == 201
    assert f"highest id, 200, which is in {folders / 'train_label' / 'train3.png'}" in (
        dataset.label_hint
    )
    assert PairedFolders(folders, label_file).label_hint == ""


# What files store ---------------------------------------------------------------------------------


def save_indexed(file, labels, label_set, order):
    """Writes a label map whose palette lists the classes' colours in an order of its own."""
    places = np.argsort(order).astype(np.uint8)
    image = Image.fromarray(places[labels])
    image.putpalette(label_set.palette[order].tobytes())
    image.save(file)


@pytest.fixture
def reindexed(folders, four):
    """`folders` with another order of colours in each palette."""
    for number, file in enumerate(sorted(folders.glob("*_label/*.png"))):
        with Image.open(file) as image:
            labels = np.asarray(image)
        save_indexed(file, labels, four, np.roll(np.arange(4), number))
    return folders


def test_palettes_in_another_order_are_read_by_the_colours_of_the_classes(
    reindexed, label_file, four
):
    split = PairedFolders(reindexed, label_file).split("train")
    assert split.check(progress=False).examples == 5
    for example in split:
        np.testing.assert_array_equal(four.paint(example["labels"]), example["image"])


def test_palettes_that_disagree_are_refused_where_classes_are_guessed(reindexed):
    message = r"train1.png: the palette .*train0.png gives index .* label_coding: colour"
    with pytest.raises(DataError, match=message):
        check(reindexed)


def test_palettes_of_other_colours_must_agree_too(folders, label_file):
    check(folders, labels=label_file)
    for number in range(2):
        file = folders / "val_label" / f"val{number}.png"
        with Image.open(file) as image:
            image.putpalette(np.roll(np.arange(12) * 20 + 3, 3 * number).astype(np.uint8).tobytes())
            image.save(file)
    with pytest.raises(DataError, match="val0.png: the palette .*train0.png"):
        check(folders, labels=label_file)
    for file in (folders / "train_label").iterdir():
        with Image.open(file) as image:
            Image.fromarray(np.asarray(image)).save(file)  # Without a palette.
    with pytest.raises(DataError, match="val1.png: the palette .*val0.png"):
        check(folders, labels=label_file)


def turn(file, orientation, **settings):
    """Gives a file an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(file) as image:
        image.load()
        image.save(file, exif=exif, **settings)


@pytest.mark.parametrize("kind", ["label", "img", "inst"])
@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_one_file_that_exif_turns_alone_is_refused(folders, label_file, kind, orientation):
    turn(folders / f"train_{kind}" / "train1.png", orientation)
    split = PairedFolders(folders, label_file).split("train")
    for read in (lambda: split.check(progress=False), lambda: split[1]):
        with pytest.raises(DataError, match=rf"EXIF orientation .*{orientation}.*over each other"):
            read()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_files_that_exif_turns_alike_are_turned_together(folders, label_file, four, orientation):
    before = PairedFolders(folders, label_file).split("train")[1]
    for kind in ("label", "img", "inst"):
        turn(folders / f"train_{kind}" / "train1.png", orientation)
    split = PairedFolders(folders, label_file).split("train")
    assert split.check(progress=False).examples == 5
    after = split[1]
    np.testing.assert_array_equal(four.paint(after["labels"]), after["image"])
    np.testing.assert_array_equal(after["instances"] // 1000, after["labels"])
    assert not np.array_equal(after["labels"], before["labels"])


def test_a_quarter_turn_is_told_by_the_size_unless_it_is_square(folders, label_file, four):
    label, photo = folders / "train_label" / "train1.png", folders / "train_img" / "train1.png"
    stored = PairedFolders(folders, label_file).split("train")[1]["labels"]
    # The label map was made of the photo as it is seen.
    write_labels(label, np.rot90(stored, -1), four)
    (folders / "train_inst" / "train1.png").unlink()
    turn(photo, 6)
    split = PairedFolders(folders, label_file, instances="none").split("train")
    assert split.check(progress=False).examples == 5
    np.testing.assert_array_equal(four.paint(split[1]["labels"]), split[1]["image"])
    square = stored[:, :12]
    write_labels(label, square, four)
    write_photo(photo, four.paint(square))
    turn(photo, 6)
    with pytest.raises(DataError, match="EXIF orientation 6, its label map 1"):
        PairedFolders(folders, label_file, instances="none").split("train").check(progress=False)


def test_deep_photographs_and_jpeg_label_maps_stop_the_check(folders, label_file):
    photo = folders / "train_img" / "train1.png"
    photo.write_bytes(raw.png(np.full((12, 20, 3), 4000), 16, 2))
    with pytest.raises(
        DataError, match=rf"^{photo}: a photo has 8 bits per channel; this one has 16"
    ):
        check(folders, labels=label_file)
    label = folders / "train_label" / "train0.png"
    Image.fromarray(np.zeros((12, 20), np.uint8)).save(label, "JPEG")
    with pytest.raises(DataError, match=rf"^{label}: JPEG changes pixel values.*it is named .png"):
        check(folders, labels=label_file)


def test_names_to_leave_out_may_have_any_unicode_form(folders, label_file):
    for kind in ("label", "img", "inst"):
        (folders / f"train_{kind}" / "train0.png").rename(folders / f"train_{kind}" / "\u00e9.png")
    for name in ("\u00e9", "e\u0301"):
        assert len(PairedFolders(folders, label_file, exclude=[name]).split("train")) == 4


@pytest.mark.parametrize("labels", [None, "camvid"])
def test_label_maps_that_a_program_made_small_are_refused(tmp_path, labels):
    for kind in ("label", "img"):
        (tmp_path / f"train_{kind}").mkdir()
    for name in "ab":
        Image.new("RGB", (4, 4)).save(tmp_path / "train_img" / f"{name}.png")
    mask = Image.fromarray(np.uint8([[0, 1, 1, 0]] * 4) * 11)
    mask.save(tmp_path / "train_label" / "a.png")
    # The same map with a palette of the greys in it, as programs save it that make files small.
    small = Image.fromarray(np.uint8([[0, 1, 1, 0]] * 4))
    small.putpalette([0, 0, 0, 11, 11, 11])
    small.save(tmp_path / "train_label" / "b.png")
    with pytest.raises(DataError, match="b.png: .*convert.'L'.. if the greys are the ids"):
        PairedFolders(tmp_path, labels).split("train").check(progress=False)
    with Image.open(tmp_path / "train_label" / "b.png") as image:
        image.convert("L").save(tmp_path / "train_label" / "b.png")
    PairedFolders(tmp_path, labels).split("train").check(progress=False)

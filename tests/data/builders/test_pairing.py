"""Files are paired by name, whatever their order, endings and folders are."""

import pytest

from tfsynth.data.builders.pairing import pair_folders
from tfsynth.layouts.labels import DataError


@pytest.fixture
def make(tmp_path):
    """Makes empty files and returns the folders of labels, photos and instances."""

    def make_files(*names):
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return tmp_path / "l", tmp_path / "p", tmp_path / "i"

    return make_files


def relative(pairs, root):
    return [
        (pair.stem, *(file.relative_to(root).as_posix() for file in pair.files)) for pair in pairs
    ]


def test_by_name_not_by_place(make, tmp_path):
    # Sorted by file name, "a-b.png" comes before "a.png", but "a.JPG" before "a-b.jpg" does not.
    labels, photos, _ = make(
        "l/a.png", "l/a-b.png", "p/a-b.jpg", "p/a.JPG", "p/.DS_Store", "p/x.txt"
    )
    assert relative(pair_folders(labels, photos), tmp_path) == [
        ("a", "l/a.png", "p/a.JPG"),
        ("a-b", "l/a-b.png", "p/a-b.jpg"),
    ]


def test_cityscapes_names_and_shared_folder(make, tmp_path):
    scene = "aachen/aachen_000000_000019"
    both, photos, _ = make(
        f"l/{scene}_gtFine_labelIds.png",
        f"l/{scene}_gtFine_instanceIds.png",
        f"l/{scene}_gtFine_color.png",
        f"l/{scene}_gtFine_polygons.json",
        f"p/{scene}_leftImg8bit.png",
    )
    assert relative(pair_folders(both, photos, both), tmp_path) == [
        (
            "aachen_000000_000019",
            f"l/{scene}_gtFine_labelIds.png",
            f"p/{scene}_leftImg8bit.png",
            f"l/{scene}_gtFine_instanceIds.png",
        )
    ]
    (pair,) = pair_folders(both, photos, role="colour")
    assert pair.condition.name == "aachen_000000_000019_gtFine_color.png"


def test_subfolders_belong_to_names_that_repeat(make, tmp_path):
    labels, photos, _ = make("l/s1/0.png", "l/s2/0.png", "p/s2/0.jpg", "p/s1/0.jpg")
    assert relative(pair_folders(labels, photos), tmp_path) == [
        ("s1__0", "l/s1/0.png", "p/s1/0.jpg"),
        ("s2__0", "l/s2/0.png", "p/s2/0.jpg"),
    ]


def test_subfolders_may_differ_where_names_do_not_repeat(make, tmp_path):
    labels, photos, _ = make("l/a.png", "l/b.png", "p/s1/a.jpg", "p/s2/b.jpg")
    assert relative(pair_folders(labels, photos), tmp_path) == [
        ("a", "l/a.png", "p/s1/a.jpg"),
        ("b", "l/b.png", "p/s2/b.jpg"),
    ]


def test_two_subfolders_and_names_never_make_one_example(make):
    names = ["x/a", "y/a", "x__a"]
    labels, photos, _ = make(*[f"l/{n}.png" for n in names], *[f"p/{n}.jpg" for n in names])
    with pytest.raises(DataError, match="the example 'x__a', and .*a.png is too. Rename one"):
        pair_folders(labels, photos)


def test_photo_without_label(make):
    labels, photos, _ = make("l/a.png", "p/a.jpg", "p/b.jpg")
    with pytest.raises(DataError, match=r"p/b.jpg: this photo has no label map of the same name"):
        pair_folders(labels, photos)


def test_label_without_photo(make):
    labels, photos, _ = make("l/a.png", "l/b.png", "l/c.png", "p/a.jpg")
    message = r"l/b.png: this label map has no photo of the same name in .*p \(likewise 2 of 3\)"
    with pytest.raises(DataError, match=message):
        pair_folders(labels, photos)


def test_instance_maps_pair_too(make):
    labels, photos, instances = make("l/a.png", "p/a.jpg", "i/b.png")
    with pytest.raises(DataError, match="l/a.png: this label map has no instance map"):
        pair_folders(labels, photos, instances)
    make("i/a.tif")
    with pytest.raises(DataError, match="i/b.png: this instance map has no label map"):
        pair_folders(labels, photos, instances)


@pytest.mark.parametrize("second", ["p/a.JPEG", "p/a.png", "p/a_leftImg8bit.png"])
def test_two_files_with_one_stem(make, second):
    labels, photos, _ = make("l/a.png", "p/a.jpg", second)
    with pytest.raises(DataError, match="two files stand for 'a'. Keep one of them"):
        pair_folders(labels, photos)


def test_two_label_maps_of_cityscapes(make):
    labels, photos, _ = make(
        "l/a_gtFine_labelIds.png", "l/a_gtFine_labelTrainIds.png", "p/a_leftImg8bit.png"
    )
    with pytest.raises(DataError, match="labelTrainIds.png: a_gtFine_labelIds.png is there too"):
        pair_folders(labels, photos)


def test_missing_folder(make):
    labels, photos, _ = make("l/a.png")
    with pytest.raises(DataError, match="p: there is no such folder; every label map needs a phot"):
        pair_folders(labels, photos)


@pytest.mark.parametrize("folder", ["l", "p"])
def test_empty_folder(make, tmp_path, folder):
    labels, photos, _ = make("l/a.png", "p/a.jpg")
    for file in (tmp_path / folder).iterdir():
        file.rename(file.with_suffix(".txt"))
    with pytest.raises(DataError, match=rf"{folder}: no (label map|photo) in this folder.*'.png'"):
        pair_folders(labels, photos)


# Names that nearly agree --------------------------------------------------------------------------


def test_unicode_forms_of_one_name_are_one_name(make):
    labels, photos, _ = make("l/cafe\u0301.png", "p/caf\u00e9.jpg")
    assert [pair.stem for pair in pair_folders(labels, photos)] == ["caf\u00e9"]
    make("p/cafe\u0301.jpg")
    with pytest.raises(DataError, match="two files stand for .* look alike.*Unicode forms"):
        pair_folders(labels, photos)


@pytest.mark.parametrize(
    ("label", "photo", "hint"),
    [
        ("x_L", "x", "Is it x.jpg. Then rename one of the two"),
        ("x_mask", "x", "Is it x.jpg"),
        ("x.jpg", "x", "Is it x.jpg"),
        ("street_12_label", "street_12_photo", "Is it street_12_photo.jpg"),
    ],
)
def test_the_nearest_name_is_said(make, label, photo, hint):
    labels, photos, _ = make(f"l/{label}.png", f"p/{photo}.jpg", "l/a.png", "p/a.jpg")
    with pytest.raises(DataError, match=f"{label}.png: this label map has no photo.*{hint}"):
        pair_folders(labels, photos)


def test_extensions_of_any_case_are_read(make):
    labels, photos, _ = make("l/a.PNG", "p/a.JPEG", "l/b.Tif", "p/b.JPG")
    assert [pair.stem for pair in pair_folders(labels, photos)] == ["a", "b"]


def test_a_partner_that_is_not_read_is_named(make, tmp_path):
    labels, photos, _ = make("l/a.png", "p/a.jpg", "l/b.png", "p/b.heic")
    with pytest.raises(DataError, match="b.heic is there, but files ending in .heic are not read"):
        pair_folders(labels, photos)
    (tmp_path / "p" / "b.heic").unlink()
    (tmp_path / "p" / "b.jpg").mkdir()
    with pytest.raises(DataError, match="p/b.jpg is a folder, not a file"):
        pair_folders(labels, photos)


def test_pairs_that_are_not_read_are_counted(make):
    labels, photos, _ = make(
        *("l/a.png", "p/a.jpg", "l/b.gif", "p/b.jp2", "l/c.gif", "p/c.gif"),
        *("l/README.txt", "p/README.txt", "l/classes.json", "p/d.gif"),
    )
    message = "2 pairs of files are not read for their extensions, such as b.gif and b.jp2"
    with pytest.warns(UserWarning, match=message):
        assert [pair.stem for pair in pair_folders(labels, photos)] == ["a"]


def test_links(make, tmp_path):
    labels, photos, _ = make("l/a.png", "p/a.jpg")
    (tmp_path / "l" / "b.png").symlink_to("gone.png")
    with pytest.raises(DataError, match="b.png: this is a link to gone.png, which is not there"):
        pair_folders(labels, photos)
    (tmp_path / "l" / "b.png").unlink()
    (tmp_path / "l" / "more").symlink_to(tmp_path / "l")
    with pytest.raises(DataError, match="more: this link leads back to .*without end"):
        pair_folders(labels, photos)

"""Tiles of a made-up Earth: its classes by rule, its places by split, and clear errors."""

import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from tfsynth.data import DataError, Planet
from tfsynth.data.builders.planet import project, split_of
from tfsynth.data.builders.planet_sources import find_files, read_earth
from tfsynth.layouts import LabelSet, worlds
from tfsynth.registry import build, describe

HEIGHT, WIDTH = 270, 540
OCEAN, DEEP, FOREST, DESERT, ICE = (
    (20, 70, 125),
    (2, 8, 30),
    (10, 45, 8),
    (190, 160, 110),
    (250,) * 3,
)


def write_tiff(path, rows):
    """Writes grey rows as the climate map has them: deflated one by one, with strip tables."""
    strips = [zlib.compress(row.tobytes()) for row in rows]
    height, width = rows.shape
    lengths = [len(strip) for strip in strips]
    starts = np.cumsum([8, *lengths])
    tables = starts[-1]
    longs = b"".join(struct.pack("<I", number) for number in [*starts[:-1], *lengths])
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 8), (259, 3, 1, 8)]
    entries += [(262, 3, 1, 1), (273, 4, height, tables), (277, 3, 1, 1), (278, 3, 1, 1)]
    entries += [(279, 4, height, tables + 4 * height)]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    head = struct.pack("<2sHI", b"II", 42, tables + len(longs))
    path.write_bytes(head + b"".join(strips) + longs + directory)


def made_up_earth():
    """Returns picture, climate and ocean: continents of one climate each, all with a forest."""
    latitude = 90 - 180 * (np.arange(HEIGHT) + 0.5)[:, None] / HEIGHT
    longitude = 360 * (np.arange(WIDTH) + 0.5)[None] / WIDTH - 180
    land = (np.abs((longitude + 180) % 90 - 45) < 30) & (np.abs(latitude) < 80)
    climate = np.select(
        [np.abs(latitude) < 12, np.abs(latitude) < 33, np.abs(latitude) < 45],
        [1, 2, 3],
        np.where(np.abs(latitude) < 64, 4, 5),
    )
    kinds = np.select([climate == 2, climate == 5], [1, 2], 0)
    picture = np.array([FOREST, DESERT, ICE], np.uint8)[kinds]
    picture = np.where(land[..., None], picture, np.array(OCEAN, np.uint8))
    deep = np.abs((longitude + 180) % 90 - 45) + 0 * latitude > 40
    picture[deep & ~land] = DEEP
    return picture, np.where(land, climate, 0).astype(np.uint8), ~land


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with the three files of a made-up Earth."""
    folder = tmp_path_factory.mktemp("earth")
    picture, climate, ocean = made_up_earth()
    Image.fromarray(picture).save(folder / "bmng.jpg", quality=98, subsampling=0)
    # Twice and four times as fine as the picture.
    write_tiff(folder / "KG_simplified_uint8.tif", climate.repeat(2, 0).repeat(2, 1))
    mask = ocean.repeat(4, 0).repeat(4, 1)
    np.savez_compressed(folder / "globe_combined_mask_compressed.npz", mask=mask, lat=np.zeros(3))
    return folder


@pytest.fixture(scope="module")
def planet(root, tmp_path_factory):
    return Planet(32, data_dir=str(tmp_path_factory.mktemp("tiles")), root=str(root))


def test_the_files_are_read_at_the_pixels_of_the_picture(root):
    earth = read_earth(find_files(root))
    picture, climate, ocean = made_up_earth()
    np.testing.assert_array_equal(earth.climate, climate)
    np.testing.assert_array_equal(earth.ocean, ocean)
    assert np.abs(earth.picture.astype(int) - picture).mean() < 4


def test_classes_follow_climate_and_colour(root):
    picture, labels = project(read_earth(find_files(root)), 32)
    assert picture.shape == (640, 1024, 3) and labels.shape == (640, 1024)
    rows = np.arange(6 * 32, 26 * 32) + 0.5
    latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * rows / 1024))))
    # The middle of the first continent, and of the sea between two.
    middle, sea = labels[:, 128], labels[:, 0]
    for place, kind in (
        (0, worlds.RAINFOREST),
        (22, worlds.SAND),
        (-22, worlds.SAND),
        (40, worlds.BROADLEAF),
        (60, worlds.BOREAL),
        (68, worlds.SNOW),
    ):
        assert middle[np.abs(latitude - place).argmin()] == kind, place
    assert (sea[32:-32] == worlds.DEEP_SEA).all()
    # Half way to the shore, 35 degrees from the middle.
    assert (labels[32:-32, 128 + 100] == worlds.SHALLOW_SEA).all()


def test_splits_are_places(planet):
    counts = {}
    for name in planet.split_names:
        split = planet.split(name)
        counts[name] = len(split)
        report = split.check(progress=False)
        assert report.examples == len(split) > 0
        for stem in split.stems:
            x, y = (int(part) for part in stem.split("_")[1:])
            step = 16 if name == "train" else 32
            assert x % step == y % step == 0
            for column in (x // 32, (x + 31) // 32):
                assert split_of(column, y // 32 + 6) == split_of(column, (y + 31) // 32 + 6) == name
    assert counts["train"] > 10 * counts["test"] > 10 * counts["validation"]


def test_an_example_is_a_tile(planet):
    example = planet.split("test")[0]
    assert example["image"].shape == (32, 32, 3) and example["labels"].shape == (32, 32)
    assert example["image"].dtype == example["labels"].dtype == np.uint8
    assert "instances" not in example
    assert planet.label_set == LabelSet.load("planet")
    for part in planet.split("train"):
        shares = np.bincount(part["labels"].ravel(), minlength=16) / 1024
        assert shares[:2].sum() <= 0.7 and shares.max() <= 0.97


def test_the_places_of_the_splits_are_those_of_planet_256():
    # Amazonas, Patagonia, Rocky Mountains, Madagascar, Sahara, and cells between two.
    for cell, split in (
        ((10, 16), "test"),
        ((9, 20), "test"),
        ((26, 18), "test"),
        ((5, 11), "validation"),
        ((20, 17), "validation"),
        ((16, 13), "train"),
        ((9, 14), None),
    ):
        assert split_of(*cell) == split


def test_four_cells_between_splits_are_in_none_and_others_touch():
    cells = {(x, y): split_of(x, y) for x in range(32) for y in range(7, 25)}
    assert list(cells.values()).count(None) == 4
    # Central America beside Colombia, Mozambique beside Madagascar.
    assert (cells[8, 15], cells[9, 15]) == ("train", "test")
    assert (cells[19, 17], cells[20, 17]) == ("train", "validation")


def test_the_places_of_planet_256_itself(shared_data):
    folder = shared_data / "planet_256"
    if not folder.is_dir():
        pytest.skip(f"No planet_256 at {folder}.")
    for name, prefix in (("train", "train"), ("validation", "val"), ("test", "test")):
        for path in (folder / f"{prefix}_label").glob("*.png"):
            zoom, x, y = (int(part) for part in path.stem.split("_"))
            assert split_of(x >> (zoom - 5), y >> (zoom - 5)) == name


def test_tiles_are_made_once(planet, recwarn):
    planet.split("train")
    files = sorted(planet.folder.rglob("*.npy"))
    times = [path.stat().st_mtime_ns for path in files]
    again = Planet(32, data_dir=planet.data_dir, root=planet.root)
    np.testing.assert_array_equal(again.split("test")[0]["image"], planet.split("test")[0]["image"])
    assert [path.stat().st_mtime_ns for path in files] == times and len(files) == 9
    assert not recwarn.list


def test_config_and_fingerprint(planet):
    node = describe(planet)
    assert node["class"] == "Planet" and node["size"] == 32
    assert build(node).get_config() == planet.get_config()
    other = Planet(48, data_dir=planet.data_dir, root=planet.root)
    assert other.fingerprint != planet.fingerprint
    elsewhere = Planet(32, data_dir="elsewhere", root=planet.root)
    assert elsewhere.fingerprint == planet.fingerprint


def test_what_is_missing_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"needs bmng.jpg, .*pip install 'tfsynth\[planet\]'"):
        Planet(root=str(tmp_path), data_dir=str(tmp_path)).split("train")
    with pytest.raises(ValueError, match="`size` is a whole number of 32 to 256. Received: 512"):
        Planet(512)
    with pytest.raises(DataError, match="no split 'val'; it has: train, validation, test"):
        Planet(root=str(tmp_path)).split("val")


def test_damaged_files_are_named(root, tmp_path):
    for name in ("bmng.jpg", "KG_simplified_uint8.tif", "globe_combined_mask_compressed.npz"):
        for path in root.iterdir():
            data = path.read_bytes()
            (tmp_path / path.name).write_bytes(
                data[: len(data) // 2] if path.name == name else data
            )
        with pytest.raises(DataError, match=f"{tmp_path / name}"):
            read_earth(find_files(tmp_path))
    with zipfile.ZipFile(tmp_path / "globe_combined_mask_compressed.npz", "w") as archive:
        archive.writestr("other.npy", b"")
    write_tiff(tmp_path / "KG_simplified_uint8.tif", made_up_earth()[1])
    with pytest.raises(DataError, match="globe_combined.*cannot be read .KeyError"):
        read_earth(find_files(tmp_path))


def test_a_folder_that_cannot_be_written_is_named(root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file: the tiles of Planet cannot be kept there"):
        Planet(32, data_dir=str(tmp_path / "file"), root=str(root)).split("train")

"""Drawn worlds: their classes and statistics, and edges that join."""

import numpy as np
import pytest
from PIL import Image

from tfsynth.layouts import LabelSet, components
from tfsynth.layouts.worlds import BOREAL, DEEP_SEA, RAINFOREST, SALT, SNOW, draw_world

REGIONS = 40


@pytest.fixture(scope="module")
def regions():
    return [draw_world(256, 256, seed) for seed in range(REGIONS)]


@pytest.fixture(scope="module")
def world():
    return draw_world(256, 512, 5, whole=True)


def statistics(maps):
    """Returns classes and regions of a map, the share of its borders and of its largest class."""
    found = []
    for labels in maps:
        shares = np.bincount(labels.ravel(), minlength=16) / labels.size
        borders = (labels[:, 1:] != labels[:, :-1]).mean() + (labels[1:] != labels[:-1]).mean()
        parts = components(labels).max() + 1
        found.append(((shares > 0.005).sum(), parts, borders / 2, shares.max()))
    return np.mean(found, axis=0)


def test_the_label_file_has_the_classes():
    label_set = LabelSet.load("planet")
    assert label_set.num_classes == 16 and label_set.void_ids == ()
    for i, name in ((DEEP_SEA, "deep sea"), (RAINFOREST, "rainforest"), (SALT, "salt flat")):
        assert label_set.names[i] == name
    assert label_set.colours[SNOW] == (245, 245, 255)
    label_set.require_unique_colours()


def test_regions_are_as_varied_as_the_tiles_of_planet_256(regions):
    # Of its training tiles: 3.92 classes, 29.3 regions, 1.90 % borders, 65.6 % the largest class.
    assert all(labels.dtype == np.uint8 and labels.shape == (256, 256) for labels in regions)
    classes, parts, borders, largest = statistics(regions)
    assert 3 < classes < 5.5
    assert 18 < parts < 42
    assert 0.014 < borders < 0.028
    assert 0.52 < largest < 0.75


def test_the_classes_that_hold_most_of_the_data_hold_most_of_the_regions(regions):
    shares = np.bincount(np.ravel(regions), minlength=16) / np.size(regions)
    assert shares[BOREAL] > 0.12
    assert 0.03 < shares[:2].sum() < 0.25
    assert (shares > 0).sum() >= 15


def test_no_class_is_all_of_a_region_and_no_part_is_a_speck(regions):
    for labels in regions:
        sizes = np.bincount(components(labels).ravel())
        assert sizes.max() < 0.97 * labels.size
        assert sizes.min() >= 8


def test_a_seed_gives_the_same_map(regions):
    np.testing.assert_array_equal(draw_world(256, 256, 7), regions[7])
    assert np.mean(regions[7] != regions[8]) > 0.3


def test_a_halved_region_has_the_same_contents():
    halved = [draw_world(128, 128, seed, scale=0.5) for seed in range(REGIONS)]
    classes, parts, borders, largest = statistics(halved)
    assert 3 < classes < 5.5
    assert 15 < parts < 48
    # Half as many pixels lie between as many borders.
    assert 0.028 < borders < 0.056


def test_the_edges_of_a_world_join(world):
    seams, columns = [], []
    for labels in (world, *(draw_world(128, 256, seed, whole=True) for seed in range(6))):
        changed = (labels != np.roll(labels, 1, axis=1)).mean(axis=0)
        seams.append(changed[0])
        columns.append(changed[1:].mean())
        # The part of a region on one side of the seam is no speck by itself.
        parts = components(np.roll(labels, labels.shape[1] // 2, axis=1))
        whole = np.setdiff1d(parts, [parts[:, 0], parts[:, -1]])
        assert np.bincount(parts.ravel())[whole].min() >= 8
    assert np.mean(seams) < 1.5 * np.mean(columns)


def test_a_world_has_seas_a_cold_pole_and_forests_at_the_equator():
    worlds = [draw_world(256, 512, seed, whole=True) for seed in range(4)]
    for world in worlds:
        assert 0.55 < (world <= 1).mean() < 0.75
        land = world[-20:][world[-20:] > 1]
        assert (land == SNOW).mean() > 0.6
        assert not (world[100:156] == SNOW).mean() > 0.02
    band = np.concatenate([world[118:138] for world in worlds])
    assert (band == RAINFOREST).sum() > 0.3 * (band > 1).sum()


def test_sizes_that_are_no_world_are_refused():
    with pytest.raises(ValueError, match="twice as wide as high; got 128 x 128"):
        draw_world(128, 128, whole=True)
    with pytest.raises(ValueError, match="sides of at least 32; got 16 x 64"):
        draw_world(16, 64)


def test_regions_beside_the_tiles_themselves(shared_data, regions):
    folder = shared_data / "planet_256" / "train_label"
    if not folder.is_dir():
        pytest.skip(f"No planet_256 at {folder}.")
    tiles = [np.array(Image.open(path)) for path in sorted(folder.glob("*.png"))[::20]]
    # Classes, regions, borders, largest class.
    ratios = statistics(regions) / statistics(tiles)
    assert (0.7 < ratios).all() and (ratios < 1.4).all()

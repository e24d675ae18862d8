"""One geometry moves labels, instances and photo together, to the pixel."""

import numpy as np
import pytest

from tfsynth.data.augment import (
    Geometry,
    covering_size,
    random_geometry,
    warped_sources,
    whole,
)

PALETTE = np.array([(250, 10, 10), (10, 250, 10), (10, 10, 250), (240, 240, 10)], np.uint8)


def painted_example(height, width, block=8, seed=0):
    """Blocks of four classes; the photo is painted from them, instances are class * 1000."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 4, (-(-height // block), -(-width // block)))
    labels = blocks.repeat(block, 0).repeat(block, 1)[:height, :width].astype(np.uint8)
    return {
        "labels": labels,
        "instances": labels.astype(np.int32) * 1000 + 7,
        "image": PALETTE[labels],
    }


def share_of_agreement(example):
    """The share of pixels whose photo's nearest palette colour is the label's."""
    distance = np.abs(example["image"][:, :, None].astype(int) - PALETTE.astype(int)).sum(-1)
    return (distance.argmin(-1) == example["labels"]).mean()


def test_whole_at_its_own_size_changes_nothing():
    example = painted_example(13, 21)
    result = whole((13, 21), (13, 21)).apply(example)
    for key, array in example.items():
        assert result[key].dtype == array.dtype
        np.testing.assert_array_equal(result[key], array)


def test_flip_mirrors_every_array():
    example = painted_example(13, 21)
    result = Geometry((13, 21), 0, 0, 13, 21, flip=True).apply(example)
    for key, array in example.items():
        np.testing.assert_array_equal(result[key], array[:, ::-1])
        assert result[key].flags.c_contiguous


def test_a_crop_of_whole_pixels_is_a_slice():
    example = painted_example(32, 48)
    result = Geometry((10, 20), 3.0, 7.0, 10.0, 20.0).apply(example)
    for key, array in example.items():
        np.testing.assert_array_equal(result[key], array[3:13, 7:27])


def test_doubling_repeats_ids_and_keeps_their_dtype():
    ids = np.array([[70000, 1], [2, 3]], np.int32)
    example = {"labels": np.array([[0, 1], [2, 3]], np.uint16), "instances": ids}
    result = whole((2, 2), (4, 4)).apply(example)
    np.testing.assert_array_equal(result["instances"], ids.repeat(2, 0).repeat(2, 1))
    assert (result["labels"].dtype, result["instances"].dtype) == (np.uint16, np.int32)


def test_halving_takes_ids_as_they_are_and_averages_the_photo():
    # Columns one pixel wide, black and white: without antialiasing the photo would be one of them.
    stripes = np.tile([0, 1], 32)[None].repeat(64, 0).astype(np.uint8)
    example = {"labels": stripes, "image": np.dstack([stripes * 255] * 3)}
    result = whole((64, 64), (32, 32)).apply(example)
    assert set(np.unique(result["labels"])) <= {0, 1}
    inside = result["image"][:, 1:-1]
    assert 120 <= inside.min() and inside.max() <= 135


@pytest.mark.parametrize("source", [(96, 160), (160, 96), (97, 131), (40, 200)])
@pytest.mark.parametrize("load_size", [None, (60, 90), (160, 320)])
def test_labels_and_photo_stay_aligned(source, load_size):
    rng = np.random.default_rng(1)
    lost = []
    for seed in range(10):
        geometry = random_geometry(source, (48, 80), rng, load_size)
        result = geometry.apply(painted_example(*source, block=16, seed=seed))
        assert result["labels"].shape == (48, 80)
        assert result["image"].shape == (48, 80, 3)
        np.testing.assert_array_equal(result["instances"], result["labels"].astype(int) * 1000 + 7)
        # Only pixels that straddle a border of two blocks may differ.
        assert share_of_agreement(result) > 0.93
        shifted = {**result, "labels": np.roll(result["labels"], 4, axis=1)}
        lost.append(share_of_agreement(result) - share_of_agreement(shifted))
    # The measure can tell: four pixels aside, it is lower.
    assert np.mean(lost) > 0.02


def test_alignment_is_better_than_half_a_pixel():
    # One vertical border in the middle; its place in labels and photo must be the same.
    labels = (np.arange(300) >= 151).astype(np.uint8)[None].repeat(200, 0)
    example = {"labels": labels, "image": np.dstack([labels * 255] * 3)}
    rng = np.random.default_rng(2)
    checked = 0
    for _ in range(50):
        result = random_geometry((200, 300), (64, 96), rng, (80, 120)).apply(example)
        in_labels = result["labels"][32].mean() * 96
        in_photo = result["image"][32, :, 0].mean() / 255 * 96
        if 4 < in_labels < 92:
            checked += 1
            assert abs(in_labels - in_photo) <= 0.55
    assert checked > 25


def test_random_geometry_draws_every_offset_and_both_sides():
    rng = np.random.default_rng(0)
    drawn = [random_geometry((10, 14), (8, 10), rng, (10, 14)) for _ in range(600)]
    assert {g.top for g in drawn} == {0.0, 1.0, 2.0}
    assert {g.left for g in drawn} == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert 0.4 < np.mean([g.flip for g in drawn]) < 0.6
    assert all((g.height, g.width) == (8.0, 10.0) for g in drawn)


def test_without_its_aspect_the_whole_height_and_width_are_stretched():
    rng = np.random.default_rng(0)
    # Half as many rows of 286 / 2: pix2pix's jitter on a picture twice as wide as high.
    drawn = [
        random_geometry((143, 572), (256, 256), rng, (286, 286), keep_aspect=False)
        for _ in range(600)
    ]
    assert {g.top for g in drawn} == {n / 2 for n in range(31)}
    assert {g.left for g in drawn} == {2 * n for n in range(31)}
    assert all((g.height, g.width) == (128.0, 512.0) for g in drawn)
    plain = random_geometry((100, 200), (64, 64), rng, keep_aspect=False, flip=False)
    assert plain == whole((100, 200), (64, 64))


def test_switches_leave_the_other_draws_alone():
    def drawn(**switches):
        return random_geometry((40, 60), (16, 16), np.random.default_rng(3), (20, 30), **switches)

    both = drawn()
    assert drawn(flip=False) == Geometry((16, 16), both.top, both.left, both.height, both.width)
    uncropped = drawn(crop=False)
    assert uncropped == Geometry((16, 16), 0, 0, 40, 60, flip=both.flip)


@pytest.mark.parametrize(
    ("source", "target", "covering"),
    [
        ((100, 200), (50, 100), (50, 100)),
        ((100, 200), (50, 50), (50, 100)),
        ((100, 200), (50, 120), (60, 120)),
        ((10, 20), (40, 40), (40, 80)),
        ((333, 777), (128, 256), (128, 299)),
    ],
)
def test_covering_size(source, target, covering):
    assert covering_size(source, target) == covering


def displacements(size, strength, count=200):
    """Returns rows and columns of the sources less those of the pixels, (count, 2, h, w)."""
    height, width = size
    rng = np.random.default_rng(0)
    sources = np.stack([warped_sources(size, rng, strength) for _ in range(count)])
    assert (sources.dtype, sources.shape) == (np.int32, (count, height, width))
    assert sources.min() >= 0 and sources.max() < height * width
    rows, columns = np.mgrid[:height, :width]
    return np.stack([sources // width - rows, sources % width - columns], axis=1)


def test_half_of_the_layouts_are_warped_by_up_to_the_strength():
    moved = displacements((64, 128), strength=0.05)
    bent = np.abs(moved).max(axis=(1, 2, 3)) > 0
    assert 0.4 < bent.mean() < 0.6
    # 5 % of 64 rows are 3.2 pixels.
    assert np.abs(moved).max() == 3
    assert np.abs(moved[bent]).mean() == pytest.approx(1.2, abs=0.4)
    # Up and down, left and right alike.
    assert np.abs(moved[bent].mean(axis=(0, 2, 3))).max() < 0.2


def test_a_warp_is_smooth_and_keeps_within_the_layout_even_if_it_is_strong():
    moved = displacements((32, 48), strength=0.2)
    assert np.abs(moved).max() >= 6
    # The nodes are some ten pixels apart: neighbours differ by a pixel or two.
    for axis in (2, 3):
        assert np.abs(np.diff(moved, axis=axis)).max() <= 4
    # A pixel at the border shows the layout's own border: nothing is wrapped to the other side.
    assert moved[:, 0, 0].min() >= 0 and moved[:, 1, :, 0].min() >= 0
    assert moved[:, 0, -1].max() <= 0 and moved[:, 1, :, -1].max() <= 0


def test_a_warp_of_nothing_leaves_every_pixel_in_its_place():
    found = warped_sources((3, 4), np.random.default_rng(0), 0.0)
    np.testing.assert_array_equal(found, np.arange(12).reshape(3, 4))

"""Photographs and condition pictures are read to the exact number, or refused with a reason."""

import numpy as np
import pytest
from PIL import Image

from tests.data import raw_pictures as raw
from tfsynth.data import images
from tfsynth.layouts.labels import DataError

IDS = np.array([[0, 1, 2], [3, 2, 1]], np.uint8)


@pytest.mark.parametrize(
    ("name", "most"),
    [("a.png", 0), ("a.bmp", 0), ("a.tiff", 0), ("a.webp", 4), ("a.JPG", 2), ("a.jpeg", 2)],
)
def test_photos_of_all_formats(tmp_path, name, most):
    ramp = np.linspace(0, 255, 16 * 24).reshape(16, 24).astype(np.uint8)
    photo = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=-1)
    images.write_photo(tmp_path / name, photo)
    read = images.read_photo(tmp_path / name)
    assert read.dtype == np.uint8 and read.shape == (16, 24, 3)
    assert np.abs(read.astype(int) - photo).mean() <= most
    assert images.verify_picture(tmp_path / name) == (16, 24)


def test_grey_photos_become_rgb(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read_photo(tmp_path / "a.png"), np.dstack([IDS] * 3))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path, orientation):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255  # White at the stored top left.
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95)
    photo = images.read_photo(tmp_path / "a.jpg")
    # Where EXIF says that the stored top left corner belongs.
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
    corner |= {5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert photo.shape == ((16, 32, 3) if orientation < 5 else (32, 16, 3))
    assert photo[corner[orientation]].min() > 240
    assert (photo.mean(axis=-1) > 128).sum() == 64
    assert images.verify_picture(tmp_path / "a.jpg") == photo.shape[:2]
    assert images.picture_and_turn(tmp_path / "a.jpg")[1] == orientation


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_truncated_photos(tmp_path, name, share):
    file = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    images.write_photo(file, noise)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    for read in (images.read_photo, images.verify_picture):
        with pytest.raises(DataError, match=rf"{file}: the photo cannot be read .*truncated"):
            read(file)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="a.png: there is no such file"):
        images.read_photo(tmp_path / "a.png")


def test_transparent_photos(tmp_path):
    pixels = np.full((4, 4, 4), 255, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "opaque.png")
    assert images.read_photo(tmp_path / "opaque.png").shape == (4, 4, 3)
    pixels[0, 0, 3] = 100
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a.png: .*transparent.*lowest alpha is 100"):
        images.read_photo(tmp_path / "a.png")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_pictures_of_all_channels(tmp_path, name, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.uint8)
    images.write_photo(tmp_path / name, pixels)
    with Image.open(tmp_path / name) as image:
        assert image.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    np.testing.assert_array_equal(images.read_picture(tmp_path / name, channels), pixels)
    assert images.verify_picture(tmp_path / name, channels) == (5, 7)


def test_grey_with_alpha_and_bits_are_pictures(tmp_path):
    grey, alpha = IDS * 80, 255 - IDS
    image = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    image.save(tmp_path / "a.png")
    expected = np.stack([grey, grey, grey, alpha], axis=-1)
    np.testing.assert_array_equal(images.read_picture(tmp_path / "a.png", 4), expected)
    Image.fromarray(IDS > 1).save(tmp_path / "bits.png")
    bits = images.read_picture(tmp_path / "bits.png", 1)[..., 0]
    np.testing.assert_array_equal(bits, (IDS > 1) * 255)


def test_colour_becomes_grey_where_one_channel_is_asked_for(tmp_path):
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]]], np.uint8)
    images.write_photo(tmp_path / "a.png", pixels)
    grey = images.read_picture(tmp_path / "a.png", 1)
    assert grey[..., 0].tolist() == [[76, 150, 29, 90]]  # 0.299, 0.587 and 0.114 of 255


def test_16_bit_grey_photos_are_refused(tmp_path):
    Image.fromarray(IDS.astype(np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="a.png: a photo has 8 bits per channel"):
        images.read_photo(tmp_path / "a.png")


# What a file stores decides -----------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "colour_type"), [(3, 2), (2, 4), (4, 6)])
def test_16_bits_in_several_channels_are_refused(tmp_path, channels, colour_type):
    file = tmp_path / "a.png"
    file.write_bytes(raw.png(np.full((4, 6, channels), 4000), 16, colour_type))
    for read in (
        images.read_photo,
        images.verify_picture,
        lambda path: images.read_picture(path, 4),
    ):
        with pytest.raises(
            DataError, match="a.png: a photo has 8 bits per channel; this one has 16"
        ):
            read(file)


@pytest.mark.parametrize("bits", [[16, 16, 16], [16], [12], [32], [16, 16, 16, 16]])
def test_deep_tiffs_are_refused(tmp_path, bits):
    tags = {262: 2 if len(bits) > 1 else 1, **({338: 2} if len(bits) == 4 else {})}
    (tmp_path / "a.tif").write_bytes(raw.tiff(bytes(4 * 8 * 4), 4, 4, bits, tags))
    with pytest.raises(DataError, match="8 bits per channel; .*choosing its black and white"):
        images.read_photo(tmp_path / "a.tif")


def test_deep_ppms_are_refused_and_shallow_ones_are_stretched(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 1 1 4095\n" + bytes(6))
    with pytest.raises(DataError, match="8 bits per channel; this one has 12"):
        images.read_photo(tmp_path / "a.ppm")
    (tmp_path / "a.ppm").write_bytes(b"P6 1 1 15\n" + bytes([15, 5, 0]))
    assert images.read_photo(tmp_path / "a.ppm").tolist() == [[[255, 85, 0]]]


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_other_colour_spaces_are_refused(tmp_path, mode, name):
    if (mode, name) == ("LAB", "a.jpg"):
        return  # JPEG has none.
    Image.new(mode, (8, 8)).save(tmp_path / name)
    for read in (images.read_photo, images.verify_picture):
        with pytest.raises(DataError, match=f"grey or RGB.*of mode {mode}. Convert it to RGB"):
            read(tmp_path / name)


def test_tiffs_of_jpeg_are_photos(tmp_path):
    Image.new("RGB", (32, 32), (200, 30, 90)).save(tmp_path / "a.tif", compression="jpeg")
    assert np.abs(images.read_photo(tmp_path / "a.tif").astype(int) - (200, 30, 90)).max() < 4


def test_white_as_zero_is_turned_round(tmp_path):
    file = tmp_path / "a.tif"
    file.write_bytes(raw.tiff(bytes([0, 200, 255]), 3, 1, 8, {262: 0}))
    assert images.read_picture(file, 1)[..., 0].tolist() == [[255, 55, 0]]
    # Pillow stores these the other way round.
    grey = Image.fromarray(np.array([[0, 200, 255]], np.uint8))
    grey.save(file, compression="tiff_lzw", tiffinfo={262: 0})
    with Image.open(file) as image:
        assert image.tag_v2[262] == 0
    assert images.read_picture(file, 1)[..., 0].tolist() == [[0, 200, 255]]
    (tmp_path / "a.tif").write_bytes(raw.tiff(bytes(3), 3, 1, 8, {262: None}))
    with pytest.raises(DataError, match="does not say whether its zero is black or white"):
        images.read_photo(tmp_path / "a.tif")


def test_channels_beside_colour_are_refused(tmp_path):
    # Red, green, blue and near infrared.
    (tmp_path / "a.tif").write_bytes(raw.tiff(bytes(16), 2, 2, [8] * 4, {262: 2, 338: 0}))
    with pytest.raises(DataError, match="a further channel that is neither colour nor alpha"):
        images.read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("lowest", [255, 7])
def test_palettes_with_transparency(tmp_path, lowest):
    palette = raw.png_chunk(b"PLTE", bytes([9, 8, 7, 50, 60, 70]))
    chunks = palette + raw.png_chunk(b"tRNS", bytes([lowest, 255]))
    (tmp_path / "a.png").write_bytes(raw.png([[0, 1]], 8, 3, chunks))
    rgba = images.read_picture(tmp_path / "a.png", 4)
    assert rgba.tolist() == [[[9, 8, 7, lowest], [50, 60, 70, 255]]]
    if lowest == 255:
        assert images.read_photo(tmp_path / "a.png").tolist() == [[[9, 8, 7], [50, 60, 70]]]
        return
    with pytest.raises(DataError, match="lowest alpha is 7"):
        images.read_photo(tmp_path / "a.png")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_photos_of_all_formats_are_turned_once(tmp_path, orientation, kind):
    stored = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    settings = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(stored).save(tmp_path / "a", kind, exif=exif, **settings)
    turned = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1],
        5: stored.swapaxes(0, 1), 6: np.rot90(stored, -1),
        7: np.rot90(stored, 2).swapaxes(0, 1), 8: np.rot90(stored),
    }[orientation]  # fmt: skip
    photo, turn = images.picture_and_turn(tmp_path / "a")
    assert turn == orientation
    np.testing.assert_array_equal(photo, turned)
    assert images.size_and_turn(tmp_path / "a") == (turned.shape[:2], orientation)

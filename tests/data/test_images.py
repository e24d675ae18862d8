"""Files are read to the exact number, or refused with the file's name."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tfsynth.data import images, maps
from tfsynth.layouts.labels import DataError, LabelSet

IDS = np.array([[0, 1, 2], [3, 2, 1]], np.uint8)


def test_8_bit_label_map(tmp_path, four):
    file = tmp_path / "a.png"
    Image.fromarray(IDS).save(file)
    labels = maps.read_label_map(file, four)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, IDS)


def test_16_bit_label_map(tmp_path):
    many = LabelSet([str(i) for i in range(400)], [(0, 0, 0)] * 400)
    ids = np.array([[0, 399], [256, 255]], np.uint16)
    maps.write_label_map(tmp_path / "a.png", ids, many)
    labels = maps.read_label_map(tmp_path / "a.png", many)
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, ids)


def test_a_small_set_in_16_bit_files_becomes_8_bit(tmp_path, four):
    Image.fromarray(IDS.astype(np.uint16)).save(tmp_path / "a.png")
    assert maps.read_label_map(tmp_path / "a.png", four).dtype == np.uint8


def test_palette_indices_are_not_expanded(tmp_path, four):
    file = tmp_path / "a.png"
    maps.write_label_map(file, IDS, four)
    with Image.open(file) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), four.paint(IDS))
    np.testing.assert_array_equal(maps.read_label_map(file), IDS)
    used, palette = maps.values_and_palette(file)
    assert used == [0, 1, 2, 3] and palette == list(four.colours)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_fewer_bits_are_not_stretched(tmp_path, bits):
    ids = (np.arange(24).reshape(4, 6) % 2**bits).astype(np.uint8)
    if bits == 1:
        Image.fromarray(ids.astype(bool)).save(tmp_path / "a.png")
    else:
        _write_grey_png(tmp_path / "a.png", ids, bits)
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.png"), ids)


def test_aliases_are_resolved(tmp_path):
    label_set = LabelSet(["a", "void"], [(0, 0, 0)] * 2, [1], {255: 1})
    Image.fromarray(np.array([[0, 255, 1]], np.uint8)).save(tmp_path / "a.png")
    assert maps.read_label_map(tmp_path / "a.png", label_set).tolist() == [[0, 1, 1]]


def test_values_of_files_are_read_and_written(tmp_path):
    label_set = LabelSet(["a", "b"], [(1, 2, 3), (4, 5, 6)], values={7: 0, 200: 1, 9: 1})
    Image.fromarray(np.array([[200, 9, 7]], np.uint8)).save(tmp_path / "a.png")
    ids = maps.read_label_map(tmp_path / "a.png", label_set)
    assert ids.tolist() == [[1, 1, 0]]
    maps.write_label_map(tmp_path / "b.png", ids, label_set)
    assert maps.read_label_map(tmp_path / "b.png").tolist() == [[9, 9, 7]]
    with Image.open(tmp_path / "b.png") as written:
        assert np.array(written.convert("RGB")).tolist() == [[[4, 5, 6]] * 2 + [[1, 2, 3]]]
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "b.png", label_set), ids)
    Image.fromarray(np.array([[0, 7]], np.uint8)).save(tmp_path / "c.png")
    with pytest.raises(DataError, match="c.png: this label set has no class for 0"):
        maps.read_label_map(tmp_path / "c.png", label_set)


def test_label_out_of_range(tmp_path, four):
    file = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 7]], np.uint8)).save(file)
    with pytest.raises(DataError, match=rf"{file}: label id 7 .* ids 0..3 \(4 classes\)"):
        maps.read_label_map(file, four)


def test_rgb_label_map_says_how_to_give_the_palette(tmp_path, four):
    file = tmp_path / "a.png"
    Image.fromarray(four.paint(IDS)).save(file)
    with pytest.raises(DataError) as caught:
        maps.read_label_map(file, four)
    text = str(caught.value)
    assert text.startswith(
        f"{file}: the label map must have one integer per pixel; it has 3 channels"
    )
    assert "coded by colour, with 4 colours: (10, 10, 10), (10, 10, 250)" in text
    assert "PairedFolders(root, labels='classes.yaml', label_coding='colour')" in text


def test_grey_saved_as_rgb(tmp_path):
    Image.fromarray(IDS).convert("RGB").save(tmp_path / "a.png")
    with pytest.raises(DataError, match="all equal.*Save one channel"):
        maps.read_label_map(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_are_decoded(tmp_path, four, mode):
    image = Image.fromarray(four.paint(IDS))
    if mode == "P":
        image = image.quantize(4)
    image.convert(mode).save(tmp_path / "a.png")
    labels = maps.read_label_map(tmp_path / "a.png", four, "colour")
    np.testing.assert_array_equal(labels, IDS)


def test_unknown_colour_names_file_and_pixel(tmp_path, four):
    pixels = four.paint(IDS)
    pixels[1, 2] = (10, 251, 10)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a.png: the colour \(10, 251, 10\) at row 1, column 2"):
        maps.read_label_map(tmp_path / "a.png", four, "colour")


def test_grey_map_under_colour_coding(tmp_path, four):
    Image.fromarray(IDS).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="Use label_coding: ids"):
        maps.read_label_map(tmp_path / "a.png", four, "colour")


def test_jpeg_label_maps_are_refused(tmp_path, four):
    Image.fromarray(IDS).save(tmp_path / "a.jpg")
    for coding in maps.LABEL_CODINGS:
        with pytest.raises(DataError, match="a.jpg: JPEG changes"):
            maps.read_label_map(tmp_path / "a.jpg", four, coding)


def test_floating_point_maps_are_refused(tmp_path):
    Image.fromarray(IDS.astype(np.float32)).save(tmp_path / "a.tif")
    for read in (maps.read_label_map, maps.read_instance_map):
        with pytest.raises(DataError, match="a.tif: .* floating-point"):
            read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("name", "highest"), [("a.png", 255), ("a.png", 65535), ("a.tif", 2**31 - 1)]
)
def test_instance_ids_survive(tmp_path, name, highest):
    ids = np.array([[0, 33001 % (highest + 1)], [highest, 1]], np.int64)
    if highest == 255:
        Image.fromarray(ids.astype(np.uint8)).save(tmp_path / name)
    else:
        maps.write_instance_map(tmp_path / name, ids)
    instances = maps.read_instance_map(tmp_path / name)
    assert instances.dtype == np.int32
    np.testing.assert_array_equal(instances, ids)


def test_big_endian_tiff_instances(tmp_path):
    _write_grey_tiff(tmp_path / "a.tif", np.array([[1, 40000]], ">u2"))
    assert maps.read_instance_map(tmp_path / "a.tif").tolist() == [[1, 40000]]


def test_instance_ids_above_31_bits_are_refused(tmp_path):
    Image.fromarray(np.array([[1, -5]], np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(
        DataError, match="a.tif: the instance map must hold ids from 0.*it holds -5"
    ):
        maps.read_instance_map(tmp_path / "a.tif")


def test_rgb_instance_map(tmp_path):
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="a.png: .*3 channels.*red \\+ 256"):
        maps.read_instance_map(tmp_path / "a.png")


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


def test_truncated_maps(tmp_path):
    file = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 65536, (64, 96))
    maps.write_instance_map(file, noise)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(DataError, match="a.png: the label map cannot be read .*truncated"):
        maps.read_label_map(file)
    with pytest.raises(DataError, match="a.png: the instance map cannot be read .*truncated"):
        maps.read_instance_map(file)


def test_flipped_bytes_in_a_map(tmp_path):
    file = tmp_path / "a.png"
    maps.write_instance_map(file, np.random.default_rng(0).integers(0, 65536, (64, 96)))
    data = bytearray(file.read_bytes())
    data[2000:2040] = bytes(40)
    file.write_bytes(bytes(data))
    with pytest.raises(DataError, match="a.png: the instance map cannot be read"):
        maps.read_instance_map(file)


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


def test_writers_refuse_what_the_file_cannot_hold(tmp_path, four):
    with pytest.raises(DataError, match="ids from 0 to 65535; got 0 to 70000. Write a .tif"):
        maps.write_instance_map(tmp_path / "a.png", np.array([[0, 70000]]))
    with pytest.raises(DataError, match="ids from 0 to 65535; got -1"):
        maps.write_label_map(tmp_path / "a.png", np.array([[-1, 0]]))
    with pytest.raises(DataError, match="label id 4 is out of range"):
        maps.write_label_map(tmp_path / "a.png", np.array([[4]]), four)


def _write_grey_png(file, ids, bits):
    """Writes a grey PNG of 2 or 4 bits, which Pillow cannot."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width = ids.shape
    shifts = 8 - bits * (1 + np.arange(8 // bits))
    padded = np.pad(ids, ((0, 0), (0, -width % len(shifts))))
    packed = (padded.reshape(height, -1, len(shifts)) << shifts).sum(-1).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def _write_grey_tiff(file, ids):
    """Writes an uncompressed big-endian grey TIFF of 16 bits, which Pillow cannot."""
    height, width = ids.shape
    entries = [(256, 3, width), (257, 3, height), (258, 3, 16), (259, 3, 1), (262, 3, 1)]
    entries += [(273, 4, 8), (277, 3, 1), (278, 3, height), (279, 4, ids.nbytes)]
    directory = struct.pack(">H", len(entries))
    for tag, kind, value in entries:
        packed = struct.pack(">HH" if kind == 3 else ">I", *((value, 0) if kind == 3 else (value,)))
        directory += struct.pack(">HHI", tag, kind, 1) + packed
    data = b"MM\0*" + struct.pack(">I", 8 + ids.nbytes) + ids.tobytes() + directory + bytes(4)
    file.write_bytes(data)

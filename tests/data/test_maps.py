"""Label maps and instance maps: the numbers that a file stores, or a reason why not."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.data import raw_pictures as raw
from tfsynth.data import maps
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
    used, palette = maps.contents(file).values, maps.contents(file).palette
    assert used == [0, 1, 2, 3] and palette == list(four.colours)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_fewer_bits_are_not_stretched(tmp_path, bits):
    ids = (np.arange(24).reshape(4, 6) % 2**bits).astype(np.uint8)
    if bits == 1:
        Image.fromarray(ids.astype(bool)).save(tmp_path / "a.png")
    else:
        (tmp_path / "a.png").write_bytes(raw.png(ids, bits))
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


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_a_coloured_map_of_black_and_white_classes_may_be_stored_as_grey(tmp_path, mode):
    # Programs that make files small leave no colour where there is none.
    labels = LabelSet(["void", "red", "line"], [(0, 0, 0), (250, 0, 0), (255, 255, 255)])
    ids = np.uint8([[0, 2, 2], [2, 0, 0]])
    Image.fromarray(labels.paint(ids)).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.png", labels, "colour"), ids)


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
    data = np.array([[1, 40000]], ">u2").tobytes()
    (tmp_path / "a.tif").write_bytes(raw.tiff(data, 2, 1, 16, big_endian=True))
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


def test_writers_refuse_what_the_file_cannot_hold(tmp_path, four):
    with pytest.raises(DataError, match="ids from 0 to 65535; got 0 to 70000. Write a .tif"):
        maps.write_instance_map(tmp_path / "a.png", np.array([[0, 70000]]))
    with pytest.raises(DataError, match="ids from 0 to 65535; got -1"):
        maps.write_label_map(tmp_path / "a.png", np.array([[-1, 0]]))
    with pytest.raises(DataError, match="label id 4 is out of range"):
        maps.write_label_map(tmp_path / "a.png", np.array([[4]]), four)


# What a file stores decides -----------------------------------------------------------------------


def refused(tmp_path, data, name="a.png"):
    """Returns what is said about a label map and an instance map of these bytes."""
    file = tmp_path / name
    file.write_bytes(data)
    texts = []
    for read in (maps.read_label_map, maps.read_instance_map):
        with pytest.raises(DataError) as caught:
            read(file)
        assert str(caught.value).startswith(f"{file}: ")
        texts.append(str(caught.value))
    return texts


@pytest.mark.parametrize(
    ("kind", "settings"), [("JPEG", {}), ("WEBP", {}), ("WEBP", {"lossless": True})]
)
def test_formats_that_change_numbers_are_known_by_their_content(tmp_path, four, kind, settings):
    file = tmp_path / "a.png"
    Image.fromarray(IDS).save(file, kind, **settings)
    message = f"a.png: {kind} changes pixel values, so it cannot hold"
    for read in (maps.read_label_map, maps.read_instance_map):
        with pytest.raises(DataError, match=message):
            read(file)
    Image.fromarray(four.paint(IDS)).save(file, kind, **settings)
    with pytest.raises(DataError, match=f"a.png: {kind} changes colours"):
        maps.read_label_map(file, four, "colour")


def test_a_png_named_jpg_is_a_label_map(tmp_path, four):
    Image.fromarray(IDS).save(tmp_path / "a.jpg", "PNG")
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.jpg", four), IDS)


@pytest.mark.parametrize("name", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_exact_compressions_of_tiff(tmp_path, name, dtype):
    ids = np.arange(48).reshape(6, 8).astype(dtype) * (5 if dtype == "uint8" else 1000)
    Image.fromarray(ids).save(tmp_path / "a.tif", compression=name)
    np.testing.assert_array_equal(maps.read_instance_map(tmp_path / "a.tif"), ids)


def test_a_predictor_is_undone(tmp_path):
    ids = np.arange(48).reshape(6, 8).astype(np.uint8)
    Image.fromarray(ids).save(tmp_path / "a.tif", compression="tiff_lzw", tiffinfo={317: 2})
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.tif"), ids)


def test_lossy_compressions_of_tiff_are_refused(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "a.tif", compression="jpeg")
    with pytest.raises(DataError, match="a.tif: TIFF with the compression jpeg changes pixel"):
        maps.read_label_map(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("tags", "bits", "message"),
    [
        ({262: 0}, 8, "a TIFF whose zero is white"),
        ({262: 0}, 16, "a TIFF whose zero is white"),
        ({262: None}, 8, "does not say whether its zero is black or white"),
        ({266: 2}, 8, "bits are in reversed order"),
        ({339: 2}, 8, "a TIFF of signed numbers of 8 bits"),
        ({338: 0}, [8, 8], "a further channel beside its ids"),
    ],
)
def test_tiffs_whose_numbers_pillow_changes_are_refused(tmp_path, tags, bits, message):
    data = raw.tiff(bytes(range(12)), 2, 3, bits, tags)
    for text in refused(tmp_path, data):
        assert message in text and "anew as a PNG with one grey channel" in text


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("big_endian", [False, True])
def test_tiffs_of_all_depths(tmp_path, bits, big_endian):
    ids = np.arange(16).reshape(2, 8) % 2**bits
    if bits < 8:
        packed = [int("".join(f"{i:0{bits}b}" for i in row), 2) for row in ids]
        data = b"".join(row.to_bytes(bits, "big") for row in packed)
    else:
        data = ids.astype(f"{'>' if big_endian else '<'}u{bits // 8}").tobytes()
    if (bits, big_endian) == (32, True):  # A kind that Pillow does not know.
        return
    (tmp_path / "a.tif").write_bytes(raw.tiff(data, 8, 2, bits, {}, big_endian))
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.tif"), ids)


def test_12_bit_tiffs(tmp_path):
    (tmp_path / "a.tif").write_bytes(
        raw.tiff(bytes([0x12, 0x34, 0x56, 0xFF, 0xF0, 0x01]), 4, 1, 12)
    )
    assert maps.read_label_map(tmp_path / "a.tif").tolist() == [[0x123, 0x456, 0xFFF, 1]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettised_tiffs_hold_indices(tmp_path, bits):
    ids = np.arange(16).reshape(2, 8) % 2**bits
    packed = [int("".join(f"{i:0{bits}b}" for i in row), 2) for row in ids]
    data = b"".join(row.to_bytes(bits, "big") for row in packed)
    colours = [256 * (i % 200) for i in range(3 * 2**bits)]
    tags = {262: 3, 320: colours}
    (tmp_path / "a.tif").write_bytes(raw.tiff(data, 8, 2, bits, tags))
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.tif"), ids)


def test_bmps_of_all_depths(tmp_path):
    greys = [(i, i, i) for i in range(256)]
    colours = [(i, 0, 9) for i in range(256)]
    nibbles = bytes([0x01, 0x23, 0, 0])
    for data, bits, palette in ((bytes([0, 1, 2, 3]), 8, greys), (bytes([0, 1, 2, 3]), 8, colours),
                                (nibbles, 4, colours[:16])):  # fmt: skip
        (tmp_path / "a.bmp").write_bytes(raw.bmp(data, 4, 1, bits, palette))
        assert maps.read_label_map(tmp_path / "a.bmp").tolist() == [[0, 1, 2, 3]]
    # Pillow takes the bits of these for others.
    for data, bits, palette in (
        (nibbles, 4, greys[:16]),
        (bytes([0, 1, 1, 0]), 8, [(0,) * 3, (255,) * 3]),
    ):
        for text in refused(tmp_path, raw.bmp(data, 4, 1, bits, palette)):
            assert f"is a BMP of {bits} bits with a palette of greys. Save it as PNG" in text


def test_netpbm_maps_are_read_where_nothing_is_stretched(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P5 3 1 255\n" + bytes([0, 1, 34]))
    assert maps.read_label_map(tmp_path / "a.ppm").tolist() == [[0, 1, 34]]
    assert (
        "a PGM whose highest number is 34"
        in refused(tmp_path, b"P5 3 1 34\n" + bytes([0, 1, 34]))[0]
    )
    assert "a PBM, whose 1 is black" in refused(tmp_path, b"P4 3 1\n\x40")[0]


def test_chunks_for_display_change_no_number(tmp_path):
    chunks = raw.png_chunk(b"gAMA", struct.pack(">I", 20000)) + raw.png_chunk(b"tRNS", b"\0\x02")
    (tmp_path / "a.png").write_bytes(raw.png(IDS, before=chunks))
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.png"), IDS)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (9, 0, 0)])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_ids_in_the_alpha_channel(tmp_path, four, mode, colour):
    image = Image.new("RGB", (3, 2), colour).convert(mode)
    image.putalpha(Image.fromarray(IDS))
    image.save(tmp_path / "a.png")
    for coding in maps.LABEL_CODINGS if mode == "RGBA" else ("ids",):
        with pytest.raises(DataError) as caught:
            maps.read_label_map(tmp_path / "a.png", four, coding)
        text = str(caught.value)
        assert "in the alpha channel" in text and "Image.open('a.png').getchannel('A')" in text
        assert "all equal" not in text
    # Obeyed, the advice gives the ids.
    Image.open(tmp_path / "a.png").getchannel("A").save(tmp_path / "b.png")
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "b.png", four), IDS)


def test_grey_and_alpha_that_both_differ(tmp_path):
    image = Image.merge("LA", [Image.fromarray(IDS), Image.fromarray(255 - IDS)])
    image.save(tmp_path / "a.png")
    with pytest.raises(DataError, match="one grey and its alpha, which both differ"):
        maps.read_label_map(tmp_path / "a.png")


def test_colours_under_transparent_pixels_are_not_told(tmp_path, four):
    image = Image.fromarray(four.paint(IDS)).convert("RGBA")
    image.putalpha(Image.fromarray(IDS * 80))
    image.save(tmp_path / "a.png")
    with pytest.raises(DataError, match="transparent in parts"):
        maps.read_label_map(tmp_path / "a.png", four, "colour")
    (tmp_path / "b.png").write_bytes(raw.png(four.paint(IDS).astype(int) * 257, 16, 2))
    with pytest.raises(DataError, match="8 bits per channel; these have 16"):
        maps.read_label_map(tmp_path / "b.png", four, "colour")


def test_coloured_palettes_with_an_opaque_transparency(tmp_path, four):
    chunks = raw.png_chunk(b"PLTE", four.palette[[1, 0, 2, 3]].tobytes())
    chunks += raw.png_chunk(b"tRNS", bytes([255] * 4))
    (tmp_path / "a.png").write_bytes(raw.png(IDS, 8, 3, chunks))
    for coding in maps.LABEL_CODINGS:
        labels = maps.read_label_map(tmp_path / "a.png", four, coding)
        np.testing.assert_array_equal(labels, np.array([1, 0, 2, 3])[IDS])


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_other_colour_spaces_are_no_maps(tmp_path, mode):
    Image.new(mode, (4, 4)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="one integer per pixel|zero is white"):
        maps.read_label_map(tmp_path / "a.tif")


TURNED = {
    1: IDS, 2: IDS[:, ::-1], 3: IDS[::-1, ::-1], 4: IDS[::-1],
    5: IDS.T, 6: np.rot90(IDS, -1), 7: np.rot90(IDS, 2).T, 8: np.rot90(IDS),
}  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("place", ["before", "after", "xmp", "tiff", "tiff16", "exif", "APP1"])
def test_maps_are_turned_upright_wherever_the_orientation_is_said(
    tmp_path, four, orientation, place
):
    file = tmp_path / "a.png"
    if place == "xmp":
        xmp = f'<x xmlns:tiff="t" tiff:Orientation="{orientation}"/>'.encode()
        chunk = raw.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
        file.write_bytes(raw.png(IDS, before=chunk))
    elif place in ("exif", "APP1"):  # As ImageMagick has written it.
        data = b"Exif\0\0" + raw.exif(orientation)
        text = b"\nexif\n      %d\n%s\n" % (len(data), data.hex().encode())
        head = b"Raw profile type %s\0\0" % place.encode()
        file.write_bytes(raw.png(IDS, before=raw.png_chunk(b"zTXt", head + zlib.compress(text))))
    elif place == "tiff16":
        file.write_bytes(raw.tiff(IDS.astype("<u2").tobytes(), 3, 2, 16, {274: orientation}))
    elif place == "tiff":
        file.write_bytes(raw.tiff(IDS.tobytes(), 3, 2, 8, {274: orientation}))
    else:
        file.write_bytes(raw.png(IDS, **{place: raw.png_chunk(b"eXIf", raw.exif(orientation))}))
    labels, turn = maps.label_map_and_turn(file, four)
    assert turn == orientation
    np.testing.assert_array_equal(labels, TURNED[orientation])
    instances, turn = maps.instance_map_and_turn(file)
    assert turn == orientation
    np.testing.assert_array_equal(instances, TURNED[orientation])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_coloured_maps_are_turned_too(tmp_path, four, orientation):
    tag = raw.png_chunk(b"eXIf", raw.exif(orientation))
    (tmp_path / "a.png").write_bytes(raw.png(four.paint(IDS), 8, 2, before=tag))
    labels, turn = maps.label_map_and_turn(tmp_path / "a.png", four, "colour")
    assert turn == orientation
    np.testing.assert_array_equal(labels, TURNED[orientation])


def test_distinct_values():
    for dtype in (np.uint8, np.uint16, np.int32):
        assert maps.distinct(np.array([[3, 200], [3, 0]], dtype)) == [0, 3, 200]


@pytest.mark.parametrize(("channels", "colour_type"), [(2, 4), (3, 2), (4, 6)])
def test_16_bits_in_several_channels_are_not_called_equal(tmp_path, channels, colour_type):
    # Pillow gives their high bytes, which are 0 for all small ids.
    pixels = np.zeros((4, 6, channels), np.uint16)
    pixels[..., -1] = np.arange(24).reshape(4, 6) % 4
    path = tmp_path / "a.png"
    path.write_bytes(raw.png(pixels, 16, colour_type))
    with pytest.raises(DataError, match="several channels of 16 bits each. Save the channel"):
        maps.read_label_map(path)


def test_a_palette_of_one_colour_with_its_ids_in_alpha(tmp_path):
    pixels, path = np.arange(24).reshape(4, 6) % 2, tmp_path / "a.png"
    chunks = raw.png_chunk(b"PLTE", bytes(6)) + raw.png_chunk(b"tRNS", b"\xff\x00")
    path.write_bytes(raw.png(pixels, 8, 3, before=chunks))
    with pytest.raises(
        DataError, match="a palette of one colour: .* in the alpha channel"
    ) as error:
        maps.read_label_map(path)
    # What the message says gives the map.
    assert "`Image.open('a.png').convert('RGBA').getchannel('A').save(...)`" in str(error.value)
    Image.open(path).convert("RGBA").getchannel("A").save(path)
    assert np.array_equal(maps.read_label_map(path), 255 * (1 - pixels))

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.exporters.served import chunk, palettised, png, stored_png
from tfsynth.data import maps
from tfsynth.exporters import saved_model_labels
from tfsynth.layouts.labels import DataError, LabelSet

pytestmark = pytest.mark.slow

COLOURS = [(0, 0, 255), (90, 90, 90), (255, 0, 0)]
NAMES = ["sky", "road", "car"]
PLAIN = LabelSet(NAMES, COLOURS)
ALIASES = LabelSet(NAMES, COLOURS, aliases={255: 2, 4000: 1})
VALUES = LabelSet(NAMES, COLOURS, values={7: 0, 8: 1, 300: 2, -1: 2})
TWINS = LabelSet(NAMES, [COLOURS[0], COLOURS[1], COLOURS[0]])
BLACK = LabelSet(NAMES, [(0, 0, 0), *COLOURS[1:]], aliases={255: 2})
SHADES = LabelSet(NAMES, [(0, 0, 0), (2, 2, 2), (1, 1, 1)])
VOID = LabelSet(["road", "void"], [(90, 90, 90), (0, 0, 0)], aliases={255: 1})
IDS = np.random.default_rng(0).integers(0, 3, (13, 11))
IMAGE = Image.fromarray(IDS.astype("uint8"))
RGB = palettised(IDS, COLOURS).convert("RGB")
GREYS = [(i, i, i) for i in range(256)]


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def with_text(keyword, words, after=False):
    """Returns a PNG of ids with a chunk of text before or after the pixels."""
    data, text = stored_png(IDS, 8), chunk(b"iTXt", keyword + bytes(5) + words)
    place = len(data) - 12 if after else 33
    return data[:place] + text + data[place:]


XMP = (b"XML:com.adobe.xmp", b'<x tiff:Orientation="6"/>')
SHORT = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\x08\0\0\0\1\0\6\0\0\0\0\0\0"
# Void is stored as 255, which the palette leaves black.
FILLED = palettised(np.array([0, 1, 255])[IDS], [(0, 0, 0), (90, 90, 90), (255, 0, 0)])


def reader(label_set):
    """Returns the graph that reads a label map: bytes -> ids, sentence."""

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    def read(data):
        return saved_model_labels.read_label_map(data, label_set)

    def call(data):
        ids, problem = read(data)
        return ids.numpy(), problem.numpy().decode()

    return call


SETS = ("PLAIN", "ALIASES", "VALUES", "TWINS", "BLACK", "SHADES", "VOID")
READ = {name: reader(globals()[name]) for name in SETS}


@pytest.mark.parametrize(
    ("name", "data", "coding"),
    [
        ("PLAIN", png(IMAGE), "ids"),
        ("PLAIN", stored_png(IDS % 2, 1), "ids"),
        ("PLAIN", stored_png(IDS, 2), "ids"),
        ("PLAIN", stored_png(IDS, 4), "ids"),
        ("PLAIN", stored_png(IDS, 16), "ids"),
        ("PLAIN", stored_png(IDS, 2, interlaced=True), "ids"),
        ("PLAIN", stored_png(IDS, 16, interlaced=True), "ids"),
        ("PLAIN", png(IMAGE, transparency=1), "ids"),
        ("PLAIN", stored_png(IDS, 8, chunks=chunk(b"gAMA", b"\0\0\x20\0")), "ids"),
        ("PLAIN", png(palettised(IDS, COLOURS)), "ids"),
        ("PLAIN", png(palettised(IDS, COLOURS), bits=8), "ids"),
        # Colours in another order than the classes.
        ("PLAIN", png(palettised(2 - IDS, COLOURS[::-1])), "ids"),
        ("PLAIN", png(RGB), "colour"),
        ("PLAIN", png(IMAGE, exif=turned(6)), "ids"),
        ("PLAIN", png(RGB, exif=turned(3)), "colour"),
        # EXIF data behind the pixels, of a type that nobody writes; XMP that turns nothing.
        ("PLAIN", stored_png(IDS, 8)[:-12] + chunk(b"eXIf", SHORT) + chunk(b"IEND", b""), "ids"),
        ("PLAIN", with_text(XMP[0], XMP[1].replace(b"6", b"1")), "ids"),
        ("PLAIN", png(IMAGE) + b"more", "ids"),
        ("ALIASES", stored_png(np.array([0, 4000, 255])[IDS], 16), "ids"),
        ("VALUES", stored_png(np.array([7, 8, 300])[IDS], 16), "ids"),
        ("VALUES", png(palettised(IDS, COLOURS)), "ids"),
        ("TWINS", png(IMAGE), "ids"),
        # Black, which is the colour of index and class.
        ("VOID", png(palettised(np.ones((5, 7)), [(90, 90, 90), (0, 0, 0)])), "ids"),
    ],
)
def test_a_label_map_is_read_as_from_a_file(tmp_path, name, data, coding):
    (tmp_path / "map.png").write_bytes(data)
    expected = maps.read_label_map(tmp_path / "map.png", globals()[name], coding)
    ids, problem = READ[name](data)
    assert problem == "" and ids.dtype == np.int32
    np.testing.assert_array_equal(ids, expected)


HOLDS = "which is no class; the values of this model are"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("PLAIN", b"", "is empty: send a PNG."),
        ("PLAIN", b"hello", "is no PNG."),
        ("PLAIN", png(IMAGE, format="JPEG"), "is a JPEG, which changes ids: send a PNG."),
        ("PLAIN", png(RGB, format="WEBP"), "is no PNG."),
        ("PLAIN", png(IMAGE)[:33], "is truncated or damaged."),
        ("PLAIN", stored_png(IDS + 1, 8), f"holds 3, {HOLDS} 0..2."),
        ("PLAIN", stored_png(IDS + 65533, 16), f"holds 65535, {HOLDS} 0..2."),
        ("ALIASES", stored_png(IDS * 2000, 16), f"holds 2000, {HOLDS} 0..2."),
        ("VALUES", stored_png(IDS, 2), f"holds 2, {HOLDS} those that `describe` lists."),
        ("PLAIN", png(IMAGE.convert("LA")), "has an alpha channel: send ids in grey, or"),
        ("PLAIN", png(RGB, transparency=COLOURS[1]), "is transparent in parts: send it opaque."),
        ("PLAIN", png(np.full((3, 4, 3), 7, "uint8")), "has the colour (7, 7, 7), which no class"),
        ("PLAIN", stored_png(np.repeat(IDS, 3, 1), 16, kind=2), "has colours of 16 bits; those"),
        ("PLAIN", stored_png(IDS, 8, chunks=chunk(b"acTL", bytes(8))), "is animated: send one"),
        ("PLAIN", stored_png(IDS, 8, chunks=chunk(b"eXIf", b"nonsense")), "has damaged EXIF data"),
    ],
)
def test_what_is_no_label_map_has_a_sentence(tmp_path, name, data, message):
    ids, problem = READ[name](data)
    assert problem.startswith(f"label_bytes {message}") and problem.endswith(".")
    assert not ids.any()
    (tmp_path / "map.png").write_bytes(data)
    for coding in maps.LABEL_CODINGS:
        with pytest.raises(DataError):
            maps.read_label_map(tmp_path / "map.png", globals()[name], coding)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("PLAIN", png(RGB.convert("RGBA")), "has an alpha channel: send ids in grey, or"),
        ("PLAIN", png(palettised(IDS, COLOURS), transparency=1), "is transparent in parts"),
        ("TWINS", png(palettised(IDS, TWINS.colours)), "is coded by colour, and two classes of"),
        ("PLAIN", with_text(*XMP), "is turned by its XMP data: save it upright, and"),
        ("PLAIN", with_text(*XMP, after=True), "is turned by its XMP data: save it upright, and"),
        ("PLAIN", with_text(b"Raw profile type exif", b""), "has EXIF or XMP data in packed text"),
        ("BLACK", png(FILLED), "has a palette whose greys and"),
        ("SHADES", png(palettised(IDS, GREYS)), "has a palette whose greys and"),
        # Greys of ids as a palette: black is index 0, and the colour of another class.
        ("VOID", png(palettised(np.zeros((5, 7)), GREYS)), "has a palette whose greys and"),
    ],
)
def test_what_a_file_may_be_and_a_request_not_has_a_sentence(name, data, message):
    ids, problem = READ[name](data)
    assert problem.startswith(f"label_bytes {message}") and problem.endswith(".")
    assert not ids.any()


@pytest.mark.parametrize(("height", "width"), [(20000, 20000), (1, 2**22 + 1), (2**31, 2**31)])
def test_a_header_of_too_many_pixels_is_refused_before_they_are_decoded(height, width):
    header = np.array([width, height], ">u4").tobytes() + bytes([8, 0, 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    _, problem = READ["PLAIN"](data)
    assert problem == f"label_bytes is {height} x {width} pixels; 1 to 4194304 are served."


def test_every_damaged_bit_and_every_cut_is_seen():
    data, read = png(palettised(IDS, COLOURS)), READ["PLAIN"]
    assert read(data)[1] == "" and len(data) < 160
    places = range(len(data))
    flipped = [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in places]
    for damaged in [*flipped, *(data[:i] for i in places)]:
        assert read(damaged)[1].startswith("label_bytes ")


def test_instances_are_read_as_they_are_stored(tmp_path):
    read = tf.function(saved_model_labels.read_instance_map, autograph=False)
    wide = np.random.default_rng(0).integers(0, 65536, (9, 7))
    few = wide % 4
    for data in (stored_png(wide, 16), stored_png(few, 8), stored_png(few, 2)):
        (tmp_path / "map.png").write_bytes(data)
        ids, problem = read(tf.constant(data))
        assert problem.numpy() == b""
        expected = maps.read_instance_map(tmp_path / "map.png")
        np.testing.assert_array_equal(ids.numpy(), expected)
    for image in (RGB, RGB.convert("RGBA"), IMAGE.convert("LA"), palettised(IDS, COLOURS)):
        _, problem = read(tf.constant(png(image)))
        assert problem.numpy() == b"instance_bytes must be a grey PNG of ids, of 8 or 16 bits."
    assert read(tf.constant(stored_png(wide, 16)[:-8]))[1].numpy().endswith(b"damaged.")

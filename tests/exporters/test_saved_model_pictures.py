import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.exporters.served import palettised, pixels, png, stored_png
from tfsynth.data import images
from tfsynth.exporters import saved_model_pictures as pictures
from tfsynth.layouts.labels import DataError

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0).integers(0, 256, (23, 19, 4)).astype("uint8")
RGB, GREY = Image.fromarray(RANDOM[..., :3]), Image.fromarray(RANDOM[..., 0])
RGBA = Image.fromarray(RANDOM)
OPAQUE = RGB.convert("RGBA")
PALETTE = palettised(RANDOM[..., 0] % 3, [(0, 0, 255), (90, 90, 90), (255, 0, 0)])


def turned(image, format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return png(image, format=format, exif=exif)


def reader(channels):
    """Returns the graph that reads a picture: bytes -> pixels, sentence."""

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    def read(data):
        return pictures.read_picture(data, channels)

    return read


READ = {channels: reader(channels) for channels in (1, 3, 4)}
JPEG = {"format": "JPEG", "quality": 80}
FILES = {
    "rgb": png(RGB),
    "grey": png(GREY),
    "opaque": png(OPAQUE),
    "rgba": png(RGBA),
    "grey and alpha": png(GREY.convert("LA")),
    "palette": png(PALETTE),
    "transparent palette": png(PALETTE, transparency=1),
    "2 bits": stored_png(RANDOM[..., 0] % 4, 2),
    "16 bits": stored_png(RANDOM[..., 0].astype(int) * 200, 16),
    "jpeg": png(RGB, **JPEG),
    "grey jpeg": png(GREY, **JPEG),
    "fine jpeg": png(RGB, format="JPEG", quality=95, subsampling=0),
    "progressive jpeg": png(RGB, progressive=True, **JPEG),
    "cmyk jpeg": png(RGB.convert("CMYK"), **JPEG),
    "cut jpeg": png(RGB, **JPEG)[:-90],
    "cut png": png(RGB)[:-5],
    "webp": png(RGB, format="WEBP"),
    **{f"png turned {i}": turned(RGB, "PNG", i) for i in range(2, 9)},
    **{f"jpeg turned {i}": turned(RGB, "JPEG", i) for i in (5, 8)},
}


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_condition_picture_is_read_or_refused_as_from_a_file(tmp_path, channels):
    taken = 0
    for name, data in FILES.items():
        (tmp_path / "file").write_bytes(data)
        found, problem = READ[channels](data)
        assert found.dtype == np.uint8 and found.shape[2] == channels
        try:
            expected = images.read_picture(tmp_path / "file", channels, "condition_channels")
        except DataError:
            expected = None
        if name == "webp":
            assert problem.numpy() == b"condition_bytes is no PNG and no JPEG."
        elif expected is None:
            assert problem.numpy().startswith(b"condition_bytes "), name
        else:
            assert problem.numpy() == b"", name
            np.testing.assert_array_equal(found.numpy(), expected, name)
            taken += 1
    assert taken == {1: 19, 3: 19, 4: 4}[channels]


def test_a_jpeg_that_its_xmp_data_turn_is_refused(tmp_path):
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    start, segment = FILES["jpeg"][:2], b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp
    (tmp_path / "file").write_bytes(start + segment + FILES["jpeg"][2:])
    assert images.read_picture(tmp_path / "file").shape[:2] == (19, 23)
    problem = READ[3](start + segment + FILES["jpeg"][2:])[1].numpy()
    assert problem == b"condition_bytes is turned by its XMP data: save it upright."
    # EXIF data, where there are any, count.
    both = turned(RGB, "JPEG", 6)
    assert READ[3](start + segment + both[2:])[1].numpy() == b""


def test_large_pictures_and_long_ones_are_refused_before_they_are_decoded():
    large = bytearray(png(RGB, **JPEG))
    place = large.index(b"\xff\xc0") + 5
    large[place : place + 4] = (20000).to_bytes(2, "big") * 2
    for data in (bytes(large), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\0\x4e\x20" * 2 + bytes(9)):
        problem = READ[3](data)[1].numpy()
        assert problem == b"condition_bytes is 20000 x 20000 pixels; 1 to 4194304 are served."
    scans = png(RGB, **JPEG)[:-2] + b"\xff\xda" * 30
    problem = READ[3](scans)[1].numpy()
    assert problem == b"condition_bytes is a JPEG of too many scans: save it anew."


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_is_written_as_it_is(channels):
    image = RANDOM[..., :channels]
    data = pictures.write_picture(tf.constant(image), "png").numpy()
    np.testing.assert_array_equal(pixels(data), image.squeeze())
    sentence = pictures.check_format(tf.constant("jpeg"), channels).numpy().decode()
    if channels == 4:
        assert sentence.endswith("which JPEG has not: ask for png.")
        return
    assert sentence == ""
    smooth = np.broadcast_to(np.arange(64, dtype="uint8")[:, None, None] * 3, (64, 48, channels))
    data = pictures.write_picture(tf.constant(smooth), "jpeg").numpy()
    assert Image.open(io.BytesIO(data)).format == "JPEG"
    assert np.abs(pixels(data).astype(int) - smooth.squeeze()).max() <= 3


def test_an_unknown_format_is_refused():
    sentence = pictures.check_format(tf.constant("gif"), 3).numpy()
    assert sentence == b"format must be png, jpeg or empty."

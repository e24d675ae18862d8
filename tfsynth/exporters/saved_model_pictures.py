"""Condition pictures and photographs as bytes inside a served graph: PNG and JPEG."""

import tensorflow as tf

from tfsynth.exporters.saved_model_png import (
    DAMAGED,
    decoded_if_good,
    is_jpeg,
    png_header,
    png_pixels,
    without_errors,
)
from tfsynth.exporters.saved_model_requests import check_pixels, first, unless
from tfsynth.exporters.saved_model_turns import told_by_xmp, turn_of_jpeg, upright

# As `picture_formats`: a progressive JPEG is decoded once for every scan.
_MOST_SCANS = 20
_JPEG_QUALITY = 95
# 1 to 9: at 1024 x 2048 a third of the time of 6, the default, for a tenth more bytes.
_PNG_COMPRESSION = 3


def read_picture(data, channels):
    """Reads a picture of 8 bits per channel, PNG or JPEG, as `data.images` reads files.

    Args:
        data: String scalar.
        channels: 1, 3 or 4, those to return.

    Returns:
        Uint8 (height, width, channels), and a sentence, or "".
    """
    name = "condition_bytes"
    pixels, problem = tf.cond(
        is_jpeg(data),
        lambda: _jpeg_colours(name, data, channels),
        lambda: _png_colours(name, data, channels),
    )
    pixels = tf.ensure_shape(pixels, (None, None, 4))
    if channels == 1:
        # As Pillow, ITU-R 601 in integers.
        weights = tf.constant([19595, 38470, 7471], tf.int32)
        grey = tf.reduce_sum(tf.cast(pixels[..., :3], tf.int32) * weights, axis=-1) + 0x8000
        return tf.cast(tf.expand_dims(grey // 2**16, -1), tf.uint8), problem
    return pixels[..., :channels], problem


def write_picture(image, format):
    """Returns a picture as PNG or JPEG.

    Args:
        image: Uint8 (height, width, channels).
        format: String scalar: "png", "jpeg", or "" for PNG.
    """
    png = lambda: tf.io.encode_png(image, compression=_PNG_COMPRESSION)  # noqa: E731
    if image.shape[-1] not in (1, 3):
        return png()
    return tf.cond(
        tf.equal(format, "jpeg"),
        lambda: tf.io.encode_jpeg(image, quality=_JPEG_QUALITY, chroma_downsampling=False),
        png,
    )


def check_format(format, channels):
    """Returns the sentence of a wanted format, a string scalar."""
    known = tf.reduce_any(tf.equal(format, ["", "png", "jpeg"]))
    sentence = unless(known, "format must be png, jpeg or empty.")
    if channels in (1, 3):
        return sentence
    alpha = "The pictures of this model have an alpha channel, which JPEG has not: ask for png."
    return first(sentence, unless(tf.not_equal(format, "jpeg"), alpha))


def _png_colours(name, data, channels):
    """Returns uint8 (height, width, 4) of a PNG, and a sentence."""
    header = png_header(name, data, "no PNG and no JPEG")
    eight = unless(header.bits <= 8, f"{name} has 16 bits per channel: send it with 8.")
    pixels, problem = png_pixels(name, data, header, first(header.problem, eight))
    pixels = tf.cast(pixels // 257, tf.uint8)
    if channels == 4:
        alpha = unless(header.has_alpha, f"{name} has no alpha: send a PNG of RGBA.")
        return pixels, first(problem, alpha)
    # Where there is no alpha, the decoder gives any.
    opaque = tf.reduce_all(tf.equal(pixels[..., 3], 255)) | tf.logical_not(header.has_alpha)
    return pixels, first(problem, unless(opaque, f"{name} is transparent: send it opaque."))


def _jpeg_colours(name, data, channels):
    """Returns uint8 (height, width, 4) of a JPEG, and a sentence."""
    if channels == 4:
        no_alpha = f"{name} is a JPEG, which has no alpha: send a PNG of RGBA."
        return tf.zeros((0, 0, 4), tf.uint8), tf.constant(no_alpha)
    found = without_errors(data, tf.io.extract_jpeg_shape, tf.zeros((3,), tf.int32))
    height, width, depth = tf.unstack(tf.cast(tf.ensure_shape(found, (3,)), tf.int64))
    scans, turn = tf.size(tf.strings.split(data, b"\xff\xda")) - 1, turn_of_jpeg(data)
    problem = first(
        unless(height > 0, name + DAMAGED),
        check_pixels(name, height, width),
        unless(depth < 4, f"{name} is a JPEG of four channels: send it as RGB."),
        unless(scans <= _MOST_SCANS, f"{name} is a JPEG of too many scans: save it anew."),
        unless(turn > 0, f"{name} has damaged EXIF data: save it without."),
        unless(told_by_xmp(data, turn), f"{name} is turned by its XMP data: save it upright."),
    )

    def decode(one):
        rgb = tf.io.decode_jpeg(one, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.pad(rgb, ((0, 0), (0, 0), (0, 1)), constant_values=255)

    pixels = upright(decoded_if_good(problem, data, decode, tf.uint8), turn)
    return pixels, first(problem, unless(tf.size(pixels) > 0, name + DAMAGED))

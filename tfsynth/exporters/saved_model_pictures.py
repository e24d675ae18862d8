"""Pictures as bytes inside a served graph: PNG and JPEG, read exactly or refused with a sentence.

TensorFlow's decoder raises an error, and would fail the other rows of a request: it runs here in
a `tf.data` pipeline of one element, which drops what raises. Everything else is checked in the
header, before a pixel is decoded.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfsynth.exporters.saved_model_requests import check_pixels, first, text, unless
from tfsynth.exporters.saved_model_turns import turn_of_jpeg, turn_of_png, upright

# Types of PNG: the header's byte 25.
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_HEADER = 33
# As `picture_formats`: a progressive JPEG is decoded once for every scan.
_MOST_SCANS = 20
JPEG_QUALITY = 95
_DAMAGED = " is truncated or damaged."


class Header(NamedTuple):
    """What the first bytes of a PNG say: scalars; `problem` is a sentence, or ""."""

    height: tf.Tensor
    width: tf.Tensor
    bits: tf.Tensor
    kind: tf.Tensor
    has_alpha: tf.Tensor
    turn: tf.Tensor
    problem: tf.Tensor


def read_label_map(data, label_set):
    """Reads a label map as the project's readers of files do, or refuses it.

    Args:
        data: String scalar: a PNG. Grey ones, of 1 to 16 bits, hold ids, or the values that the
            files of `label_set` hold for them; in others the colours tell the classes.
        label_set: The `LabelSet`.

    Returns:
        Int32 (height, width) ids, and a sentence, or "".
    """
    name = "label_bytes"
    header = _png_header(name, data)
    grey = tf.equal(header.kind, _GREY)
    problem = first(
        header.problem,
        unless(
            (header.kind < _GREY_ALPHA),
            f"{name} has an alpha channel: send a PNG of ids in grey, or of the classes' colours.",
        ),
        unless(
            grey | (header.bits <= 8), f"{name} has colours of 16 bits; those of classes have 8."
        ),
        _unique_colours(name, grey, label_set),
    )
    pixels, problem = _png_pixels(name, data, header, problem)
    ids, bad = tf.cond(
        grey,
        lambda: _ids_of_values(name, _stored(pixels[..., 0], header), label_set),
        lambda: _ids_of_colours(name, pixels, label_set),
    )
    problem = first(problem, bad)
    return tf.where(tf.equal(problem, ""), ids, 0), problem


def read_instance_map(data):
    """Reads the instance ids of a grey PNG of 1 to 16 bits, as they are stored.

    Args:
        data: String scalar.

    Returns:
        Int32 (height, width), and a sentence, or "".
    """
    name = "instance_bytes"
    header = _png_header(name, data)
    problem = first(
        header.problem,
        unless(tf.equal(header.kind, _GREY), f"{name} must be a grey PNG of ids, of 8 or 16 bits."),
    )
    pixels, problem = _png_pixels(name, data, header, problem)
    return _stored(pixels[..., 0], header), problem


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
        _is_jpeg(data),
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
    png = lambda: tf.io.encode_png(image)  # noqa: E731
    if image.shape[-1] not in (1, 3):
        return png()
    return tf.cond(
        tf.equal(format, "jpeg"),
        lambda: tf.io.encode_jpeg(image, quality=JPEG_QUALITY, chroma_downsampling=False),
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


def _png_header(name, data):
    padded = tf.strings.join([tf.strings.substr(data, 0, _HEADER), bytes(_HEADER)])
    start = tf.io.decode_raw(tf.strings.substr(padded, 0, _HEADER), tf.uint8)
    start = tf.cast(tf.ensure_shape(start, (_HEADER,)), tf.int64)
    height, width = _number(start, 20), _number(start, 16)
    before = _before_pixels(data)
    turn = turn_of_png(before)
    problem = first(
        unless(tf.not_equal(data, ""), f"{name} is empty: send a PNG."),
        unless(tf.logical_not(_is_jpeg(data)), f"{name} is a JPEG, which changes ids: send a PNG."),
        unless(
            tf.reduce_all(tf.equal(start[:16], list(_PNG + b"\0\0\0\rIHDR"))),
            f"{name} is no PNG.",
        ),
        check_pixels(name, height, width),
        unless(tf.logical_not(_contains(before, "acTL")), f"{name} is animated: send one frame."),
        unless(turn > 0, f"{name} has damaged EXIF data: save it without."),
    )
    bits, kind = tf.cast(start[24], tf.int32), tf.cast(start[25], tf.int32)
    has_alpha = (kind >= _GREY_ALPHA) | _contains(before, "tRNS")
    return Header(height, width, bits, kind, has_alpha, turn, problem)


def _png_pixels(name, data, header, problem):
    """Returns what a PNG shows, uint16 (height, width, 4) as RGBA, upright; and a sentence."""
    decode = lambda one: tf.io.decode_png(one, channels=4, dtype=tf.uint16)  # noqa: E731
    pixels = _decoded_if_good(problem, data, decode, tf.uint16)
    whole = tf.reduce_all(tf.equal(tf.shape(pixels, tf.int64)[:2], [header.height, header.width]))
    problem = first(problem, unless(whole, name + _DAMAGED))
    pixels = upright(pixels, header.turn)
    return tf.ensure_shape(pixels, (None, None, 4)), problem


def _decoded_if_good(problem, data, decode, dtype):
    """Returns what `decode` makes of `data`; (0, 0, 4) where there is a problem or it raises."""
    nothing = lambda: tf.zeros((0, 0, 4), dtype)  # noqa: E731
    return tf.cond(tf.equal(problem, ""), lambda: _without_errors(data, decode, nothing()), nothing)


def _without_errors(data, function, otherwise):
    """Returns `function` of `data`; `otherwise` where that raises."""
    one = tf.data.Dataset.from_tensors(data).map(function).ignore_errors(log_warning=False)
    return one.reduce(otherwise, lambda _, found: found)


def _stored(shown, header):
    """Returns the numbers that a grey PNG holds: the decoder spreads few bits over 0..65535."""
    values = tf.cast(shown, tf.int32)
    stretch = tf.gather([1, 255, 85, 1, 17, 1, 1, 1, 1], tf.minimum(header.bits, 8))
    return tf.where(header.bits > 8, values, values // 257 // stretch)


def _ids_of_values(name, values, label_set):
    known = dict(label_set.values) or {
        **{i: i for i in range(label_set.num_classes)},
        **dict(label_set.aliases),
    }
    known = {value: i for value, i in known.items() if 0 <= value < 2**16}
    # The last entry is what all values beyond those of the classes become.
    table = np.full(max(known) + 2, -1, np.int32)
    table[list(known)] = list(known.values())
    ids = tf.gather(table, tf.minimum(values, len(table) - 1))
    bad = tf.reduce_max(tf.where(ids < 0, values, -1))
    which = f"0..{label_set.num_classes - 1}"
    if label_set.values:
        which = "those that `describe` lists"
    sentence = text(f"{name} holds ", bad, f", which is no class; the model's values are {which}.")
    return ids, unless(bad < 0, sentence)


def _ids_of_colours(name, pixels, label_set):
    opaque = tf.equal(tf.reduce_min(pixels[..., 3]), tf.reduce_max(pixels[..., 3]))
    colours = tf.cast(pixels[..., :3], tf.int32) // 257
    keys = label_set.palette.astype(np.int32) @ [2**16, 2**8, 1]
    order = np.argsort(keys, kind="stable")
    wanted = tf.reduce_sum(colours * [2**16, 2**8, 1], axis=-1)
    places = tf.searchsorted(keys[order].astype(np.int32), tf.reshape(wanted, (-1,)))
    places = tf.reshape(tf.minimum(places, len(keys) - 1), tf.shape(wanted))
    ids = tf.gather(order.astype(np.int32), places)
    strange = tf.reduce_max(
        tf.where(tf.equal(tf.gather(keys[order].astype(np.int32), places), wanted), -1, wanted)
    )
    red, rest = strange // 2**16, tf.math.floormod(strange, 2**16)
    colour = text("(", red, ", ", rest // 2**8, ", ", tf.math.floormod(rest, 2**8), ")")
    sentence = first(
        unless(opaque | (tf.size(pixels) == 0), f"{name} is transparent in parts: send it opaque."),
        unless(strange < 0, text(f"{name} has the colour ", colour, ", which is no class's.")),
    )
    return ids, sentence


def _unique_colours(name, grey, label_set):
    if len(set(label_set.colours)) == label_set.num_classes:
        return tf.constant("")
    return unless(
        grey,
        f"{name} is coded by colour, and two classes of this model share one: send the ids as a "
        "grey PNG.",
    )


def _png_colours(name, data, channels):
    """Returns uint8 (height, width, 4) of a PNG, and a sentence."""
    header = _png_header(name, data)
    eight = unless(header.bits <= 8, f"{name} has 16 bits per channel: send it with 8.")
    pixels, problem = _png_pixels(name, data, header, first(header.problem, eight))
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
    found = _without_errors(data, tf.io.extract_jpeg_shape, tf.zeros((3,), tf.int32))
    height, width, depth = tf.unstack(tf.cast(tf.ensure_shape(found, (3,)), tf.int64))
    scans, turn = tf.size(tf.strings.split(data, b"\xff\xda")) - 1, turn_of_jpeg(data)
    problem = first(
        unless(height > 0, name + _DAMAGED),
        check_pixels(name, height, width),
        unless(depth < 4, f"{name} is a JPEG of four channels: send it as RGB."),
        unless(scans <= _MOST_SCANS, f"{name} is a JPEG of too many scans: save it anew."),
        unless(turn > 0, f"{name} has damaged EXIF data: save it without."),
    )

    def decode(one):
        rgb = tf.io.decode_jpeg(one, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.pad(rgb, ((0, 0), (0, 0), (0, 1)), constant_values=255)

    pixels = upright(_decoded_if_good(problem, data, decode, tf.uint8), turn)
    return pixels, first(problem, unless(tf.size(pixels) > 0, name + _DAMAGED))


def _is_jpeg(data):
    return tf.equal(tf.strings.substr(data, 0, len(_JPEG)), _JPEG)


def _before_pixels(data):
    """Returns what stands before the pixels of a PNG."""
    return tf.strings.reduce_join(tf.strings.split(data, "IDAT", maxsplit=1)[:1])


def _contains(data, word):
    return tf.size(tf.strings.split(data, word, maxsplit=1)) > 1


def _number(numbers, place):
    """Returns the number of four bytes, the largest first."""
    return tf.reduce_sum(numbers[place : place + 4] * [2**24, 2**16, 2**8, 1])

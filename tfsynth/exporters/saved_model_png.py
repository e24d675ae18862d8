"""PNG as bytes inside a served graph: what it stores, or a sentence that says why not.

TensorFlow's decoder raises an error, and would fail the other rows of a request: it runs here in
a `tf.data` pipeline of one element, which drops what raises. It compares the checksums of the
pixels and wants the last chunk; everything else is checked in the header, before it runs.
"""

from typing import NamedTuple

import tensorflow as tf

from tfsynth.exporters.saved_model_requests import check_pixels, first, unless
from tfsynth.exporters.saved_model_turns import told_by_xmp, turn_of_png, upright

# Types of PNG: the header's byte 25.
GREY, PALETTE, GREY_ALPHA = 0, 3, 4
# Signature and first chunk.
HEADER_BYTES = 33
DAMAGED = " is truncated or damaged."
_WITHOUT = "save it upright, and without."
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


class Header(NamedTuple):
    """What the first bytes of a PNG say: scalars; `problem` is a sentence, or ""."""

    height: tf.Tensor
    width: tf.Tensor
    bits: tf.Tensor
    kind: tf.Tensor
    has_alpha: tf.Tensor
    turn: tf.Tensor
    problem: tf.Tensor


def png_header(name, data, otherwise="no PNG"):
    """Returns the `Header` of a PNG, of which nothing is decoded yet.

    Args:
        name: The name of the tensor, for sentences.
        data: String scalar: the file.
        otherwise: What a file is that is no PNG.
    """
    padded = tf.strings.join([tf.strings.substr(data, 0, HEADER_BYTES), bytes(HEADER_BYTES)])
    start = tf.io.decode_raw(tf.strings.substr(padded, 0, HEADER_BYTES), tf.uint8)
    start = tf.cast(tf.ensure_shape(start, (HEADER_BYTES,)), tf.int64)
    height, width = _number(start, 20), _number(start, 16)
    # What Pillow turns a picture by: EXIF data on either side of the pixels, in text, and XMP.
    around = _around_pixels(data)
    turn = turn_of_png(around)
    packed = ("Raw profile type exif", "Raw profile type APP1", b"adobe.xmp\0\1")
    in_text = tf.reduce_any([_contains(around, word) for word in packed])
    problem = first(
        unless(tf.not_equal(data, ""), f"{name} is empty: send a PNG."),
        unless(tf.logical_not(is_jpeg(data)), f"{name} is a JPEG, which changes ids: send a PNG."),
        unless(
            tf.reduce_all(tf.equal(start[:16], list(_PNG + b"\0\0\0\rIHDR"))),
            f"{name} is {otherwise}.",
        ),
        check_pixels(name, height, width),
        unless(tf.logical_not(_contains(around, "acTL")), f"{name} is animated: send one frame."),
        unless(turn > 0, f"{name} has damaged EXIF data: save it without."),
        unless(tf.logical_not(in_text), f"{name} has EXIF or XMP data in packed text: {_WITHOUT}"),
        unless(told_by_xmp(around, turn), f"{name} is turned by its XMP data: {_WITHOUT}"),
    )
    bits, kind = tf.cast(start[24], tf.int32), tf.cast(start[25], tf.int32)
    has_alpha = (kind >= GREY_ALPHA) | _contains(around, "tRNS")
    return Header(height, width, bits, kind, has_alpha, turn, problem)


def png_pixels(name, data, header, problem):
    """Returns what a PNG shows, upright, and a sentence.

    Args:
        name: The name of the tensor, for sentences.
        data: String scalar: the file.
        header: Its `Header`.
        problem: The sentence so far; nothing is decoded unless it is "".

    Returns:
        Uint16 (height, width, 4), RGBA over 0..65535; of a file without alpha (`has_alpha`) the
        last is any constant. (0, 0, 4) where there is a problem.
    """
    decode = lambda one: tf.io.decode_png(one, channels=4, dtype=tf.uint16)  # noqa: E731
    pixels = decoded_if_good(problem, data, decode, tf.uint16)
    whole = tf.reduce_all(tf.equal(tf.shape(pixels, tf.int64)[:2], [header.height, header.width]))
    problem = first(problem, unless(whole, name + DAMAGED))
    pixels = upright(pixels, header.turn)
    return tf.ensure_shape(pixels, (None, None, 4)), problem


def decoded_if_good(problem, data, decode, dtype):
    """Returns what `decode` makes of `data`; (0, 0, 4) where there is a problem or it raises."""
    nothing = lambda: tf.zeros((0, 0, 4), dtype)  # noqa: E731
    return tf.cond(tf.equal(problem, ""), lambda: without_errors(data, decode, nothing()), nothing)


def without_errors(data, function, otherwise):
    """Returns `function` of `data`; `otherwise` where that raises."""
    one = tf.data.Dataset.from_tensors(data).map(function).ignore_errors(log_warning=False)
    return one.reduce(otherwise, lambda _, found: found)


def stored(shown, header):
    """Returns the numbers that a grey PNG holds: the decoder spreads few bits over 0..65535."""
    values = tf.cast(shown, tf.int32)
    stretch = tf.gather([1, 255, 85, 1, 17, 1, 1, 1, 1], tf.minimum(header.bits, 8))
    return tf.where(header.bits > 8, values, values // 257 // stretch)


def is_jpeg(data):
    """Returns whether the first bytes are those of a JPEG."""
    return tf.equal(tf.strings.substr(data, 0, len(_JPEG)), _JPEG)


def _around_pixels(data):
    """Returns what stands before and after the pixels of a PNG."""
    parts = tf.strings.split(data, "IDAT")
    before, last = tf.strings.reduce_join(parts[:1]), tf.strings.reduce_join(parts[-1:])
    # The last chunk of pixels: its length stands before its name, a checksum after it.
    start = tf.strings.reduce_join(parts[:-1], separator="IDAT")
    length = tf.strings.join([bytes(4), start])
    length = tf.strings.substr(length, tf.strings.length(length) - 4, 4)
    length = _number(tf.cast(tf.io.decode_raw(length, tf.uint8), tf.int64), 0)
    place = tf.minimum(length + 4, tf.cast(tf.strings.length(last), tf.int64))
    after = tf.strings.substr(last, place, tf.constant(2**31 - 1, tf.int64))
    # A file without pixels is all before them.
    return tf.strings.join([before, tf.where(tf.size(parts) > 1, after, "")])


def _contains(data, word):
    return tf.size(tf.strings.split(data, word, maxsplit=1)) > 1


def _number(numbers, place):
    """Returns the number of four bytes, the largest first."""
    return tf.reduce_sum(numbers[place : place + 4] * [2**24, 2**16, 2**8, 1])

"""How a picture is to be turned, from its EXIF data, inside a served graph."""

import tensorflow as tf

_ORIENTATION = 0x0112
# Of EXIF data: more than a JPEG can have, and more entries than any has.
_MOST_BYTES, _MOST_ENTRIES = 2**17, 256
# The types of a number in an entry, which Pillow reads alike: SHORT and LONG, and with a sign.
_SHORTS, _LONGS = (3, 8), (4, 9, 13)


def turn_of_png(around):
    """Returns the orientation that a PNG asks for, 1 to 8; 0 if its EXIF data are damaged.

    Args:
        around: String scalar: what stands before and after the pixels.
    """
    return _turn(tf.strings.split(around, "eXIf", maxsplit=1))


def turn_of_jpeg(data):
    """Returns the orientation that a JPEG asks for, 1 to 8; 0 if its EXIF data are damaged.

    Args:
        data: String scalar: the file.
    """
    return _turn(tf.strings.split(tf.strings.substr(data, 0, _MOST_BYTES), b"Exif\0\0", maxsplit=1))


def told_by_xmp(data, turn):
    """Returns whether the XMP data of a file, if any, do not turn it otherwise than `turn`.

    They count where there are no EXIF data.

    Args:
        data: String scalar: the file, or what stands around its pixels.
        turn: The orientation by its EXIF data.
    """
    found = []
    for sign in ('="', ">"):
        parts = tf.strings.split(data, f"tiff:Orientation{sign}", maxsplit=1)
        found.append(tf.strings.substr(tf.strings.reduce_join(parts[1:]), 0, 1))
    turns = tf.reduce_any(tf.equal(tf.stack(found)[:, None], [str(i) for i in range(2, 9)]), 1)
    same = tf.equal(tf.stack(found), tf.strings.as_string(turn))
    return tf.reduce_all(same | tf.logical_not(turns))


def upright(pixels, turn):
    """Returns (height, width, channels) as it is meant to be seen, as `picture_files.upright`."""
    reversed_axes = [_is_in(turn, (3, 4, 6, 7)), _is_in(turn, (2, 3, 7, 8))]
    pixels = tf.reverse(pixels, tf.boolean_mask(tf.constant([0, 1]), tf.stack(reversed_axes)))
    return tf.cond(turn >= 5, lambda: tf.transpose(pixels, (1, 0, 2)), lambda: pixels)


def _is_in(numbers, among):
    return tf.reduce_any(tf.equal(tf.expand_dims(numbers, -1), among), axis=-1)


def _turn(parts):
    """Returns the orientation by what follows the word in `parts`, string (1 or 2,)."""
    has_exif, data = tf.size(parts) > 1, tf.strings.reduce_join(parts[1:])
    start = tf.strings.substr(data, 0, 4)
    little = tf.equal(start, b"II*\0")
    start = tf.equal(start, b"MM\0*") | little
    place = _number(_bytes(data, 4, 4), little)
    count = tf.minimum(_number(_bytes(data, place, 2), little), _MOST_ENTRIES)
    entries = tf.reshape(_bytes(data, place + 2, 12 * count), (-1, 12))
    kind, short = _number(entries[:, 2:4], little), _number(entries[:, 8:10], little)
    is_long = _is_in(kind, _LONGS)
    value = tf.where(is_long, _number(entries[:, 8:12], little), short)
    one = tf.equal(_number(entries[:, 4:8], little), 1)
    known = one & (is_long | _is_in(kind, _SHORTS)) & (value >= 1) & (value <= 8)
    mine = tf.equal(_number(entries[:, :2], little), _ORIENTATION) & known
    turn = tf.reduce_max(tf.concat([tf.where(mine, value, 1), [1]], 0))
    return tf.cast(tf.where(has_exif, tf.where(start, turn, 0), 1), tf.int32)


def _bytes(data, place, count):
    """Returns int64 (count,), zeros beyond the end of the data."""
    place = tf.minimum(tf.cast(place, tf.int64), tf.cast(tf.strings.length(data), tf.int64))
    found = tf.io.decode_raw(tf.strings.substr(data, place, tf.cast(count, tf.int64)), tf.uint8)
    missing = tf.cast(count, tf.int32) - tf.size(found)
    found = tf.pad(tf.cast(found, tf.int64), [[0, missing]])
    return tf.ensure_shape(found, (count if isinstance(count, int) else None,))


def _number(numbers, little):
    """Returns the number of the bytes in the last axis, whose length is known."""
    weights = [256**i for i in range(numbers.shape[-1])]
    weights = tf.where(little, tf.constant(weights, tf.int64), tf.constant(weights[::-1], tf.int64))
    return tf.reduce_sum(numbers * weights, axis=-1)

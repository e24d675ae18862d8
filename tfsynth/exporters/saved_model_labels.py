"""Label maps and instance maps as PNG inside a served graph: read exactly, or refused.

What `data.maps` reads as files is read here as the same ids; colours tell the classes of a palette.
"""

import zlib

import numpy as np
import tensorflow as tf

from tfsynth.exporters.saved_model_png import (
    GREY,
    GREY_ALPHA,
    HEADER_BYTES,
    PALETTE,
    png_header,
    png_pixels,
    stored,
)
from tfsynth.exporters.saved_model_requests import first, text, unless

# What changes in the checksum of a header when its type becomes the other: by exclusive or.
_CHECKSUMS = [zlib.crc32(bytes([*bytes(13), kind, *bytes(3)])) for kind in (GREY, PALETTE)]
_GREY_FOR_PALETTE = (_CHECKSUMS[0] ^ _CHECKSUMS[1]).to_bytes(4, "big")


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
    header = png_header(name, data)
    grey = tf.equal(header.kind, GREY)
    problem = first(
        header.problem,
        unless(
            (header.kind < GREY_ALPHA),
            f"{name} has an alpha channel: send ids in grey, or the colours of the classes.",
        ),
        unless(
            grey | (header.bits <= 8), f"{name} has colours of 16 bits; those of classes have 8."
        ),
        _unique_colours(name, grey, label_set),
    )
    pixels, problem = png_pixels(name, data, header, problem)
    ids, bad = tf.cond(
        grey,
        lambda: _ids_of_values(name, stored(pixels[..., 0], header), label_set),
        lambda: _ids_of_colours(name, pixels, label_set),
    )
    problem = first(problem, bad, _greys_of_palette(name, data, header, pixels, ids, label_set))
    return tf.where(tf.equal(problem, ""), ids, 0), problem


def read_instance_map(data):
    """Reads the instance ids of a grey PNG of 1 to 16 bits, as they are stored.

    Args:
        data: String scalar.

    Returns:
        Int32 (height, width), and a sentence, or "".
    """
    name = "instance_bytes"
    header = png_header(name, data)
    problem = first(
        header.problem,
        unless(tf.equal(header.kind, GREY), f"{name} must be a grey PNG of ids, of 8 or 16 bits."),
    )
    pixels, problem = png_pixels(name, data, header, problem)
    return stored(pixels[..., 0], header), problem


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
    sentence = text(
        f"{name} holds ", bad, f", which is no class; the values of this model are {which}."
    )
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
        unless(strange < 0, text(f"{name} has the colour ", colour, ", which no class has.")),
    )
    return ids, sentence


def _greys_of_palette(name, data, header, pixels, ids, label_set):
    """Returns the sentence of a palette whose greys and indices say different classes, or "".

    Greys, black and white among them, may be any palette's, and black fills what a palette leaves
    free, such as the index 255 of void: alone they do not tell that colours count, not indices.
    """
    red, green, blue = tf.unstack(pixels[..., :3], axis=-1)
    grey = tf.equal(red, green) & tf.equal(green, blue)

    def by_index():
        # With another type in its header, and the checksum of that, its indices are greys.
        checksum = tf.bitwise.bitwise_xor(
            tf.io.decode_raw(tf.strings.substr(data, HEADER_BYTES - 4, 4), tf.uint8),
            tf.constant(list(_GREY_FOR_PALETTE), tf.uint8),
        )
        bytes_of = tf.constant([bytes([i]) for i in range(256)])
        checksum = tf.strings.reduce_join(tf.gather(bytes_of, tf.cast(checksum, tf.int32)))
        parts = [(0, 25), (26, HEADER_BYTES - 4 - 26), (HEADER_BYTES, 2**30)]
        start, middle, rest = (tf.strings.substr(data, at, length) for at, length in parts)
        as_grey = tf.strings.join([start, bytes([GREY]), middle, checksum, rest])
        shown, damaged = png_pixels(name, as_grey, header, tf.constant(""))
        other = tf.not_equal(_ids_of_values(name, stored(shown[..., 0], header), label_set)[0], ids)
        told = tf.reduce_any(other & tf.logical_not(grey)) | tf.logical_not(tf.reduce_any(other))
        return tf.equal(damaged, "") & told

    told = tf.cond(
        tf.equal(header.kind, PALETTE) & (tf.size(ids) > 0) & tf.reduce_any(grey),
        by_index,
        lambda: tf.constant(True),
    )
    return unless(
        told,
        f"{name} has a palette whose greys and indices say different classes: send the ids as a "
        "grey PNG.",
    )


def _unique_colours(name, grey, label_set):
    if len(set(label_set.colours)) == label_set.num_classes:
        return tf.constant("")
    return unless(
        grey,
        f"{name} is coded by colour, and two classes of this model share one: send the ids as a "
        "grey PNG.",
    )

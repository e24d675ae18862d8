"""The checks of a request inside a served graph: one sentence for each row, "" for a good one.

A request fails as a whole only if none of its rows can be served. Where the server joins the
requests of several clients, one bad request then does not fail the others.
"""

import tensorflow as tf

# Pixels of one picture, and of those that the network makes at once.
MAX_PIXELS = 2**22
MAX_ROWS = 64
# Styles that one picture may be given: `painting.replace_given` finds one among so many.
MAX_STYLES = 2**16 - 1


def text(*parts):
    """Joins strings and numbers to one sentence, or one for each row."""
    strings = [part if isinstance(part, str) else as_text(part) for part in parts]
    return tf.strings.join(strings)


def as_text(tensor):
    """Returns a tensor of numbers or strings as strings."""
    return tensor if tensor.dtype == tf.string else tf.strings.as_string(tensor)


def unless(good, sentence):
    """Returns `sentence` where `good` is false, else ""."""
    return tf.where(good, "", sentence)


def first(*sentences):
    """Returns the first sentence that is not empty, row by row."""
    found = sentences[-1]
    for sentence in reversed(sentences[:-1]):
        found = tf.where(tf.equal(sentence, ""), found, sentence)
    return found


def require(sentence):
    """Returns the operation that fails the request unless `sentence` is empty."""
    # The bare operation: what begins the text of the error is then the sentence.
    return tf.raw_ops.Assert(
        condition=tf.equal(sentence, ""), data=[sentence], summarize=1, name="request"
    )


def require_a_row(status):
    """Returns the operation that fails the request if no row of it can be served.

    Args:
        status: String (batch,), the sentence of each row.
    """
    several = tf.where(tf.size(status) > 1, "row 0: ", "")
    # No row at all is refused before.
    sentence = tf.strings.join([several, tf.concat([status, [""]], 0)[0]])
    return require(tf.where(tf.reduce_any(tf.equal(status, "")), "", sentence))


def check_rows(count):
    """Returns the sentence of a request of so many rows."""
    return first(
        unless(count > 0, "The request has no rows."),
        unless(
            count <= MAX_ROWS, text("The request has ", count, f" rows; send at most {MAX_ROWS}.")
        ),
    )


def check_size(name, tensor, network, reduction=1):
    """Returns the sentence of maps or pictures (batch, height, width, ...) of some size.

    Args:
        name: The name of the tensor.
        tensor: The tensor.
        network: The network that reads it.
        reduction: By how much it is made smaller before.
    """
    height, width = tf.unstack(tf.shape(tensor, tf.int64)[1:3])
    return first(
        check_pixels(name, height, width), check_padded(name, height, width, network, reduction)
    )


def check_pixels(name, height, width):
    """Returns the sentence of a size, int64 scalars."""
    few = (height > 0) & (width > 0) & (height * width <= MAX_PIXELS)
    size = text(f"{name} is ", height, " x ", width)
    return unless(few, text(size, f" pixels; 1 to {MAX_PIXELS} are served."))


def padded_pixels(height, width, network, reduction=1):
    """Returns how many pixels a network reads of a picture of some size, at least 1."""
    multiple, minimum = reduction * network.size_multiple, reduction * network.minimum_size
    sides = [
        tf.maximum((side + multiple - 1) // multiple * multiple, minimum)
        for side in (height, width)
    ]
    return sides[0] * sides[1]


def check_padded(name, height, width, network, reduction=1):
    """Returns the sentence of a size that becomes much larger: a row of one pixel's height."""
    few = padded_pixels(height, width, network, reduction) <= 2 * MAX_PIXELS
    size = text(f"{name} is ", height, " x ", width)
    return unless(few, text(size, " pixels, which is too narrow for this model."))


def check_same_size(names, tensors, axes):
    """Returns the sentence of tensors that must agree in the first `axes` axes.

    Args:
        names: The names of both.
        tensors: Both.
        axes: How many axes; 1 compares the numbers of rows.
    """
    one, other = (tf.shape(tensor)[:axes] for tensor in tensors)
    shapes = [
        tf.strings.reduce_join(tf.strings.as_string(s), separator=" x ") for s in (one, other)
    ]
    what = "the same number of rows" if axes == 1 else "the same rows, height and width"
    sentence = text(
        f"{names[0]} and {names[1]} need {what}; they have ", shapes[0], " and ", shapes[1], "."
    )
    return unless(tf.reduce_all(tf.equal(one, other)), sentence)


def check_ids(name, maps, num_classes):
    """Returns the sentence of each label map (batch, height, width)."""
    low, high = tf.reduce_min(maps, (1, 2)), tf.reduce_max(maps, (1, 2))
    bad = tf.where(low < 0, low, high)
    return unless(
        (low >= 0) & (high < num_classes),
        text(f"{name} holds ", bad, f"; the ids of this model are 0..{num_classes - 1}."),
    )


def check_seeds(seeds):
    """Returns the sentence of each seed."""
    return unless(seeds >= 0, text("seed is ", seeds, "; it must be 0 or more."))


def check_styles(styles):
    """Returns the sentence of the styles (batch, n, features) of each picture."""
    finite = tf.reduce_all(tf.math.is_finite(styles), (1, 2))
    return unless(finite, "styles holds a number that is not finite.")


def check_styles_given(style_ids, styles):
    """Returns the sentence of so many ids (batch, n) and styles (batch, n, features)."""
    count, given = tf.shape(style_ids)[1], tf.shape(styles)[1]
    return first(
        unless(
            tf.equal(count, given),
            text("style_ids has ", count, " ids and styles ", given, " styles; they go together."),
        ),
        unless(
            (count >= 1) & (count <= MAX_STYLES),
            text("style_ids has ", count, f" ids; 1 to {MAX_STYLES} are served."),
        ),
    )

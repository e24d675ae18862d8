"""Upsampling by 2: bilinear, by aligned corners or aligned borders, and of the nearest pixel."""

import keras
from keras import ops

from tfsynth.registry import register


@register
class AlignCornersUpSampling2D(keras.layers.Layer):
    """Doubles height and width by bilinear interpolation between aligned corners.

    Row i of 2n reads position i (n - 1) / (2n - 1) of the n rows, columns alike: the first
    and the last pixel keep their values. TensorFlow 1 calls it `align_corners=True`. Keras's
    `UpSampling2D` and `ops.image.resize` align the pixels' borders instead, which is another
    picture.

    Row 2m is at m / (2n - 1) before row m, and row 2m + 1 at (n - 1 - m) / (2n - 1) after it: two
    weighted sums of neighbours, interleaved, without gathering or a matrix.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).

    Returns:
        Tensor (batch, 2 * height, 2 * width, channels).

    Example: a row of 0 and 3.

    >>> picture = keras.ops.reshape(keras.ops.array([0.0, 3.0]), (1, 1, 2, 1))
    >>> doubled = keras.ops.convert_to_numpy(AlignCornersUpSampling2D()(picture))
    >>> doubled.shape, doubled[0, 0, :, 0].round(3).tolist()
    ((1, 2, 4, 1), [0.0, 1.0, 2.0, 3.0])
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._build_at_init()

    def call(self, inputs):
        return _double(_double(inputs, axis=1), axis=2)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, _twice(height), _twice(width), channels)


@register
class BilinearUpSampling2D(keras.layers.Layer):
    """Doubles height and width by bilinear interpolation between aligned borders.

    A new pixel has three quarters of the one that it lies in and a quarter of the nearest other
    one, in each direction; at the border the last row counts twice. The same numbers as Keras's
    `UpSampling2D`. Unlike `AlignCornersUpSampling2D` it does the same at every place, whatever the
    size.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).
        training: Whether it is called in training: the same numbers, but for rounding, sooner.

    Returns:
        Tensor (batch, 2 * height, 2 * width, channels).

    Example: a row of 0 and 4.

    >>> picture = keras.ops.reshape(keras.ops.array([0.0, 4.0]), (1, 1, 2, 1))
    >>> doubled = keras.ops.convert_to_numpy(BilinearUpSampling2D()(picture))
    >>> doubled.shape, doubled[0, 0, :, 0].tolist()
    ((1, 2, 4, 1), [0.0, 1.0, 3.0, 4.0])
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._build_at_init()

    def call(self, inputs, training=None):
        _, height, width, _ = ops.shape(inputs)
        if training and isinstance(height, int) and isinstance(width, int):
            # One operation: the sums below take five times as long with their gradients. It takes
            # no size that a graph does not know, and rounds otherwise; a model and what is
            # exported of it draw the same pictures.
            size = 2 * height, 2 * width
            how = {"interpolation": "bilinear", "data_format": "channels_last"}
            return ops.cast(ops.image.resize(inputs, size, **how), inputs.dtype)
        x = inputs
        for axis in (1, 2):
            previous, following = _neighbours(x, axis)
            own = 0.75 * x
            x = _interleaved(own + 0.25 * previous, own + 0.25 * following, axis)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, _twice(height), _twice(width), channels)


@register
class NearestUpSampling2D(keras.layers.Layer):
    """Doubles height and width: every pixel becomes four.

    The same numbers as Keras's `UpSampling2D`. The number of channels stays known in a graph for
    pictures of any size, without which LiteRT has no convolution of them.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).

    Returns:
        Tensor (batch, 2 * height, 2 * width, channels).

    Example:

    >>> picture = keras.ops.reshape(keras.ops.array([1.0, 2.0]), (1, 1, 2, 1))
    >>> keras.ops.convert_to_numpy(NearestUpSampling2D()(picture))[0, :, :, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._build_at_init()

    def call(self, inputs):
        batch, height, width, _ = ops.shape(inputs)
        channels = inputs.shape[-1]
        # (batch, height, width, channels) -> (batch, height, 2 * width, channels)
        x = ops.reshape(ops.stack([inputs, inputs], 3), (batch, height, 2 * width, channels))
        # -> (batch, 2 * height, 2 * width, channels)
        return ops.reshape(ops.stack([x, x], 2), (batch, 2 * height, 2 * width, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, _twice(height), _twice(width), channels)


def _double(x, axis):
    size = ops.shape(x)[axis]
    # In float32 under any policy: the weights are then rounded once.
    # One weight per row, (height, 1, 1), or per column, (width, 1).
    position = ops.reshape(ops.arange(size, dtype="float32"), (-1, 1) if axis == 2 else (-1, 1, 1))
    last = ops.cast(size, "float32") - 1.0
    to_previous = ops.cast(position / (2.0 * last + 1.0), x.dtype)
    to_next = ops.cast((last - position) / (2.0 * last + 1.0), x.dtype)
    previous, following = _neighbours(x, axis)
    even, odd = x + to_previous * (previous - x), x + to_next * (following - x)
    return _interleaved(even, odd, axis)


def _neighbours(x, axis):
    """Returns for each row, or column, the one before and the one after; at the ends itself."""
    if axis == 1:
        previous = ops.concatenate([x[:, :1], x[:, :-1]], axis=1)
        following = ops.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    else:
        previous = ops.concatenate([x[:, :, :1], x[:, :, :-1]], axis=2)
        following = ops.concatenate([x[:, :, 1:], x[:, :, -1:]], axis=2)
    return previous, following


def _interleaved(even, odd, axis):
    shape = list(ops.shape(even))
    shape[axis] = 2 * shape[axis]
    shape[-1] = even.shape[-1]  # Known also in a graph for pictures of any size.
    # (batch, height, 2, ...) -> (batch, 2 * height, ...), of columns alike.
    return ops.reshape(ops.stack([even, odd], axis=axis + 1), shape)


def _twice(size):
    return None if size is None else 2 * size

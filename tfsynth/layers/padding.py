"""Padding by reflection, and by repeating the last row and column."""

import contextlib
import contextvars

import keras
from keras import ops

from tfsynth.layers.arguments import check_sizes
from tfsynth.registry import register

_in_slices: contextvars.ContextVar[bool] = contextvars.ContextVar("in_slices", default=False)


@contextlib.contextmanager
def reflection_in_slices():
    """Makes `ReflectionPadding2D` join slices in the block, which gives the same numbers.

    For graphs of LiteRT, whose own reflection takes longer than the convolution behind it.
    """
    token = _in_slices.set(True)
    try:
        yield
    finally:
        _in_slices.reset(token)


@register
class ReflectionPadding2D(keras.layers.Layer):
    """Mirrors the border of a picture outwards; the edge row itself is not repeated.

    Args:
        padding: Rows and columns added on each side. The input must be larger
            than that in both directions.

    Call arguments:
        inputs: Tensor (batch, height, width, channels).

    Returns:
        Tensor (batch, height + 2 * padding, width + 2 * padding, channels).

    Example: a picture of two rows, each 1, 2, 3.

    >>> picture = keras.ops.reshape(keras.ops.array([1.0, 2.0, 3.0] * 2), (1, 2, 3, 1))
    >>> padded = keras.ops.convert_to_numpy(ReflectionPadding2D(1)(picture))
    >>> padded.shape, padded[0, 0, :, 0].tolist()
    ((1, 4, 5, 1), [2.0, 1.0, 2.0, 3.0, 2.0])
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        check_sizes(0, padding=padding)
        self.padding = padding
        self._build_at_init()

    def call(self, inputs):
        if _in_slices.get():
            return _joined(_joined(inputs, 1, self.padding), 2, self.padding)
        both = (self.padding, self.padding)
        return ops.pad(inputs, ((0, 0), both, both, (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        for side in (height, width):
            if side is not None and side <= self.padding:
                raise ValueError(
                    f"A reflection of {self.padding} pixels needs more than "
                    f"{self.padding} rows and columns. Received: {height} x {width}. "
                    "Use a larger picture or fewer downsamplings."
                )
        grow = 2 * self.padding
        return (batch, _add(height, grow), _add(width, grow), channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def _joined(x, axis, padding):
    """Returns a tensor with as many of its rows (columns) mirrored before and behind it."""

    def rows(places):
        # One each: a slice that runs backwards is no operation of all runtimes.
        return [x[:, i : i + 1] if axis == 1 else x[:, :, i : i + 1] for i in places]

    before = rows(range(padding, 0, -1))
    behind = rows(range(-2, -2 - padding, -1))
    return ops.concatenate([*before, x, *behind], axis=axis)


def repeat_edges(maps, multiple, minimum):
    """Repeats the last row and column up to a size that fits a network.

    Args:
        maps: Tensor (batch, height, width, ...), of any dtype and any size, known or not.
        multiple: Height and width become the next multiples of it.
        minimum: The least height and width.

    Returns:
        The tensor, padded at bottom and right.
    """
    for axis in (1, 2):
        size = ops.shape(maps)[axis]
        # Rounded up to a multiple, by quotients of positive numbers: ONNX rounds those of negative
        # ones to the other side. Beyond the last row or column, its index is repeated.
        good = _maximum((size + multiple - 1) // multiple * multiple, minimum)
        maps = ops.take(maps, ops.minimum(ops.arange(good, dtype="int32"), size - 1), axis=axis)
    return maps


def _maximum(size, minimum):
    # A known size must stay a Python number: JAX takes no traced one in `arange`.
    return max(size, minimum) if isinstance(size, int) else ops.maximum(size, minimum)


def _add(size, number):
    return None if size is None else size + number

"""Average pooling that leaves the padding out of the mean."""

import keras
from keras import ops

from tfsynth.registry import register


@register
class UnpaddedAveragePooling2D(keras.layers.Layer):
    """Halves a picture by means over 3 x 3 windows, centred on every second pixel.

    A window that reaches over the border is the mean of the pixels inside.
    Keras's `padding="same"` does the same on odd sizes, but puts the windows one
    pixel further on even ones; this is the discriminators' pyramid of pix2pixHD.

    Call arguments:
        inputs: Tensor (batch, height, width, channels).

    Returns:
        Tensor (batch, ceil(height / 2), ceil(width / 2), channels).

    Example: a row of 1, 2, 3, 4; the first mean is of 1 and 2, the second of 2, 3 and 4.

    >>> picture = keras.ops.reshape(keras.ops.array([1.0, 2.0, 3.0, 4.0]), (1, 1, 4, 1))
    >>> keras.ops.convert_to_numpy(UnpaddedAveragePooling2D()(picture)).ravel().tolist()
    [1.5, 3.0]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._build_at_init()

    def call(self, inputs):
        ones = ops.ones_like(inputs[:1, :, :, :1])
        return _pool(inputs) / _pool(ones)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, _half(height), _half(width), channels)


def _pool(x):
    padded = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return ops.average_pool(padded, 3, strides=2, padding="valid")


def _half(size):
    return None if size is None else (size + 1) // 2

"""Average pooling: over windows without the padding, and over instances."""

import keras
from keras import ops

from tfsynth.layers.arguments import check_sizes
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
        # (1, height, width, 1): its means are the share of each window inside the picture.
        ones = ops.ones_like(inputs[:1, :, :, :1])
        return _pool(inputs) / _pool(ones)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, _half(height), _half(width), channels)


@register
class InstanceWisePooling2D(keras.layers.Layer):
    """Replaces every pixel by the mean of its instance, channel by channel.

    pix2pixHD, https://arxiv.org/abs/1711.11585, section 3.4. Sums over segments: no loop
    over instances, and shapes that XLA and exporters can fix. Means are taken in float32.

    Args:
        max_instances: Number of different ids that one picture may have.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).
        instances: Integer tensor (batch, height, width), ids 0..max_instances-1. An id
            outside that range is not checked here: the data and the synthesizer number
            the instances of a picture from 0 and refuse too many.

    Returns:
        Tensor of the shape of `inputs`.

    Example: two pixels of one instance, and one of another.

    >>> picture = keras.ops.reshape(keras.ops.array([1.0, 3.0, 5.0]), (1, 1, 3, 1))
    >>> pooled = InstanceWisePooling2D(2)(picture, keras.ops.array([[[0, 0, 1]]]))
    >>> keras.ops.convert_to_numpy(pooled).ravel().tolist()
    [2.0, 2.0, 5.0]
    """

    def __init__(self, max_instances, **kwargs):
        super().__init__(**kwargs)
        check_sizes(max_instances=max_instances)
        self.max_instances = max_instances
        self._build_at_init()

    def call(self, inputs, instances):
        batch, channels = ops.shape(inputs)[0], inputs.shape[-1]
        # Picture b has the segments from b * max_instances to (b + 1) * max_instances - 1:
        # (batch, height, width) -> (batch * height * width,)
        ids = ops.cast(instances, "int32") + self.max_instances * ops.reshape(
            ops.arange(batch, dtype="int32"), (-1, 1, 1)
        )
        ids = ops.reshape(ids, (-1,))
        # (batch, height, width, channels) -> (batch * height * width, channels)
        pixels = ops.reshape(ops.cast(inputs, "float32"), (-1, channels))
        sums = self._segment_sum(pixels, ids, batch)  # (batch * max_instances, channels)
        ones = ops.ones_like(pixels[:, :1])
        counts = self._segment_sum(ones, ids, batch)  # (batch * max_instances, 1)
        # A row per instance -> a row per pixel again, (batch * height * width, channels)
        means = ops.take(sums / ops.maximum(counts, 1.0), ids, axis=0)
        return ops.cast(ops.reshape(means, ops.shape(inputs)), inputs.dtype)

    def compute_output_shape(self, inputs_shape, instances_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "max_instances": self.max_instances}

    def _segment_sum(self, pixels, ids, batch):
        return ops.segment_sum(pixels, ids, num_segments=batch * self.max_instances)


def _pool(x):
    # (batch, height, width, channels) -> (batch, ceil(height / 2), ceil(width / 2), channels)
    padded = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return ops.average_pool(padded, 3, strides=2, padding="valid", data_format="channels_last")


def _half(size):
    return None if size is None else (size + 1) // 2

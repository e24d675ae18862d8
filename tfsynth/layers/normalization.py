"""Normalisation of maps by statistics of the current pictures.

Instance normalisation is https://arxiv.org/abs/1607.08022, equation 4; batch normalisation is
https://arxiv.org/abs/1502.03167, algorithm 1.
"""

import keras
from keras import initializers, ops

from tfsynth.registry import register


@register
class InstanceNormalization(keras.layers.Layer):
    """Gives every channel of every picture zero mean and unit variance.

    There are no learned scale and offset and no running statistics, and the variance is the biased
    one, as in pix2pixHD. Statistics are computed in float32 under any policy: a sum over a large
    map overflows float16 and loses its small terms in bfloat16.

    Args:
        epsilon: Added to the variance. pix2pixHD's value is the default; that
            of Keras's `GroupNormalization` is 100 times larger.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).

    Returns:
        A tensor of the same shape and type.

    Example: one channel of two pixels, 1 and 5.

    >>> picture = keras.ops.reshape(keras.ops.array([1.0, 5.0]), (1, 1, 2, 1))
    >>> keras.ops.convert_to_numpy(InstanceNormalization()(picture)).ravel().round(2).tolist()
    [-1.0, 1.0]
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.supports_masking = True
        self._build_at_init()

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        centred = x - _mean(x)
        # Two passes: the mean of squares minus the squared mean cancels badly.
        variance = _mean(ops.square(centred))
        return ops.cast(centred * ops.rsqrt(variance + self.epsilon), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@register
class BatchStatisticsNormalization(keras.layers.Layer):
    """Batch normalisation by the current batch; outside training, by each picture.

    pix2pix, https://arxiv.org/abs/1611.07004, section 3.3: with one picture it is instance
    normalisation with a learned scale and offset per channel. There are no running statistics.
    With `training=False` a batch gives what its pictures give one at a time: a picture that is
    served does not depend on those that happen to be with it. In training each replica has the
    statistics of its own part. They are biased and computed in float32, as in
    `InstanceNormalization`.

    Args:
        epsilon: Added to the variance.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).
        training: `False` for the statistics of each picture, else those of the batch.

    Returns:
        A tensor of the same shape and type.

    Example: two pictures of one pixel, 1 and 5; the scale begins near 1.

    >>> pictures = keras.ops.reshape(keras.ops.array([1.0, 5.0]), (2, 1, 1, 1))
    >>> normalized = BatchStatisticsNormalization()(pictures)
    >>> keras.ops.convert_to_numpy(normalized).ravel().round(0).tolist()
    [-1.0, 1.0]
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape):
        # As pix2pix draws it: N(1, 0.02).
        scale = initializers.RandomNormal(mean=1.0, stddev=0.02)
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=scale, autocast=False)
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros", autocast=False)

    def call(self, inputs, training=None):
        x = ops.cast(inputs, "float32")
        # (batch, height, width, channels) -> (1 or batch, 1, 1, channels)
        mean = _mean if training is False else _mean_of_batch
        centred = x - mean(x)
        variance = mean(ops.square(centred))
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        return ops.cast(centred * scale + self.beta, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def _mean(x):
    # (batch, height, width, channels) -> (batch, 1, 1, channels), row by row: one float32 sum
    # over a whole large map is ten times less exact, and no faster.
    return ops.mean(ops.mean(x, axis=2, keepdims=True), axis=1, keepdims=True)


def _mean_of_batch(x):
    # (batch, height, width, channels) -> (1, 1, 1, channels)
    return ops.mean(_mean(x), axis=0, keepdims=True)

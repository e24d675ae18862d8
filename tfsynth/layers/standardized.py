"""Weight standardisation, https://arxiv.org/abs/1903.10520: kernels of zero mean and given norm.

Normalising the weights, not the activations, costs nothing per pixel.
"""

import math

import keras
from keras import initializers, ops

from tfsynth.registry import register

# A ReLU leaves 0.341 of the variance of a normal variable: 1/2 - 1/(2 pi).
_GAIN_AFTER_RELU = (0.5 - 0.5 / math.pi) ** -0.5


@register
class StandardizedConv2D(keras.layers.Layer):
    """A convolution whose kernels have zero mean, and norm `gain`, per output channel.

    The kernel is standardised in float32 under any policy: its mean is a small difference
    of large sums.

    Args:
        filters: Output channels.
        kernel_size: Rows and columns of the kernel.
        strides: Step in both directions.
        padding: "same" or "valid".
        gain: First value of the trained norm of each output channel's kernel.
        seed: Seed of the kernel; `None` for Keras's global generator.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).

    Returns:
        Tensor (batch, ceil(height / strides), ceil(width / strides), filters); without padding
        kernel_size - 1 rows and columns fewer are strided over.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        gain=_GAIN_AFTER_RELU,
        seed=None,
        padding="same",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.gain = gain
        self.seed = seed
        self.padding = padding

    def build(self, input_shape):
        size = self.kernel_size
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, size, input_shape[-1], self.filters),
            initializer=initializers.GlorotUniform(seed=self.seed),
            autocast=False,
        )
        self.norm = self.add_weight(
            name="norm",
            shape=(self.filters,),
            initializer=initializers.Constant(self.gain),
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        # Mean and norm are (1, 1, 1, filters), of a kernel (rows, columns, inputs, filters).
        centred = kernel - ops.mean(kernel, axis=(0, 1, 2), keepdims=True)
        square = ops.sum(ops.square(centred), axis=(0, 1, 2), keepdims=True)
        kernel = centred * (ops.rsqrt(square + 1e-4) * self.norm)
        outputs = ops.conv(
            inputs, ops.cast(kernel, inputs.dtype), strides=self.strides, padding=self.padding
        )
        return ops.add(outputs, self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "gain": self.gain,
            "seed": self.seed,
            "padding": self.padding,
        }

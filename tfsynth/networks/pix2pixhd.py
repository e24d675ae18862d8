"""pix2pixHD's networks, https://arxiv.org/abs/1711.11585, section 3 and appendix A."""

import keras
from keras import layers

from tfsynth.layers import (
    InstanceNormalization,
    ReflectionPadding2D,
    UnpaddedAveragePooling2D,
    downsampling_convolution,
    residual_block,
    upsampling_convolution,
)
from tfsynth.layers.resampling import kernel_initializer
from tfsynth.registry import register, without_policy

# Channels of a discriminator stop doubling here.
MAX_DISCRIMINATOR_FILTERS = 512


@register
class GlobalGenerator(keras.Model):
    """G1: a residual network between strided and transposed convolutions.

    Channels double with each downsampling, without a cap. There are no skip
    connections but those of the residual blocks.

    Args:
        input_channels: Channels of the condition (see `Conditioning`).
        output_channels: Channels of the picture.
        filters: Channels after the first convolution; 64 in the paper.
        num_downsamples: Halvings before the residual blocks; 4 in the paper.
        num_blocks: Residual blocks; 9 in the paper.
        upsampling: "transposed" as in the paper, or "resize", which leaves no checkerboard
            and has as many weights; see `upsampling_convolution`.

    Call arguments:
        condition: Float tensor (batch, height, width, input_channels); height and
            width are multiples of `size_multiple`, and at least twice that.

    Returns:
        Float32 tensor (batch, height, width, output_channels) in (-1, 1).

    Example:

    >>> generator = GlobalGenerator(13, filters=8, num_downsamples=2, num_blocks=1)
    >>> keras.ops.shape(generator(keras.ops.zeros((1, 32, 64, 13))))
    (1, 32, 64, 3)
    """

    def __init__(
        self,
        input_channels,
        output_channels=3,
        filters=64,
        num_downsamples=4,
        num_blocks=9,
        upsampling="transposed",
        **kwargs,
    ):
        _check_positive(input_channels=input_channels, output_channels=output_channels)
        _check_positive(filters=filters)
        # === Functional model ===
        condition = keras.Input((None, None, input_channels), name="condition")
        x = ReflectionPadding2D(3, name="stem_padding")(condition)
        x = layers.Conv2D(filters, 7, kernel_initializer=kernel_initializer(), name="stem_conv")(x)
        x = InstanceNormalization(name="stem_norm")(x)
        x = layers.ReLU(name="stem_relu")(x)
        for i in range(num_downsamples):
            x = downsampling_convolution(x, filters * 2 ** (i + 1), f"down{i}")
        for i in range(num_blocks):
            x = residual_block(x, filters * 2**num_downsamples, f"block{i}")
        for i in reversed(range(num_downsamples)):
            x = upsampling_convolution(x, filters * 2**i, f"up{i}", upsampling)
        x = ReflectionPadding2D(3, name="head_padding")(x)
        x = layers.Conv2D(
            output_channels, 7, kernel_initializer=kernel_initializer(), name="head_conv"
        )(x)
        # The picture itself is float32: bfloat16 has too few levels for 8-bit pixels.
        image = layers.Activation("tanh", dtype="float32", name="image")(x)
        super().__init__(condition, image, **kwargs)
        # === Config ===
        self.input_channels = input_channels
        self.output_channels = output_channels
        self.filters = filters
        self.num_downsamples = num_downsamples
        self.num_blocks = num_blocks
        self.upsampling = upsampling

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2**self.num_downsamples

    @property
    def minimum_size(self):
        """The smallest height and width: the residual blocks reflect one pixel of two."""
        return max(2 * self.size_multiple, 4)

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "output_channels": self.output_channels,
            "filters": self.filters,
            "num_downsamples": self.num_downsamples,
            "num_blocks": self.num_blocks,
            "upsampling": self.upsampling,
        }


@register
class MultiscaleDiscriminator(keras.Model):
    """D1..Dn: the same patch discriminator on an image pyramid, weights apart.

    Each sees condition and picture concatenated; the pyramid averages both. With 3
    layers a logit sees 70 x 70 pixels of its own scale.

    Args:
        input_channels: Channels of condition and picture together.
        filters: Channels of the first layer, doubling up to 512; 64 in the paper.
        num_layers: Convolutions with stride 2 per scale; 3 in the paper.
        num_scales: Number of discriminators; 2 at 512 rows, 3 at 1024 in the paper.

    Call arguments:
        inputs: Float tensor (batch, height, width, input_channels); the picture,
            last, in [-1, 1].

    Returns:
        One list per scale, the finest first: the features after each activation
        (num_layers + 1 of them), then the patch logits, a tensor
        (batch, rows, columns, 1) without bounds. All in compute precision.

    Example:

    >>> discriminator = MultiscaleDiscriminator(16, filters=8)
    >>> [len(scale) for scale in discriminator(keras.ops.zeros((1, 32, 64, 16)))]
    [5, 5]
    """

    def __init__(self, input_channels, filters=64, num_layers=3, num_scales=2, **kwargs):
        _check_positive(input_channels=input_channels, filters=filters)
        _check_positive(num_layers=num_layers, num_scales=num_scales)
        # === Functional model ===
        inputs = keras.Input((None, None, input_channels), name="inputs")
        x = inputs
        outputs = []
        for scale in range(num_scales):
            if scale > 0:
                x = UnpaddedAveragePooling2D(name=f"half{scale}")(x)
            outputs.append(_patch_discriminator(x, filters, num_layers, f"scale{scale}"))
        super().__init__(inputs, outputs, **kwargs)
        # === Config ===
        self.input_channels = input_channels
        self.filters = filters
        self.num_layers = num_layers
        self.num_scales = num_scales

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        # Keras hands out the only element of a list instead of the list.
        return [outputs] if self.num_scales == 1 else outputs

    @property
    def minimum_size(self):
        """The smallest height and width: every normalised map has more than one pixel."""
        # A map of n pixels becomes n // 2 + 1: two pixels stay two, for ever.
        return 2 ** (self.num_scales - 1) + 1

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "filters": self.filters,
            "num_layers": self.num_layers,
            "num_scales": self.num_scales,
        }


def _patch_discriminator(x, filters, num_layers, name):
    """Returns the list of one scale: features after each activation, then the logits."""
    outputs = []
    for layer in range(num_layers + 2):
        last = layer == num_layers + 1
        channels = 1 if last else min(filters * 2**layer, MAX_DISCRIMINATOR_FILTERS)
        prefix = f"{name}_layer{layer}"
        x = layers.ZeroPadding2D(2, name=f"{prefix}_padding")(x)
        x = layers.Conv2D(
            channels,
            4,
            strides=2 if layer < num_layers else 1,
            kernel_initializer=kernel_initializer(),
            name=f"{prefix}_conv",
        )(x)
        if 0 < layer and not last:
            x = InstanceNormalization(name=f"{prefix}_norm")(x)
        if not last:
            x = layers.LeakyReLU(0.2, name=f"{prefix}_relu")(x)
        outputs.append(x)
    return outputs


def _check_positive(**arguments):
    for name, value in arguments.items():
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {value}.")

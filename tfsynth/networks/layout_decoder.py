"""A decoder of layouts: the label pyramid of Cascaded Refinement Networks, for an adversary too.

The layout is read at every scale, as in Cascaded Refinement Networks,
https://arxiv.org/abs/1707.09405, section 3; the kernels are standardised instead of the activations
normalised (https://arxiv.org/abs/1903.10520), and noise comes as further channels at each scale.
"""

import keras
from keras import initializers, layers

from tfsynth.layers import (
    BilinearUpSampling2D,
    NoiseMaps,
    ReflectionPadding2D,
    Segments,
    StandardizedConv2D,
)
from tfsynth.layers.arguments import MOST_LEVELS, check_list, check_sizes
from tfsynth.registry import keras_arguments, register, without_policy

# A leaky ReLU of slope 0.2 leaves a normal variable the variance 0.52 - 0.64 / (2 pi): the gain
# restores it.
_GAIN = (0.52 - 0.64 / 6.283185307179586) ** -0.5
# Pictures start as nearly grey.
_HEAD_DEVIATION = 0.01


@register
class LayoutDecoder(keras.Model):
    """A cascade of modules, each at twice the size of the one before, that all read the layout.

    Module i doubles the features of the one before and appends the layout at its own size (the
    means of the one that is given: one-hot channels become fractions, and the styles of an encoder
    the mean style) and channels of noise; it applies 3 x 3 convolutions and leaky ReLUs. The
    features of the last module become the picture by a 3 x 3 convolution whose kernel starts
    small. It is linear: a tanh that an adversary has driven to its ends has no gradient to leave
    them, and all pictures are then one colour.

    Borders are padded by reflection: by zeros a decoder knows where the border is, and paints it.
    Activations are not normalised: what a module computes at a pixel does not depend on the rest
    of a large picture, so that pictures of any size look like those trained on, and without noise
    a large one can be drawn in parts.

    Args:
        input_channels: Channels of the condition (see `Conditioning`), features of an encoder
            included.
        widths: Filters of each module, the coarsest first.
        num_layers: Convolutions of each module.
        noise_channels: Channels of noise at each scale; 0 for none: the picture then follows
            from the layout (and the styles) alone.
        output_channels: Channels of a picture.
        rematerialize: Whether training keeps only the ends of modules and computes the rest
            again for the gradients: less memory, more time.

    Call arguments:
        condition: Float tensor (batch, height, width, input_channels); height and width are
            multiples of `size_multiple`.

    Returns:
        Float32 tensor (batch, height, width, output_channels). -1 is black and 1 white; values may
        lie outside.

    Raises:
        ValueError: If a number is out of range.

    Example:

    >>> generator = LayoutDecoder(13, widths=(16, 8, 8))
    >>> keras.ops.shape(generator(keras.ops.zeros((1, 16, 32, 13))))
    (1, 16, 32, 3)
    """

    def __init__(
        self,
        input_channels: int,
        widths=(128, 128, 128, 96, 48, 16),
        num_layers=2,
        noise_channels=1,
        output_channels=3,
        rematerialize=False,
        **kwargs,
    ):
        check_list("widths", widths, parts=MOST_LEVELS)
        check_sizes(input_channels=input_channels, output_channels=output_channels)
        check_sizes(num_layers=num_layers)
        check_sizes(0, noise_channels=noise_channels)
        # === Functional model ===
        condition = keras.Input((None, None, input_channels), name="condition")
        segments, pyramid = Segments(), [condition]
        for i in reversed(range(len(widths) - 1)):
            # (batch, height, width, input_channels) -> (batch, height / 2, width / 2, ...)
            half = layers.AveragePooling2D(2, name=f"module{i}_layout")(pyramid[-1])
            pyramid.append(segments.add([pyramid[-1]], half))
        x = None
        for i, width in enumerate(widths):
            layout = pyramid.pop()
            known = [layout] if x is None else [layout, x]
            # Module i works at height / 2^(n - 1 - i) of n modules: (..., widths[i]).
            x = _module(layout, x, width, num_layers, noise_channels, f"module{i}")
            x = segments.add(known, x)
        image = segments.add([x], _head(x, output_channels))
        super().__init__(condition, image, **keras_arguments(self, kwargs))
        self.segments = segments
        # === Config ===
        self.input_channels = input_channels
        self.widths = tuple(widths)
        self.num_layers = num_layers
        self.noise_channels = noise_channels
        self.output_channels = output_channels
        self.rematerialize = rematerialize

    def call(self, inputs, training=None, mask=None):
        if not (training and self.rematerialize):
            return super().call(inputs, training=training, mask=mask)
        return self.segments(self.inputs, self.outputs, [inputs])[0]

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2 ** (len(self.widths) - 1)

    @property
    def minimum_size(self):
        """The smallest height and width: the first module then reflects one pixel of two."""
        return 2 * self.size_multiple

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "widths": list(self.widths),
            "num_layers": self.num_layers,
            "noise_channels": self.noise_channels,
            "output_channels": self.output_channels,
            "rematerialize": self.rematerialize,
        }


def _module(layout, features, filters, num_layers, noise_channels, name):
    x = layout
    if features is not None:
        # (batch, height / 2, width / 2, features) -> (batch, height, width, features)
        doubled = BilinearUpSampling2D(name=f"{name}_up")(features)
        # (batch, height, width, features + input_channels)
        x = layers.Concatenate(name=f"{name}_concat")([doubled, layout])
    if noise_channels:
        # (batch, height, width, features + input_channels + noise_channels)
        x = NoiseMaps(noise_channels, name=f"{name}_noise")(x)
    for number in range(1, num_layers + 1):
        x = ReflectionPadding2D(1, name=f"{name}_padding{number}")(x)
        x = StandardizedConv2D(
            filters, 3, gain=_GAIN, padding="valid", name=f"{name}_conv{number}"
        )(x)  # (batch, height, width, filters)
        x = layers.LeakyReLU(0.2, name=f"{name}_relu{number}")(x)
    return x


def _head(x, channels):
    small = initializers.RandomNormal(stddev=_HEAD_DEVIATION)
    x = ReflectionPadding2D(1, name="head_padding")(x)
    x = layers.Conv2D(channels, 3, kernel_initializer=small, name="head_conv")(x)
    # The picture itself is float32: bfloat16 has too few levels for 8-bit pixels.
    return layers.Activation("linear", dtype="float32", name="image")(x)

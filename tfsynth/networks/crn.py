"""Cascaded Refinement Networks, https://arxiv.org/abs/1707.09405, section 3, and its baseline."""

import keras
from keras import layers, ops

from tfsynth.layers import AlignCornersUpSampling2D, Segments
from tfsynth.layers.arguments import check_list, check_sizes
from tfsynth.registry import keras_arguments, register, without_policy

# Filters of the modules of the published networks, by the rows of their pictures.
WIDTHS = {
    256: (1024, 1024, 1024, 1024, 1024, 512, 512),
    512: (1024, 1024, 1024, 1024, 1024, 512, 512, 128),
    1024: (1024, 1024, 1024, 1024, 1024, 512, 512, 128, 32),
}

ACTIVATIONS = (None, "tanh")

# As in the published program; in float32 it only prevents a division by zero for constant maps.
_EPSILON = 1e-12


@register
class CascadedRefinementNetwork(keras.Model):
    """A cascade of modules, each at twice the size of the one before; no adversary needed.

    Every module reads the layout at its own size and the features of the one before,
    doubled; it applies two 3 x 3 convolutions without bias, each with layer norm over height,
    width and channels together (gain and bias per channel) and a leaky ReLU. The last one's
    features become the picture by a 1 x 1 convolution. Smaller layouts are averages of the
    one that is given: their one-hot channels become fractions.

    The sizes follow from the layout: the first module works at its height and width divided
    by `size_multiple`. The published networks make pictures of 256 x 512, 512 x 1024 and
    1024 x 2048 pixels from 4 x 8; a module is trained for its size, so that pictures much
    larger than those trained on need another module, not a larger first one.

    The published network scales its output by 127.5 and adds 127.5, which is not part of this
    one. By eq. 1 of the paper and in the published program the last convolution is linear.

    Args:
        input_channels: Channels of the condition (see `Conditioning`).
        widths: Filters of each module, the coarsest first; `WIDTHS` has the published ones.
        num_outputs: Pictures that the network makes of one layout; 9 in the paper at
            256 x 512, with its diversity loss.
        output_channels: Channels of a picture.
        activation: Activation of the picture: `None` as in the paper, or "tanh" for use with
            discriminators.
        rematerialize: Whether training keeps only the ends of modules and computes the rest
            again for the gradients: less memory, more time.

    Call arguments:
        condition: Float tensor (batch, height, width, input_channels); height and
            width are multiples of `size_multiple`.

    Returns:
        Float32 tensor (batch, height, width, output_channels), or with several outputs
        (batch, num_outputs, height, width, output_channels). -1 is black and 1 white; without
        activation values may lie outside.

    Raises:
        ValueError: If a number is less than 1, or the activation is unknown.

    Example:

    >>> generator = CascadedRefinementNetwork(13, widths=(16, 8, 8), num_outputs=2)
    >>> keras.ops.shape(generator(keras.ops.zeros((1, 16, 32, 13))))
    (1, 2, 16, 32, 3)
    """

    def __init__(
        self,
        input_channels: int,
        widths=WIDTHS[256],
        num_outputs=1,
        output_channels=3,
        activation: str | None = None,
        rematerialize=False,
        **kwargs,
    ):
        check_list("widths", widths)
        _check_activation(activation)
        check_sizes(input_channels=input_channels, output_channels=output_channels)
        check_sizes(num_outputs=num_outputs)
        # === Functional model ===
        condition = keras.Input((None, None, input_channels), name="condition")
        segments, pyramid = Segments(), [condition]
        # Modules are numbered from the coarsest, so that one can be appended to trained ones.
        for i in reversed(range(len(widths) - 1)):
            # (batch, height, width, input_channels) -> (batch, height / 2, width / 2, ...)
            half = layers.AveragePooling2D(2, name=f"module{i}_layout")(pyramid[-1])
            pyramid.append(segments.add([pyramid[-1]], half))
        x = None
        for i, width in enumerate(widths):
            layout = pyramid.pop()
            known = [layout] if x is None else [layout, x]
            # Module i works at height / 2^(n - 1 - i) of n modules: (..., widths[i]).
            x = segments.add(known, _module(layout, x, width, f"module{i}"))
        image = _head(x, output_channels, num_outputs, activation)
        super().__init__(condition, segments.add([x], image), **keras_arguments(self, kwargs))
        self.segments = segments
        # === Config ===
        self.input_channels = input_channels
        self.widths = tuple(widths)
        self.num_outputs = num_outputs
        self.output_channels = output_channels
        self.activation = activation
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
        """The smallest height and width: the first module then works on one pixel."""
        return self.size_multiple

    @property
    def sections(self):
        """Names of the parts that can be trained separately: the modules, the coarsest first, and
        the head, which does not fit a network with one more module."""
        return (*(f"module{i}" for i in range(len(self.widths))), "head")

    def section_layers(self, section):
        """Returns the layers of one of the `sections`, in order.

        Raises:
            ValueError: If there is no such section.
        """
        if section not in self.sections:
            raise ValueError(
                f"A section is one of {', '.join(self.sections)}. Received: {section!r}."
            )
        if section == "head":
            return [layer for layer in self.layers if not layer.name.startswith("module")]
        return [layer for layer in self.layers if layer.name.startswith(f"{section}_")]

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "widths": list(self.widths),
            "num_outputs": self.num_outputs,
            "output_channels": self.output_channels,
            "activation": self.activation,
            "rematerialize": self.rematerialize,
        }


@register
class FullResolutionNetwork(keras.Model):
    """The paper's baseline without a cascade: every layer works at full size.

    Dilated convolutions have a large receptive field, as in multi-scale context aggregation,
    https://arxiv.org/abs/1511.07122, whose dilations are the defaults: the receptive field of a
    pixel is 67 x 67. How many layers and filters the baseline had is not published.
    Here each 3 x 3 convolution has `filters`, layer norm and leaky ReLU, as in
    `CascadedRefinementNetwork`, and a 1 x 1 convolution makes the picture.

    Args:
        input_channels: Channels of the condition (see `Conditioning`).
        filters: Filters of every layer.
        dilations: Steps between the pixels that a convolution reads, layer by layer.
        num_outputs, output_channels, activation, rematerialize: As in
            `CascadedRefinementNetwork`.

    Call arguments:
        condition: Float tensor (batch, height, width, input_channels), of any size.

    Returns:
        As `CascadedRefinementNetwork`.

    Raises:
        ValueError: If a number is less than 1, or the activation is unknown.

    Example:

    >>> generator = FullResolutionNetwork(13, filters=8)
    >>> keras.ops.shape(generator(keras.ops.zeros((1, 15, 20, 13))))
    (1, 15, 20, 3)
    """

    size_multiple = 1
    minimum_size = 1

    def __init__(
        self,
        input_channels: int,
        filters=64,
        dilations=(1, 1, 2, 4, 8, 16, 1),
        num_outputs=1,
        output_channels=3,
        activation: str | None = None,
        rematerialize=False,
        **kwargs,
    ):
        check_list("dilations", dilations)
        _check_activation(activation)
        check_sizes(input_channels=input_channels, output_channels=output_channels)
        check_sizes(filters=filters, num_outputs=num_outputs)
        # === Functional model ===
        condition = keras.Input((None, None, input_channels), name="condition")
        x, segments = condition, Segments()
        for i, dilation in enumerate(dilations):
            x = segments.add([x], _convolution(x, filters, f"layer{i}", "", dilation))
        image = _head(x, output_channels, num_outputs, activation)
        super().__init__(condition, segments.add([x], image), **keras_arguments(self, kwargs))
        self.segments = segments
        # === Config ===
        self.input_channels = input_channels
        self.filters = filters
        self.dilations = tuple(dilations)
        self.num_outputs = num_outputs
        self.output_channels = output_channels
        self.activation = activation
        self.rematerialize = rematerialize

    def call(self, inputs, training=None, mask=None):
        if not (training and self.rematerialize):
            return super().call(inputs, training=training, mask=mask)
        return self.segments(self.inputs, self.outputs, [inputs])[0]

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "filters": self.filters,
            "dilations": list(self.dilations),
            "num_outputs": self.num_outputs,
            "output_channels": self.output_channels,
            "activation": self.activation,
            "rematerialize": self.rematerialize,
        }


def _module(layout, features, filters, name):
    x = layout
    if features is not None:
        # (batch, height / 2, width / 2, features) -> (batch, height, width, features)
        doubled = AlignCornersUpSampling2D(name=f"{name}_up")(features)
        # (batch, height, width, features + input_channels). The published kernels read the
        # features first.
        x = layers.Concatenate(name=f"{name}_concat")([doubled, layout])
    for number in (1, 2):
        x = _convolution(x, filters, name, number)
    return x


def _convolution(x, filters, name, number, dilation=1):
    """A 3 x 3 convolution, layer norm over all axes but the batch, leaky ReLU."""
    x = layers.Conv2D(
        filters,
        3,
        padding="same",
        dilation_rate=dilation,
        use_bias=False,
        name=f"{name}_conv{number}",
    )(x)
    # Sums over whole maps need float32.
    x = layers.GroupNormalization(
        groups=1, epsilon=_EPSILON, dtype="float32", name=f"{name}_norm{number}"
    )(x)
    return layers.LeakyReLU(0.2, name=f"{name}_relu{number}")(x)


def _head(x, channels, num_outputs, activation):
    # (batch, height, width, channels * num_outputs)
    x = layers.Conv2D(channels * num_outputs, 1, name="head_conv")(x)
    # The picture itself is float32: bfloat16 has too few levels for 8-bit pixels.
    x = layers.Activation(activation or "linear", dtype="float32", name="image")(x)
    if num_outputs == 1:
        return x
    # The red planes of all pictures come first, then the green ones, then the blue:
    # -> (batch, num_outputs, height, width, channels)
    return ops.stack([x[..., i::num_outputs] for i in range(num_outputs)], axis=1)


def _check_activation(activation):
    if activation not in ACTIVATIONS:
        raise ValueError(f"`activation` is None or 'tanh'. Received: {activation!r}.")

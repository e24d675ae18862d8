"""pix2pix's networks, https://arxiv.org/abs/1611.07004, section 3.2 and appendix 6.1."""

import keras
from keras import layers

from tfsynth.layers import BatchStatisticsNormalization, DropoutNoise, InstanceNormalization
from tfsynth.layers.arguments import check_sizes, check_width
from tfsynth.layers.resampling import kernel_initializer
from tfsynth.registry import keras_arguments, register, without_policy

# Channels stop doubling at this many times the first ones.
MAX_FACTOR = 8
# Layers of the decoder, from its beginning, that are followed by dropout.
NUM_NOISY_LAYERS = 3

_NORMALIZATIONS = {
    "batch": BatchStatisticsNormalization,
    "instance": InstanceNormalization,
    None: None,
}


@register
class UNetGenerator(keras.Model):
    """An encoder down to the bottleneck and a decoder, joined at each size by a skip.

    Every layer is a 4 x 4 convolution with stride 2, or a transposed one. The channels of level
    i are `filters * min(2**i, 8)`. A decoder layer reads the ReLU of the output of the one before
    it and of the encoder's map of that size, concatenated in this order. Three layers have no norm:
    the first, the last, and the bottleneck, whose map may be a single pixel, which a norm would
    set to its offset (an erratum of the paper). Dropout, the only noise, follows the first three
    layers of the decoder, never the last.

    In pix2pixHD's game (the "U-Net" of its comparison of generators) the published choices are
    unknown. Suitable ones are: `Conditioning` with edges, `normalization="instance"`,
    `dropout=0.0`, 8 levels at 512 x 1024 pixels. The picture is tanh's there too.

    Args:
        input_channels: Channels of the condition (see `Conditioning` and `ColourConditioning`).
        output_channels: Channels of the picture.
        filters: Channels after the first convolution; 64 in the paper.
        depth: Number of halvings, and of doublings; 8 in the paper, down to one pixel of 256.
        skips: `False` for the paper's encoder-decoder, without skips past the bottleneck.
            The paper trains it on batches of 10.
        normalization: "batch" for the statistics of the batch at hand in training, as in the
            paper, and of each picture in synthesis; "instance" for no scale and offset; `None`.
            Without a norm the convolutions have biases, with one only the last has.
        dropout: Share of values dropped, in synthesis too; 0 for no noise.

    Call arguments:
        condition: Float tensor (batch, height, width, input_channels); height and
            width are multiples of `size_multiple`.

    Returns:
        Float32 tensor (batch, height, width, output_channels) in (-1, 1).

    Example:

    >>> generator = UNetGenerator(3, filters=8, depth=4)
    >>> keras.ops.shape(generator(keras.ops.zeros((1, 16, 32, 3))))
    (1, 16, 32, 3)
    """

    def __init__(
        self,
        input_channels: int,
        output_channels=3,
        filters=64,
        depth=8,
        skips=True,
        normalization: str | None = "batch",
        dropout=0.5,
        **kwargs,
    ):
        check_sizes(input_channels=input_channels, output_channels=output_channels)
        check_sizes(filters=filters, depth=depth)
        check_width(_width(filters, depth))
        _check_normalization(normalization)
        # === Functional model ===
        condition = keras.Input((None, None, input_channels), name="condition")
        x, encoded = condition, []
        for i in range(depth):
            if i > 0:
                x = layers.LeakyReLU(0.2, name=f"down{i}_relu")(x)
            norm = normalization if 0 < i < depth - 1 else None
            # (batch, h, w, c) -> (batch, h / 2, w / 2, filters * min(2^i, 8))
            x = _convolution(x, _width(filters, i), 2, f"down{i}", normalization is None)
            x = _normalized(x, norm, f"down{i}")
            encoded.append(x)
        for i in reversed(range(depth)):
            if skips and i < depth - 1:
                # (batch, h, w, c) twice -> (batch, h, w, 2 * c)
                x = layers.Concatenate(name=f"up{i}_skip")([x, encoded[i]])
            x = layers.ReLU(name=f"up{i}_relu")(x)
            last = i == 0
            # (batch, h, w, ...) -> (batch, 2 * h, 2 * w, ...)
            x = layers.Conv2DTranspose(
                output_channels if last else _width(filters, i - 1),
                4,
                strides=2,
                padding="same",
                use_bias=last or normalization is None,
                kernel_initializer=kernel_initializer(),
                name=f"up{i}_conv",
            )(x)
            if not last:
                x = _normalized(x, normalization, f"up{i}")
            if not last and dropout and depth - i <= NUM_NOISY_LAYERS:
                x = DropoutNoise(dropout, name=f"up{i}_noise")(x)
        # The picture itself is float32: bfloat16 has too few levels for 8-bit pixels.
        image = layers.Activation("tanh", dtype="float32", name="image")(x)
        super().__init__(condition, image, **keras_arguments(self, kwargs))
        # === Config ===
        self.input_channels = input_channels
        self.output_channels = output_channels
        self.filters = filters
        self.depth = depth
        self.skips = skips
        self.normalization = normalization
        self.dropout = dropout

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2**self.depth

    @property
    def minimum_size(self):
        """The smallest height and width: one pixel at the bottleneck."""
        return self.size_multiple

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "output_channels": self.output_channels,
            "filters": self.filters,
            "depth": self.depth,
            "skips": self.skips,
            "normalization": self.normalization,
            "dropout": self.dropout,
        }


@register
class PatchDiscriminator(keras.Model):
    """Judges every patch of condition and picture, concatenated, by one logit.

    A logit sees 16, 34, 70, 142 or 286 pixels square with 1 to 5 layers, and one pixel with 0.
    The other discriminator of pix2pix, without a condition, reads the picture alone: see
    `conditional` of `AdversarialGame`.

    Args:
        input_channels: Channels of condition and picture together.
        filters: Channels of the first layer, doubling up to 8 times as many; 64 in the paper.
        num_layers: Convolutions with stride 2; 3 in the paper ("70 x 70"), 5 for its
            "ImageGAN", 0 for its "PixelGAN", two layers of 1 x 1 convolutions.
        normalization: As in `UNetGenerator`, of all convolutions but the first and the last.

    Call arguments:
        inputs: Float tensor (batch, height, width, input_channels); the picture,
            last, in [-1, 1].

    Returns:
        A list of one list: the features after each activation (num_layers + 1 of them; with 0
        layers 2), then the patch logits, a tensor (batch, rows, columns, 1) without bounds; 30 x 30
        of 256 x 256 pixels with 3 layers. All in compute precision.

    Example:

    >>> discriminator = PatchDiscriminator(6, filters=8)
    >>> [len(scale) for scale in discriminator(keras.ops.zeros((1, 32, 64, 6)))]
    [5]
    """

    def __init__(
        self,
        input_channels: int,
        filters=64,
        num_layers=3,
        normalization: str | None = "batch",
        **kwargs,
    ):
        check_sizes(input_channels=input_channels, filters=filters)
        check_sizes(0, num_layers=num_layers)
        check_width(_width(filters, num_layers))
        _check_normalization(normalization)
        # === Functional model ===
        inputs = keras.Input((None, None, input_channels), name="inputs")
        x, outputs = inputs, []
        count = max(num_layers + 2, 3)
        for layer in range(count):
            first, last = layer == 0, layer == count - 1
            strides = 2 if layer < num_layers else 1
            channels = 1 if last else _width(filters, layer)
            bias = first or last or normalization is None
            # n rows -> n // 2 with stride 2, n - 1 with stride 1, n if 1 x 1; columns alike.
            x = _convolution(x, channels, strides, f"layer{layer}", bias, 4 if num_layers else 1)
            if not first and not last:
                x = _normalized(x, normalization, f"layer{layer}")
            if not last:
                x = layers.LeakyReLU(0.2, name=f"layer{layer}_relu")(x)
            outputs.append(x)
        super().__init__(inputs, outputs, **keras_arguments(self, kwargs))
        # === Config ===
        self.input_channels = input_channels
        self.filters = filters
        self.num_layers = num_layers
        self.normalization = normalization

    def call(self, inputs, training=None, mask=None):
        return [super().call(inputs, training=training, mask=mask)]

    @property
    def minimum_size(self):
        """The smallest height and width: one logit is left, and norms have 2 x 2 pixels."""
        return 3 * 2**self.num_layers if self.num_layers else 2

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "filters": self.filters,
            "num_layers": self.num_layers,
            "normalization": self.normalization,
        }


def _width(filters, level):
    return filters * min(2**level, MAX_FACTOR)


def _convolution(x, filters, strides, name, use_bias, size=4):
    if size > 1:
        # Keras's "same" would put stride 1 half a pixel aside, and give one row more.
        x = layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
    return layers.Conv2D(
        filters,
        size,
        strides=strides,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer(),
        name=f"{name}_conv",
    )(x)


def _normalized(x, normalization, name):
    kind = _NORMALIZATIONS[normalization]
    return x if kind is None else kind(name=f"{name}_norm")(x)


def _check_normalization(normalization):
    if normalization not in _NORMALIZATIONS:
        raise ValueError(
            f"`normalization` is 'batch', 'instance' or None. Received: {normalization!r}."
        )

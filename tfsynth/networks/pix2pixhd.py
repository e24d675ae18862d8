"""pix2pixHD's networks, https://arxiv.org/abs/1711.11585, section 3 and appendix A."""

import keras
from keras import layers

from tfsynth.layers import (
    InstanceNormalization,
    InstanceWisePooling2D,
    ReflectionPadding2D,
    Segments,
    SpectralConv2D,
    UnpaddedAveragePooling2D,
    downsampling_convolution,
    residual_block,
    upsampling_convolution,
)
from tfsynth.layers.arguments import check_sizes, check_width
from tfsynth.layers.resampling import kernel_initializer
from tfsynth.networks.pix2pixhd_tensors import MAX_DISCRIMINATOR_FILTERS, convolutions
from tfsynth.registry import keras_arguments, register, without_policy

# Norms of a discriminator: "spectral" of every convolution, "instance" of the maps between them.
NORMALIZATIONS = ("instance", "spectral", "spectral_instance")


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
        rematerialize: Whether training keeps only the ends of blocks and convolutions and
            computes the rest again for the gradients: less memory, more time.

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
        input_channels: int,
        output_channels=3,
        filters=64,
        num_downsamples=4,
        num_blocks=9,
        upsampling="transposed",
        rematerialize=False,
        **kwargs,
    ):
        check_sizes(input_channels=input_channels, output_channels=output_channels)
        check_sizes(filters=filters)
        check_sizes(0, num_downsamples=num_downsamples, num_blocks=num_blocks)
        check_width(filters * 2**num_downsamples)
        # === Functional model ===
        condition = keras.Input((None, None, input_channels), name="condition")
        segments = Segments()
        x = _trunk(condition, filters, num_downsamples, num_blocks, upsampling, segments)
        image = segments.add([x], _head(x, output_channels, "head"))
        super().__init__(condition, image, **keras_arguments(self, kwargs))
        self.segments = segments
        # === Config ===
        self.input_channels = input_channels
        self.output_channels = output_channels
        self.filters = filters
        self.num_downsamples = num_downsamples
        self.num_blocks = num_blocks
        self.upsampling = upsampling
        self.rematerialize = rematerialize

    def call(self, inputs, training=None, mask=None):
        if not (training and self.rematerialize):
            return super().call(inputs, training=training, mask=mask)
        return self.segments(self.inputs, self.outputs, [inputs])[0]

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2**self.num_downsamples

    @property
    def minimum_size(self):
        """The smallest height and width: the residual blocks reflect one pixel of two."""
        return max(2 * self.size_multiple, 4)

    def published_convolutions(self):
        """Name in a published checkpoint -> `Convolution`, of all its convolutions."""
        return convolutions(type(self).__name__, self.get_config())

    @classmethod
    def from_config(cls, config):
        return cls(**_without_padding(config))

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "output_channels": self.output_channels,
            "filters": self.filters,
            "num_downsamples": self.num_downsamples,
            "num_blocks": self.num_blocks,
            "upsampling": self.upsampling,
            "rematerialize": self.rematerialize,
        }


@register
class LocalEnhancer(keras.Model):
    """G2: a coarse generator inside, and around it enhancers at twice the size each.

    The innermost network is `GlobalGenerator` without its last convolution and reads the
    condition halved `num_enhancers` times. Each enhancer reads the condition at its own
    size, adds the features of the network inside to its own, and doubles them. The halved
    condition is an average: its one-hot channels become fractions. Output and input have
    the same size: this is no super-resolution.

    Args:
        input_channels: Channels of the condition (see `Conditioning`).
        output_channels: Channels of the picture.
        filters: Channels of the outermost enhancer; 32 in the paper. The innermost
            network has `filters * 2**num_enhancers`: at 32 that of `GlobalGenerator`.
        num_downsamples: Halvings inside the innermost network; 4 in the paper.
        num_blocks: Its residual blocks; 9 in the paper.
        num_enhancers: Number of enhancers, each of twice the size; 1 in the paper.
        num_local_blocks: Residual blocks of each enhancer; 3 in the paper.
        upsampling, rematerialize: As in `GlobalGenerator`, for all parts.

    Call arguments:
        condition: Float tensor (batch, height, width, input_channels); height and
            width are multiples of `size_multiple`, and at least twice that.

    Returns:
        Float32 tensor (batch, height, width, output_channels) in (-1, 1).

    Example:

    >>> generator = LocalEnhancer(13, filters=4, num_downsamples=2, num_blocks=1)
    >>> keras.ops.shape(generator(keras.ops.zeros((1, 32, 64, 13))))
    (1, 32, 64, 3)
    """

    def __init__(
        self,
        input_channels: int,
        output_channels=3,
        filters=32,
        num_downsamples=4,
        num_blocks=9,
        num_enhancers=1,
        num_local_blocks=3,
        upsampling="transposed",
        rematerialize=False,
        **kwargs,
    ):
        check_sizes(input_channels=input_channels, output_channels=output_channels)
        check_sizes(filters=filters, num_enhancers=num_enhancers)
        check_sizes(0, num_downsamples=num_downsamples, num_blocks=num_blocks)
        check_sizes(0, num_local_blocks=num_local_blocks)
        check_width(filters * 2 ** (num_enhancers + num_downsamples))
        # === Functional model ===
        condition = keras.Input((None, None, input_channels), name="condition")
        segments, pyramid = Segments(), [condition]
        for i in range(num_enhancers):
            # (batch, height, width, input_channels) -> (batch, height / 2, width / 2, ...)
            half = UnpaddedAveragePooling2D(name=f"half{i + 1}")(pyramid[-1])
            pyramid.append(segments.add([pyramid[-1]], half))
        # (batch, height / 2^n, width / 2^n, filters * 2^n) of n enhancers
        x = _trunk(
            *(pyramid.pop(), filters * 2**num_enhancers, num_downsamples, num_blocks),
            *(upsampling, segments),
        )
        for i in range(1, num_enhancers + 1):
            name, channels = f"enhancer{i}", filters * 2 ** (num_enhancers - i)
            own = pyramid.pop()
            stem = segments.add([own], _stem(own, channels, f"{name}_stem"))
            # (batch, h, w, channels) -> (batch, h / 2, w / 2, 2 * channels), as `x` is.
            local = downsampling_convolution(stem, 2 * channels, f"{name}_down")
            local = segments.add([stem], local)
            x = segments.add([local, x], layers.Add(name=f"{name}_sum")([local, x]))
            for j in range(num_local_blocks):
                x = segments.add([x], residual_block(x, 2 * channels, f"{name}_block{j}"))
            # -> (batch, h, w, channels): half the channels, which the next enhancer reads.
            up = upsampling_convolution(x, channels, f"{name}_up", upsampling)
            x = segments.add([x], up)
        image = segments.add([x], _head(x, output_channels, f"enhancer{num_enhancers}_head"))
        super().__init__(condition, image, **keras_arguments(self, kwargs))
        self.segments = segments
        # === Config ===
        self.input_channels = input_channels
        self.output_channels = output_channels
        self.filters = filters
        self.num_downsamples = num_downsamples
        self.num_blocks = num_blocks
        self.num_enhancers = num_enhancers
        self.num_local_blocks = num_local_blocks
        self.upsampling = upsampling
        self.rematerialize = rematerialize

    def call(self, inputs, training=None, mask=None):
        if not (training and self.rematerialize):
            return super().call(inputs, training=training, mask=mask)
        return self.segments(self.inputs, self.outputs, [inputs])[0]

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2 ** (self.num_downsamples + self.num_enhancers)

    @property
    def minimum_size(self):
        """The smallest height and width: the innermost blocks reflect one pixel of two."""
        return max(2 * self.size_multiple, 4 * 2**self.num_enhancers)

    @property
    def sections(self):
        """Names of the parts that can be trained separately, the innermost first."""
        return ("global", *(f"enhancer{i + 1}" for i in range(self.num_enhancers)))

    def section_layers(self, section):
        """Returns the layers of one of the `sections`, in order.

        Raises:
            ValueError: If there is no such section.
        """
        if section not in self.sections:
            raise ValueError(
                f"A section is one of {', '.join(self.sections)}. Received: {section!r}."
            )
        enhancers = tuple(f"{name}_" for name in self.sections[1:])
        if section == "global":
            return [layer for layer in self.layers if not layer.name.startswith(enhancers)]
        return [layer for layer in self.layers if layer.name.startswith(f"{section}_")]

    def published_convolutions(self):
        """Name in a published checkpoint -> `Convolution`, of all its convolutions."""
        return convolutions(type(self).__name__, self.get_config())

    @classmethod
    def from_config(cls, config):
        return cls(**_without_padding(config))

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "output_channels": self.output_channels,
            "filters": self.filters,
            "num_downsamples": self.num_downsamples,
            "num_blocks": self.num_blocks,
            "num_enhancers": self.num_enhancers,
            "num_local_blocks": self.num_local_blocks,
            "upsampling": self.upsampling,
            "rematerialize": self.rematerialize,
        }


@register
class FeatureEncoder(keras.Model):
    """E: a photograph in, one feature vector per object out, spread over its pixels.

    An encoder and decoder of the photograph's own size, then the mean of each channel over
    each instance: the style of an object.

    Args:
        input_channels: Channels of the photograph.
        num_features: Channels of the feature map; 3 in the paper.
        filters: Channels after the first convolution; 16 in the paper.
        num_downsamples: Halvings; 4 in the paper.
        max_instances: Number of different instances that one picture may have.
        upsampling: As in `GlobalGenerator`.

    Call arguments:
        inputs: List of the photograph, float (batch, height, width, input_channels) in
            [-1, 1], sides multiples of `size_multiple`; and instances, int32
            (batch, height, width), ids 0..max_instances-1. Label ids in their place
            give label-wise features.

    Returns:
        Float32 tensor (batch, height, width, num_features) in (-1, 1), equal over the
        pixels of an instance.

    Example:

    >>> encoder = FeatureEncoder(filters=4, num_downsamples=2, max_instances=8)
    >>> maps = keras.ops.zeros((1, 16, 16), "int32")
    >>> keras.ops.shape(encoder([keras.ops.zeros((1, 16, 16, 3)), maps]))
    (1, 16, 16, 3)
    """

    def __init__(
        self,
        input_channels=3,
        num_features=3,
        filters=16,
        num_downsamples=4,
        max_instances=256,
        upsampling="transposed",
        **kwargs,
    ):
        check_sizes(input_channels=input_channels, num_features=num_features)
        check_sizes(filters=filters, max_instances=max_instances)
        check_sizes(0, num_downsamples=num_downsamples)
        check_width(filters * 2**num_downsamples)
        # === Functional model ===
        image = keras.Input((None, None, input_channels), name="image")
        instances = keras.Input((None, None), dtype="int32", name="instances")
        x = _trunk(image, filters, num_downsamples, 0, upsampling, Segments())
        # (batch, height, width, num_features), then equal over the pixels of an instance
        features = _head(x, num_features, "head", output="features")
        pooled = InstanceWisePooling2D(max_instances, dtype="float32", name="pooling")(
            features, instances
        )
        super().__init__([image, instances], pooled, **keras_arguments(self, kwargs))
        # === Config ===
        self.input_channels = input_channels
        self.num_features = num_features
        self.filters = filters
        self.num_downsamples = num_downsamples
        self.max_instances = max_instances
        self.upsampling = upsampling

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2**self.num_downsamples

    @property
    def minimum_size(self):
        """The smallest height and width: the first convolution reflects 3 pixels of 4."""
        return max(self.size_multiple, 4)

    def check_label_regions(self, num_classes):
        """Raises `ValueError` if so many classes (None: there are none) cannot be instances."""
        if num_classes is None:
            raise ValueError(
                "`encoder_regions` 'labels' needs label maps, and a condition picture has no "
                "classes: use 'instances'."
            )
        if num_classes > self.max_instances:
            raise ValueError(
                f"With labels for regions, the encoder's `max_instances` must be at least the "
                f"number of classes, {num_classes}. Received: {self.max_instances}."
            )

    def published_convolutions(self):
        """Name in a published checkpoint -> `Convolution`, of all its convolutions."""
        return convolutions(type(self).__name__, self.get_config())

    @classmethod
    def from_config(cls, config):
        return cls(**_without_padding(config))

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "num_features": self.num_features,
            "filters": self.filters,
            "num_downsamples": self.num_downsamples,
            "max_instances": self.max_instances,
            "upsampling": self.upsampling,
        }


@register
class MultiscaleDiscriminator(keras.Model):
    """D1..Dn: the same patch discriminator on an image pyramid, with separate weights.

    Each sees condition and picture concatenated; the pyramid averages both. With 3
    layers the receptive field of a logit is 70 x 70 pixels of its own scale.

    Args:
        input_channels: Channels of condition and picture together.
        filters: Channels of the first layer, doubling up to 512; 64 in the paper.
        num_layers: Convolutions with stride 2 per scale; 3 in the paper.
        num_scales: Number of discriminators; 2 at 512 rows, 3 at 1024 in the paper.
        normalization: "instance" norm as in the paper; "spectral" for spectral norm of every
            convolution and no instance norm (https://arxiv.org/abs/1802.05957); or
            "spectral_instance" for both. An instance norm undoes the scale of the
            convolution before it, so with both only the first and the last are bounded.
        rematerialize: As in `GlobalGenerator`; the features are kept.

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

    def __init__(
        self,
        input_channels: int,
        filters=64,
        num_layers=3,
        num_scales=2,
        rematerialize=False,
        normalization="instance",
        **kwargs,
    ):
        check_sizes(input_channels=input_channels, filters=filters)
        check_sizes(num_layers=num_layers, num_scales=num_scales)
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f"`normalization` is one of {', '.join(NORMALIZATIONS)}. "
                f"Received: {normalization!r}."
            )
        # === Functional model ===
        inputs = keras.Input((None, None, input_channels), name="inputs")
        x = inputs
        outputs, segments = [], Segments()
        for scale in range(num_scales):
            if scale > 0:
                # (batch, h, w, input_channels) -> (batch, ceil(h / 2), ceil(w / 2), ...)
                x = segments.add([x], UnpaddedAveragePooling2D(name=f"half{scale}")(x))
            # Named from the coarsest, so that a finer one can be added to trained ones.
            name = f"scale{num_scales - 1 - scale}"
            outputs.append(
                _patch_discriminator(x, filters, num_layers, name, normalization, segments)
            )
        super().__init__(inputs, outputs, **keras_arguments(self, kwargs))
        self.segments = segments
        # === Config ===
        self.input_channels = input_channels
        self.filters = filters
        self.num_layers = num_layers
        self.num_scales = num_scales
        self.rematerialize = rematerialize
        self.normalization = normalization

    def call(self, inputs, training=None, mask=None):
        if training and self.rematerialize:
            flat = iter(self.segments(self.inputs, self.outputs, [inputs]))
            return [
                [next(flat) for _ in range(self.num_layers + 2)] for _ in range(self.num_scales)
            ]
        outputs = super().call(inputs, training=training, mask=mask)
        # Keras hands out the only element of a list instead of the list.
        return [outputs] if self.num_scales == 1 else outputs

    @property
    def minimum_size(self):
        """The smallest height and width: every normalised map has more than one pixel."""
        # A map of n pixels becomes n // 2 + 1: two pixels always stay two.
        return 2 ** (self.num_scales - 1) + 1

    def published_convolutions(self):
        """Name in a published checkpoint -> `Convolution`, of all its convolutions."""
        return convolutions(type(self).__name__, self.get_config())

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "filters": self.filters,
            "num_layers": self.num_layers,
            "num_scales": self.num_scales,
            "rematerialize": self.rematerialize,
            "normalization": self.normalization,
        }


def _without_padding(config):
    """Returns a stored config without `padding`, which version 0.1 had as an option."""
    if config.get("padding", "zeros") != "zeros":
        raise ValueError(
            f"This network pads its strided convolutions by {config['padding']!r}, which tfsynth "
            "has no more. Load it with tfsynth 0.1.0, or train it again."
        )
    return {key: value for key, value in config.items() if key != "padding"}


def _trunk(x, filters, num_downsamples, num_blocks, upsampling, segments):
    """Returns `filters` channels of the input's size: all of a generator but its head."""
    x = segments.add([x], _stem(x, filters, "stem"))  # (batch, height, width, filters)
    for i in range(num_downsamples):
        # (batch, h, w, c) -> (batch, h / 2, w / 2, 2 * c)
        down = downsampling_convolution(x, filters * 2 ** (i + 1), f"down{i}")
        x = segments.add([x], down)
    for i in range(num_blocks):
        x = segments.add([x], residual_block(x, filters * 2**num_downsamples, f"block{i}"))
    for i in reversed(range(num_downsamples)):
        # (batch, h, w, c) -> (batch, 2 * h, 2 * w, c / 2)
        up = upsampling_convolution(x, filters * 2**i, f"up{i}", upsampling)
        x = segments.add([x], up)
    return x


def _stem(x, filters, name):
    # height -> height + 6 -> height; the width alike.
    x = ReflectionPadding2D(3, name=f"{name}_padding")(x)
    x = layers.Conv2D(filters, 7, kernel_initializer=kernel_initializer(), name=f"{name}_conv")(x)
    x = InstanceNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _head(x, channels, name, output="image"):
    x = ReflectionPadding2D(3, name=f"{name}_padding")(x)
    x = layers.Conv2D(channels, 7, kernel_initializer=kernel_initializer(), name=f"{name}_conv")(x)
    # The picture itself is float32: bfloat16 has too few levels for 8-bit pixels.
    return layers.Activation("tanh", dtype="float32", name=output)(x)


def _patch_discriminator(x, filters, num_layers, name, normalization, segments):
    """Returns the list of one scale: features after each activation, then the logits."""
    convolution = layers.Conv2D if normalization == "instance" else SpectralConv2D
    outputs = []
    for layer in range(num_layers + 2):
        last = layer == num_layers + 1
        channels = 1 if last else min(filters * 2**layer, MAX_DISCRIMINATOR_FILTERS)
        prefix, start = f"{name}_layer{layer}", x
        # n rows -> n // 2 + 1 with stride 2, n + 1 with stride 1; columns alike.
        x = layers.ZeroPadding2D(2, name=f"{prefix}_padding")(x)
        x = convolution(
            channels,
            4,
            strides=2 if layer < num_layers else 1,
            kernel_initializer=kernel_initializer(),
            name=f"{prefix}_conv",
        )(x)
        if 0 < layer and not last and normalization != "spectral":
            x = InstanceNormalization(name=f"{prefix}_norm")(x)
        if not last:
            x = layers.LeakyReLU(0.2, name=f"{prefix}_relu")(x)
        outputs.append(segments.add([start], x))
    return outputs

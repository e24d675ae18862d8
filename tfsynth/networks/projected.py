"""A discriminator on fixed features: Projected GAN, https://arxiv.org/abs/2111.01007, section 3.

The condition enters by projection, https://arxiv.org/abs/1802.05637, equation 3, pixel by pixel
with the layout averaged to the grid of the logits, as in https://arxiv.org/abs/1910.06809,
section 3.2.
"""

from collections.abc import Sequence

import keras
from keras import initializers, layers

from tfsynth.layers import SpectralConv2D
from tfsynth.layers.arguments import MOST_LEVELS, check_list, check_sizes
from tfsynth.registry import keras_arguments, register, without_policy


@register
class ProjectedDiscriminator(keras.Model):
    """Judges pictures by what a fixed network sees in them, at each of its scales.

    The maps of the fixed network are mixed by fixed random weights: across channels by a 1 x 1
    convolution of each level, and across scales by adding each level, doubled, to the next finer
    one. A head per level then has a plain and a strided convolution, both with spectral norm
    (https://arxiv.org/abs/1802.05957), and logits

        D(x, y) = psi(phi(x)) + <phi(x), E y> / sqrt(filters),

    where phi are the head's features at a place, y the condition averaged over that place, psi a
    1 x 1 convolution and E an embedding of the condition's channels.

    The game that plays it has the fixed network as `features`, shows it the picture, and passes
    on what it sees.

    Args:
        condition_channels: Channels of the condition (see `Conditioning`); 0 leaves it out: the
            picture is then judged alone.
        feature_channels: Channels of each map of the fixed network, finest first; a network of
            more levels is read at its first ones.
        mixed_channels: Channels of each level after mixing.
        filters: Channels of a head.
        picture: Whether the finest level sees the picture too, beside its features.
        seed: Seed of the mixing; `None` for Keras's global generator.

    Call arguments:
        inputs: List of the condition, float (batch, height, width, condition_channels), if there
            are any; the picture, float (batch, height, width, 3) in [-1, 1], if it is seen; and
            the maps, of level i (batch, height / 2^i, width / 2^i, feature_channels[i]). Height
            and width are multiples of `size_multiple`.

    Returns:
        One list per scale, the finest first: the features of the head, two tensors, then the
        logits (batch, height / 2^(i + 1), width / 2^(i + 1), 1). All in compute precision.

    Example:

    >>> discriminator = ProjectedDiscriminator(5, (8, 16), mixed_channels=8, filters=4)
    >>> maps = [keras.ops.zeros((1, 32, 32, 8)), keras.ops.zeros((1, 16, 16, 16))]
    >>> inputs = [keras.ops.zeros((1, 32, 32, 5)), keras.ops.zeros((1, 32, 32, 3)), *maps]
    >>> [keras.ops.shape(scale[-1]) for scale in discriminator(inputs)]
    [(1, 16, 16, 1), (1, 8, 8, 1)]
    """

    reads = "features"

    def __init__(
        self,
        condition_channels: int,
        feature_channels: Sequence[int],
        mixed_channels=32,
        filters=32,
        picture=True,
        seed: int | None = None,
        **kwargs,
    ):
        check_sizes(0, condition_channels=condition_channels)
        check_list("feature_channels", feature_channels, parts=MOST_LEVELS)
        check_sizes(mixed_channels=mixed_channels, filters=filters)
        # === Functional model ===
        condition = keras.Input((None, None, condition_channels), name="condition")
        image = keras.Input((None, None, 3), name="image")
        maps = [
            keras.Input((None, None, width), name=f"map{i}")
            for i, width in enumerate(feature_channels)
        ]
        given = [*([condition] if condition_channels else []), *([image] if picture else []), *maps]
        seen = [layers.Concatenate(name="mix0_image")([maps[0], image]), *maps[1:]]
        mixed = _mixed(seen if picture else maps, mixed_channels, seed)
        outputs, pooled = [], condition
        for i, x in enumerate(mixed):
            if condition_channels:
                # (batch, h, w, condition_channels) -> (batch, h / 2, w / 2, condition_channels)
                pooled = layers.AveragePooling2D(2, name=f"scale{i}_condition")(pooled)
            outputs.append(_head(x, pooled if condition_channels else None, filters, f"scale{i}"))
        super().__init__(given, outputs, **keras_arguments(self, kwargs))
        # === Config ===
        self.condition_channels = condition_channels
        self.feature_channels = tuple(feature_channels)
        self.mixed_channels = mixed_channels
        self.filters = filters
        self.picture = picture
        self.seed = seed

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        # Keras hands out the only element of a list instead of the list.
        return [outputs] if len(self.feature_channels) == 1 else outputs

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2 ** len(self.feature_channels)

    @property
    def input_reductions(self):
        """How many times smaller than the picture each input is."""
        whole = int(self.condition_channels > 0) + int(self.picture)
        return [1] * whole + [2**i for i in range(len(self.feature_channels))]

    @property
    def minimum_size(self):
        """The smallest height and width."""
        return self.size_multiple

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "condition_channels": self.condition_channels,
            "feature_channels": list(self.feature_channels),
            "mixed_channels": self.mixed_channels,
            "filters": self.filters,
            "picture": self.picture,
            "seed": self.seed,
        }


def _mixed(maps, channels, seed):
    """Returns the maps mixed by fixed random weights, finest first, each of so many channels."""
    mixed: list = [None] * len(maps)
    for i in reversed(range(len(maps))):
        # Of unit variance for inputs of unit variance, so that the heads see what they start for.
        weights = initializers.LecunNormal(seed=None if seed is None else seed + i)
        x = layers.Conv2D(
            channels,
            1,
            use_bias=False,
            kernel_initializer=weights,
            trainable=False,
            name=f"mix{i}",
        )(maps[i])  # (batch, h, w, ...) -> (batch, h, w, channels)
        if i + 1 < len(maps):
            # (batch, h / 2, w / 2, channels) -> (batch, h, w, channels)
            coarser = layers.UpSampling2D(2, name=f"mix{i}_double")(mixed[i + 1])
            x = layers.Add(name=f"mix{i}_add")([x, coarser])
        mixed[i] = x
    return mixed


def _head(x, condition, filters, name):
    """Returns the list of one scale: two maps of features, then the logits."""
    outputs = []
    # The first one sees every pixel alike: one that strides sees odd and even ones by other
    # weights, and lets a generator weave.
    for number, (kernel, stride) in enumerate(((3, 1), (4, 2))):
        x = SpectralConv2D(
            filters, kernel, strides=stride, padding="same", name=f"{name}_conv{number}"
        )(x)
        x = layers.LeakyReLU(0.2, name=f"{name}_relu{number}")(x)
        outputs.append(x)  # (batch, h, w, filters), then (batch, h / 2, w / 2, filters)
    logits = SpectralConv2D(1, 1, name=f"{name}_logits")(x)
    if condition is not None:
        embedded = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_embedding")(condition)
        logits = InnerProduct(name=f"{name}_projection")([logits, x, embedded])
    return [*outputs, logits]


@register
class InnerProduct(layers.Layer):
    """Adds the inner product of two maps at each place, divided by the root of their channels.

    Call arguments:
        inputs: List of logits (batch, rows, columns, 1) and two tensors (batch, rows, columns,
            channels).

    Returns:
        Tensor (batch, rows, columns, 1).
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._build_at_init()

    def call(self, inputs):
        logits, features, embedded = inputs
        scale = features.shape[-1] ** -0.5
        return logits + scale * keras.ops.sum(features * embedded, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

"""A feature network that is trained on the spot: a small segmenter in the shape of VGG.

Perceptual losses, discriminators and segmentation losses want fixed features of pictures. Those of
a network for ImageNet are a large file with a licence of its own; these are learned in a minute
from the data's own photographs and layouts. Stacks of 3 x 3 convolutions and pooling are VGG's,
https://arxiv.org/abs/1409.1556; the way up, level by level, is U-Net's,
https://arxiv.org/abs/1505.04597.
"""

import keras
from keras import initializers, layers, ops

from tfsynth.layers import StandardizedConv2D
from tfsynth.layers.arguments import MOST_LEVELS, check_list, check_sizes
from tfsynth.registry import keras_arguments, register, without_policy

LOGITS = "logits"


@register
class FeatureNetwork(keras.Model):
    """Features of photographs at several scales, and the class of each pixel.

    Level i works at 1 / 2^i of the size: average pooling (but for the first), then two 3 x 3
    convolutions with ReLUs. Its features are called as VGG's are: `relu1_2`, `relu2_2`, ... A
    decoder of 1 x 1 convolutions sums the levels from the coarsest, and gives the logits at full
    size.

    Features are divided by their own mean over photographs (see `calibrate`), so that every
    channel of every level counts alike.

    Args:
        num_classes: Number of classes, without void ones.
        filters: Channels of each level, finest first.
        seed: Seed of the weights; `None` for Keras's global generator.

    Call arguments:
        image: Float tensor (batch, height, width, 3) in [-1, 1]; height and width are multiples
            of `size_multiple`.

    Returns:
        Dict of `relu<i>_2`, float tensors (batch, height / 2^(i - 1), width / 2^(i - 1),
        filters[i - 1]) of compute precision, at least 0; and `logits`, float32 (batch, height,
        width, num_classes).

    Example:

    >>> network = FeatureNetwork(11, filters=(8, 16))
    >>> maps = network(keras.ops.zeros((1, 32, 64, 3)))
    >>> {name: keras.ops.shape(found) for name, found in maps.items()}
    {'relu1_2': (1, 32, 64, 8), 'relu2_2': (1, 16, 32, 16), 'logits': (1, 32, 64, 11)}
    """

    def __init__(self, num_classes: int, filters=(16, 32, 64, 96), seed=None, **kwargs):
        check_sizes(num_classes=num_classes)
        check_list("filters", filters, parts=MOST_LEVELS)
        # === Functional model ===
        seeds = _seeds(seed)
        image = keras.Input((None, None, 3), name="image")
        x, levels, maps = image, [], {}
        for i, width in enumerate(filters, 1):
            if i > 1:
                # (batch, h, w, ...) -> (batch, h / 2, w / 2, ...)
                x = layers.AveragePooling2D(2, name=f"pool{i}")(x)
            for j in (1, 2):
                gain: dict = {"gain": 1.0} if (i, j) == (1, 1) else {}
                conv = StandardizedConv2D(width, 3, seed=next(seeds), name=f"conv{i}_{j}", **gain)
                x = layers.ReLU(name=f"unscaled{i}_{j}")(conv(x))  # (batch, h, w, filters[i - 1])
            levels.append(x)
            maps[f"relu{i}_2"] = Scale(name=f"relu{i}_2")(x)
        maps[LOGITS] = _decoder(levels, num_classes, seeds)
        super().__init__(image, maps, **keras_arguments(self, kwargs))
        # === Config ===
        self.num_classes = num_classes
        self.filters = tuple(filters)
        self.seed = seed

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2 ** (len(self.filters) - 1)

    @property
    def channels(self):
        """Dict of the name of each map of features -> its channels, finest first."""
        return {f"relu{i}_2": width for i, width in enumerate(self.filters, 1)}

    def calibrate(self, images):
        """Divides each channel by its mean over photographs, when the network is trained.

        Args:
            images: Float tensor (batch, height, width, 3) in [-1, 1].
        """
        for name in self.channels:
            self.get_layer(name).restart()
        sums = dict.fromkeys(self.channels, 0.0)
        for image in images:  # One by one: large pictures have large maps.
            found = self(image[None], training=False)
            for name in sums:
                sums[name] += ops.mean(ops.cast(found[name], "float32"), axis=(0, 1, 2))
        for name, total in sums.items():
            self.get_layer(name).divide_by(total / len(images))

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "num_classes": self.num_classes,
            "filters": list(self.filters),
            "seed": self.seed,
        }


@register
class Scale(layers.Layer):
    """Multiplies each channel by a fixed factor.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).

    Returns:
        A tensor of the same shape and type.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.factors = self.add_weight(
            name="factors", shape=shape, initializer="ones", trainable=False
        )

    def call(self, inputs):
        return inputs * self.factors

    def compute_output_shape(self, input_shape):
        return input_shape

    def restart(self):
        """Sets the factors to 1."""
        self.factors.assign(ops.ones_like(self.factors))

    def divide_by(self, means):
        """Sets the factors to 1 / means, of a channel that is never active to that of the mean.

        Args:
            means: Float tensor (channels,), at least 0.
        """
        # A channel that is almost never active would become as loud as the others.
        least = 0.1 * ops.mean(means)
        self.factors.assign(1.0 / ops.maximum(ops.maximum(means, least), 1e-6))


def _decoder(levels, num_classes, seeds):
    """Returns the logits: levels summed from the coarsest, doubled from each to the next."""
    width = levels[0].shape[-1]
    x = None
    for i, level in reversed(list(enumerate(levels, 1))):
        narrow = max(width, num_classes)
        # (batch, h, w, filters[i - 1]) -> (batch, h, w, narrow)
        y = _pointwise(level, narrow, seeds, f"lateral{i}")
        if x is not None:
            y = layers.Add(name=f"sum{i}")([layers.UpSampling2D(2, name=f"double{i}")(x), y])
        x = y if i == len(levels) else layers.ReLU(name=f"sum_relu{i}")(y)
    # Logits in float32: bfloat16 cannot separate similar classes.
    logits = _pointwise(x, num_classes, seeds, "head")
    return layers.Activation("linear", dtype="float32", name=LOGITS)(logits)


def _pointwise(x, filters, seeds, name):
    glorot = initializers.GlorotUniform(seed=next(seeds))
    return layers.Conv2D(filters, 1, kernel_initializer=glorot, name=name)(x)


def _seeds(seed):
    """Yields one seed per layer: with a single one, layers of one shape would begin equal."""
    while True:
        yield seed
        seed = None if seed is None else seed + 1

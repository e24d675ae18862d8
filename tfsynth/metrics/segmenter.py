"""A small segmenter for scores: a U-Net of weight-standardised convolutions.

The shape is that of U-Net, https://arxiv.org/abs/1505.04597, with residual blocks and sums for
skips; the convolutions are standardised as in https://arxiv.org/abs/1903.10520. Normalising the
weights, not the activations, costs nothing per pixel: on a CPU a training step takes 0.7 of the
time it takes with batch normalisation, and after as many steps the scores are higher.
"""

import keras
from keras import initializers, layers

from tfsynth.layers import StandardizedConv2D
from tfsynth.layers.arguments import MOST_PARTS, check_list, check_sizes
from tfsynth.registry import keras_arguments, register, without_policy

# A residual branch begins as a small correction of what it is added to.
_GAIN_OF_BRANCH = 0.5


@register
class Segmenter(keras.Model):
    """Segments a photograph: one logit per class and pixel.

    Level i works at 1 / 2^(i+1) of the size: a strided convolution and residual blocks on the way
    down, a sum with that level and a convolution on the way up. The mean of the lowest level is
    added to it at every pixel, as the context of the whole picture. The last layer computes each
    2 x 2 pixels from one position, so that only the logits are computed at full size.

    Args:
        num_classes: Number of classes, without void ones.
        filters: Channels of each level, finest first. The defaults cost about 10 ms
            per 96 x 192 picture and training step on two CPU cores in bfloat16.
        blocks: Residual blocks of each level.
        seed: Seed of the weights, so that two networks start with the same ones; `None` for
            Keras's global generator.

    Call arguments:
        image: Float tensor (batch, height, width, 3) in [-1, 1]; height and width are
            multiples of `size_multiple`.

    Returns:
        Float32 logits (batch, height, width, num_classes).

    Example:

    >>> segmenter = Segmenter(11, filters=(8, 8), blocks=(0, 1))
    >>> keras.ops.shape(segmenter(keras.ops.zeros((1, 32, 64, 3))))
    (1, 32, 64, 11)
    """

    def __init__(
        self, num_classes, filters=(32, 64, 96, 128), blocks=(1, 1, 1, 1), seed=None, **kwargs
    ):
        check_sizes(num_classes=num_classes)
        check_list("filters", filters)
        check_list("blocks", blocks, least=0, most=MOST_PARTS)
        if not filters or len(filters) != len(blocks):
            raise ValueError(
                "`filters` and `blocks` have one entry per level, at least one. "
                f"Received: {tuple(filters)} and {tuple(blocks)}."
            )
        # === Functional model ===
        seeds = _seeds(seed)
        image = keras.Input((None, None, 3), name="image")
        x, skips = image, []
        for i, (width, count) in enumerate(zip(filters, blocks, strict=True)):
            first = {"kernel_size": 5, "gain": 1.0} if i == 0 else {}
            # (batch, h, w, ...) -> (batch, h / 2, w / 2, filters[i])
            x = _convolution(x, width, seeds, f"down{i}", strides=2, **first)
            for j in range(count):
                x = _residual_block(x, seeds, f"down{i}_block{j}")
            skips.append(x)
        # (batch, h, w, filters[-1]) -> (batch, 1, 1, filters[-1]), added to every pixel
        context = layers.GlobalAveragePooling2D(keepdims=True, name="context_mean")(x)
        context = _pointwise(context, filters[-1], seeds, "context")
        x = layers.ReLU(name="context_relu")(layers.Add(name="context_add")([x, context]))
        for i in reversed(range(len(filters) - 1)):
            x = _pointwise(x, filters[i], seeds, f"up{i}_narrow")
            # (batch, h, w, filters[i]) -> (batch, 2 * h, 2 * w, filters[i]), the skip's shape
            x = layers.UpSampling2D(2, name=f"up{i}_double")(x)
            skip = _pointwise(skips[i], filters[i], seeds, f"up{i}_skip")
            x = layers.ReLU(name=f"up{i}_sum_relu")(layers.Add(name=f"up{i}_sum")([x, skip]))
            x = _convolution(x, filters[i], seeds, f"up{i}")
        # (batch, height / 2, width / 2, filters[0]) -> (batch, height, width, num_classes)
        x = layers.Conv2DTranspose(
            num_classes, 2, strides=2, kernel_initializer=_glorot(seeds), name="head"
        )(x)
        # Logits in float32: bfloat16 cannot separate similar classes.
        logits = layers.Activation("linear", dtype="float32", name="logits")(x)
        super().__init__(image, logits, **keras_arguments(self, kwargs))
        # === Config ===
        self.num_classes = num_classes
        self.filters = tuple(filters)
        self.blocks = tuple(blocks)
        self.seed = seed

    @property
    def size_multiple(self):
        """Height and width must be multiples of this many pixels."""
        return 2 ** len(self.filters)

    @property
    def receptive_field(self):
        """Side in pixels of the square that a logit depends on, the context left out.

        Of the largest: which rows and columns a pixel depends on changes with its place in the
        grid of the coarsest level. The context, one mean of the whole picture, is added to every
        pixel alike.
        """
        # The head computes 2 x 2 logits from one position of the finest level.
        places = range(self.size_multiple // 2)
        ends = [self._pixels((place, place), 0, decoded=True) for place in places]
        return max(last - first + 1 for first, last in ends)

    def _pixels(self, span, level, decoded):
        """Returns the rows of the picture that rows of a level depend on, first and last.

        Args:
            span: The first and the last row of the level.
            level: Its number, 0 for the finest.
            decoded: Whether they are rows of the way up, which hold those of coarser levels.
        """
        first, last = span
        if decoded and level < len(self.filters) - 1:
            first, last = first - 1, last + 1  # The 3 x 3 convolution after the sum.
            coarser = self._pixels((first // 2, last // 2), level + 1, decoded=True)
            skip = self._pixels((first, last), level, decoded=False)
            return min(coarser[0], skip[0]), max(coarser[1], skip[1])
        # Two 3 x 3 convolutions a block.
        first, last = first - 2 * self.blocks[level], last + 2 * self.blocks[level]
        # With strides of 2 "same" pads an even side by 0 and 1 (3 x 3) or 1 and 2 (5 x 5).
        before, after = (1, 3) if level == 0 else (0, 2)
        first, last = 2 * first - before, 2 * last + after
        return (first, last) if level == 0 else self._pixels((first, last), level - 1, False)

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "num_classes": self.num_classes,
            "filters": list(self.filters),
            "blocks": list(self.blocks),
            "seed": self.seed,
        }


def _seeds(seed):
    """Yields one seed per layer: with a single one, layers of one shape would begin equal."""
    while True:
        yield seed
        seed = None if seed is None else seed + 1


def _glorot(seeds):
    return initializers.GlorotUniform(seed=next(seeds))


def _pointwise(x, filters, seeds, name):
    return layers.Conv2D(filters, 1, kernel_initializer=_glorot(seeds), name=name)(x)


def _convolution(x, filters, seeds, name, **options):
    x = StandardizedConv2D(filters, seed=next(seeds), name=f"{name}_conv", **options)(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _residual_block(x, seeds, name):
    filters = x.shape[-1]
    y = _convolution(x, filters, seeds, f"{name}_first")
    y = StandardizedConv2D(
        filters, gain=_GAIN_OF_BRANCH, seed=next(seeds), name=f"{name}_second_conv"
    )(y)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))

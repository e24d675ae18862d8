"""VGG-19 up to its fifth level, https://arxiv.org/abs/1409.1556, table 1, column E."""

import keras
from keras import layers

from tfsynth.registry import keras_arguments, register, without_policy

# Convolutions and channels of each level; of the fifth, those that the published losses read.
_LEVELS = ((2, 64), (2, 128), (4, 256), (4, 512), (2, 512))
_POOLINGS = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
RELU_NAMES = tuple(
    f"relu{level}_{i}"
    for level, (count, _) in enumerate(_LEVELS, start=1)
    for i in range(1, count + 1)
)


@register
class VGG19(keras.Model):
    """The feature network of perceptual losses, without its classifier.

    The weights are not part of the package: see `tfsynth.importers`.

    Args:
        outputs: Names of the activations to return, of `RELU_NAMES`.
        pooling: "max" as published, or "average" as in Cascaded Refinement Networks.
        preprocessing: Preprocessing of the picture. "none": it stays in [-1, 1], as pix2pixHD feeds
            it to torchvision's weights; "torchvision": the mean and deviation of ImageNet that
            these were trained with; "keras": BGR in 0..255 minus its mean, as the weights of
            `keras.applications.VGG19` were trained; "matconvnet": the same in RGB, as Cascaded
            Refinement Networks feeds it to `imagenet-vgg-verydeep-19.mat`.

    Call arguments:
        image: Float tensor (batch, height, width, 3), RGB in [-1, 1].

    Returns:
        Dict of name -> tensor (batch, rows, columns, channels), not negative. Level n
        is 2 ** (n - 1) times smaller than the picture.

    Example:

    >>> features = VGG19(["relu1_1"])(keras.ops.zeros((1, 16, 16, 3)))
    >>> keras.ops.shape(features["relu1_1"])
    (1, 16, 16, 64)
    """

    def __init__(
        self,
        outputs=("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
        pooling="max",
        preprocessing="none",
        **kwargs,
    ):
        unknown = [name for name in outputs if name not in RELU_NAMES]
        if unknown or not outputs:
            raise ValueError(f"`outputs` are of {', '.join(RELU_NAMES)}. Received: {outputs}.")
        if pooling not in _POOLINGS:
            raise ValueError(f"`pooling` is one of {list(_POOLINGS)}. Received: {pooling!r}.")
        # === Functional model ===
        image = keras.Input((None, None, 3), name="image")
        last = max(RELU_NAMES.index(name) for name in outputs)
        found = {}
        x = _preprocess(image, preprocessing)
        for level, (count, filters) in enumerate(_LEVELS, start=1):
            for i in range(1, count + 1):
                if len(found) > last:
                    break
                if i == 1 and level > 1:
                    # (batch, h, w, filters) -> (batch, h // 2, w // 2, filters)
                    x = _POOLINGS[pooling](2, name=f"pool{level - 1}")(x)
                x = layers.Conv2D(filters, 3, padding="same", name=f"conv{level}_{i}")(x)
                x = layers.ReLU(name=f"relu{level}_{i}")(x)
                found[f"relu{level}_{i}"] = x
        super().__init__(
            image, {name: found[name] for name in outputs}, **keras_arguments(self, kwargs)
        )
        # === Config ===
        self.features = tuple(outputs)
        self.pooling = pooling
        self.preprocessing = preprocessing

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "outputs": list(self.features),
            "pooling": self.pooling,
            "preprocessing": self.preprocessing,
        }


def _preprocess(image, preprocessing):
    # Written as factor and offset per channel of the picture in [-1, 1].
    if preprocessing == "none":
        return image
    if preprocessing == "torchvision":
        deviations, means = (0.229, 0.224, 0.225), (0.485, 0.456, 0.406)
        scale = [0.5 / deviation for deviation in deviations]
        offset = [(0.5 - m) / d for m, d in zip(means, deviations, strict=True)]
        return layers.Rescaling(scale, offset, name="preprocessing")(image)
    if preprocessing in ("keras", "matconvnet"):
        offset = [127.5 - mean for mean in (123.68, 116.779, 103.939)]
        scaled = layers.Rescaling([127.5] * 3, offset, name="preprocessing")(image)
        return keras.ops.flip(scaled, axis=-1) if preprocessing == "keras" else scaled
    raise ValueError(
        "`preprocessing` is one of none, torchvision, keras, matconvnet. "
        f"Received: {preprocessing!r}."
    )

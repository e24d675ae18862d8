"""Strided and transposed convolutions, aligned as in the published networks.

Keras's `padding="same"` places every strided layer one pixel away from where
PyTorch puts it on even sizes; the pads and crops here are explicit.
"""

from keras import initializers, layers

from tfsynth.layers.normalization import InstanceNormalization
from tfsynth.layers.upsampling import NearestUpSampling2D

# pix2pixHD draws every convolution kernel from N(0, 0.02).
KERNEL_STDDEV = 0.02

UPSAMPLING_METHODS = ("transposed", "resize")


def kernel_initializer():
    """Returns a fresh N(0, 0.02) initializer (pix2pixHD's choice for every kernel)."""
    return initializers.RandomNormal(stddev=KERNEL_STDDEV)


def downsampling_convolution(x, filters, name):
    """Halves (height, width): padding 1, 3 x 3 convolution with stride 2, norm, ReLU.

    Args:
        x: Keras tensor (batch, height, width, channels).
        filters: Number of output channels.
        name: Prefix of the layers' names.

    Returns:
        Keras tensor (batch, ceil(height / 2), ceil(width / 2), filters).
    """
    # height -> height + 2 -> ceil(height / 2); the width alike.
    x = layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
    x = layers.Conv2D(
        filters, 3, strides=2, kernel_initializer=kernel_initializer(), name=f"{name}_conv"
    )(x)
    x = InstanceNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def upsampling_convolution(x, filters, name, method="transposed"):
    """Doubles (height, width) by a 3 x 3 convolution, then norm and ReLU.

    "transposed": a transposed convolution with stride 2, as published. The valid one
    gives 2n + 1 rows; PyTorch's padding 1 with output padding 1 is this result without
    its first row and column. "resize": every pixel is repeated, then convolved, which
    treats all pixels alike (https://distill.pub/2016/deconv-checkerboard).

    Args:
        x: Keras tensor (batch, height, width, channels).
        filters: Number of output channels.
        name: Prefix of the layers' names.
        method: One of `UPSAMPLING_METHODS`.

    Returns:
        Keras tensor (batch, 2 * height, 2 * width, filters).

    Raises:
        ValueError: If the method is unknown.
    """
    if method not in UPSAMPLING_METHODS:
        raise ValueError(
            f"`upsampling` is one of {', '.join(UPSAMPLING_METHODS)}. Received: {method!r}."
        )
    if method == "transposed":
        # height -> 2 * height + 1 -> 2 * height; the width alike.
        x = layers.Conv2DTranspose(
            filters, 3, strides=2, kernel_initializer=kernel_initializer(), name=f"{name}_conv"
        )(x)
        x = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
    else:
        # height -> 2 * height -> 2 * height + 2 -> 2 * height; the width alike.
        x = NearestUpSampling2D(name=f"{name}_resize")(x)
        x = layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
        x = layers.Conv2D(filters, 3, kernel_initializer=kernel_initializer(), name=f"{name}_conv")(
            x
        )
    x = InstanceNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)

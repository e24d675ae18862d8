"""Strided and transposed convolutions, aligned as in the published networks.

Keras's `padding="same"` places every strided layer one pixel away from where
PyTorch puts it on even sizes; the pads and crops here are explicit.
"""

from keras import initializers, layers

from tfsynth.layers.normalization import InstanceNormalization
from tfsynth.layers.padding import ReflectionPadding2D

# pix2pixHD draws every convolution kernel from N(0, 0.02).
KERNEL_STDDEV = 0.02

UPSAMPLING_METHODS = ("transposed", "resize")
PADDINGS = ("zeros", "reflect")


def kernel_initializer():
    """Returns a fresh N(0, 0.02) initializer (pix2pixHD's choice for every kernel)."""
    return initializers.RandomNormal(stddev=KERNEL_STDDEV)


def downsampling_convolution(x, filters, name, padding="zeros"):
    """Halves (height, width): padding 1, 3 x 3 convolution with stride 2, norm, ReLU.

    Args:
        x: Keras tensor (batch, height, width, channels).
        filters: Number of output channels.
        name: Prefix of the layers' names.
        padding: One of `PADDINGS`; zeros as published.

    Returns:
        Keras tensor (batch, ceil(height / 2), ceil(width / 2), filters).

    Raises:
        ValueError: If the padding is unknown.
    """
    x = _padding_layer(padding, f"{name}_padding")(x)
    x = layers.Conv2D(
        filters, 3, strides=2, kernel_initializer=kernel_initializer(), name=f"{name}_conv"
    )(x)
    x = InstanceNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def upsampling_convolution(x, filters, name, method="transposed", padding="zeros"):
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
        padding: One of `PADDINGS`, for "resize"; a transposed convolution has none.

    Returns:
        Keras tensor (batch, 2 * height, 2 * width, filters).

    Raises:
        ValueError: If the method or the padding is unknown.
    """
    padding_layer = _padding_layer(padding, f"{name}_padding")
    if method not in UPSAMPLING_METHODS:
        raise ValueError(
            f"Upsampling is one of {', '.join(UPSAMPLING_METHODS)}. Received: {method!r}."
        )
    if method == "transposed":
        x = layers.Conv2DTranspose(
            filters, 3, strides=2, kernel_initializer=kernel_initializer(), name=f"{name}_conv"
        )(x)
        x = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
    else:
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_resize")(x)
        x = padding_layer(x)
        x = layers.Conv2D(filters, 3, kernel_initializer=kernel_initializer(), name=f"{name}_conv")(
            x
        )
    x = InstanceNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _padding_layer(padding, name):
    if padding not in PADDINGS:
        raise ValueError(f"Padding is one of {', '.join(PADDINGS)}. Received: {padding!r}.")
    return (
        ReflectionPadding2D(1, name=name)
        if padding == "reflect"
        else layers.ZeroPadding2D(1, name=name)
    )

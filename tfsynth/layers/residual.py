"""The residual block of pix2pixHD's generators, https://arxiv.org/abs/1711.11585, appendix A."""

from keras import layers

from tfsynth.layers.normalization import InstanceNormalization
from tfsynth.layers.padding import ReflectionPadding2D
from tfsynth.layers.resampling import kernel_initializer


def residual_block(x, filters, name):
    """Adds to `x` two reflected 3 x 3 convolutions with instance norm.

    A ReLU follows the first norm only: there is none after the sum.

    Args:
        x: Keras tensor (batch, height, width, filters); at least 2 x 2 pixels.
        filters: Number of channels of `x`.
        name: Prefix of the layers' names.

    Returns:
        Keras tensor of the shape of `x`.
    """
    branch = x
    for index in (1, 2):
        # (batch, height + 2, width + 2, filters), and by the convolution the size of `x` again.
        branch = ReflectionPadding2D(1, name=f"{name}_padding{index}")(branch)
        branch = layers.Conv2D(
            filters, 3, kernel_initializer=kernel_initializer(), name=f"{name}_conv{index}"
        )(branch)
        branch = InstanceNormalization(name=f"{name}_norm{index}")(branch)
        if index == 1:
            branch = layers.ReLU(name=f"{name}_relu")(branch)
    return layers.Add(name=f"{name}_sum")([x, branch])

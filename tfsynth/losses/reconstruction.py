"""Losses between a synthesised picture and its photograph, pixel by pixel."""

from keras import ops

from tfsynth.losses.loss import Loss
from tfsynth.registry import register


@register
class L1Loss(Loss):
    """Mean absolute difference, pix2pix, https://arxiv.org/abs/1611.07004, equation 3.

    Args:
        weight: Factor in the generator's total; 100 in pix2pix.

    Call arguments:
        real: Tensor (batch, height, width, channels) in [-1, 1].
        fake: The same, or (batch, k, height, width, channels): each of the k is compared.

    Returns:
        Float32 scalar in 0..2.

    Example:

    >>> float(L1Loss()(keras.ops.ones((1, 2, 2, 3)), keras.ops.zeros((1, 2, 2, 3))))
    1.0
    """

    name = "l1"
    asks = ("real", "fake")
    many_pictures = True

    def __init__(self, weight=100.0):
        super().__init__(weight)

    def __call__(self, real, fake):
        if len(fake.shape) == 5:
            real = real[:, None]  # -> (batch, 1, height, width, channels)
        return ops.mean(ops.abs(ops.cast(real, "float32") - ops.cast(fake, "float32")))

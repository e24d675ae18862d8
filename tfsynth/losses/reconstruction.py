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
        fake: The same.

    Returns:
        Float32 scalar in 0..2.

    Example:

    >>> float(L1Loss()(keras.ops.ones((1, 2, 2, 3)), keras.ops.zeros((1, 2, 2, 3))))
    1.0
    """

    def __init__(self, weight=100.0):
        super().__init__(weight)

    def __call__(self, real, fake):
        return ops.mean(ops.abs(ops.cast(real, "float32") - ops.cast(fake, "float32")))

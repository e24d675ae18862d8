"""Feature matching, https://arxiv.org/abs/1711.11585, section 3.2, equation 4."""

from keras import ops

from tfsynth.losses.loss import Loss
from tfsynth.registry import register


@register
class FeatureMatchingLoss(Loss):
    """L1 between a discriminator's features of a photograph and of a synthesised picture.

    4 / maps times the sum over the maps of a scale, then the mean over scales: the
    factors of the published implementation, which are 1 for its 4 maps.

    Args:
        weight: Factor in the generator's total; 10 in pix2pixHD.

    Call arguments:
        real_features: One list of feature maps per scale; no gradient flows into them.
        fake_features: The same of the synthesised picture.

    Returns:
        Float32 scalar.

    Example:

    >>> ones, zeros = keras.ops.ones((1, 2, 2, 3)), keras.ops.zeros((1, 2, 2, 3))
    >>> float(FeatureMatchingLoss()([[ones] * 4], [[zeros] * 4]))
    4.0
    """

    name = "feature_matching"
    asks = ("real_features", "fake_features")

    def __init__(self, weight=10.0):
        super().__init__(weight)

    def __call__(self, real_features, fake_features):
        scales = [
            4.0 / len(r) * ops.sum(ops.stack([_l1(a, b) for a, b in zip(r, f, strict=True)]))
            for r, f in zip(real_features, fake_features, strict=True)
        ]
        return ops.mean(ops.stack(scales))  # (scales,) -> scalar


def _l1(real, fake):
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    return ops.mean(ops.abs(ops.stop_gradient(real) - fake))

"""The distance between what the game's fixed network sees in two pictures.

Feature reconstruction, https://arxiv.org/abs/1603.08155, section 3.2, by L1 as in Cascaded
Refinement Networks, https://arxiv.org/abs/1707.09405, equation 1.
"""

import math
from collections.abc import Mapping

from keras import ops

from tfsynth.losses.loss import Loss
from tfsynth.registry import register


@register
class FeatureReconstructionLoss(Loss):
    """Weighted sum of the L1 distances between the maps of the game's `features`.

    sum over maps m of weight_m * mean(|m(real) - m(fake)|), the mean over pixels, channels and
    batch. It is the perceptual loss by a network that the run has trained itself (see
    `FeatureNetwork`); `PerceptualLoss` reads the network from a file.

    Args:
        layer_weights: Dict of map name -> factor; `None` for 1 for every map of features.
        weight: Factor in the generator's total.

    Call arguments:
        real_maps: Dict of map name -> tensor (batch, rows, columns, channels), of the photograph;
            no gradient flows into it.
        fake_maps: The same of the synthesised picture.

    Returns:
        Float32 scalar.

    Example:

    >>> real, fake = {"relu1_2": keras.ops.ones((1, 2, 2, 3))}, {"relu1_2": keras.ops.zeros(3)}
    >>> float(FeatureReconstructionLoss()(real, fake))
    1.0
    """

    name = "feature_reconstruction"
    asks = ("real_maps", "fake_maps")

    def __init__(self, layer_weights: Mapping[str, float] | None = None, weight=10.0):
        super().__init__(weight)
        self.layer_weights = None if layer_weights is None else dict(layer_weights)
        weights = (self.layer_weights or {}).values()
        if self.layer_weights == {} or not all(0 <= w < math.inf for w in weights):
            raise ValueError(
                "`layer_weights` of the FeatureReconstructionLoss has a number, 0 or more, for one "
                f"map at least; nothing for 1 for every map. Received: {self.layer_weights}."
            )

    def check_maps(self, features, num_classes):
        """Raises `ValueError` if the game's fixed network lacks a map."""
        known = list(features.channels)
        if unknown := [name for name in self.layer_weights or () if name not in known]:
            raise ValueError(
                f"`layer_weights` of the FeatureReconstructionLoss names {unknown[0]!r}; the maps "
                f"of the game's `features` are {', '.join(known)}."
            )

    def __call__(self, real_maps, fake_maps):
        weights = self.layer_weights or {name: 1.0 for name in real_maps if name != "logits"}
        errors = [w * _l1(real_maps[name], fake_maps[name]) for name, w in weights.items()]
        return ops.sum(ops.stack(errors))

    def get_config(self):
        return {**super().get_config(), "layer_weights": self.layer_weights}


def _l1(real, fake):
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    return ops.mean(ops.abs(ops.stop_gradient(real) - fake))

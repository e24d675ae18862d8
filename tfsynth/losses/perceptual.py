"""Distances between features of a fixed network: the perceptual loss.

pix2pixHD, https://arxiv.org/abs/1711.11585, section 3.2, and Cascaded Refinement Networks,
https://arxiv.org/abs/1707.09405, equation 1; with the published layer weights of both.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import ops

from tfsynth.layers import with_channels
from tfsynth.losses.frozen import load_frozen, refuse_channels
from tfsynth.losses.loss import Loss
from tfsynth.registry import register

# The name of the picture itself among the layers, in grey levels 0..255.
IMAGE = "image"
_LEVELS_PER_UNIT = 127.5


def _crn(*divisors):
    names = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
    return {IMAGE: 1.0, **{name: 1.0 / d for name, d in zip(names, divisors, strict=True)}}


# Per layer of VGG-19, factors of the mean absolute difference. Those of Cascaded Refinement
# Networks are what its programs divide by; they belong to activations of the Caffe weights on
# RGB pictures in 0..255 minus the mean, with average pooling.
PUBLISHED_LAYER_WEIGHTS = {
    "pix2pixhd": {
        "relu1_1": 1 / 32,
        "relu2_1": 1 / 16,
        "relu3_1": 1 / 8,
        "relu4_1": 1 / 4,
        "relu5_1": 1.0,
    },
    "crn_initial": _crn(1, 1, 1, 1, 0.1),
    "crn_cityscapes_256": _crn(1.6, 2.3, 1.8, 2.8, 0.08),
    # Of 1024 x 2048 pixels too.
    "crn_cityscapes_512": _crn(2.6, 4.8, 3.7, 5.6, 0.15),
    "crn_gta_256": _crn(1.4, 1.8, 1.3, 2.2, 0.062),
}


@register
class PerceptualLoss(Loss):
    """Weighted sum of the L1 distances between a network's features of two pictures.

    sum over layers l of weight_l * mean(|features_l(real) - features_l(fake)|), the mean over
    pixels, channels and batch. The layer "image" is the picture itself, in grey levels 0..255;
    it alone needs no network.

    The network is fixed: a file, named by path and SHA-256, which is never downloaded and
    never saved with a trainer. A loss that is saved and loaded reads the same file again and
    refuses another.

    Args:
        features: Path of a `.keras` file: a network from RGB pictures in [-1, 1] to a dict
            of named feature maps, such as `VGG19`. Or the `keras.Model` itself; such a
            loss cannot be saved. `None` if "image" is the only layer.
        sha256: The file's SHA-256 in hexadecimal digits; `None` accepts the file as it is,
            and writes its SHA-256 into the config.
        layer_weights: Dict of output name (or "image") -> factor, or a name of
            `PUBLISHED_LAYER_WEIGHTS`; `None` for "pix2pixhd". Published factors fit the
            features that they were estimated with; those of other features are balanced by
            re-estimation (see `trainers.ReestimateLayerWeights`).
        weight: Factor in the generator's total; 10 in pix2pixHD, 1 in Cascaded Refinement
            Networks.

    Call arguments:
        real: Float tensor (batch, height, width, channels) in [-1, 1], of the network's channels
            or of one, which is repeated; no gradient flows into it.
        fake: The same.

    Returns:
        Float32 scalar.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file's SHA-256 is another, or an output is missing.

    Example: half of the range of [-1, 1] is 127.5 grey levels.

    >>> loss = PerceptualLoss(None, layer_weights={"image": 2.0})
    >>> float(loss(keras.ops.ones((1, 4, 4, 3)), keras.ops.zeros((1, 4, 4, 3))))
    255.0
    """

    name = "perceptual"
    asks = ("real", "fake")
    policy = None  # The features' dtype policy: the one in force.

    def __init__(
        self,
        features: keras.Model | str | Path | None,
        sha256: str | None = None,
        layer_weights: Mapping[str, float] | str | None = None,
        weight=10.0,
    ):
        super().__init__(weight)
        self.layer_weights = _layer_weights(layer_weights)
        self.path = None
        self.sha256 = sha256
        self.network: Any = None
        wanted = set(self.layer_weights) - {IMAGE}
        if features is None and wanted:
            raise ValueError(
                f"The layers {', '.join(sorted(wanted))} are a feature network's: give `features`, "
                f"or {IMAGE!r} as the only one of `layer_weights`."
            )
        if isinstance(features, keras.Model):
            self.network = features
        elif features is not None:
            self.path = str(features)
            remedy = "make the file with `tfsynth import vgg19 vgg19-dcbb9e9d.pth`"
            self.network, self.sha256 = load_frozen(
                self.path, sha256, "feature network", remedy, self.policy
            )
        if self.network is not None:
            _require_outputs(self.network, wanted)

    @property
    def layers(self):
        """Names of the layers, in the order of `terms`."""
        return tuple(self.layer_weights)

    @property
    def input_channels(self):
        """Channels that the network reads; `None` for any."""
        return None if self.network is None else self.network.inputs[0].shape[-1]

    def check(self, num_classes, channels):
        """Raises `ValueError` if the network cannot read pictures of so many channels."""
        if self.network is not None:
            refuse_channels("perceptual loss", self.input_channels, channels)

    def __call__(self, real, fake):
        return ops.sum(self.terms(real, fake))

    def terms(self, real, fake, factors=None):
        """Returns what each layer adds to the loss.

        Args:
            real: As in a call.
            fake: As in a call.
            factors: Float tensor (layers,) that multiplies the layers' weights; `None` for ones.

        Returns:
            Float32 tensor (layers,), in the order of `layers`.
        """
        errors = [
            ops.mean(ops.abs(r - f))
            for r, f in zip(self._real_features(real), self._features(fake), strict=True)
        ]
        return self._weights(factors) * ops.stack(errors)  # (layers,)

    def _weights(self, factors):
        weights = ops.convert_to_tensor(list(self.layer_weights.values()), "float32")
        return weights if factors is None else weights * ops.cast(factors, "float32")

    def _real_features(self, picture):
        return [ops.stop_gradient(f) for f in self._features(ops.stop_gradient(picture))]

    def _features(self, picture):
        """Returns float32 features, in the order of `layers`."""
        picture = ops.cast(picture, "float32")
        found = {}
        if self.network is not None:
            # {name: (batch, rows, columns, channels)}, rows and columns of each layer its own
            found = self.network(with_channels(picture, self.input_channels), training=False)
        found = {**found, IMAGE: _LEVELS_PER_UNIT * picture}
        return [ops.cast(found[name], "float32") for name in self.layer_weights]

    def get_config(self):
        if self.path is None and self.network is not None:
            raise ValueError(
                f"This {type(self).__name__} was given a network, not a file, and cannot be saved: "
                "save the network with `network.save(path)` and give the path."
            )
        return {
            **super().get_config(),
            "features": self.path,
            "sha256": self.sha256,
            "layer_weights": self.layer_weights,
        }


def _layer_weights(given):
    if isinstance(given, str) and given not in PUBLISHED_LAYER_WEIGHTS:
        raise ValueError(
            f"`layer_weights` is a mapping, or one of {', '.join(PUBLISHED_LAYER_WEIGHTS)}. "
            f"Received: {given!r}."
        )
    named = "pix2pixhd" if given is None else given
    weights = PUBLISHED_LAYER_WEIGHTS[named] if isinstance(named, str) else named
    if not weights:
        raise ValueError("`layer_weights` names at least one layer. Received none.")
    return dict(weights)


def _require_outputs(network, wanted):
    names = sorted(network.output) if isinstance(network.output, dict) else []
    missing = wanted - set(names)
    if missing:
        raise ValueError(
            f"The feature network has no output {', '.join(sorted(missing))}. Its outputs: "
            f"{', '.join(names) or 'no dict'}. Give `layer_weights` for these."
        )

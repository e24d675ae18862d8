"""Distances between features of a fixed network: the perceptual loss.

pix2pixHD, https://arxiv.org/abs/1711.11585, section 3.2, and its published weights.
"""

import hashlib
from pathlib import Path

import keras
from keras import ops

from tfsynth.losses.loss import Loss
from tfsynth.registry import register

# Per level of VGG-19, the published weights of pix2pixHD.
PIX2PIXHD_LAYER_WEIGHTS = {
    "relu1_1": 1 / 32,
    "relu2_1": 1 / 16,
    "relu3_1": 1 / 8,
    "relu4_1": 1 / 4,
    "relu5_1": 1.0,
}


@register
class PerceptualLoss(Loss):
    """Weighted sum of the L1 distances between a network's features of two pictures.

    The network is fixed: a file, named by path and SHA-256, which is never fetched from
    anywhere and never saved with a trainer. A loss that is saved and loaded reads the same
    file again and refuses another.

    Args:
        features: Path of a `.keras` file: a network from RGB pictures in [-1, 1] to a dict
            of named feature maps, such as `VGG19`. Or the `keras.Model` itself; such a
            loss cannot be saved.
        sha256: The file's SHA-256 in hexadecimal digits; `None` accepts the file as it is,
            and writes its SHA-256 into the config.
        layer_weights: Dict of output name -> factor; `None` for those of pix2pixHD.
        weight: Factor in the generator's total; 10 in pix2pixHD.

    Call arguments:
        real: Float tensor (batch, height, width, channels) in [-1, 1], of the network's channels
            or of one, which is repeated; no gradient flows into it.
        fake: The same.

    Returns:
        Float32 scalar.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file's SHA-256 is another, or an output is missing.
    """

    def __init__(self, features, sha256=None, layer_weights=None, weight=10.0):
        super().__init__(weight)
        self.layer_weights = dict(layer_weights or PIX2PIXHD_LAYER_WEIGHTS)
        self.path = None
        self.sha256 = sha256
        if isinstance(features, keras.Model):
            network = features
        else:
            self.path = str(features)
            network, self.sha256 = _load(Path(features).expanduser(), sha256)
        names = sorted(network.output) if isinstance(network.output, dict) else []
        missing = set(self.layer_weights) - set(names)
        if missing:
            raise ValueError(
                f"The feature network has no output {', '.join(sorted(missing))}. Its outputs: "
                f"{', '.join(names) or 'no dict'}. Give `layer_weights` for these."
            )
        self.network = network

    @property
    def input_channels(self):
        """Channels that the network reads."""
        return self.network.inputs[0].shape[-1]

    def check_channels(self, channels):
        """Raises `ValueError` if the network cannot read pictures of so many channels."""
        if channels not in (1, self.input_channels):
            raise ValueError(
                f"The perceptual loss reads pictures of {self.input_channels} channels, or of one, "
                f"which is repeated; the generator's have {channels}. Leave the loss out, or name "
                "a network of as many channels."
            )

    def __call__(self, real, fake):
        real = self._features(ops.stop_gradient(ops.cast(real, "float32")))
        fake = self._features(ops.cast(fake, "float32"))
        terms = [
            weight * _l1(ops.stop_gradient(real[name]), fake[name])
            for name, weight in self.layer_weights.items()
        ]
        return ops.sum(ops.stack(terms))

    def _features(self, picture):
        if picture.shape[-1] == 1:
            picture = ops.repeat(picture, self.input_channels, axis=-1)
        return self.network(picture, training=False)

    def get_config(self):
        if self.path is None:
            raise ValueError(
                "This PerceptualLoss was given a network, not a file, and cannot be saved: save "
                "the network with `network.save(path)` and give the path."
            )
        return {
            **super().get_config(),
            "features": self.path,
            "sha256": self.sha256,
            "layer_weights": self.layer_weights,
        }


def _load(path, expected):
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path} for the perceptual loss. It needs the weights of a feature "
            "network, which are never downloaded; make the file with "
            "`tfsynth import vgg19 vgg19-dcbb9e9d.pth`, or name another."
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is not None and found != expected.lower():
        raise ValueError(
            f"{path} is not the feature network of this config: its SHA-256 is {found}, expected "
            f"{expected}. Scores with other features cannot be compared; give the right file, or "
            "change `sha256`."
        )
    return keras.saving.load_model(path, compile=False), found


def _l1(real, fake):
    return ops.mean(ops.abs(ops.cast(real, "float32") - ops.cast(fake, "float32")))

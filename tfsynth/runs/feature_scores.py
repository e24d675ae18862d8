"""Scores of pictures by the features of a network: distance of distributions, and memorisation."""

from pathlib import Path

import numpy as np

from tfsynth import metrics
from tfsynth.config import ConfigError
from tfsynth.files import sha256_of
from tfsynth.models import read_model
from tfsynth.synthesis.synthesizer import Synthesizer
from tfsynth.trainers import Trainer

# Training pictures whose distance from the test pictures is measured, at most: the time grows with
# the square. They are spread over the split.
MOST_TRAINING = 1000


class FeatureScores:
    """Scores pictures by the features of one file.

    Args:
        path: A `.keras` file: a network from RGB pictures in [-1, 1] to features.
        size: (height, width) in pixels of the pictures to score.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or gives no features of one picture of this size.
    """

    def __init__(self, path, size):
        path = Path(path).expanduser()
        self.model = _read(path, size)
        self.origin = {"name": self.model.name, "sha256": sha256_of(path)}

    def score(self, synthesised, real, training):
        """Returns plain data: `kernel_distance` and `nearest`, each with the name of the features.

        Args:
            synthesised: Sequence of uint8 pictures (height, width, 3).
            real: Sequence of the real pictures of the same layouts.
            training: Sequence of the real pictures of the training split, read as they are needed;
                of the size of the others.
        """
        step = -(-len(training) // MOST_TRAINING)
        some = [picture for i, picture in enumerate(training) if i % step == 0]
        return {
            "kernel_distance": {
                "features": self.origin,
                "synthesised": self._distance(synthesised, real),
                "training": self._distance(some, real),
            },
            "nearest": {"features": self.origin, **self._nearest(synthesised, real, training)},
        }

    def _distance(self, pictures, real):
        if min(len(pictures), len(real)) < 2:
            return None
        found = metrics.kernel_distance(pictures, real, self.model)
        spread = None if np.isnan(found.spread) else found.spread
        return {"distance": found.distance, "spread": spread, "pictures": found.pictures}

    def _nearest(self, synthesised, real, training):
        found = metrics.nearest_training_pictures(synthesised, training, real, self.model)
        closest = int(found.ratio.argmin())
        return {
            "synthesised": {
                **_ratios(found.ratio),
                "nearer": found.nearer,
                "closest": {"example": closest, "training_example": int(found.index[closest])},
            },
            # By definition of the ratio its median is 1, and one half of them is nearer.
            "test": {**_ratios(found.held_out / np.median(found.held_out)), "nearer": 0.5},
        }


def _read(path, size):
    """Returns the `FeatureModel` in a file, once it has described a blank picture."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path} of a feature network.")
    try:
        network = read_model(path, compile=False)
        # A synthesizer and a trainer are Keras models too.
        if isinstance(network, Synthesizer | Trainer):
            raise ValueError(f"It holds a {type(network).__name__}")
        _check_input(network, size)
        # The name is that of `metrics.read_features`.
        model = metrics.keras_features(network, f"{path.stem} {sha256_of(path)[:12]}")
        found = np.shape(model.function(np.zeros((1, *size, 3), np.uint8)))
        if len(found) != 2 or found[0] != 1 or found[1] < 1:
            raise ValueError(f"Of one picture it gives numbers of the shape {found}")
    except MemoryError:
        raise
    # What Keras and its backends raise for a picture that does not fit is of many kinds.
    except Exception as error:
        if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's `MemoryError`.
            raise
        height, width = size
        raise ConfigError(
            f"{path} is no feature network for pictures of {height} x {width} pixels: "
            f"{_first_line(error)}. A feature network is a .keras file of a network that takes "
            "RGB pictures in [-1, 1] of this size and gives maps or vectors of features, as "
            "`tfsynth import vgg19` writes: name such a file."
        ) from error
    return model


def _check_input(network, size):
    """Raises `ValueError` unless a network, if it says what it reads, reads RGB of this size."""
    inputs = getattr(network, "inputs", None)
    if not inputs:
        return
    shape = tuple(inputs[0].shape)
    fits = len(shape) == 4 and all(shape[i + 1] in (None, n) for i, n in enumerate((*size, 3)))
    if len(inputs) > 1 or not fits:
        said = ", ".join(str(tuple(one.shape)) for one in inputs)
        raise ValueError(f"It reads arrays of the shape {said}, not (batch, height, width, 3)")


def _first_line(error):
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(". ")


def refuse_training_split(split):
    """Raises `ConfigError` if the scored split is that which the others are compared with."""
    if split == "train":
        raise ConfigError(
            "Features compare pictures with those of the training split: score another split, or "
            "leave `features` out."
        )


def _ratios(ratio):
    return {"least_ratio": float(ratio.min()), "median_ratio": float(np.median(ratio))}

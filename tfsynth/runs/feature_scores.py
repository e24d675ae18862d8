"""Scores of pictures by the features of a network: distance of distributions, and memorisation."""

from pathlib import Path

import numpy as np

from tfsynth import metrics
from tfsynth.config import ConfigError
from tfsynth.files import sha256_of

# Training pictures whose distance from the test pictures is measured, at most: the time grows with
# the square. They are spread over the split.
MOST_TRAINING = 1000


class FeatureScores:
    """Scores pictures by the features of one file.

    Args:
        path: A `.keras` file: a network from RGB pictures in [-1, 1] to features.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """

    def __init__(self, path):
        path = Path(path).expanduser()
        self.model = metrics.read_features(path)
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


def refuse_training_split(split):
    """Raises `ConfigError` if the scored split is that which the others are compared with."""
    if split == "train":
        raise ConfigError(
            "Features compare pictures with those of the training split: score another split, or "
            "leave `features` out."
        )


def _ratios(ratio):
    return {"least_ratio": float(ratio.min()), "median_ratio": float(np.median(ratio))}

"""Synthesised pictures beside the photographs of their layouts: what differs, signal by signal."""

import math

import numpy as np

from tfsynth import metrics
from tfsynth.runs.signal_limits import Signal

# Pixels, about, of the shorter side of pictures whose distances are compared.
_COMPARED_SIDE = 16
# Smaller pictures have no band of high frequencies.
_SMALLEST_SIDE = 8


class Photographs:
    """Photographs, measured once, that synthesised pictures of the same layouts are compared with.

    Args:
        images: List of uint8 arrays (height, width, channels), 1, 3 or 4, all of one size.
        layouts: List of integer label maps (height, width), one for each; `None` if there are none.
        training: List of what `shrunken` returns of training photographs; empty if these are they.
    """

    def __init__(self, images, layouts=None, training=()):
        images = [_three_channels(image) for image in images]
        self.layouts = layouts or [np.zeros(image.shape[:2], np.uint8) for image in images]
        self.training = training
        self._insides = [_inside_regions(ids) for ids in self.layouts]
        self._numbers = self._measure(images)
        self._places = self._measure_places(images)

    def compare(self, pictures):
        """Returns dict of name -> `Signal` of synthesised pictures.

        `saturation`, `high_frequencies` and `fixed_pattern` are those of `tfsynth.metrics`, as is
        `border_energy`, of the side at which it is above that of the photographs most; `grid` is
        the peak inside the regions of layouts, at the period of which the same is true;
        `nearest_training` is the median distance to the nearest training photograph, in grey
        levels.

        Args:
            pictures: Uint8 arrays of the photographs' shapes, in their order.
        """
        pictures = [_three_channels(picture) for picture in pictures]
        numbers = self._measure(pictures)
        found = {name: Signal(numbers[name], self._numbers[name]) for name in numbers}
        for name, made in self._measure_places(pictures).items():
            real = self._places[name]
            found[name] = max((Signal(made[at], real[at]) for at in made), key=_comparable)
        return found

    def _measure(self, images):
        found = {"saturation": metrics.saturation(images)}
        if min(images[0].shape[:2]) >= _SMALLEST_SIDE:
            found["high_frequencies"] = metrics.high_frequency_energy(images)
        if len(images) > 1:
            found["fixed_pattern"] = metrics.fixed_pattern(images, self.layouts)
        if len(self.training):
            small = [shrunken(image) for image in images]
            distances = metrics.nearest_training_distances(
                small, self.training, metrics.pixel_features()
            )
            found["nearest_training"] = float(np.median(distances))
        return found

    def _measure_places(self, images):
        return {
            "border_energy": metrics.border_energy(images),
            "grid": metrics.grid_peak(images, self._insides).ratios,
        }


def shrunken(image):
    """Returns the means of square blocks, uint8 (height, width, 3), with sides of 16 or a few more.

    Pixels of large pictures are hardly alike.
    """
    image = _three_channels(image)
    height, width = image.shape[:2]
    n = max(1, min(height, width) // _COMPARED_SIDE)
    rows, columns = height // n, width // n
    blocks = image[: rows * n, : columns * n].reshape(rows, n, columns, n, -1)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)


def _three_channels(image):
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image[..., :3]


def _inside_regions(ids):
    """Marks the pixels whose right and lower neighbours have the same id."""
    inside = np.ones(ids.shape, bool)
    inside[:, :-1] &= ids[:, :-1] == ids[:, 1:]
    inside[:-1] &= ids[:-1] == ids[1:]
    return inside


def _comparable(signal):
    return -math.inf if math.isnan(signal.ratio) else signal.ratio

"""Which points of a street the sun reaches, past the roofs of the buildings on its side."""

import numpy as np

from tfsynth.streets.scene import Scene


class SunVisibility:
    """Computes how much of the sun a point sees, past the frontages that its ray crosses.

    Args:
        scene: The street.
    """

    def __init__(self, scene: Scene) -> None:
        sun_x, self._rise, self._along = scene.light.sun
        self._side = 1 if sun_x > 0 else -1
        self._across = max(abs(sun_x), 0.05)
        self._frontage = scene.frontage(self._side)
        self._skyline = scene.skyline(self._side)

    def __call__(self, lateral, y, z):
        """Returns the visible share of the sun at points in metres (numbers or arrays)."""
        ray = np.maximum(self._frontage - self._side * np.asarray(lateral), 0.0) / self._across
        metre = np.clip(np.asarray(z) + ray * self._along + 30, 0, self._skyline.size - 1).astype(
            np.int32
        )
        return np.clip((y + ray * self._rise - self._skyline[metre]) / 0.4 + 0.5, 0, 1)

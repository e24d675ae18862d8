"""Times of day: the position of the sun, the light of sun and sky, and the haze.

Colours are in display space, 1 is white; they are chosen by eye, not measured.
"""

from dataclasses import dataclass

import numpy as np

from tfsynth.streets.chance import pick

TIMES_OF_DAY = ("morning", "noon", "evening", "overcast", "night")
TIME_SHARES = (0.20, 0.42, 0.12, 0.20, 0.06)

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """The light of one scene.

    Args:
        name: one of `TIMES_OF_DAY`.
        sun: unit vector from the street to the sun (x right, y up, z ahead).
        sun_colour, ambient: what a surface gets from the sun straight on, and from the sky around.
        zenith, horizon: colours of the sky above and at the horizon; the horizon's is also the
            haze.
        haze: metres after which haze hides 63 % of an object.
        window_light: share of windows with light inside.
        lamps: strength of lamps and car lights, 0 (off) to 1.
    """

    name: str
    sun: tuple[float, float, float]
    sun_colour: RGB
    ambient: RGB
    zenith: RGB
    horizon: RGB
    haze: float
    window_light: float
    lamps: float

    @property
    def casts_shadows(self) -> bool:
        """Whether the sun throws shadows that can be seen."""
        return self.name not in ("overcast", "night")

    @property
    def lamps_lit(self) -> bool:
        """Whether street lamps and car lights shine."""
        return self.lamps > 0.3

    def facing(self, normal_x: float, normal_y: float, normal_z: float) -> float:
        """Returns how bright to paint a face: about 0.6 turned away to 1.2 towards the sun."""
        sun_x, sun_y, sun_z = self.sun
        lambert = max(0.0, normal_x * sun_x + normal_y * sun_y + normal_z * sun_z)
        return 0.62 + 0.16 * max(0.0, normal_y) + 0.42 * lambert


# Elevation of the sun in degrees, its colour, ambient, zenith, horizon, haze, window light, lamps:
# two moods for every time of day.
_TABLE = {
    "morning": (
        (24.0, (0.80, 0.70, 0.52), (0.52, 0.53, 0.58),
         (0.40, 0.58, 0.82), (0.88, 0.82, 0.74), 170.0, 0.08, 0.1),
        (20.0, (0.82, 0.66, 0.56), (0.54, 0.52, 0.56),
         (0.52, 0.50, 0.62), (0.88, 0.68, 0.62), 200.0, 0.10, 0.1),
    ),
    "noon": (
        (56.0, (0.74, 0.71, 0.64), (0.50, 0.53, 0.58),
         (0.22, 0.45, 0.80), (0.66, 0.78, 0.90), 330.0, 0.00, 0.0),
        (52.0, (0.78, 0.73, 0.62), (0.50, 0.52, 0.56),
         (0.30, 0.42, 0.60), (0.60, 0.66, 0.74), 360.0, 0.05, 0.0),
    ),
    "evening": (
        (13.0, (0.95, 0.60, 0.32), (0.54, 0.50, 0.54),
         (0.34, 0.34, 0.54), (0.94, 0.60, 0.34), 200.0, 0.25, 0.5),
        (13.0, (0.92, 0.58, 0.36), (0.56, 0.52, 0.56),
         (0.34, 0.28, 0.50), (0.86, 0.50, 0.46), 240.0, 0.30, 0.5),
    ),
    "overcast": (
        (60.0, (0.10, 0.10, 0.10), (0.80, 0.82, 0.84),
         (0.64, 0.68, 0.73), (0.80, 0.82, 0.84), 170.0, 0.15, 0.2),
        (60.0, (0.12, 0.11, 0.09), (0.78, 0.77, 0.76),
         (0.50, 0.54, 0.61), (0.70, 0.73, 0.76), 220.0, 0.20, 0.2),
    ),
    "night": (
        (35.0, (0.06, 0.08, 0.14), (0.36, 0.38, 0.48),
         (0.07, 0.09, 0.22), (0.30, 0.27, 0.38), 200.0, 0.50, 1.0),
        (35.0, (0.08, 0.08, 0.12), (0.38, 0.38, 0.44),
         (0.12, 0.10, 0.16), (0.36, 0.26, 0.26), 200.0, 0.50, 1.0),
    ),
}  # fmt: skip


def draw_light(rng: np.random.Generator) -> Light:
    """Draws a time of day and the direction of its sun."""
    name = pick(rng, TIMES_OF_DAY, TIME_SHARES)
    elevation, sun_colour, ambient, zenith, horizon, haze, window_light, lamps = pick(
        rng, _TABLE[name]
    )
    elevation = np.radians(elevation * rng.uniform(0.85, 1.2))
    # Mostly from one side: a sun straight ahead or behind gives no shadows across the street.
    azimuth = pick(rng, (-1, 1)) * np.radians(rng.uniform(25, 150))
    sun = (
        float(np.cos(elevation) * np.sin(azimuth)),
        float(np.sin(elevation)),
        float(np.cos(elevation) * np.cos(azimuth)),
    )
    tint = rng.uniform(0.94, 1.06, 3)

    def tinted(colour: RGB) -> RGB:
        red, green, blue = (float(c * t) for c, t in zip(colour, tint, strict=True))
        return red, green, blue

    return Light(
        name,
        sun,
        tinted(sun_colour),
        tinted(ambient),
        tinted(zenith),
        tinted(horizon),
        haze * float(rng.uniform(0.8, 1.3)),
        window_light,
        lamps,
    )

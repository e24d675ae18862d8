"""Drawn worlds: random label maps of the land cover of a planet that does not exist."""

from collections.abc import Sequence

import numpy as np

from tfsynth.layouts.noise import NoiseFields
from tfsynth.layouts.regions import without_small

# The ids of configs/labels/planet.yaml.
(
    DEEP_SEA,
    SHALLOW_SEA,
    LAKE,
    SNOW,
    RAINFOREST,
    SAVANNA,
    SAND,
    ROCK,
    RED,
    STEPPE,
    BROADLEAF,
    FARMLAND,
    BOREAL,
    TUNDRA,
    MOUNTAIN,
    SALT,
) = range(16)
# Drawn maps follow the statistics of the 1675 training tiles of planet_256, which are 256 x 256 pixels
# of web-mercator zooms 5 to 7; lengths below are in their pixels.
TILE = 256
# Tiles of that split in each band of 5 degrees of latitude, north and south alike, 0 to 70.
_TILES_BY_LATITUDE = (46, 63, 46, 94, 78, 124, 92, 124, 86, 143, 164, 110, 205, 300)
_ZOOMS, _ZOOM_SHARES = (5, 6, 7), (0.08, 0.33, 0.59)
# Moisture: below 0 land is arid. Means by latitude, such that the arid share of land is that of
# the tiles: most at 20 to 30 degrees, none near the poles.
_LATITUDES = (0, 8, 13, 17, 23, 28, 33, 38, 43, 47, 52, 57, 90)
_MOISTURE = (1.3, 1.1, 0.4, 0.0, -0.35, -0.4, -0.05, 0.0, 0.1, 0.35, 1.3, 3.0, 4.0)
# Excess of moisture that rainforest needs over savanna.
_RAINFOREST = ((0, 5, 10, 15, 20, 25), (0.55, 0.9, 1.15, 0.9, 1.0, 1.7))
# Pixels of the smallest regions of land, sea, and of what lies on top: as in the tiles.
_LEAST_LAND, _LEAST_SEA, _LEAST_SPOT = 60, 80, 8
# Pixels of the smallest sea or island.
_LEAST_COAST = 150
_TRIES, _MOST_OF_ONE = 8, 0.95


def draw_world(
    height: int,
    width: int,
    seed: int | Sequence[int] = 0,
    whole: bool = False,
    scale: float = 1.0,
) -> np.ndarray:
    """Draws land cover: coasts, climates, mountains and lakes by noise.

    Args:
        height, width: Size in pixels, 32 or more.
        seed: Whole number, 0 or more, or a sequence of them. The same seed and size give the same
            map on every platform, up to pixels on which float64 rounds differently.
        whole: Whether this is a whole world from pole to pole, whose left and right edges join;
            the width is then twice the height. Otherwise it is a region, as the tiles of
            planet_256 are: its latitude and its share of sea are drawn as theirs are distributed.
        scale: Pixels here for one of those tiles: 0.5 where a model was trained on tiles that
            were halved.

    Returns:
        `(height, width)` uint8, ids of configs/labels/planet.yaml.

    Raises:
        ValueError: a side is too small, or a whole world is not twice as wide as high.
    """
    if min(height, width) < 32:
        raise ValueError(f"A drawn world has sides of at least 32; got {height} x {width}.")
    if whole and width != 2 * height:
        raise ValueError(
            f"A whole world is twice as wide as high; got {height} x {width} (height x width)."
        )
    noise = NoiseFields((height, width), seed, periodic=whole)
    for _ in range(_TRIES):
        labels = _drawn(noise, scale, whole)
        # Tiles of one class alone were left out of the data too.
        if np.bincount(labels.ravel()).max() < _MOST_OF_ONE * labels.size:
            break
    return labels


def _drawn(noise, scale, whole):
    """Returns one map; the next call draws another."""
    sea, latitude, offsets = (_whole_planet if whole else _region)(noise, scale)
    relief = _mountains(noise, scale, offsets["relief"], whole)
    waves = (noise.shape[1] / 5 if whole else 300 * scale, 24 * scale)
    temperature = 1 - np.abs(latitude) / 70 + offsets["warmth"]
    temperature = temperature + 0.04 * noise.field(*waves, slope=1.6)
    moisture = np.interp(np.abs(latitude), _LATITUDES, _MOISTURE) + offsets["moisture"]
    moisture = moisture + (0.7 if whole else 0.3) * noise.field(*waves, slope=1.6)
    labels = _land_cover(noise, scale, latitude, temperature, moisture, relief)
    return _finished(noise, scale, labels, sea, temperature - 0.45 * relief, offsets, whole)


def _whole_planet(noise, scale):
    """Returns depth of the sea (land is negative), latitude, and what is the same everywhere."""
    height, width = noise.shape
    latitude = np.broadcast_to(90 - 180 * (np.arange(height) + 0.5)[:, None] / height, noise.shape)
    continents = noise.field(width / 3.2, 8 * scale, slope=1.9)
    # As here, one pole lies on land.
    continents = continents + 0.9 * np.clip((-latitude - 62) / 15, 0, 1)
    level = np.quantile(continents, 0.66)
    offsets = {"relief": 0.0, "warmth": 0.0, "moisture": 0.0, "lakes": -0.5}
    return 1.8 * (level - continents), latitude, offsets


def _region(noise, scale):
    """Returns depth of the sea, latitude, and what is the same in all of the region."""
    rng, (height, width) = noise.rng, noise.shape
    shares = np.array(_TILES_BY_LATITUDE) / sum(_TILES_BY_LATITUDE)
    centre = 5 * (rng.choice(len(shares), p=shares) + rng.random())
    zoom = rng.choice(_ZOOMS, p=_ZOOM_SHARES)
    degrees = 360 / 2**zoom / (TILE * scale) * np.cos(np.radians(centre))
    rows = (np.arange(height) + 0.5)[:, None] - height / 2
    # South of the equator the warm edge is above.
    latitude = np.abs(centre - rng.choice((1, -1)) * degrees * rows)
    latitude = np.broadcast_to(latitude, noise.shape)
    # All is land in six tiles of ten; none has more sea than land.
    level = min(rng.normal(-1.8, 1.4), 0.05)
    tilt = rng.normal(0, 0.8, 2)
    x = ((np.arange(width) + 0.5) - width / 2) / (TILE * scale)
    slope = tilt[0] * x[None] + tilt[1] * rows / (TILE * scale)
    ragged = rng.uniform(1.6, 2.4)
    depth = level + slope - 0.5 * noise.field(300 * scale, 7 * scale, slope=ragged)
    warmth = rng.normal(0, 0.07)
    if centre > 58 and rng.random() < 0.08:
        warmth -= 0.3  # An ice sheet.
    offsets = {
        "relief": rng.normal(-1.5, 0.9),
        "warmth": warmth,
        "moisture": rng.normal(0, 1.2),
        "lakes": rng.normal(-2.1, 1.6),
    }
    return depth, latitude, offsets


def _mountains(noise, scale, offset, whole):
    """Returns how high and steep the land is, 0 to about 1, in ridges that form chains."""
    longest = noise.shape[1] / 6 if whole else 260 * scale
    # Chains follow the contour 0 of a smooth field, where another one lets them.
    chain = np.abs(noise.field(longest, 40 * scale, slope=2.2))
    where = noise.field(longest, 40 * scale, slope=2.0) + offset
    height = np.clip(1 - chain / 0.6, 0, 1) * np.clip(where / 0.8, 0, 1)
    # Beside the highest chains lie plateaus.
    height = np.maximum(height, np.clip(where - 0.9, 0, 0.7))
    ridges = 1 - np.clip(np.abs(noise.field(60 * scale, 14 * scale, slope=1.4)) / 1.2, 0, 1)
    return height * (0.5 + 0.7 * ridges)


def _land_cover(noise, scale, latitude, temperature, moisture, relief):
    """Returns a class of land for every pixel."""
    patches = noise.field(110 * scale, 22 * scale, slope=1.5)
    redness = noise.field(200 * scale, 24 * scale, slope=1.7)
    wet, cold = moisture + 0.18 * patches, temperature - 0.45 * relief
    labels = np.full(noise.shape, BROADLEAF, np.uint8)
    labels[patches - 0.8 * (moisture - 0.9) > 0.15] = FARMLAND
    tropical = np.abs(latitude) < 23.5 + 1.5 * redness
    labels[tropical] = SAVANNA
    labels[tropical & (wet > np.interp(np.abs(latitude), *_RAINFOREST))] = RAINFOREST
    # From wet to dry, each taking over from the one before.
    for most, kind in ((0.0, STEPPE), (-0.3, ROCK), (-0.95, SAND)):
        labels[wet < most] = kind
    hot = np.abs(latitude) + 3 * patches < 34
    labels[hot & (wet < -0.1) & (redness > 0.55)] = RED
    # From warm to cold.
    northern = (cold < 0.27) & (wet > 0)
    labels[northern] = BOREAL
    labels[northern & (patches > 1.3 + 5 * np.clip(0.22 - cold, 0, 0.12))] = FARMLAND
    labels[cold + 0.02 * patches < 0.025] = TUNDRA
    labels[(np.abs(latitude) + 2 * redness < 54) & (cold < 0.24) & (relief > 0.3)] = MOUNTAIN
    return labels


def _finished(noise, scale, labels, sea, cold, offsets, whole):
    """Returns the map with sea, lakes, snow and salt, without regions that are too small."""
    area = scale**2
    spots = noise.field(60 * scale, 9 * scale, slope=1.4)
    waters = noise.field(200 * scale, 40 * scale, slope=1.8)
    labels = without_small(labels, _LEAST_LAND * area, whole)
    high = labels == MOUNTAIN
    labels[(cold + 0.03 * spots < -0.11) | (high & (spots + 0.5 * waters > 1.6))] = SNOW
    dry = (labels == SAND) | (labels == ROCK) | (labels == SNOW) | (labels == STEPPE)
    wetness = np.clip(waters + offsets["lakes"], -2.5, 1)
    labels[(spots > 2.1 - 0.8 * wetness + 0.6 * dry) & ~high] = LAKE
    labels[(labels == SAND) & (spots < -2.3) & (waters > 0.3)] = SALT
    wet = without_small((sea > 0).astype(np.uint8), _LEAST_COAST * area, whole)
    water = np.where(sea > 0.8 + 0.15 * waters, DEEP_SEA, SHALLOW_SEA).astype(np.uint8)
    water = without_small(water, _LEAST_SEA * area, whole)
    # Where cold land throws its shadow.
    water[(sea < 0.06) & (spots > 1.7) & (cold < 0.35)] = DEEP_SEA
    return without_small(np.where(wet > 0, water, labels), _LEAST_SPOT * area, whole)

"""The rules by which `Planet` makes classes of land cover from a picture and a climate map."""

import numpy as np

from tfsynth.layouts import worlds
from tfsynth.layouts.regions import without_small

# Numbers in colours are levels of 0 to 255; those of land are of the picture blurred a little, so
# that a class is what a place is like and not what a pixel is. All were read off the pictures
# below the labels of the training tiles of planet_256.
_DEEP = 86  # Blue of the deep sea, at most.
_BLUE = 14  # How much bluer than red water is.
_DARK_SEA, _DARK_LAKE = 46, 13  # Mean of the channels of dark water, at most.
_WHITE, _GREY = 128, 34  # Least channel of snow, and the most that its channels differ.
# Pixels of the smallest regions of land, sea, and of what lies on top, at 128 pixels a tile.
_LEAST_LAND, _LEAST_SEA, _LEAST_SPOT = 20, 30, 4


def land_cover(
    picture: np.ndarray,
    climate: np.ndarray,
    ocean: np.ndarray,
    latitude: np.ndarray,
    longitude: np.ndarray,
    scale: float = 1.0,
) -> np.ndarray:
    """Returns a class of configs/labels/planet.yaml for every pixel.

    Args:
        picture: `(height, width, 3)` uint8.
        climate: `(height, width)` uint8: 1 tropical, 2 arid, 3 temperate, 4 continental, 5 polar.
        ocean: `(height, width)` bool.
        latitude, longitude: `(height,)` and `(width,)` in degrees.
        scale: Pixels here for one of a map with 128 pixels in 11.25 degrees of longitude.

    Returns:
        `(height, width)` uint8.
    """
    from scipy import ndimage

    red, green, blue = (picture[..., channel].astype(np.float32) for channel in range(3))
    mean = (red + green + blue) / 3
    shore = ndimage.binary_dilation(ocean, iterations=2)
    bluish = blue - red > _BLUE
    sea = (ocean & (bluish | (mean < _DARK_SEA))) | (shore & bluish & (mean < 110))
    sea = without_small(sea.astype(np.uint8), _LEAST_SEA * scale**2) > 0
    north = np.abs(_wavy(latitude, longitude))
    labels = _vegetation(red, green, blue, ~sea, climate, north, scale)
    labels = without_small(_most_frequent(labels, scale), _LEAST_LAND * scale**2)
    spread = picture.max(axis=-1).astype(int) - picture.min(axis=-1)
    white = (picture.min(axis=-1) > _WHITE) & (spread < _GREY)
    # Bright crusts are no snow where it is dry or mild.
    mild = np.isin(climate, (1, 2, 3)) & (north < 45)
    labels[white & mild & (climate == 2)] = worlds.SALT
    labels[white & ~mild] = worlds.SNOW
    labels[(bluish & (mean < 110) & (green < blue)) | (mean < _DARK_LAKE)] = worlds.LAKE
    # Not of pixels at the shore, in which dark land is mixed.
    depth = _blurred(blue, ndimage.binary_erosion(sea, iterations=2, border_value=1), 2 * scale)
    depth[ndimage.binary_dilation(~sea, iterations=4)] = 255
    water = np.where(depth < _DEEP, worlds.DEEP_SEA, worlds.SHALLOW_SEA).astype(np.uint8)
    water = without_small(water, _LEAST_SEA * scale**2)
    return without_small(np.where(sea, water, labels), _LEAST_SPOT * scale**2)


def _vegetation(red, green, blue, land, climate, north, scale):
    """Returns what grows on land, by climate zone and the colours of the picture."""
    red, green, blue = (_blurred(one, land, scale) for one in (red, green, blue))
    mean, greenness = (red + green + blue) / 3, green - (red + blue) / 2
    reddish = red - blue
    tropical, arid, temperate, continental = (climate == zone for zone in (1, 2, 3, 4))
    warm, cold = north < 24, continental & (north > 51)
    # Where no zone is known, at coasts, as in the temperate one.
    labels = np.full(climate.shape, worlds.BROADLEAF, np.uint8)
    rules = (
        (mean > 42, worlds.FARMLAND),
        (warm & (mean > 42), worlds.SAVANNA),
        ((mean > 76) & (greenness < 14), worlds.STEPPE),
        (tropical, worlds.SAVANNA),
        (tropical & (mean < 41) & (greenness > 14), worlds.RAINFOREST),
        (arid, worlds.STEPPE),
        (arid & (greenness > 14) & (mean < 62), worlds.FARMLAND),
        (arid & (greenness > 8) & (mean < 62) & warm, worlds.SAVANNA),
        (arid & (mean > 87), worlds.ROCK),
        (arid & (mean > 117), worlds.SAND),
        (arid & (greenness < 2.5) & (reddish > 48) & (mean < 118) & (north < 36), worlds.RED),
        (cold, worlds.BOREAL),
        (cold & (mean > 46) & (greenness > 17), worlds.FARMLAND),
        (cold & (mean > 70) & (greenness < 11), worlds.TUNDRA),
        (climate == 5, worlds.TUNDRA),
        ((climate == 5) & (north < 54), worlds.MOUNTAIN),
    )
    for where, kind in rules:
        labels[where] = kind
    return labels


def _blurred(values, where, radius):
    """Returns values blurred over the pixels of a kind only."""
    from scipy import ndimage

    weights = ndimage.gaussian_filter(where.astype(np.float32), radius)
    sums = ndimage.gaussian_filter(np.where(where, values, 0), radius)
    return sums / np.maximum(weights, 1e-6)


def _most_frequent(labels, scale):
    """Returns the class that most pixels around each pixel have."""
    from scipy import ndimage

    side = 2 * round(2 * scale) + 1
    best, found = np.full(labels.shape, -1.0, np.float32), labels.copy()
    for kind in np.unique(labels):
        share = ndimage.uniform_filter((labels == kind).astype(np.float32), side)
        found[share > best] = kind
        np.maximum(best, share, out=best)
    return found


def _wavy(latitude, longitude):
    """Returns latitudes with waves of a degree or two, so that no border is a straight line."""
    waves = 1.1 * np.sin(np.radians(7 * longitude)) + 0.6 * np.sin(np.radians(19 * longitude + 50))
    return latitude[:, None] + waves[None]

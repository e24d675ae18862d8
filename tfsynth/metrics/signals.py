"""Signals: single numbers of a set of pictures, each of which one known fault of generators moves.

None of them is a score. Each is compared with that of the real pictures of the same layouts.
"""

import numpy as np

from tfsynth.metrics.spectrum import radial_power_spectrum

# Bands of a spectrum, if pictures are large enough; of small ones, one for each 4 pixels.
_BANDS = 32
_PIXELS_PER_BAND = 4
_SIDES = ("upper", "lower", "left", "right")


def high_frequency_energy(images):
    """Returns the power of pictures in the upper half of the bands of their spectrum.

    These are 0.25 to 0.5 cycles per pixel: details of 2 to 4 pixels. Blurred pictures have too
    little, noisy and woven ones too much.

    Args:
        images: List of uint8 arrays (height, width, 3), all of one size, 8 pixels or more.

    Returns:
        A float: the mean of the bands' powers; see `radial_power_spectrum`.

    Raises:
        ValueError: If there is no picture, or they are too small.
    """
    # Of an even number of bands one half is exactly the upper one.
    sides = [min(np.shape(image)[:2]) for image in images[:1]]
    bands = min([_BANDS, *(side // _PIXELS_PER_BAND // 2 * 2 for side in sides)])
    if bands < 2:
        raise ValueError(
            f"Pictures must have sides of {2 * _PIXELS_PER_BAND} pixels or more; the shorter one "
            f"has {min(sides)}."
        )
    return float(radial_power_spectrum(images, bands)[bands // 2 :].mean())


def saturation(images):
    """Returns the share of pixel values, three for each pixel, that are 0 or 255.

    Burnt-out skies, drowned shadows and specks of pure colour raise it.

    Args:
        images: List of uint8 arrays (height, width, 3).

    Returns:
        A float, 0 to 1.

    Raises:
        ValueError: If there is no picture.
    """
    _require_pictures(images, "Saturation")
    ends = sum(np.count_nonzero((image == 0) | (image == 255)) for image in images)
    return ends / sum(image.size for image in images)


def border_energy(images, border=8):
    """Returns how much stronger edges are at each border of pictures than inside.

    Networks that pad their maps leave specks and stripes there, often at one side only.

    Args:
        images: List of uint8 arrays (height, width, 3), of any sizes.
        border: Pixels from each side that are the border; a quarter of the shorter side, if that
            is less.

    Returns:
        Dict of "upper", "lower", "left" and "right" -> the mean squared difference of neighbouring
        pixels at that border over that inside; NaN if there is no difference inside.

    Raises:
        ValueError: If there is no picture.
    """
    _require_pictures(images, "The energy at the border")
    sums, counts = np.zeros(5), np.zeros(5)
    for image in images:
        energy = _edge_energy(image)
        height, width = energy.shape
        b = max(1, min(border, min(height, width) // 4))
        inside = energy[b : height - b, b : width - b]
        strips = energy[:b], energy[-b:], energy[:, :b], energy[:, -b:], inside
        sums += [strip.sum() for strip in strips]
        counts += [strip.size for strip in strips]
    if sums[-1] == 0:
        return dict.fromkeys(_SIDES, float("nan"))
    means = sums / counts
    return dict(zip(_SIDES, (means[:-1] / means[-1]).tolist(), strict=True))


def fixed_pattern(images, labels):
    """Returns how alike two pictures of different layouts are, at the same places.

    Each picture's classes are set to a mean of 0 in each channel. What is left of two pictures is
    correlated; the mean over all pairs is returned. It is about 0 where what is drawn depends on
    the layout and on chance alone, and 1 where all pictures bear the same pattern and nothing else:
    a generator without noise that knows its place in the picture from the padding draws one. Real
    pictures are above 0 too, if light and sharpness depend on the place.

    Args:
        images: List of uint8 arrays (height, width, 3), all of one size, 2 or more.
        labels: List of integer arrays (height, width), one for each picture; of zeros where there
            are no classes.

    Returns:
        A float, -1 to 1; NaN if fewer than 2 pictures have anything left.

    Raises:
        ValueError: If there are fewer than 2 pictures, or more or fewer label maps than pictures.
    """
    if len(images) < 2:
        raise ValueError(f"A fixed pattern needs 2 pictures or more; got {len(images)}.")
    total, count = 0.0, 0
    for image, ids in zip(images, labels, strict=True):
        rest = _without_class_means(image, ids)
        length = np.sqrt(np.square(rest).sum())
        if length > 0:
            total, count = total + rest / length, count + 1
    if count < 2:
        return float("nan")
    # The square of a sum of unit vectors has their products twice, and 1 for each of them.
    return float((np.square(total).sum() - count) / (count * (count - 1)))


def _edge_energy(image):
    """Returns the squared difference from the right and the lower neighbour, (height, width)."""
    image = np.asarray(image, np.float32)
    height, width = image.shape[:2]
    energy = np.zeros((height, width), np.float32)
    energy[:, :-1] += np.square(np.diff(image, axis=1)).mean(axis=-1)
    energy[:-1] += np.square(np.diff(image, axis=0)).mean(axis=-1)
    return energy.astype(np.float64)


def _without_class_means(image, ids):
    """Returns the channels less the mean of each class, float64 (height, width, channels)."""
    _, numbers = np.unique(ids, return_inverse=True)
    numbers = numbers.ravel()
    areas = np.bincount(numbers)
    rest = []
    for values in np.moveaxis(np.asarray(image, np.float64), -1, 0):  # (height, width) each.
        means = np.bincount(numbers, values.ravel()) / areas
        rest.append(values - means[numbers].reshape(values.shape))
    return np.stack(rest, axis=-1)


def _require_pictures(images, what):
    if not len(images):
        raise ValueError(f"{what} needs a picture; got none.")

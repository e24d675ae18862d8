"""What the seed of a picture changes, and what it leaves: its texture and its layout."""

import numpy as np
from scipy.ndimage import gaussian_filter


def texture_difference(first, second, sigma=2.0):
    """Returns how far two pictures differ in what a blur takes away.

    Args:
        first, second: Uint8 arrays (height, width, channels).
        sigma: Standard deviation of the Gaussian blur, in pixels.

    Returns:
        The mean absolute difference of the two pictures less their own blurred copies, in grey
        levels: 0 where they differ in smooth tones only.

    Raises:
        ValueError: If the shapes differ.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape:
        raise ValueError(
            f"Both pictures must be of one shape. Received: {first.shape} and {second.shape}."
        )
    # The blur is linear: that of the difference is the difference of the blurs.
    difference = first - second
    return float(np.abs(difference - gaussian_filter(difference, (sigma, sigma, 0))).mean())


def reading_agreement(first, second, counted):
    """Returns the share of the counted pixels that two readings give the same class.

    Args:
        first, second: Integer arrays (height, width): the class of each pixel, as it was read.
        counted: Bool array (height, width).

    Returns:
        0..1; NaN if no pixel counts.
    """
    same = np.asarray(first) == np.asarray(second)
    return float(same[counted].mean()) if np.any(counted) else float("nan")

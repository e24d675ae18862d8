"""Pixels of 8 bits, and the range in which networks see them."""

import numpy as np
from keras import ops


def to_unit_range(pixels):
    """Returns uint8 pixels as float32 in [-1, 1]; of a NumPy array as such.

    Args:
        pixels: Uint8 tensor or array of any shape.
    """
    if isinstance(pixels, np.ndarray):
        return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    return ops.cast(pixels, "float32") / 127.5 - 1.0

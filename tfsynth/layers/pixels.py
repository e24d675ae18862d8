"""The scaling of 8-bit pixels to the range of the networks."""

import numpy as np
from keras import ops


def to_unit_range(pixels):
    """Returns uint8 pixels as float32 in [-1, 1], a NumPy array for a NumPy array.

    Args:
        pixels: Uint8 tensor or array of any shape.
    """
    if isinstance(pixels, np.ndarray):
        return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    return ops.cast(pixels, "float32") / 127.5 - 1.0


def with_channels(picture, channels):
    """Returns a picture as a network of so many channels reads it: a grey one is repeated."""
    # (batch, height, width, 1) -> (batch, height, width, channels)
    return ops.repeat(picture, channels, axis=-1) if picture.shape[-1] == 1 else picture

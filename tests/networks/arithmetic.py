"""Networks' operations in NumPy, float64: a second evaluation beside Keras's."""

import numpy as np


def conv(x, kernel, bias=0.0, around="constant"):
    """Convolves (height, width, inputs) with (rows, columns, inputs, filters), zeros around."""
    rows, columns = kernel.shape[:2]
    padded = np.pad(x, ((rows // 2,) * 2, (columns // 2,) * 2, (0, 0)), mode=around)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (rows, columns), axis=(0, 1))
    return np.einsum("hwirc,rcif->hwf", windows, kernel) + bias


def standardized(layer):
    """Returns kernel and bias of a `StandardizedConv2D`."""
    kernel, norm, bias = (np.asarray(w, "float64") for w in layer.weights)
    kernel = kernel - kernel.mean(axis=(0, 1, 2))
    return kernel * norm / np.sqrt((kernel**2).sum(axis=(0, 1, 2)) + 1e-4), bias


def half(x):
    """Returns the means of 2 x 2 places of (height, width, channels)."""
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3))


def double(x):
    """Repeats each place of (height, width, channels) twice in both directions."""
    return x.repeat(2, axis=0).repeat(2, axis=1)


def double_smoothly(x):
    """Doubles (height, width, channels): 9/16 of the nearest place, 3/16 of each next, 1/16."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    doubled = np.zeros((2 * x.shape[0], 2 * x.shape[1], x.shape[2]))
    for row, column in np.ndindex(doubled.shape[:2]):
        i, j = row // 2 + 1, column // 2 + 1
        near, side = (i, i + 2 * (row % 2) - 1), (j, j + 2 * (column % 2) - 1)
        block = padded[np.ix_(near, side)] * np.outer([3, 1], [3, 1])[..., None]
        doubled[row, column] = block.sum(axis=(0, 1)) / 16
    return doubled


def leaky(x, slope=0.2):
    return np.where(x > 0, x, slope * x)

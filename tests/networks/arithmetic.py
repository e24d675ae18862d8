"""Networks' operations in NumPy, float64: a second evaluation beside Keras's."""

import numpy as np


def conv(x, kernel, bias=0.0):
    """Convolves (height, width, inputs) with (rows, columns, inputs, filters), zeros around."""
    rows, columns = kernel.shape[:2]
    padded = np.pad(x, ((rows // 2,) * 2, (columns // 2,) * 2, (0, 0)))
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


def leaky(x, slope=0.2):
    return np.where(x > 0, x, slope * x)

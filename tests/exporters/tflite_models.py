"""LiteRT files of small models, and layouts for them."""

import numpy as np

from tfsynth.exporters import litert
from tfsynth.exporters.description import describe
from tfsynth.exporters.made_layouts import made_layouts
from tfsynth.exporters.signature import tensors

SEEDS = (5, -1, -(2**31))


def write(synthesizer, path, precision="float32", **arguments):
    """Writes a LiteRT file, without a verification, and returns its path."""
    described = describe(synthesizer, format="tflite", precision=precision)
    litert.write(synthesizer, path, precision=precision, description=described, **arguments)
    return path


def batch(synthesizer, size, count=1):
    """Returns inputs of as many pictures of a size, up to 64 x 128."""
    layouts = made_layouts(synthesizer, count)
    arrays = {"seed": np.array(SEEDS[:count])}
    for name in layouts[0]:
        # Every so many rows and columns, so that all regions are there.
        rows, columns = (np.arange(n) * most // n for n, most in zip(size, (64, 128), strict=True))
        arrays[name] = np.stack([layout[name][rows][:, columns] for layout in layouts])
    return {name: arrays[name].astype(dtype) for name, (_, dtype) in tensors(synthesizer).items()}

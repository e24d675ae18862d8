"""Layouts to verify an export with, where there are none: regions of the model's classes."""

import numpy as np

COUNT = 3
# For a model without its training size.
SIZE = (64, 128)
REGIONS = 24


def made_layouts(synthesizer, count=COUNT, seed=0, size=None):
    """Returns layouts of regions, each the pixels that are nearest to one of some random points.

    Classes are as frequent, and as high in the picture, as in the training data, if the model
    has stored that (`provenance["layout_statistics"]`); else equally frequent everywhere. Ids of
    instances are numbers of 32 bits, negative ones too, and each region is one. Condition
    pictures are regions in random colours.

    Args:
        synthesizer: A `Synthesizer`.
        count: How many.
        seed: The seed of the random numbers.
        size: (height, width) in pixels; `None` for the size that the model was trained at.

    Returns:
        List of dicts of `labels` or `condition`, and `instances`, of that size, or 256 x 512 pixels
        if it is larger. Each has several regions: a picture of one class alone has nothing that
        an instance norm could scale but rounding errors.
    """
    random = np.random.default_rng(seed)
    settings = synthesizer.provenance.get("config", {}).get("data", {})
    height, width = size or settings.get("size", SIZE)
    return [_made(synthesizer, random, min(height, 256), min(width, 512)) for _ in range(count)]


def _made(synthesizer, random, height, width):
    points = random.uniform(0, 1, (REGIONS, 2))
    rows, columns = np.mgrid[:height, :width] / np.reshape([height, width], (2, 1, 1))
    distances = (rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2
    regions = distances.argmin(axis=-1)  # (height, width)
    ids = random.integers(-(2**31), 2**31, REGIONS).astype("int32")
    layout = {"instances": ids[regions]}
    conditioning = synthesizer.conditioning
    if synthesizer.label_set is None:
        colours = random.integers(0, 256, (REGIONS, conditioning.condition_channels), "uint8")
        return {**layout, "condition": colours[regions]}
    statistics = synthesizer.provenance.get("layout_statistics")
    classes = _classes(random, points[:, 0], conditioning.num_classes, statistics)
    return {**layout, "labels": classes[regions].astype("int32")}


def _classes(random, heights, num_classes, statistics):
    """Returns the class of each region by the height of its point, 0 (the top) to 1."""
    if statistics is None:
        return random.integers(0, num_classes, len(heights))
    shares, rows, spreads = (np.array(statistics[k]) for k in ("shares", "rows", "spreads"))
    spreads = np.maximum(spreads, 0.05)
    # (regions, classes): how likely each class is at that height
    likely = shares * np.exp(-(((heights[:, None] - rows) / spreads) ** 2) / 2) / spreads
    likely = (likely + 1e-9) / (likely + 1e-9).sum(axis=1, keepdims=True)
    return np.array([random.choice(num_classes, p=each) for each in likely])

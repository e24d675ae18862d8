"""Examples that tell their number, for the tests of batches."""

import numpy as np

from tfsynth.data import Split
from tfsynth.layouts.labels import LabelSet


class Numbered(Split):
    """`count` examples whose photo and instances tell their number."""

    def __init__(self, count, height=16, width=24, num_classes=4, instances=True):
        self.label_set = LabelSet([str(i) for i in range(num_classes)], [(0, 0, 0)] * num_classes)
        self.stems = [f"n{i}" for i in range(count)]
        self.shape, self.instances = (height, width), instances

    def load(self, index):
        rng = np.random.default_rng(index)
        labels = rng.integers(0, self.label_set.num_classes, self.shape)
        example = {
            "labels": labels.astype(self.label_set.dtype),
            "image": np.full((*self.shape, 3), index, np.uint8),
        }
        if self.instances:
            example["instances"] = (labels * 1000 + index).astype(np.int32)
        return example

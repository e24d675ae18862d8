"""Pictures that are easy to read: a coloured disc on a ground, and a strip of void."""

import numpy as np

from tfsynth.layouts.labels import LabelSet

LABELS = LabelSet(
    ["unknown", "ground", "disc", "ring"],
    [(0, 0, 0), (90, 140, 60), (200, 60, 50), (60, 80, 190)],
    void_ids=[0],
)


class Scenes(list):
    """A split: a sequence of examples with a label set."""

    label_set = LABELS


def scenes(count, seed=0, size=(32, 48)):
    """Returns `count` scenes; the ring is a thin outline around every disc."""
    generator = np.random.default_rng(seed)
    rows, columns = np.indices(size)
    made = Scenes()
    for _ in range(count):
        centre = generator.uniform(0.3, 0.7, 2) * size
        distance = np.hypot(rows - centre[0], columns - centre[1])
        labels = np.ones(size, np.uint8)
        labels[distance < 11] = 3
        labels[distance < 8] = 2
        labels[-3:] = 0
        image = LABELS.palette[labels] + generator.normal(0, 12, (*size, 3))
        image[-3:] = generator.integers(0, 256, (3, size[1], 3))
        made.append({"labels": labels, "image": np.clip(image, 0, 255).astype(np.uint8)})
    return made


def pairs(examples):
    return [(example["labels"], example["image"]) for example in examples]

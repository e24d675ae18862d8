"""Objects of drawn streets, whose colour the drawing knows."""

import dataclasses

import numpy as np

from tfsynth.data import augment
from tfsynth.data.examples import Examples
from tfsynth.synthesis.styles import majority_classes

# An object counts from so many pixels on: it is then more than its outline.
LEAST_PIXELS = 60


@dataclasses.dataclass(frozen=True)
class DrawnObject:
    """One object in its street.

    Attributes:
        labels, instances: Its layout, integer (height, width).
        image: The photograph, uint8 (height, width, 3).
        id: Its instance id.
        mask: Boolean (height, width), its pixels.
        colour: RGB as drawn, before light and shadow.
    """

    labels: np.ndarray
    instances: np.ndarray
    image: np.ndarray
    id: int
    mask: np.ndarray
    colour: tuple

    def mean_colour(self, picture):
        """Returns the mean colour of a picture (height, width, 3) under the object, (3,)."""
        return picture[self.mask].mean(axis=0)


def drawn_objects(split, size, class_id, limit=None):
    """Finds the objects of a class that are large enough to have a colour.

    Args:
        split: A `Split`.
        size: (height, width) of the pictures in pixels.
        class_id: The class.
        limit: Number of first pictures to look at; `None` for all.

    Returns:
        List of `DrawnObject`; empty if the split does not know how its objects were drawn.
    """
    if not hasattr(split, "looks"):
        return []
    found = []
    for index, example in enumerate(Examples(split, size, limit=limit)):
        labels, instances = example["labels"], example["instances"]
        count = int(instances.max()) + 1
        of_class = majority_classes(labels, instances, count)
        numbers = _numbers(split.load(index)["instances"], instances)
        for look in split.looks(index):
            number = numbers.get(look.instance_id)
            if look.class_id != class_id or number is None or of_class[number] != class_id:
                continue
            mask = instances == number
            if mask.sum() >= LEAST_PIXELS:
                colour = tuple(look.colour)
                found.append(DrawnObject(labels, instances, example["image"], number, mask, colour))
    return found


def _numbers(drawn, instances):
    """Returns dict of instance id as drawn -> its number in the example."""
    shapes = drawn.shape, instances.shape
    if shapes[0] != shapes[1]:
        drawn = augment.whole(*shapes).apply({"instances": drawn})["instances"]
    return {int(d): int(n) for d, n in zip(drawn.flat, instances.flat, strict=True)}

"""A data set of squares on a road, and a model that paints: numbers that a hand can work out."""

import numpy as np

from tfsynth import streets
from tfsynth.config import DataSettings
from tfsynth.data.dataset import Dataset, Split
from tfsynth.layouts.labels import LabelSet
from tfsynth.reproduction.measurement import Subject
from tfsynth.streets import classes
from tfsynth.streets.cars import CAR_COLOURS

SIZE = (16, 24)
# Where the objects of a street stand: 8 x 8 pixels each.
PLACES = ((4, 2), (4, 14))
LABELS = LabelSet(streets.CLASS_NAMES, streets.CLASS_COLOURS, streets.VOID_IDS)


class Street:
    """One street: a black road, and on it objects of a class, each in a paint and a colour."""

    def __init__(self, *objects, class_id=classes.CAR, side=8):
        self.labels = np.full(SIZE, classes.ROAD, np.uint8)
        self.instances = np.full(SIZE, classes.ROAD, np.int32)
        self.image = np.zeros((*SIZE, 3), np.uint8)
        self.looks = []
        for number, ((paint, colour), (top, left)) in enumerate(zip(objects, PLACES, strict=False)):
            square = slice(top, top + side), slice(left, left + side)
            instance = 1000 * class_id + number
            self.labels[square], self.instances[square] = class_id, instance
            self.image[square] = colour
            drawn = CAR_COLOURS.get(paint, (1, 2, 3))
            self.looks.append(streets.Look(instance, class_id, drawn, "plain"))


class Drawn(Split):
    """Streets whose looks are known."""

    label_set = LABELS

    def __init__(self, drawn):
        self.drawn = drawn
        self.stems = [str(number) for number in range(len(drawn))]

    def load(self, index):
        street = self.drawn[index]
        return {"labels": street.labels, "instances": street.instances, "image": street.image}

    def looks(self, index):
        return tuple(self.drawn[index].looks)


class DrawnData(Dataset):
    """Splits of streets by name."""

    label_set = LABELS
    fingerprint = "0"

    def __init__(self, **splits):
        self.splits = splits

    @property
    def split_names(self):
        return tuple(self.splits)

    def split(self, name):
        return Drawn(self.splits[name])

    def get_config(self):
        return {}


class Painter:
    """Paints every object in its style, its mean colour; without styles all is of one grey.

    Args:
        greys: That of each seed, in turn.
        num_outputs: Pictures of a layout, in these greys.
        by_label: Whether its styles are those of classes.
    """

    label_set = LABELS

    def __init__(self, greys=(0,), num_outputs=1, by_label=False):
        self.greys, self.num_outputs = greys, num_outputs
        self.encoder = self if num_outputs == 1 else None
        self.encoder_regions = "labels" if by_label else "instances"

    def encode(self, image, instances, labels=None):
        return {int(i): image[instances == i].mean(axis=0) for i in np.unique(instances)}

    def synthesize(self, labels, instances, styles=None, seed=0):
        grey = self.greys[seed % len(self.greys)]
        picture = np.full((*labels.shape, 3), grey, np.uint8)
        for instance, colour in (styles or {}).items():
            picture[instances == instance] = colour
        return picture

    def synthesize_all(self, labels, instances):
        seeds = range(self.num_outputs)
        return np.stack([self.synthesize(labels, instances, seed=seed) for seed in seeds])


def subject(painter, size=SIZE, measured=None, **splits):
    """Returns a `Subject` of the streets of each split."""
    return Subject(painter, DrawnData(**splits), DataSettings({}, size), measured)

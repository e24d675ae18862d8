"""What styles do to the cars of drawn streets: asked for, changed, and drawn at random.

The style of one car of a test street is replaced by the mean style of the training cars of one
colour. The colours in turn, so that each is asked for as often.
"""

import dataclasses
import functools

import numpy as np

from tfsynth.reproduction.measures.measure import Measure
from tfsynth.streets import classes
from tfsynth.streets.cars import CAR_COLOURS

# Test cars, first training streets that colours are known from, samples of a layout.
CARS = 60
KNOWN_STREETS = 300
SAMPLES = 8


@dataclasses.dataclass(frozen=True)
class AskedCars:
    """What came of the cars whose style was asked for, one value a car.

    Attributes:
        error: Distance of its mean colour from that of the real cars of the colour, of 255.
        error_to_all: The mean of its distances from all colours, of 255.
        nearest: Whether the asked colour is the nearest one.
        inside: Mean absolute change of its pixels, of 255.
        elsewhere: That of all other pixels.
    """

    error: list
    error_to_all: list
    nearest: list
    inside: list
    elsewhere: list


def known_cars(subject):
    """Returns the cars of the first training streets; empty where nothing was drawn."""
    return subject.objects("train", classes.CAR, KNOWN_STREETS)


def test_cars(subject):
    """Returns the first cars of the test streets."""
    return subject.objects("test", classes.CAR)[:CARS]


def by_colour(cars):
    """Returns dict of colour -> its cars, in the order of the drawing's colours."""
    found = {colour: [c for c in cars if c.colour == colour] for colour in CAR_COLOURS.values()}
    return {colour: cars for colour, cars in found.items() if cars}


def mean_colours(cars):
    """Returns dict of colour as it is drawn -> mean colour in photographs, (3,)."""
    return {
        colour: np.mean([car.mean_colour(car.image) for car in same], axis=0)
        for colour, same in by_colour(cars).items()
    }


def ask_for_colours(subject):
    """Returns the `AskedCars` of a subject; `None` if its model has no styles of objects."""
    synthesizer = subject.synthesizer
    if synthesizer.encoder is None or synthesizer.encoder_regions != "instances":
        return None
    known, cars = known_cars(subject), test_cars(subject)
    if not known or not cars:
        return None
    styles = {
        colour: np.mean([_style(synthesizer, car) for car in same], axis=0)
        for colour, same in by_colour(known).items()
    }
    colours = mean_colours(known)
    values = [
        _ask(synthesizer, car, list(styles)[number % len(styles)], styles, colours)
        for number, car in enumerate(cars)
    ]
    return AskedCars(*(list(column) for column in zip(*values, strict=True)))


def _style(synthesizer, car):
    return synthesizer.encode(car.image, car.instances)[car.id]


def _ask(synthesizer, car, asked, styles, colours):
    """Returns the five values of `AskedCars` of one car."""
    given = synthesizer.encode(car.image, car.instances)
    before = synthesizer.synthesize(car.labels, car.instances, given)
    changed = {**given, car.id: styles[asked]}
    after = synthesizer.synthesize(car.labels, car.instances, changed)
    got = car.mean_colour(after)
    distances = {colour: np.abs(got - truth).mean() for colour, truth in colours.items()}
    change = np.abs(after.astype(float) - before).mean(axis=-1)
    return (
        distances[asked],
        np.mean(list(distances.values())),
        min(distances, key=distances.__getitem__) == asked,
        change[car.mask].mean(),
        change[~car.mask].mean(),
    )


def mean_of(name, subject):
    """Returns the mean of one value of `AskedCars` over the cars, or `None`."""
    asked = subject.once(ask_for_colours)
    return None if asked is None else float(np.mean(getattr(asked, name)))


def error_of_real(subject):
    """Returns how far real cars are from the mean colour of their paint, the mean over paints."""
    cars = by_colour(known_cars(subject))
    errors = []
    for same in cars.values():
        colours = np.array([car.mean_colour(car.image) for car in same])
        errors.append(np.abs(colours - colours.mean(axis=0)).mean())
    return float(np.mean(errors)) if errors else None


def spread_of_samples(subject):
    """Returns the standard deviation of a car's mean colour over samples of its street."""
    if subject.synthesizer.encoder is None:
        return None
    spreads = []
    for car in test_cars(subject)[: CARS // 3]:
        pictures = [
            subject.synthesizer.synthesize(car.labels, car.instances, seed=seed)
            for seed in range(SAMPLES)
        ]
        colours = [car.mean_colour(picture) for picture in pictures]
        spreads.append(np.std(colours, axis=0, ddof=1).mean())
    return float(np.mean(spreads)) if spreads else None


def spread_of_real(subject):
    """Returns the standard deviation of real cars' mean colours."""
    colours = [car.mean_colour(car.image) for car in known_cars(subject)]
    return float(np.std(colours, axis=0, ddof=1).mean()) if len(colours) > 1 else None


_of_cars = functools.partial(Measure, digits=2, heading="Cars in a style that was asked for")

MEASURES = {
    "style_error": _of_cars(
        "colour error of a car asked for, of 255",
        functools.partial(mean_of, "error"),
        higher_is_better=False,
        real=error_of_real,
    ),
    "style_error_to_all": _of_cars(
        "the same to all colours, of 255", functools.partial(mean_of, "error_to_all")
    ),
    "style_hits": _of_cars("asked colour is the nearest", functools.partial(mean_of, "nearest")),
    "style_change": _of_cars("change inside the car, of 255", functools.partial(mean_of, "inside")),
    "style_leak": _of_cars(
        "change elsewhere, of 255", functools.partial(mean_of, "elsewhere"), higher_is_better=False
    ),
    "style_spread": _of_cars(
        "spread of a car's colour over samples, of 255", spread_of_samples, real=spread_of_real
    ),
}

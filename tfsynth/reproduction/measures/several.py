"""How the several pictures of one street differ, object by object, against how streets differ."""

import functools

import numpy as np

from tfsynth.reproduction.measures.measure import Measure
from tfsynth.streets import classes

OBJECTS = 150


def colours_of_objects(subject, class_id):
    """Returns the mean colours of a class's first test objects in all pictures of their streets.

    Args:
        subject: A `Subject`.
        class_id: The class.

    Returns:
        Float arrays (objects, pictures, 3) and, in the photographs, (objects, 3), 0..255; `None`
        if the model makes one picture of a layout, or nothing was drawn.
    """
    found = real_objects(subject, class_id)
    if subject.synthesizer.num_outputs < 2 or not found:
        return None
    colours = [
        [
            thing.mean_colour(picture)
            for picture in subject.synthesizer.synthesize_all(thing.labels, thing.instances)
        ]
        for thing in found
    ]
    return np.array(colours), np.array([thing.mean_colour(thing.image) for thing in found])


def real_objects(subject, class_id):
    """Returns the first objects of a class in the test streets."""
    return subject.objects("test", class_id)[:OBJECTS]


def spread(class_id, subject):
    """Returns the standard deviation of an object's colour over the pictures, the mean of all."""
    found = subject.once(colours_of_objects, class_id)
    return None if found is None else float(np.std(found[0], axis=1, ddof=1).mean())


def spread_of_real(class_id, subject):
    """Returns the standard deviation of the objects' colours in the photographs."""
    colours = [thing.mean_colour(thing.image) for thing in real_objects(subject, class_id)]
    return float(np.std(colours, axis=0, ddof=1).mean()) if len(colours) > 1 else None


def error(class_id, of_best, subject):
    """Returns the distance of an object's colour from its real one, the mean of all objects.

    Args:
        class_id: The class.
        of_best: Whether the nearest of all pictures counts, instead of the first.
        subject: A `Subject`.
    """
    found = subject.once(colours_of_objects, class_id)
    if found is None:
        return None
    errors = np.abs(found[0] - found[1][:, None]).mean(axis=2)
    return float((errors.min(axis=1) if of_best else errors[:, 0]).mean())


def _measures_of(name, class_id):
    make = functools.partial(Measure, digits=1, heading="Several pictures of a layout")
    return {
        f"{name}_spread": make(
            f"{name}s: spread, of 255",
            functools.partial(spread, class_id),
            real=functools.partial(spread_of_real, class_id),
        ),
        f"{name}_first_error": make(
            f"{name}s: error of the first, of 255",
            functools.partial(error, class_id, False),
            higher_is_better=False,
        ),
        f"{name}_best_error": make(
            f"{name}s: error of the best, of 255",
            functools.partial(error, class_id, True),
            higher_is_better=False,
        ),
    }


MEASURES = {**_measures_of("car", classes.CAR), **_measures_of("facade", classes.BUILDING)}

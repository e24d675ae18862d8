"""Measures of whole pictures: scores, spectra, grids, boundaries, features, how samples differ."""

import functools
import math

import numpy as np

from tfsynth.reproduction.measures.measure import Measure

# First test layouts that are sampled, and how often.
SAMPLED = 10
SAMPLES = 9


def spectrum_error(subject):
    """Returns the distance between the power spectra of synthesised and real pictures, in dB."""
    from tfsynth.metrics import spectrum_error as error_of

    # Smaller pictures have fewer frequencies.
    bins = min(32, min(subject.size) // 2)
    return error_of(subject.pictures, subject.real, bins=bins)


def grid(class_name, subject):
    """Returns how much stronger grids are in synthesised pictures than in real ones.

    Args:
        class_name: Name of the class whose regions are measured, lower case; `None` for whole
            pictures.
        subject: A `Subject`.

    Returns:
        See `GridPeak.over`: 1 for equally strong ones. `None` where no class has the name, or no
        region of it is large enough.
    """
    from tfsynth.metrics import grid_peak

    masks = None
    if class_name is not None:
        names = [name.lower() for name in subject.dataset.label_set.names]
        if class_name not in names:
            return None
        masks = [example["labels"] == names.index(class_name) for example in subject.examples]
    found = grid_peak(subject.pictures, masks).over(grid_peak(subject.real, masks))
    return None if math.isnan(found) else found


def of_second(subject, row):
    """Returns the mean IoU of a row by the second judge; `None` if the config has none."""
    second = subject.scores.get("second")
    return None if second is None else second[row]["mean_iou"]


def kernel_distance(row, subject):
    """Returns the kernel distance of pictures from the real test pictures.

    Args:
        row: "synthesised", or "training" for the real training pictures.
        subject: A `Subject`, scored with the table's features.
    """
    found = subject.scores["kernel_distance"][row]
    return None if found is None else found["distance"]


def of_seeds(name, subject):
    """Returns what two seeds change, "texture", or leave, "layout"; `None` without a draw."""
    return subject.scores.get("seeds", {}).get(name)


def visibility(subject, pictures):
    """Returns how well pictures show the boundaries between cars that touch.

    Args:
        subject: A `Subject`.
        pictures: List of uint8 arrays (height, width, 3) of its layouts.

    Returns:
        0..1, 0.5 being chance; `None` where no class is called car, or no two cars touch.
    """
    from tfsynth.metrics import boundary_visibility

    names = [name.lower() for name in subject.dataset.label_set.names]
    if "car" not in names:
        return None
    pairs = zip(subject.examples, pictures, strict=True)
    triples = [(example["labels"], example["instances"], picture) for example, picture in pairs]
    found = boundary_visibility(triples, names.index("car"))["visibility"]
    return None if math.isnan(found) else found


def diversity(subject, samples=SAMPLES):
    """Returns how far the samples of one layout differ.

    Args:
        subject: A `Subject`; its model is sampled with the seeds 0, 1, ...
        samples: Number of samples of each layout, 2 or more.

    Returns:
        The standard deviation of a value over the samples, 0..255, its mean over all values and
        layouts; 0 for a model that makes one photograph of a layout.
    """
    spreads = []
    for layout in subject.layouts[:SAMPLED]:
        pictures = [subject.synthesize(layout, seed) for seed in range(2)]
        if np.array_equal(*pictures):
            return 0.0  # Most models draw nothing at random: two samples tell.
        pictures += [subject.synthesize(layout, seed) for seed in range(2, samples)]
        spreads.append(np.std(np.asarray(pictures, np.float64), axis=0, ddof=1).mean())
    return float(np.mean(spreads))


_of_grid = functools.partial(Measure, higher_is_better=False, digits=2)

MEASURES = {
    "mean_iou": Measure("mean IoU", lambda s: s.scores["synthesised"]["mean_iou"]),
    "pixel_accuracy": Measure(
        "pixel accuracy", lambda s: s.scores["synthesised"]["pixel_accuracy"]
    ),
    "second_mean_iou": Measure(
        "mean IoU by the second judge", lambda s: of_second(s, "synthesised")
    ),
    "kernel_distance": Measure(
        "kernel distance",
        functools.partial(kernel_distance, "synthesised"),
        higher_is_better=False,
        real=functools.partial(kernel_distance, "training"),
        by_features=True,
    ),
    "seed_texture": Measure(
        "texture that a seed changes, of 255", functools.partial(of_seeds, "texture"), digits=2
    ),
    "seed_layout": Measure("layout that two seeds agree in", functools.partial(of_seeds, "layout")),
    "boundary_visibility": Measure(
        "visibility of boundaries between cars",
        lambda s: visibility(s, s.pictures),
        real=lambda s: visibility(s, s.real),
    ),
    "spectrum_error": Measure(
        "spectrum error, dB", spectrum_error, higher_is_better=False, digits=2
    ),
    "grid_peak": _of_grid("grid peak, real = 1", functools.partial(grid, None)),
    "grid_peak_facades": _of_grid(
        "grid peak in facades, real = 1", functools.partial(grid, "building")
    ),
    "grid_peak_sky": _of_grid("grid peak in skies, real = 1", functools.partial(grid, "sky")),
    "diversity": Measure("spread over samples, of 255", diversity, digits=2),
}

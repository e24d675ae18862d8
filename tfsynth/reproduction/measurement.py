"""What a comparison measures in a trained synthesizer, beside its scores."""

import math

import numpy as np

from tfsynth.data.examples import Examples
from tfsynth.metrics import boundary_visibility, spectrum_error
from tfsynth.metrics.segmenter_batches import rgb

# First test pictures that are looked at, and of these the ones that are sampled.
PICTURES = 100
SAMPLED = 10
SAMPLES = 9


def measure_pictures(synthesizer, dataset, data):
    """Measures the synthesised photographs of the first test layouts.

    Args:
        synthesizer: A `Synthesizer` of label maps.
        dataset: The `Dataset`, with a test split.
        data: The run's `DataSettings`.

    Returns:
        Dict of name -> number, `None` where there is nothing to measure: `spectrum_error` in
        decibels; `boundary_visibility` of touching cars, 0..1, and `boundary_visibility_real`,
        the same of the real photographs; `diversity`, see `diversity`.
    """
    test = list(Examples(dataset.split("test"), data.size, data.max_instances, PICTURES))
    pictures = [
        rgb(synthesizer.synthesize(example["labels"], example["instances"], seed=seed))
        for seed, example in enumerate(test)
    ]
    real = [rgb(example["image"]) for example in test]
    car = _class_id(dataset.label_set, "car")
    return {
        # Smaller pictures have fewer frequencies.
        "spectrum_error": spectrum_error(pictures, real, bins=min(32, min(data.size) // 2)),
        "boundary_visibility": _visibility(test, pictures, car),
        "boundary_visibility_real": _visibility(test, real, car),
        "diversity": diversity(synthesizer, test[:SAMPLED]),
    }


def diversity(synthesizer, examples, samples=SAMPLES):
    """Returns how much the samples of one layout differ.

    Args:
        synthesizer: A `Synthesizer`, sampled with the seeds 0, 1, ...
        examples: Sequence of dicts with `labels` and `instances`.
        samples: Number of samples of each layout, 2 or more.

    Returns:
        The standard deviation of a value over the samples, 0..255, meaned over values and
        layouts; 0 for a model that makes one photograph of a layout.
    """
    spreads = []
    for example in examples:
        pictures = [
            synthesizer.synthesize(example["labels"], example["instances"], seed=seed)
            for seed in range(2)
        ]
        if np.array_equal(*pictures):
            return 0.0  # Most models take no lots: two samples tell.
        pictures += [
            synthesizer.synthesize(example["labels"], example["instances"], seed=seed)
            for seed in range(2, samples)
        ]
        spreads.append(np.std(np.asarray(pictures, np.float64), axis=0, ddof=1).mean())
    return float(np.mean(spreads))


def _class_id(label_set, name):
    names = [known.lower() for known in label_set.names]
    return names.index(name) if name in names else None


def _visibility(examples, pictures, class_id):
    if class_id is None:
        return None
    triples = [(e["labels"], e["instances"], p) for e, p in zip(examples, pictures, strict=True)]
    visibility = boundary_visibility(triples, class_id)["visibility"]
    return None if math.isnan(visibility) else visibility

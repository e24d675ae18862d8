"""What synthetic pictures are worth: what a segmenter reads in real test pictures that was trained
on real pairs, on synthetic ones, or on both.

The real pairs are those of the run's training split, the same that the model was trained on, and
its layouts are theirs, recombined. All segmenters are trained by the run's protocol, with the
same steps and the run's seed. Half of what the third one sees is synthetic.
"""

import dataclasses
import functools
import math

from tfsynth.reproduction.measures.measure import Measure

SOURCES = ("real", "synthetic", "both")
# Synthetic pairs: as many as the data set has real ones in all, whatever the share, up to this.
MOST = 1000
# Parts with fewer pixels are no objects, in the truth and in what was read.
LEAST_PIXELS = 5


@dataclasses.dataclass(frozen=True)
class Reading:
    """How well a segmenter reads the real test pictures.

    Attributes:
        mean_iou: Mean IoU of the classes, 0..1; `None` if no class is there.
        count_error: Mean over pictures of |objects read - true objects|.
        matched_iou: Mean IoU of the objects that are matched with at least 0.5.

    The last two are `None` where objects are not known, or hide each other as in streets: they are
    read as connected parts of a class.
    """

    mean_iou: float | None
    count_error: float | None
    matched_iou: float | None


def pairs(subject):
    """Returns dict of source -> pairs to train on."""
    from tfsynth.reproduction.training_pairs import InTurn, RealPairs, SyntheticPairs

    split = subject.dataset.split("train")
    real = RealPairs(split, subject.data.size, subject.data.max_instances)
    count = min(MOST, _real_pairs_in_all(subject.dataset))
    synthetic = SyntheticPairs(subject.synthesizer, real, count, subject.seed, subject.verbose)
    return {"real": real, "synthetic": synthetic, "both": InTurn(real, synthetic)}


def reading(subject, source):
    """Returns the `Reading` of a segmenter that was trained on one of `SOURCES`.

    Raises:
        ValueError: If the subject was given no protocol.
    """
    from tfsynth import registry
    from tfsynth.data.examples import Examples
    from tfsynth.metrics.segmenter_batches import rgb

    if subject.protocol is None:
        raise ValueError("This subject was given no `protocol` to train segmenters by.")
    found = subject.once(pairs)
    protocol = protocol_on_all_pairs(subject.protocol, subject.seed)
    if subject.verbose:
        print(f"Training a segmenter on {source} pairs.")
    with registry.own_random_numbers(subject.seed):
        fitted = protocol.fit(found[source], progress=subject.verbose)
    split, data = subject.dataset.split("test"), subject.data
    test = Examples(split, data.size, data.max_instances)
    scores = protocol.score(fitted, ((e["labels"], rgb(e["image"])) for e in test))
    subject.facts |= {"protocol": protocol.name, "examples": len(test)}
    recombination = found["synthetic"].recombination
    objects = None
    if recombination.object_classes and not recombination.upright:
        objects = _objects_read(fitted, protocol.scales, test, recombination.object_classes)
    return Reading(
        scores["mean_iou"],
        None if objects is None else _or_none(objects.count_error),
        None if objects is None else _or_none(objects.mean_matched_iou),
    )


def of_reading(source, name, subject):
    """Returns one number of a `Reading`."""
    return getattr(subject.once(reading, source), name)


def gain(source, subject):
    """Returns what a segmenter has over one that was trained on real pairs, in mean IoU.

    Below 0 if synthetic pairs do harm; of the same seed, so that the difference has a spread.
    """
    ours, real = (of_reading(which, "mean_iou", subject) for which in (source, "real"))
    return None if ours is None or real is None else ours - real


def protocol_on_all_pairs(protocol, seed):
    """Returns a protocol that trains on all pairs that it is given, with a seed."""
    settings = {**protocol.get_config(), "seed": seed}
    settings.pop("half", None)
    return type(protocol).from_config(settings)


def large_objects(objects):
    """Returns a map of objects, 0 being none, without those of few pixels."""
    import numpy as np

    return np.where(np.bincount(objects.ravel())[objects] >= LEAST_PIXELS, objects, 0)


def _real_pairs_in_all(dataset):
    """Returns the number of training pairs of a data set that may be a `Share` of another."""
    from tfsynth.data import Share

    while isinstance(dataset, Share):
        dataset = dataset.dataset
    return len(dataset.split("train"))


def _objects_read(fitted, scales, test, class_ids):
    """Returns the `InstanceScores` of the objects that a segmenter reads in test pictures."""
    import numpy as np

    from tfsynth.layouts import components
    from tfsynth.metrics import instance_scores, instance_sums, objects_of
    from tfsynth.metrics.segmenter_batches import rgb

    sums = []
    for example in test:
        (read,) = fitted.read(rgb(example["image"])[None], scales)
        truth = objects_of(example["labels"], example["instances"], class_ids)
        prediction = objects_of(read, components(read), class_ids)
        sums.append(instance_sums(large_objects(truth), large_objects(prediction)))
    return instance_scores(np.sum(sums, axis=0))


def _or_none(number):
    return None if math.isnan(number) else number


_of_difference = functools.partial(
    Measure, heading="What synthetic pictures add", digits=3, signed=True
)
_of_objects = functools.partial(Measure, heading="Objects read in real test pictures")

MEASURES = {
    **{
        f"useful_{source}": Measure(
            f"mean IoU, trained on {source}", functools.partial(of_reading, source, "mean_iou")
        )
        for source in SOURCES
    },
    "useful_pairs": Measure(
        "real training pairs",
        lambda s: len(s.dataset.split("train")),
        digits=0,
        heading="What synthetic pictures add",
    ),
    "useful_gain": _of_difference("both - real, mean IoU", functools.partial(gain, "both")),
    "useful_gap": _of_difference(
        "synthetic - real, mean IoU", functools.partial(gain, "synthetic")
    ),
    **{
        f"useful_{source}_count_error": _of_objects(
            f"count error, trained on {source}",
            functools.partial(of_reading, source, "count_error"),
            higher_is_better=False,
            digits=2,
        )
        for source in SOURCES
    },
    **{
        f"useful_{source}_matched_iou": _of_objects(
            f"matched IoU, trained on {source}",
            functools.partial(of_reading, source, "matched_iou"),
        )
        for source in SOURCES
    },
}

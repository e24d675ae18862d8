"""Scores of a run counted by hand, beside those that it writes."""

import numpy as np

from tfsynth import registry
from tfsynth.data.examples import Examples
from tfsynth.files import cache_folder


def by_hand(config, picture_of, split="test", limit=None):
    """Returns what the run's segmenter scores in `picture_of(number, example)` of a split."""
    dataset, protocol = registry.build(config.data.dataset), registry.build(config.evaluation)
    held_out = dataset.split("validation") if "validation" in dataset.split_names else None
    segmenter = protocol.fit(
        dataset.split("train"),
        dataset.fingerprint,
        cache_folder() / "segmenters",
        progress=False,
        validation=held_out,
    )
    data = config.data
    examples = Examples(dataset.split(split), data.size, data.max_instances, limit)
    truth, read = [], []
    for number, example in enumerate(examples):
        picture = np.broadcast_to(picture_of(number, example), (*example["labels"].shape, 3))
        truth.append(example["labels"])
        read.append(segmenter.read(picture[None])[0])
    truth, read = np.stack(truth), np.stack(read)
    label_set = dataset.label_set
    counted, ious = np.isin(truth, label_set.scored_ids), {}
    for i in label_set.scored_ids:
        shown, seen = truth == i, counted & (read == i)
        either = (shown | seen).sum()
        ious[label_set.names[i]] = (shown & seen).sum() / either if either else None
    right = (counted & (truth == read)).sum()
    return {
        "mean_iou": np.mean([iou for iou in ious.values() if iou is not None]),
        "pixel_accuracy": right / counted.sum(),
        "pixel_accuracy_with_void": right / truth.size,
        "per_class_iou": ious,
    }


def assert_same(scores, expected, atol=1e-12):
    """The rows are equal, to the last digits of a mean or as `atol` says.

    The interval of the mean is tested where it is computed.
    """
    assert scores.keys() - {"mean_iou_interval"} == expected.keys() - {"mean_iou_interval"}
    for name in ("mean_iou", "pixel_accuracy", "pixel_accuracy_with_void"):
        np.testing.assert_allclose(scores[name], expected[name], rtol=0, atol=atol)
    assert scores["per_class_iou"].keys() == expected["per_class_iou"].keys()
    for name, iou in scores["per_class_iou"].items():
        other = expected["per_class_iou"][name]
        assert (iou is None) == (other is None), name
        np.testing.assert_allclose(iou or 0.0, other or 0.0, rtol=0, atol=atol)

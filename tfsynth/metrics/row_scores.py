"""The scores of a row: what a segmenter reads in many pictures, against their layouts."""

import numpy as np

from tfsynth.layouts.regions import components
from tfsynth.metrics.bootstrap import bootstrap_interval
from tfsynth.metrics.instances import instance_scores, instance_sums, objects_of
from tfsynth.metrics.segmentation import (
    confusion_matrix,
    iou_sums,
    mean_iou_of,
    segmentation_scores,
)


class RowScores:
    """Adds up pictures of one row, and scores them.

    Args:
        label_set: The `LabelSet` of the layouts.
        things: Ids of the classes whose objects are counted; empty for none.
    """

    def __init__(self, label_set, things=()):
        self.label_set = label_set
        self.things = tuple(things)
        self.matrix = np.zeros((label_set.num_classes,) * 2, np.int64)
        # Of each picture, for the intervals: hits, true and read pixels by class, (3, classes), and
        # what `instance_sums` adds up.
        self._sums, self._objects = [], []

    def add(self, labels, read, instances=None):
        """Adds a picture.

        Args:
            labels: Integer array (height, width), its layout.
            read: Integer array (height, width), the class of each pixel as it was read.
            instances: Integer array (height, width), the objects of the layout, if they count.
        """
        matrix = confusion_matrix(labels, read, self.label_set.num_classes)
        self.matrix += matrix
        self._sums.append(iou_sums(matrix, self.label_set.void_ids))
        if self.things and instances is not None:
            void = np.isin(labels, self.label_set.void_ids)
            self._objects.append(_object_sums(labels, instances, read, void, self.things))

    def scores(self):
        """Returns what `SegmenterProtocol.score` does.

        Raises:
            ValueError: If there is no picture.
        """
        if not self._sums:
            raise ValueError("There is nothing to score: no pair was given.")
        scores, label_set = (
            segmentation_scores(self.matrix, self.label_set.void_ids),
            self.label_set,
        )
        row = {
            "mean_iou": _or_none(scores.mean_iou),
            "mean_iou_interval": _interval(self._sums, mean_iou_of),
            "pixel_accuracy": _or_none(scores.pixel_accuracy),
            "pixel_accuracy_with_void": _or_none(scores.pixel_accuracy_with_void),
            "per_class_iou": {
                label_set.names[i]: _or_none(scores.class_iou[i]) for i in label_set.scored_ids
            },
        }
        return row | ({"instances": self._instances()} if self._objects else {})

    def _instances(self):
        found = instance_scores(np.sum(self._objects, axis=0))
        return {
            "count_error": _or_none(found.count_error),
            "count_error_interval": _interval(
                self._objects, lambda sums: instance_scores(sums).count_error
            ),
            "mean_matched_iou": _or_none(found.mean_matched_iou),
            "mean_matched_iou_interval": _interval(
                self._objects, lambda sums: instance_scores(sums).mean_matched_iou
            ),
            "recall": _or_none(found.recall),
            "precision": _or_none(found.precision),
        }


def _object_sums(labels, instances, read, void, things):
    """Returns `instance_sums` of one picture, whose objects are matched within their class."""
    # An object that is read is a connected part of its class.
    parts = components(read)
    by_class = [
        instance_sums(
            objects_of(labels, instances, class_id),
            np.where(void, 0, objects_of(read, parts, class_id)),
        )
        for class_id in things
    ]
    # Of however many classes, it is one picture.
    return np.append(np.sum(by_class, axis=0)[:-1], 1.0)


def _interval(sums, score):
    found = bootstrap_interval(np.stack(sums), score)
    return None if np.isnan(found.low) else [found.low, found.high]


def _or_none(number):
    return None if np.isnan(number) else float(number)

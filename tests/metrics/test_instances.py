"""Matched objects: maps whose overlaps can be counted by hand."""

import itertools

import numpy as np
import pytest

from tfsynth.metrics import (
    Match,
    bootstrap_interval,
    has_own_instances,
    instance_scores,
    instance_sums,
    match_instances,
    objects_of,
    thing_classes,
)

TRUTH = np.array(
    [
        [7, 7, 7, 7, 0, 0, 0, 0],
        [7, 7, 7, 7, 0, -3, -3, 0],
        [0, 0, 0, 0, 0, -3, -3, 0],
        [90000, 90000, 0, 0, 0, 0, 0, 0],
    ]
)
PREDICTION = np.array(
    [
        [0, 5, 5, 5, 0, 0, 0, 0],
        [0, 5, 5, 5, 0, 2, 2, 2],
        [0, 0, 0, 0, 0, 0, 0, 2],
        [0, 0, 0, 0, 9, 9, 0, 0],
    ]
)


def test_a_map_by_hand():
    # 6 of 8 pixels; 2 shared of 4 + 4 - 2.
    assert match_instances(TRUTH, PREDICTION) == [Match(-3, 2, 2 / 6), Match(7, 5, 6 / 8)]
    assert match_instances(TRUTH, PREDICTION, "optimal") == match_instances(TRUTH, PREDICTION)
    sums = instance_sums(TRUTH, PREDICTION)
    assert sums.tolist() == [3, 3, 1, 0.75, 0.75 + 2 / 6, 0, 1]
    scores = instance_scores(sums)
    assert scores.mean_iou == pytest.approx((0.75 + 1 / 3) / 3)
    assert (scores.mean_matched_iou, scores.recall, scores.precision) == (0.75, 1 / 3, 1 / 3)
    assert scores.panoptic_quality == pytest.approx(0.75 / 3)
    lenient = instance_scores(instance_sums(TRUTH, PREDICTION, threshold=0.3))
    assert (lenient.recall, lenient.precision) == (2 / 3, 2 / 3)


def test_counts_add_up_over_pictures():
    one, two = np.array([[1, 1, 0, 0]]), np.array([[4, 4, 0, 6]])
    sums = [instance_sums(one, two), instance_sums(two, one), instance_sums(one, 0 * one)]
    scores = instance_scores(np.sum(sums, axis=0))
    assert scores.count_error == 1 and scores.count_bias == pytest.approx(-1 / 3)
    assert (scores.recall, scores.precision) == (2 / 4, 2 / 3)
    interval = bootstrap_interval(sums, lambda total: instance_scores(total).recall)
    assert interval.value == 0.5 and interval.low == 0 and interval.high == 1


def test_ids_mean_nothing():
    random = np.random.default_rng(0)
    truth, prediction = random.integers(0, 6, (2, 12, 12))
    renumbered = np.array([0, -8, 2**40, 3, 17, 1])[truth]
    expected = sorted(match.iou for match in match_instances(truth, prediction))
    assert sorted(m.iou for m in match_instances(renumbered, prediction)) == expected
    assert len(match_instances(truth, prediction, background=None)) == 6


def row(*runs):
    """One row of objects: (id, pixels) in turn."""
    return np.array([[number for number, length in runs for _ in range(length)]])


def test_methods_differ_where_an_object_is_split_and_another_joined():
    # 1 and 2 share 7 of 13 pixels; 1 and 1 share 3 of 10, as do 2 and 2.
    truth, prediction = row((1, 10), (2, 3)), row((1, 3), (2, 10))
    assert match_instances(truth, prediction) == [Match(1, 2, 7 / 13)]
    both = match_instances(truth, prediction, method="optimal")
    assert both == [Match(1, 1, 0.3), Match(2, 2, 0.3)]
    assert instance_sums(truth, prediction)[2] == 1
    assert instance_sums(truth, prediction, method="optimal")[2] == 0


def test_the_optimal_matching_is_the_best_of_all():
    random = np.random.default_rng(1)
    truth, prediction = random.integers(1, 6, (2, 40))
    ious = np.array(
        [
            [np.sum((truth == t) & (prediction == p)) / np.sum((truth == t) | (prediction == p))
             for p in range(1, 6)]
            for t in range(1, 6)
        ]
    )  # fmt: skip
    best = max(ious[range(5), order].sum() for order in itertools.permutations(range(5)))
    found = match_instances(truth, prediction, method="optimal")
    assert sum(match.iou for match in found) == pytest.approx(best)
    assert sum(match.iou for match in match_instances(truth, prediction)) <= best
    for match in found:
        assert match.iou == ious[match.true_id - 1, match.predicted_id - 1]


def test_equal_overlaps_go_by_id():
    truth, prediction = row((3, 2), (4, 2)), row((8, 1), (6, 2), (7, 1))
    assert match_instances(truth, prediction) == [Match(3, 8, 0.5), Match(4, 7, 0.5)]
    assert instance_scores(instance_sums(truth, prediction)).recall == 1
    # Forty objects, each in two halves.
    truth, prediction = np.arange(2, 82)[None] // 2, np.arange(80, 0, -1)[None]
    found = match_instances(truth, prediction)
    assert [match.predicted_id for match in found] == list(range(79, 0, -2))


def test_maps_without_objects():
    empty = np.zeros((4, 4), int)
    for method in ("greedy", "optimal"):
        assert match_instances(empty, empty, method) == []
        assert match_instances(empty + 1, empty, method) == []
    scores = instance_scores(instance_sums(empty, empty))
    assert np.isnan([scores.recall, scores.precision, scores.mean_iou]).all()
    assert scores.count_error == 0


def test_objects_of_a_class():
    labels = np.array([[1, 1, 2], [1, 2, 2]])
    instances = np.array([[0, 0, 0], [5, 9, 9]])
    assert objects_of(labels, instances, 1).tolist() == [[1, 1, 0], [2, 0, 0]]
    assert objects_of(labels, instances, 2).tolist() == [[0, 0, 1], [0, 2, 2]]
    assert objects_of(labels, instances, (1, 2)).tolist() == [[1, 1, 3], [2, 4, 4]]
    assert objects_of(labels, instances, 3).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    "truth, prediction, settings, message",
    [
        ([[1]], [[1, 1]], {}, r"one shape. Received: \(1, 1\) and \(1, 2\)"),
        ([[1.0]], [[1]], {}, "integer ids. Received: float64"),
        ([[1]], [[True]], {}, "integer ids. Received: bool"),
        ([[1]], [[1]], {"method": "best"}, "'optimal' or 'greedy'; got 'best'"),
        ([[1]], [[1]], {"threshold": 0}, "above 0, and 1 at most; got 0"),
    ],
)
def test_what_cannot_be_matched_is_refused(truth, prediction, settings, message):
    with pytest.raises(ValueError, match=message):
        instance_sums(np.array(truth), np.array(prediction), **settings)


def test_sums_of_one_picture_a_row_are_refused():
    with pytest.raises(ValueError, match=r"one array \(7,\).*Received: \(2, 7\)"):
        instance_scores(np.zeros((2, 7)))


def test_things_are_classes_with_two_objects_in_one_layout():
    labels = [np.array([[1, 1, 2, 2]]), np.array([[1, 3, 3, 3]]), np.array([[2, 2, 0, 0]])]
    ids = [np.array([[5, 5, 6, 6]]), np.array([[5, 7, 8, 8]]), np.array([[9, 9, 1, 2]])]
    assert thing_classes(iter(labels), iter(ids), (0, 1, 2, 3)) == (0, 3)
    assert thing_classes(labels, ids, (1, 2, 3)) == (3,)
    assert thing_classes(labels[:1], ids[:1], (1, 2, 3)) == ()


class Data:
    """A data set of one example."""

    def __init__(self, **example):
        self.example = example

    def split(self, name):
        assert name == "train"
        return [self.example]


def test_instance_maps_that_were_made_of_labels_are_not_the_datas_own():
    assert has_own_instances(Data(labels=0, instances=0))
    assert not has_own_instances(Data(labels=0))
    made = Data(labels=0, instances=0)
    made.instances_from = "components"
    assert not has_own_instances(made)

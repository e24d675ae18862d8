"""Means, spreads and verdicts of rows, and their order against the published one."""

import pytest

from tfsynth.reproduction.comparison import (
    AS_PUBLISHED,
    REVERSED,
    UNDECIDED,
    WORSE,
    YES,
    Pair,
    Summary,
    answer,
    compare_order,
    is_decided,
    summarise,
    verdicts,
)
from tfsynth.reproduction.tables import Published, Question


def results(**rows):
    """Returns results whose only measure is the mean IoU, by row and seed."""
    return {
        row: {seed: {"measures": {"mean_iou": number}} for seed, number in enumerate(numbers)}
        for row, numbers in rows.items()
    }


def test_mean_and_spread_over_seeds():
    summary = Summary({0: 0.25, 1: 0.5, 2: 0.75})
    assert (summary.mean, summary.spread) == (0.5, 0.5)
    assert Summary({3: 0.5}).spread == float("inf")


def test_rows_without_a_number_are_left_out():
    found = summarise(results(a=[0.5, None], b=[None]), "mean_iou")
    assert found == {"a": Summary({0: 0.5})}


@pytest.mark.parametrize(
    ("a", "b", "decided"),
    [
        ([0.5, 0.6], [0.2, 0.3], True),  # a gap of 0.3, spreads of 0.1
        ([0.5, 0.6], [0.1, 0.6], False),  # 0.2 against 0.5
        ([0.25, 0.5], [0.5, 0.75], False),  # as large as the spread
        ([0.9], [0.1, 0.1], False),  # one seed says nothing
    ],
)
def test_a_gap_counts_beyond_the_larger_spread(a, b, decided):
    first, second = (Summary(dict(enumerate(values))) for values in (a, b))
    assert is_decided(first, second) is is_decided(second, first) is decided


def test_verdicts():
    rows = results(a=[0.70, 0.72], b=[0.69, 0.71], c=[0.2, 0.21])
    found = verdicts(summarise(rows, "mean_iou"), "mean_iou")
    assert found == {"a": UNDECIDED, "b": UNDECIDED, "c": "behind"}
    del rows["b"]
    found = verdicts(summarise(rows, "mean_iou"), "mean_iou")
    assert found == {"a": "best", "c": "behind"}
    assert verdicts({}, "mean_iou") == {}


def test_where_less_is_better_the_least_is_best():
    summaries = {"a": Summary({0: 3.0, 1: 3.1}), "b": Summary({0: 1.0, 1: 1.1})}
    assert verdicts(summaries, "spectrum_error") == {"a": "behind", "b": "best"}


@pytest.mark.parametrize(
    ("there", "away", "measure", "said"),
    [
        ([0.5, 0.6], [0.2, 0.3], "mean_iou", YES),
        ([0.2, 0.3], [0.5, 0.6], "mean_iou", WORSE),
        ([0.2, 0.3], [0.5, 0.6], "spectrum_error", YES),  # Less is better.
        ([0.5, 0.6], [0.1, 0.6], "mean_iou", UNDECIDED),
        ([0.9], [0.1], "mean_iou", UNDECIDED),
    ],
)
def test_whether_a_part_helps(there, away, measure, said):
    rows = {"a": there, "b": away}
    found = {
        row: {seed: {"measures": {measure: number}} for seed, number in enumerate(numbers)}
        for row, numbers in rows.items()
    }
    told = answer(Question("the part", "a", "b", measure), found)
    assert told["answer"] == said
    assert told["with"] == pytest.approx(sum(there) / len(there))
    assert told["without"] == pytest.approx(sum(away) / len(away))


def test_a_question_about_a_row_without_results_has_no_answer():
    assert answer(Question("the part", "a", "b", "mean_iou"), results(a=[0.5])) is None


def test_order_against_a_published_measure():
    published = Published("mean_iou", "", {"a": 0.1, "b": 0.2, "c": 0.3, "oracle": 0.9}, set())
    rows = results(a=[0.5, 0.52], b=[0.3, 0.32], c=[0.51, 0.53])
    assert compare_order(published, rows, ["mean_iou"]) == [
        Pair("b", "a", "mean_iou", REVERSED, pytest.approx(-0.2)),
        Pair("c", "a", "mean_iou", UNDECIDED, pytest.approx(0.01)),
        Pair("c", "b", "mean_iou", AS_PUBLISHED, pytest.approx(0.21)),
    ]


def test_what_people_preferred_is_compared_with_the_preferred_row_only():
    published = Published("preference", "", {"a": 99.0, "b": 40.0}, set(), preferred="c")
    rows = results(a=[0.1, 0.11], b=[0.2, 0.21], c=[0.5, 0.51])
    pairs = compare_order(published, rows, ["mean_iou"])
    # Below 50 %, people preferred the other.
    assert [(p.better, p.worse, p.here) for p in pairs] == [
        ("c", "a", AS_PUBLISHED),
        ("b", "c", REVERSED),
    ]


def test_rows_without_results_are_not_compared():
    published = Published("mean_iou", "", {"a": 0.1, "b": 0.2}, set())
    assert compare_order(published, results(a=[0.5]), ["mean_iou"]) == []

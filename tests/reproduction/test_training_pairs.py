"""Pairs that segmenters are trained on: where they come from, and in what order."""

import numpy as np
import pytest

from tests.reproduction.drawn import LABELS, SIZE, Drawn, Painter, Street
from tfsynth.reproduction.training_pairs import InTurn, RealPairs, SyntheticPairs
from tfsynth.streets import classes

RED = ("red", (200, 0, 0))


class Labelled(list):
    label_set = LABELS


def test_real_pairs_are_those_of_the_split_at_a_size():
    real = RealPairs(Drawn([Street(RED), Street(RED, RED)]), (8, 12))
    assert len(real) == 2 and real.label_set is LABELS
    assert real[1]["labels"].shape == (8, 12) and real[1]["image"].shape == (8, 12, 3)
    assert (real[1]["labels"] == classes.CAR).sum() == 2 * (real[0]["labels"] == classes.CAR).sum()
    assert [pair["instances"].max() for pair in real] == [1, 2]  # It ends.


def test_synthetic_pairs_are_of_the_layouts_of_the_real_ones_recombined():
    real = RealPairs(Drawn([Street(RED, RED)] * 3), SIZE)
    greys = tuple(range(0, 250, 10))
    synthetic = SyntheticPairs(Painter(greys), real, 7, seed=4)
    assert len(synthetic) == 7 and synthetic.label_set is LABELS
    for k, pair in enumerate(synthetic):
        labels, instances = synthetic.recombination.layout(k)
        np.testing.assert_array_equal(pair["labels"], labels)
        np.testing.assert_array_equal(pair["instances"], instances)
        # Of the model, with seed k; nothing of the photographs is in it.
        assert (pair["image"] == greys[k]).all()
        assert set(np.unique(labels)) <= {classes.ROAD, classes.CAR}
    again, other = (SyntheticPairs(Painter(), real, 7, seed=seed) for seed in (4, 5))
    same = [(a["labels"] == b["labels"]).all() for a, b in zip(synthetic, again, strict=True)]
    assert all(same)
    assert any((a["labels"] != b["labels"]).any() for a, b in zip(again, other, strict=True))


def test_pairs_in_turn_are_half_of_each():
    first, second = Labelled("abc"), Labelled("xy")
    both = InTurn(first, second)
    assert list(both) == ["a", "x", "b", "y", "c", "x"]
    assert list(InTurn(second, first)) == ["x", "a", "y", "b", "x", "c"]
    with pytest.raises(IndexError):
        both[6]

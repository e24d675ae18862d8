"""Bars: their lengths and spreads, and rows without a number."""

import numpy as np
import pytest

from tfsynth.reproduction.charts import Panel, draw_bars, round_up

BLUE, BLACK = (66, 113, 174), (30, 30, 30)


def widths(picture, colour):
    """Returns the widths of the bars of a colour, from top to bottom."""
    marked = (picture == colour).all(axis=-1)
    counts = [np.flatnonzero(row) for row in marked]
    runs = [columns.max() - columns.min() + 1 if len(columns) else 0 for columns in counts]
    return [b for a, b in zip(runs, runs[1:], strict=False) if a == 0 and b > 0]


def test_bars_are_as_long_as_their_numbers():
    rows = {"a": "first", "b": "second", "c": "third"}
    values = {"a": (0.5, 0.5, 0.5), "b": (1.0, 1.0, 1.0)}
    picture = draw_bars("Title", rows, [Panel("half", "measured", values)])
    short, long = widths(picture, BLUE)
    assert long == pytest.approx(2 * short, abs=2)


def test_a_spread_is_a_line_from_least_to_most():
    rows = {"a": ""}

    def ink(low, high):
        panel = Panel("", "published", {"a": (0.5, low, high)}, {"a": ""}, digits=0)
        return (draw_bars("", rows, [panel]) == BLACK).all(axis=-1).sum()

    assert ink(0.5, 0.5) == pytest.approx(ink(0.25, 0.75) - 2 * 90, abs=60)


@pytest.mark.parametrize(
    ("number", "limit"), [(0.3, 0.5), (0.5, 0.5), (68.55, 100), (1.2, 2), (0, 1)]
)
def test_axes_end_at_round_numbers(number, limit):
    assert round_up(number) == pytest.approx(limit)

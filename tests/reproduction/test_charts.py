"""Bars: their lengths and spreads, and rows without a number."""

import pytest
from matplotlib.figure import Figure

from tfsynth.reproduction.charts import Panel, draw_bars, size_of

ROWS = {"a": "first", "b": "second", "c": "third"}


def drawn(*panels, rows=ROWS):
    figure = Figure(layout="constrained")
    draw_bars(figure, "Title", rows, panels, "below")
    figure.draw_without_rendering()
    return figure


def test_bars_are_as_long_as_their_numbers():
    values = {"a": (0.5, 0.5, 0.5), "b": (1.0, 1.0, 1.0)}
    (axis,) = drawn(Panel("half", "measured", values, {"b": " *"}, digits=1)).axes
    assert [bar.get_width() for bar in axis.patches] == [0.5, 1.0]
    assert [text.get_text() for text in axis.texts] == ["0.5", "1.0 *"]
    assert [label.get_text() for label in axis.get_yticklabels()] == list(ROWS.values())
    assert axis.get_xlim() == (0, 1.35)


def test_a_spread_is_a_line_from_least_to_most():
    (axis,) = drawn(Panel("", "published", {"b": (0.5, 0.25, 0.875)}, digits=None)).axes
    ((start, end),) = [line.get_segments()[0] for line in axis.collections]
    assert (start[0], end[0]) == (0.25, 0.875)
    assert axis.texts[0].get_text() == "0.5"


def test_a_panel_without_a_number_is_empty():
    (axis,) = drawn(Panel("", "measured", {})).axes
    assert len(axis.patches) == 0


@pytest.mark.parametrize(("panels", "shown", "width"), [(3, 3, 10.0), (6, 6, 10.0), (5, 6, 10.0)])
def test_panels_stand_in_even_lines(panels, shown, width):
    values = [Panel("", "measured", {"a": (1, 1, 1)})] * panels
    assert size_of(ROWS, values)[0] == pytest.approx(width)
    axes = drawn(*values).axes
    assert len(axes) == shown
    assert sum(axis.axison for axis in axes) == panels

"""Bars with spreads."""

import dataclasses
import math
from math import nan

_COLOURS = {"measured": "tab:blue", "published": "0.8"}
# The most panels side by side.
_COLUMNS = 4


@dataclasses.dataclass(frozen=True)
class Panel:
    """One column of bars.

    Attributes:
        title: Its heading; a second line may follow a line feed.
        kind: "measured" or "published": the colour.
        values: Dict of row -> (mean, least, most); rows without one stay empty.
        marks: Dict of row -> what stands behind its number, if anything.
        digits: Decimals of the numbers; `None` for those that each has.
    """

    title: str
    kind: str
    values: dict
    marks: dict = dataclasses.field(default_factory=dict)
    digits: int | None = 3


def size_of(rows, panels):
    """Returns the (width, height) in inches of a chart of so many rows and panels."""
    lines, columns = _grid(panels)
    return 2.2 + 2.6 * columns, 0.9 + lines * (0.8 + 0.36 * len(rows))


def draw_bars(figure, title, rows, panels, footer=""):
    """Draws panels of horizontal bars side by side, a line per row.

    Args:
        figure: A matplotlib `Figure`; drawn on.
        title: The heading of all.
        rows: Dict of row -> title, in order.
        panels: Sequence of `Panel`; each has its own axis, which starts at 0.
        footer: A line below.
    """
    figure.suptitle(title, x=0.01, ha="left")
    figure.supxlabel(footer, x=0.01, ha="left", fontsize=8, color="0.4")
    lines, columns = _grid(panels)
    axes = figure.subplots(lines, columns, sharey=True, squeeze=False).flat
    places = {row: place for place, row in enumerate(rows)}
    for panel, axis in zip(panels, axes, strict=False):
        shown = {row: panel.values[row] for row in rows if row in panel.values}
        at = [places[row] for row in shown]
        means = [mean for mean, _, _ in shown.values()]
        # From the mean down to the least, and up to the most; one seed has no line.
        ends = [
            (m - low, high - m) if high > low else (nan, nan) for m, low, high in shown.values()
        ]
        spread = list(zip(*ends, strict=True)) or None
        bars = axis.barh(at, means, 0.6, xerr=spread, color=_COLOURS[panel.kind], capsize=2)
        form = "g" if panel.digits is None else f".{panel.digits}f"
        marks = [panel.marks.get(row, "") for row in shown]
        labels = [f"{mean:{form}}{mark}" for mean, mark in zip(means, marks, strict=True)]
        axis.bar_label(bars, labels, padding=3, fontsize=8)
        axis.set_title(panel.title, loc="left", fontsize=9)
        axis.set_xlim(0, 1.35 * max((high for _, _, high in shown.values()), default=1) or 1)
        axis.set_yticks(list(places.values()), list(rows.values()))
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    for axis in axes:
        axis.set_axis_off()


def _grid(panels):
    """Returns the numbers of lines and columns that hold so many panels, as even as can be."""
    lines = math.ceil(len(panels) / _COLUMNS)
    return lines, math.ceil(len(panels) / lines)

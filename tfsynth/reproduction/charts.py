"""Bars with spreads, drawn with Pillow."""

import dataclasses

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_PAPER, _INK, _FAINT, _LINE = (255, 255, 255), (30, 30, 30), (110, 110, 110), (215, 215, 215)
_FILLS = {"measured": (66, 113, 174), "published": (205, 205, 205)}
_MARGIN, _ROW, _BAR, _PANEL, _GAP = 16, 34, 18, 250, 24
_HEAD, _AXIS = 62, 28


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


def draw_bars(title, rows, panels, footer=""):
    """Draws panels of horizontal bars side by side, a line per row.

    Args:
        title: The heading of all.
        rows: Dict of row -> title, in order.
        panels: Sequence of `Panel`; each has its own axis, which starts at 0.
        footer: A line below.

    Returns:
        Uint8 array (height, width, 3).
    """
    font, small, large = (ImageFont.load_default(size=size) for size in (14, 12, 18))
    names = _MARGIN + int(max(font.getlength(text) for text in rows.values())) + 12
    width = names + len(panels) * (_PANEL + _GAP) + _MARGIN
    width = max(width, *(int(large.getlength(title)) + 2 * _MARGIN, _line_width(footer, small)))
    height = _MARGIN + 30 + _HEAD + len(rows) * _ROW + _AXIS + (24 if footer else 0)
    canvas = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((_MARGIN, _MARGIN - 4), title, _INK, large)
    top = _MARGIN + 30 + _HEAD
    for index, text in enumerate(rows.values()):
        draw.text((_MARGIN, top + index * _ROW + _ROW // 2), text, _INK, font, anchor="lm")
    for number, panel in enumerate(panels):
        left = names + number * (_PANEL + _GAP)
        _draw_panel(draw, panel, list(rows), left, top, (font, small))
    if footer:
        draw.text((_MARGIN, height - 24), footer, _FAINT, small)
    return np.asarray(canvas)


def _line_width(text, font):
    return int(font.getlength(text)) + 2 * _MARGIN


def _draw_panel(draw, panel, rows, left, top, fonts):
    font, small = fonts
    for line, text in enumerate(panel.title.split("\n")):
        draw.text((left, top - _HEAD + 8 + 20 * line), text, _FAINT if line else _INK, fonts[line])
    most = max((high for _, _, high in panel.values.values()), default=0.0)
    limit = round_up(most)
    # Room for the number behind the longest bar.
    scale = (_PANEL - 70) / limit
    bottom = top + len(rows) * _ROW
    for tick in (0, limit / 2, limit):
        x = left + tick * scale
        draw.line([(x, top), (x, bottom + 4)], _LINE)
        draw.text((x, bottom + 6), f"{tick:.6g}", _FAINT, small, anchor="ma")
    for index, row in enumerate(rows):
        y = top + index * _ROW + (_ROW - _BAR) // 2
        if row not in panel.values:
            draw.text((left + 4, y + _BAR // 2), "-", _FAINT, small, anchor="lm")
            continue
        mean, low, high = panel.values[row]
        draw.rectangle([left, y, left + mean * scale, y + _BAR], _FILLS[panel.kind])
        if high > low:
            _draw_spread(draw, left + low * scale, left + high * scale, y)
        number = f"{mean:g}" if panel.digits is None else f"{mean:.{panel.digits}f}"
        text = f"{number}{panel.marks.get(row, '')}"
        draw.text((left + high * scale + 6, y + _BAR // 2), text, _INK, small, anchor="lm")


def _draw_spread(draw, low, high, y):
    """Draws a line from the least to the most over seeds."""
    middle = y + _BAR // 2
    draw.line([(low, middle), (high, middle)], _INK, 2)
    for x in (low, high):
        draw.line([(x, middle - 5), (x, middle + 5)], _INK, 2)


def round_up(number):
    """Returns 1, 2 or 5 times a power of ten, at least the number."""
    if number <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(number))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= number))

"""Sample sheets: condition, synthesised and real pictures side by side, one row per example."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfsynth.files import replace_file

# Pixels between pictures, and around all of them.
GAP = 2
_HEADING_MARGIN = 2
_BACKGROUND = (255, 255, 255)
_INK = (40, 40, 40)
_HEADINGS = ("labels", "synthesised", "real")


def sheet(rows, label_set=None, headings=_HEADINGS):
    """Draws one picture of several examples.

    Args:
        rows: Sequence of examples, each a sequence of pictures: label maps, integer
            (height, width), and pictures, uint8 (height, width, channels), grey, RGB or RGBA,
            the last on white. `None` is an empty place. Pictures may have any size; each
            column is as wide as its widest picture.
        label_set: The `LabelSet` that label maps are painted with; `None` if there are none.
        headings: One word per column, drawn above it.

    Returns:
        Uint8 array (height, width, 3).

    Raises:
        ValueError: If there is no row, a row has not one picture per heading, or a picture
            is neither a label map nor of 1, 3 or 4 channels.
    """
    if not rows:
        raise ValueError("A sheet needs at least one row of pictures; got none.")
    painted = [[_painted(picture, label_set) for picture in row] for row in rows]
    for row in painted:
        if len(row) != len(headings):
            raise ValueError(
                f"A row has one picture per heading ({', '.join(headings)}); got {len(row)}."
            )
    font = ImageFont.load_default(size=11)
    top = GAP + _line_height(font) + _HEADING_MARGIN
    lefts = _edges(GAP, [max(p.shape[1] for p in column) for column in zip(*painted, strict=True)])
    tops = _edges(top, [max(p.shape[0] for p in row) for row in painted])
    canvas = Image.new("RGB", (lefts[-1], tops[-1]), _BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for heading, left, right in zip(headings, lefts, lefts[1:], strict=False):
        draw.text((left, GAP), _shortened(heading, font, right - left - GAP), _INK, font)
    for row, y in zip(painted, tops, strict=False):
        for picture, x in zip(row, lefts, strict=False):
            canvas.paste(Image.fromarray(picture), (x, y))
    return np.asarray(canvas)


def write_sheet(path, picture):
    """Writes a sheet as PNG, completely or not at all; creates its folder.

    Args:
        path: Path ending in `.png`.
        picture: Uint8 array (height, width, 3).

    Raises:
        OSError: If it cannot be written; what was at `path` stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda temporary: Image.fromarray(picture).save(temporary, "PNG"))


def resized(picture, size):
    """Returns a picture at another size, by a bicubic filter.

    Args:
        picture: Uint8 array (height, width, 3).
        size: (height, width) in pixels. A picture of this size is returned unchanged.
    """
    if picture.shape[:2] == tuple(size):
        return picture
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BICUBIC))


def _painted(picture, label_set):
    if picture is None:
        return np.full((1, 1, 3), _BACKGROUND, np.uint8)
    picture = np.asarray(picture)
    if picture.ndim == 2 and label_set is not None:
        return label_set.paint(picture)
    if picture.ndim != 3 or picture.shape[-1] not in (1, 3, 4) or picture.dtype != np.uint8:
        raise ValueError(
            "A picture of a sheet is a label map (height, width), with a label set, or (height, "
            f"width, 1, 3 or 4) of uint8. Received: {picture.shape} of {picture.dtype}."
        )
    if picture.shape[-1] == 4:
        top = Image.fromarray(picture)
        return np.asarray(Image.alpha_composite(Image.new("RGBA", top.size, "white"), top))[..., :3]
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def _edges(first, sizes):
    """Returns where each picture begins, and after the last gap the length of the canvas."""
    return [int(edge) for edge in np.cumsum([first, *(size + GAP for size in sizes)])]


def _line_height(font):
    left, top, right, bottom = font.getbbox("Ag")
    return int(np.ceil(bottom))


def _shortened(text, font, width):
    """Returns the text, shortened to the width of its column."""
    while text and font.getlength(text) > width:
        text = text[:-1]
    return text

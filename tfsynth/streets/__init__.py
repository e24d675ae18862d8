"""Street scenes drawn with NumPy and Pillow, nothing to download: `draw_street` makes one."""

from tfsynth.streets.arrays import ARRAYS, draw_range, make_arrays
from tfsynth.streets.canvas import Look
from tfsynth.streets.classes import CLASS_COLOURS, CLASS_NAMES, VOID_IDS
from tfsynth.streets.draw import (
    DRAWING_NOTES,
    DRAWING_VERSION,
    SPLIT_STREAMS,
    Street,
    draw_street,
)
from tfsynth.streets.lighting import TIMES_OF_DAY

__all__ = [
    "ARRAYS",
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "DRAWING_NOTES",
    "DRAWING_VERSION",
    "Look",
    "SPLIT_STREAMS",
    "TIMES_OF_DAY",
    "VOID_IDS",
    "Street",
    "draw_range",
    "draw_street",
    "make_arrays",
]

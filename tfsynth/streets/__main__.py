"""Draws a range of streets into a folder of NumPy files, and prints a dot for each."""

import sys

from tfsynth.streets.arrays import draw_range

if __name__ == "__main__":
    folder, height, width, seed, split, first, end = sys.argv[1:]
    draw_range(
        *(folder, int(height), int(width), int(seed), split, int(first), int(end)),
        drawn=lambda: print(".", end="", flush=True),
    )

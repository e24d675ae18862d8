"""Draws the losses of a run from what it logged for TensorBoard.

    python benchmarks/curves.py runs/camvid/full-0 -o docs/images/camvid_full_curves.png

A panel per loss: training, the mean over each epoch, and validation; phases follow each other.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.util import tensor_util

PAPER, INK, FAINT, LINE = (255, 255, 255), (30, 30, 30), (110, 110, 110), (215, 215, 215)
COLOURS = {"train": (66, 113, 174), "validation": (214, 96, 60)}
WIDTH, HEIGHT, LEFT, TOP, GAP, COLUMNS = 250, 120, 44, 24, 22, 3


def main():
    parser = argparse.ArgumentParser(description="Draws the losses of a run.")
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PNG")
    arguments = parser.parse_args()
    curves, borders = read(arguments.run / "logs")
    draw(curves, borders).save(arguments.output)


def read(logs):
    """Returns {loss: {"train" or "validation": [(epoch over all phases, value)]}} and phases."""
    phases = [logs] if (logs / "train").is_dir() else sorted(logs.iterdir(), key=_first_time)
    curves, borders, start = {}, {}, 0
    for phase in phases:
        borders[start] = "" if phase == logs else phase.name
        last = start
        for kind in COLOURS:
            for name, points in _scalars(phase / kind).items():
                moved = [(start + epoch + 1, value) for epoch, value in points]
                curves.setdefault(name, {}).setdefault(kind, []).extend(moved)
                last = max(last, *(epoch for epoch, _ in moved))
        start = last
    return curves, borders


def _first_time(phase):
    return min(path.stat().st_ctime for path in (phase / "train").iterdir())


def _scalars(folder):
    accumulator = EventAccumulator(str(folder), {TENSORS: 0})
    accumulator.Reload()
    found = {}
    for tag in accumulator.Tags()["tensors"]:
        name = tag.removeprefix("epoch_")
        if name != tag and "learning_rate" not in name:
            events = accumulator.Tensors(tag)
            found[name] = [
                (e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in events
            ]
    return found


def draw(curves, borders):
    """Returns the panels as one picture."""
    rows = -(-len(curves) // COLUMNS)
    size = COLUMNS * (LEFT + WIDTH + GAP), rows * (TOP + HEIGHT + 2 * GAP) + GAP
    canvas = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=12)
    for number, (name, kinds) in enumerate(curves.items()):
        row, column = divmod(number, COLUMNS)
        left, top = LEFT + column * (LEFT + WIDTH + GAP), TOP + row * (TOP + HEIGHT + 2 * GAP)
        _panel(pen, name.replace("_", " "), kinds, borders, (left, top), font)
    x = LEFT
    for kind, colour in COLOURS.items():
        pen.text((x, size[1] - GAP), kind, colour, font)
        x += int(font.getlength(kind)) + GAP
    pen.text((x, size[1] - GAP), "over epochs", FAINT, font)
    return canvas


def _panel(pen, title, kinds, borders, corner, font):
    left, top = corner
    points = [point for curve in kinds.values() for point in curve]
    epochs = max(epoch for epoch, _ in points)
    values = [value for _, value in points]
    low, high = min(0.0, *values), float(np.max(values)) or 1.0
    at = lambda epoch, value: (  # noqa: E731
        left + WIDTH * epoch / epochs,
        top + HEIGHT * (1 - (value - low) / (high - low)),
    )
    pen.text((left, top - 18), title, INK, font)
    for value in (low, (low + high) / 2, high):
        pen.line([at(0, value), at(epochs, value)], LINE)
        pen.text((left - 4, at(0, value)[1]), f"{value:.3g}", FAINT, font, anchor="rm")
    pen.text((left + WIDTH, top + HEIGHT + 3), f"{epochs}", FAINT, font, anchor="ra")
    for epoch, phase in borders.items():
        pen.line([at(epoch, low), at(epoch, high)], LINE)
        pen.text((at(epoch, low)[0] + 2, top + HEIGHT + 3), phase, FAINT, font)
    for kind, curve in kinds.items():
        pen.line([at(*point) for point in curve], COLOURS[kind], 2, joint="curve")


if __name__ == "__main__":
    main()

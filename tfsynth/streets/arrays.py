"""Many streets in a folder of NumPy files, drawn range by range, by one process or several."""

import json
from pathlib import Path

import numpy as np

from tfsynth.streets.draw import draw_street

# Kind -> shape of one beyond (height, width), and dtype.
ARRAYS = {"labels": ((), "uint8"), "instances": ((), "int32"), "image": ((3,), "uint8")}


def make_arrays(folder, height, width, count) -> None:
    """Makes the files `labels.npy`, `instances.npy` and `image.npy` for so many streets."""
    for name, (rest, dtype) in ARRAYS.items():
        np.lib.format.open_memmap(
            Path(folder) / f"{name}.npy", "w+", dtype, (count, height, width, *rest)
        )


def draw_range(folder, height, width, seed, split, first, end, drawn=lambda: None) -> None:
    """Draws the streets `first` to `end - 1` into the files of `make_arrays`.

    Colours and patterns of the instances are written into `notes-FIRST.json`.

    Args:
        folder: The folder.
        height, width, seed, split: See `draw_street`.
        first, end: The range.
        drawn: Called after each street.
    """
    arrays = {name: np.load(Path(folder) / f"{name}.npy", mmap_mode="r+") for name in ARRAYS}
    notes = []
    for index in range(first, end):
        street = draw_street(height, width, seed, split, index)
        for name, array in arrays.items():
            array[index] = getattr(street, name)
        looks = [
            [o.instance_id, o.class_id, [int(c) for c in o.colour], o.pattern] for o in street.looks
        ]
        notes.append({"time_of_day": street.time_of_day, "looks": looks})
        drawn()
    path = Path(folder) / f"notes-{first:08d}.json"
    path.write_text(json.dumps(notes), encoding="utf-8")

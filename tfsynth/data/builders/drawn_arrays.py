"""Drawn streets as memory-mapped NumPy files, for machines without TensorFlow."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tfsynth import streets
from tfsynth.data.builders.drawn_folder import require_drawn

# Three of the photo, one of the labels, four of the instances.
BYTES_PER_PIXEL = 8
ERRORS = (OSError,)
# Fewer streets than this are drawn faster than another interpreter starts.
_WORTH_A_PROCESS = 40


class Arrays:
    """A split's streets in one NumPy file per kind.

    Args:
        folder: `pathlib.Path` of all such data. Missing streets are drawn on all cores, and
            written completely or not at all.
        split: Name of the split.
        require_space: Called, before drawing, with the folder and the bytes per pixel of all
            splits.
        height, width, seed, **counts: Those of `Streets`.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        require_space: Callable[[Path, float], None],
        *,
        height: int,
        width: int,
        seed: int,
        **counts: int,
    ) -> None:
        size = f"{height}x{width}_seed{seed}_{split}{counts[split]}"
        path = folder / "drawn_streets" / f"{size}_{streets.DRAWING_VERSION}"

        def draw(written: Path) -> None:
            require_space(folder, BYTES_PER_PIXEL * counts[split] / sum(counts.values()))
            _draw(written, height, width, seed, split, counts[split])

        require_drawn(path, draw)
        self._arrays = {
            name: np.load(path / f"{name}.npy", mmap_mode="r") for name in streets.ARRAYS
        }
        self._notes = json.loads((path / "notes.json").read_text(encoding="utf-8"))

    def example(self, index: int) -> dict[str, np.ndarray]:
        """Returns street `index` as a dict of arrays."""
        return {name: np.array(array[index]) for name, array in self._arrays.items()}

    def looks(self, index: int) -> tuple[streets.Look, ...]:
        """Returns colour and pattern of every instance in street `index`, by instance id."""
        rows = self._notes[index]["looks"]
        return tuple(streets.Look(i, c, tuple(colour), text) for i, c, colour, text in rows)

    def time_of_day(self, index: int) -> str:
        """Returns the word of `streets.TIMES_OF_DAY` for street `index`."""
        return self._notes[index]["time_of_day"]


def _draw(folder: Path, height: int, width: int, seed: int, split: str, count: int) -> None:
    streets.make_arrays(folder, height, width, count)
    workers = min(os.cpu_count() or 1, 1 + count // _WORTH_A_PROCESS)
    bounds = np.linspace(0, count, workers + 1).astype(int).tolist()
    with tqdm(total=count, desc=f"drawing {split} streets") as bar:
        if workers == 1:
            streets.draw_range(folder, height, width, seed, split, 0, count, bar.update)
        else:
            street = [folder, height, width, seed, split]
            _draw_in_processes(street, zip(bounds, bounds[1:], strict=False), bar)
    parts = sorted(folder.glob("notes-*.json"))
    notes = [note for part in parts for note in json.loads(part.read_text(encoding="utf-8"))]
    (folder / "notes.json").write_text(json.dumps(notes), encoding="utf-8")
    for part in parts:
        part.unlink()


def _draw_in_processes(street: list[Any], ranges: Iterable[tuple[int, int]], bar: tqdm) -> None:
    # Not by `multiprocessing`, which would run the caller's script once more in each.
    words = [sys.executable, "-m", "tfsynth.streets", *map(str, street)]
    drawing: list[Any] = [
        subprocess.Popen([*words, str(first), str(end)], stdout=subprocess.PIPE)
        for first, end in ranges
    ]
    try:
        for process in drawing:
            while process.stdout.read(1):
                bar.update()
            if process.wait() != 0:
                raise OSError(f"a street could not be drawn (exit code {process.returncode})")
    finally:
        for process in drawing:
            process.kill()
            process.wait()
            process.stdout.close()

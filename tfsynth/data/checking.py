"""Reading many files in threads, and caching the results outside the data set's folder."""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from tfsynth.data import maps
from tfsynth.files import cache_folder, write_text
from tfsynth.layouts.labels import LabelSet
from tfsynth.layouts.palettes import Agreement, ids_by_palette

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], text: str, progress: bool = True
) -> list[Result]:
    """Returns `function` of every item, in order; raises what the earliest failing item raises.

    Args:
        function: Called from several threads (decoding images frees Python's lock).
        items: Its arguments, one per call.
        text: The text of the progress bar.
        progress: Whether to show the bar.
    """
    pool = concurrent.futures.ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 2))
    try:
        results = pool.map(function, items)
        return list(tqdm(results, text, len(items), unit="files", disable=not progress))
    finally:
        # After an error the rest is not worth waiting for.
        pool.shutdown(wait=True, cancel_futures=True)


@dataclasses.dataclass(frozen=True)
class Survey:
    """What the label maps of a data set hold together.

    Args:
        values: The values in them, sorted.
        palette: The colours by value, of those with a palette; empty if there are none.
    """

    values: list[int]
    palette: list[list[int]]


def survey_label_maps(
    files: Sequence[Path], label_set: LabelSet | None = None, progress: bool = True
) -> Survey:
    """Reads every label map of a data set; cached while the files stay the same.

    Args:
        files: The label maps.
        label_set: The classes, where they are given: files whose palette has the classes' colours
            in another order are read by colour, and need not agree with others.
        progress: Whether to show a progress bar.

    Raises:
        DataError: a file cannot be read, two palettes list their colours in different orders, or
            greys are values in one file and stored as other numbers in another.
    """
    classes = None if label_set is None else label_set.to_dict()
    key = digest(["survey 3", classes, signature_of_files(files)])
    with contextlib.suppress(TypeError):  # Nothing is remembered, or no survey.
        return Survey(**recall(key))
    found = in_threads(maps.contents, files, "reading label maps", progress)
    agreement = Agreement()
    for file, held in zip(files, found, strict=True):
        by_colour = (
            label_set is not None
            and held.palette is not None
            and ids_by_palette(label_set, held.palette, held.values, file) is not None
        )
        if not by_colour:
            agreement.add(file, held.palette, held.values, held.stretch)
    values = sorted(set().union(*(held.values for held in found)))
    survey = Survey(values, [list(colour) for colour in agreement.palette])
    remember(key, vars(survey))
    return survey


def highest_label(files: Sequence[Path]) -> tuple[Path, int]:
    """Returns the first label map that holds the highest value of all, and that value."""
    found = in_threads(maps.contents, files, "reading label maps")
    tops = [held.values[-1] for held in found]
    return files[int(np.argmax(tops))], max(tops)


def signature_of_files(files: Sequence[Path], root: Path | None = None) -> list[list[Any]]:
    """Returns the path (below `root`, if given), size and date of every file."""
    signature = []
    for file in files:
        status = file.stat()
        name = file.relative_to(root) if root is not None else file
        signature.append([name.as_posix(), status.st_size, status.st_mtime_ns])
    return signature


def digest(parts: Any) -> str:
    """Returns 32 hexadecimal digits for plain JSON types."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def recall(key: str) -> Any:
    """Returns the cached value of `key`, or None."""
    try:
        return json.loads(_cache_file(key).read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return None


def remember(key: str, value: Any) -> None:
    """Writes `value`, plain JSON types, under `key`; a cache that cannot be written is no error."""
    # RuntimeError: there is no home folder.
    with contextlib.suppress(OSError, RuntimeError):
        file = _cache_file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(value))


def _cache_file(key: str) -> Path:
    return cache_folder() / "checks" / f"{key}.json"

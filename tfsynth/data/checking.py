"""Reading many files in threads, and caching the results outside the data set's folder."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from tfsynth.data import images
from tfsynth.files import cache_folder, write_text

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


def values_of_label_maps(files: Sequence[Path], progress: bool = True) -> list[int]:
    """Returns the values in label maps, sorted; cached while the files stay the same."""
    key = digest(["values", signature_of_files(files)])
    known = recall(key)
    if known is None:
        found = in_threads(_values, files, "reading label maps", progress)
        known = sorted(set().union(*found))
        remember(key, known)
    return known


def highest_label(files: Sequence[Path]) -> tuple[Path, int]:
    """Returns the first label map that holds the highest value of all, and that value."""
    tops = in_threads(lambda file: max(_values(file)), files, "reading label maps")
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


def _values(file: Path) -> set[int]:
    return set(np.unique(images.read_label_map(file)).tolist())

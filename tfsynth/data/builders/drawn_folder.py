"""A folder of drawn streets, or other made data, that is whole: made anew if it is not."""

import functools
import json
import warnings
from collections.abc import Callable
from pathlib import Path

from tfsynth.files import new_folder, remove_abandoned, sha256_of

# The file that lists the other files of the folder with their SHA-256.
_SUMS = "sha256.json"


def require_drawn(
    path: Path, draw: Callable[[Path], None], what: str = "the streets are drawn"
) -> None:
    """Draws streets, or makes other data, unless a folder holds them as they were written.

    Drawing is deterministic: a damaged folder, or one without its list of sums, is drawn again.

    Args:
        path: The folder.
        draw: Called with an empty folder, which takes the place of `path` when it returns.
        what: What it does, for the warning that it is done again.

    Raises:
        OSError: If the disk is full or read-only.
    """
    remove_abandoned(path.parent)
    if path.is_dir():
        damage = _damage(path, _stamp(path))
        if damage is None:
            return
        warnings.warn(f"{path}: {damage}; {what} again.", stacklevel=2)
    with new_folder(path, replace=True) as written:
        draw(written)
        files = sorted(file for file in written.rglob("*") if file.is_file())
        sums = {file.relative_to(written).as_posix(): sha256_of(file) for file in files}
        (written / _SUMS).write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Returns name, size and date of every file in a folder but its list."""
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.name != _SUMS)
    status = [(file, file.stat()) for file in files]
    return tuple((f.relative_to(path).as_posix(), s.st_size, s.st_mtime_ns) for f, s in status)


# The splits of a data set share a folder, whose files are read once.
@functools.lru_cache(maxsize=16)
def _damage(path: Path, stamp: tuple[tuple[str, int, int], ...]) -> str | None:
    """Returns what is wrong with a folder, `None` if nothing is."""
    try:
        sums = json.loads((path / _SUMS).read_text(encoding="utf-8"))
        if sorted(sums) != [name for name, _, _ in stamp]:
            return "it has other files than it was drawn with"
        damaged = [name for name, _, _ in stamp if sha256_of(path / name) != sums[name]]
    # The list can be gone, or damaged in any way.
    except Exception:
        return f"{_SUMS} is damaged or gone"
    return f"{', '.join(damaged)} is damaged" if damaged else None

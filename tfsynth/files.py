"""Files that are there whole or not at all, and what they hold by SHA-256."""

import hashlib
import os
from pathlib import Path


def replace_file(path, write):
    """Writes a file under a temporary name, flushes it to the disk and renames it.

    A crash at any moment leaves what was at `path` before, or the whole new file.

    Args:
        path: `pathlib.Path` where the file is wanted; its folder must exist.
        write: Callable that gets the temporary path, which has the same suffix.

    Raises:
        OSError: If the disk is full or read-only; what was at `path` stays.
    """
    # The suffix stays last: Keras and Pillow choose the format by it.
    temporary = path.with_name(f".writing-{os.getpid()}-{path.name}")
    try:
        write(temporary)
        # Open for writing, without which Windows flushes nothing.
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file's content in 64 hexadecimal digits; it is read in parts."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def config_folder():
    """Returns the folder of the configs that come with the package."""
    # A checkout holds it beside the package, an installed package inside.
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "configs"


def cache_folder():
    """Returns where data and scoring networks are kept between runs.

    `$TFSYNTH_CACHE`, else ~/.cache/tfsynth.
    """
    return Path(os.environ.get("TFSYNTH_CACHE") or "~/.cache/tfsynth").expanduser()


def write_text(path, text):
    """Writes a text file, whole or not at all."""
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))

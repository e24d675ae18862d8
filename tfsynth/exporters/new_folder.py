"""A folder of an export, which is there completely or not at all."""

import contextlib
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def new_folder(path):
    """Gives a temporary folder beside `path` to write into, and moves it there after the block.

    Args:
        path: `pathlib.Path` of the folder wanted; must not exist, or be empty.

    Raises:
        FileExistsError: If there is something at `path`.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists already. Name another folder, or remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        written = Path(folder) / "model"
        written.mkdir()
        yield written
        if path.exists():
            path.rmdir()
        shutil.move(written, path)

"""The files of this tree, for the tests that read them."""

import fnmatch
import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tfsynth"
SOURCES = sorted(PACKAGE.rglob("*.py"))


def ignored():
    """Returns the patterns of .gitignore: of names at the root, and of names anywhere."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    at_root = [pattern[1:] for pattern in patterns if pattern.startswith("/")]
    return at_root, [".git", *(pattern for pattern in patterns if not pattern.startswith("/"))]


def files_of_the_tree():
    """Yields the files that are no builds, caches or environments, with git or without."""
    at_root, anywhere = ignored()

    def kept(folder, names):
        patterns = anywhere + (at_root if folder == ROOT else [])
        paths = [folder / name for name in names]
        named = [p for p in paths if not any(fnmatch.fnmatch(p.name, one) for one in patterns)]
        return [path for path in named if not (path / "pyvenv.cfg").is_file()]

    for folder, folders, names in os.walk(ROOT):
        folders[:] = [path.name for path in kept(Path(folder), folders)]
        yield from kept(Path(folder), names)

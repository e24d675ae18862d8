"""The real program, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Packages that cannot be imported, as if they were not installed: BLOCKED names them.
BLOCK = """
import os, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["BLOCKED"].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def start(*words, path=(), before=None, **environment):
    """Starts `tfsynth` with these words; returns the `subprocess.Popen`.

    Args:
        *words: The words after `tfsynth`.
        path: Folders that come before this tree on Python's path.
        before: Callable that the new process calls first; `None` for none.
        **environment: Further environment variables.
    """
    python_path = os.pathsep.join([*map(str, path), str(ROOT)])
    settings = {"PYTHONPATH": python_path, "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "tfsynth", *map(str, words)],
        env={**os.environ, **settings},
        preexec_fn=before,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*words, **options):
    """Runs `tfsynth`; returns exit code, standard output and standard error. See `start`."""
    process = start(*words, **options)
    out, err = process.communicate(timeout=600)
    assert "Traceback" not in err
    return process.returncode, out, err


def without(folder, *packages):
    """Returns options of `run` with which the packages cannot be imported."""
    (folder / "sitecustomize.py").write_text(BLOCK)
    return {"path": [folder], "BLOCKED": " ".join(packages)}


def python(text, **environment):
    """Runs Python on a program's text; returns the last line of what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]

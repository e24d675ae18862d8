"""Nothing that only POSIX systems have is needed to import any part."""

import subprocess
import sys
from pathlib import Path

from tests.source_tree import PACKAGE, SOURCES

# Ours are imported as on a system without these; other packages have what they ask for.
PROGRAM = """
import builtins, importlib, os, signal, sys

# First those that ours import, for they may look for the same things.
import keras, numpy, PIL.Image, scipy.ndimage, sklearn.cluster, tensorflow, tensorflow_datasets
import tensorboard.summary.writer.event_file_writer, tqdm, yaml

MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios"}
FUNCTIONS = ("fork", "getpgid", "getuid", "geteuid", "killpg", "nice", "sched_getaffinity", "uname")
SIGNALS = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1")
real_import, refused = builtins.__import__, []

def without(name, globals=None, *rest):
    importer = (globals or {}).get("__name__", "")
    if name in MODULES and importer.startswith("tfsynth"):
        refused.append(importer)
        raise ImportError(f"No module named {name!r}")
    return real_import(name, globals, *rest)

builtins.__import__ = without
for name in FUNCTIONS:
    delattr(os, name)
for name in SIGNALS:
    delattr(signal, name)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted(refused))
"""


def names_of_all_modules():
    for path in SOURCES:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__")


def test_every_module_is_imported_without_what_windows_lacks():
    names = list(names_of_all_modules())
    assert {"tfsynth", "tfsynth.__main__", "tfsynth.runs.folder"} <= set(names)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # The guarded import of the lock: that a part asked for one shows that asking was noticed.
    assert "tfsynth.runs.folder" in done.stdout.split()

"""The words that start a program from the working directory: printed commands can be copied."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def program(name):
    """Returns the words that start a program of this Python environment.

    Args:
        name: "tfsynth", or a program that came with a package, such as "tensorboard".

    Returns:
        `name` where the shell finds this environment's own; else its path, relative where it
        lies below the working directory; for `tfsynth` from a bare checkout, `python -m tfsynth`.
        Under another backend than TensorFlow, the variable that names it comes first.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if name == "tfsynth" and backend != "tensorflow":
        return f"KERAS_BACKEND={backend} {_program(name)}"
    return _program(name)


def _program(name):
    # Not resolved: the `python` of a virtual environment is a link out of it.
    own = Path(sys.executable).parent / name
    if own.is_file():
        found = shutil.which(name)
        if found is not None and os.path.samefile(found, own):
            return name
        return shlex.quote(_short(own))
    if name == "tfsynth":
        return f"{shlex.quote(_short(Path(sys.executable)))} -m tfsynth"
    return name


def _short(path):
    if not path.is_relative_to(Path.cwd()):
        return str(path)
    below = path.relative_to(Path.cwd())
    # A shell looks for a word without a slash on the PATH only.
    return str(below) if len(below.parts) > 1 else f"./{below}"

"""Charts as PNG files, drawn with matplotlib where it is installed."""

import functools
import importlib.util

from tfsynth.files import replace_file

_DOTS_PER_INCH = 110


def new_figure(width, height, what):
    """Returns an empty matplotlib `Figure`; without matplotlib `None`, and prints it once.

    Args:
        width, height: In inches.
        what: The kind of chart, for the message.
    """
    if importlib.util.find_spec("matplotlib") is None:
        say_once(f"{what} need matplotlib: pip install 'tfsynth[charts]'.")
        return None
    # Slow to import. Not pyplot, which keeps every figure and chooses a window system.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def write_figure(path, figure):
    """Writes a figure as PNG, completely or not at all.

    Args:
        path: `pathlib.Path` ending in `.png`; its folder must exist.
        figure: A matplotlib `Figure`.

    Raises:
        OSError: If it cannot be written; what was at `path` stays.
    """
    replace_file(path, lambda temporary: figure.savefig(temporary, dpi=_DOTS_PER_INCH))


@functools.cache
def say_once(text):
    """Prints a text, the first time in a process."""
    print(text)

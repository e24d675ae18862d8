"""Presets: a folder with the model and its card, for a hub or another person."""

import json

PRECISIONS = ("float32", "float16")
# Lists the files of a preset, with their sums.
_SUMS = "sha256.json"
_MOST_BYTES_OF_SUMS = 2**16


def write(synthesizer, path, *, precision, size=None, description=None, layouts=None, **details):
    """Writes a synthesizer as a preset, which is read again to compare the weights.

    Args:
        synthesizer: A `Synthesizer`.
        path: `pathlib.Path` of the folder.
        precision: One of `PRECISIONS`: of the weights in the file.
        size, description, layouts: Not used: a preset takes every size and describes itself.
        **details: What the model does not know of itself, for its card: `license`, `scores` and
            others; see `Synthesizer.save_to_preset`.

    Raises:
        ValueError: If a weight is too large for the precision, or a detail is of another kind.
    """
    synthesizer.save_to_preset(path, precision, **details)


def foreign(path):
    """Returns the names of what in a folder no export wrote, in one text; "" for none."""
    names = {file.name for file in path.iterdir()} if path.is_dir() else set()
    try:
        with (path / _SUMS).open("rb") as file:
            listed = {_SUMS, *json.loads(file.read(_MOST_BYTES_OF_SUMS))}
    except (OSError, TypeError, ValueError):
        return "no preset"
    return ", ".join(sorted(names - listed)) or ("" if "config.json" in listed else "no preset")

"""Presets: a folder with the model and its card, for a hub or another person."""

PRECISIONS = ("float32", "float16")


def export(synthesizer, path, half=False, **details):
    """Writes a synthesizer as a preset; see `Synthesizer.save_to_preset`.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; must not exist, or be empty.
        half: Whether weights are stored in float16.
        **details: What the model does not know of itself: `license`, `scores` and others.

    Returns:
        The path.
    """
    return synthesizer.save_to_preset(path, PRECISIONS[1] if half else PRECISIONS[0], **details)


def write(synthesizer, path, *, precision=PRECISIONS[0], size=None, description=None, **details):
    """Writes a synthesizer as a preset, at a path where nothing is.

    Args:
        synthesizer: A `Synthesizer`.
        path: `pathlib.Path` of the folder.
        precision: One of `PRECISIONS`: of the weights in the file.
        size: Not used: a preset takes every size.
        description: Not used: a preset describes itself in its config.json and its card.
        **details: See `export`.

    Raises:
        ValueError: If a weight is not finite, or too large for the precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"A preset is stored in {' or '.join(PRECISIONS)}. Received: {precision!r}."
        )
    synthesizer.save_to_preset(path, precision, **details)


def blockers(synthesizer, *, precision=PRECISIONS[0], size=None):
    """Returns no blockers: every synthesizer can be stored."""
    return []

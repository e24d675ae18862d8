"""Trained models for other programs; needs TensorFlow, imported on use."""

from tfsynth.exporters.saved_model import export_saved_model

FORMATS = {"saved_model": export_saved_model}


def export(synthesizer, path, format="saved_model"):
    """Writes a synthesizer in another program's format and verifies what was written.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; must not exist, or be empty.
        format: One of `FORMATS`.

    Returns:
        The path.

    Raises:
        ValueError: If the format is unknown, or the written model does not give the
            same pictures.
        FileExistsError: If there is something at `path`.
    """
    if format not in FORMATS:
        raise ValueError(
            f"Unknown export format {format!r}. Known formats: {', '.join(sorted(FORMATS))}."
        )
    return FORMATS[format](synthesizer, path)

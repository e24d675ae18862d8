"""Trained models for other programs; needs TensorFlow, imported on use."""

from tfsynth.exporters.keras_file import export_keras
from tfsynth.exporters.saved_model import export_saved_model

FORMATS = {"saved_model": export_saved_model, "keras": export_keras}


def export(synthesizer, path, format="saved_model", half=False):
    """Writes a synthesizer in another program's format and verifies what was written.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write, which must not exist or be empty; keras: file to write.
        format: One of `FORMATS`.
        half: Whether to store weights in float16; for "keras".

    Returns:
        The path.

    Raises:
        ValueError: If the format is unknown, or has no halves, or the written model is not
            the same.
        FileExistsError: If there is something at `path`.
    """
    if format not in FORMATS:
        raise ValueError(
            f"Unknown export format {format!r}. Known formats: {', '.join(sorted(FORMATS))}."
        )
    if not half:
        return FORMATS[format](synthesizer, path)
    if format != "keras":
        raise ValueError(
            f"Half the size is for a .keras file: use the format 'keras'. Received: {format!r}."
        )
    return export_keras(synthesizer, path, half=True)

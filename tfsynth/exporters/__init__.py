"""Trained models for other programs; the module of a format is imported when it is used."""

import importlib
from typing import NamedTuple


class Format(NamedTuple):
    """A format: the module that writes it, by `export(synthesizer, path)`, and what it writes."""

    module: str
    writes: str


FORMATS = {
    "saved_model": Format("tfsynth.exporters.saved_model", "folder"),
    "keras": Format("tfsynth.exporters.keras_file", "file"),
    "pix2pixhd": Format("tfsynth.exporters.pix2pixhd", "folder"),
    "preset": Format("tfsynth.exporters.preset", "folder"),
}
_OF_TENSORFLOW = ("saved_model",)
_WITH_HALVES = ("keras", "preset")


def export(synthesizer, path, format="saved_model", half=False, **details):
    """Writes a synthesizer in another program's format and verifies what was written.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write, which must not exist or be empty; keras: file to write.
        format: One of `FORMATS`.
        half: Whether to store weights in float16; for "keras" and "preset".
        **details: For the model card of a "preset"; see `Synthesizer.save_to_preset`.

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
    # The list of formats is read for the program's help, before Keras is imported.
    import keras

    from tfsynth.registry import own_random_numbers

    if format in _OF_TENSORFLOW and keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"A {format} is written by Keras on TensorFlow, and KERAS_BACKEND is "
            f"{keras.backend.backend()!r}. Leave it out and export again: the model is the same."
        )
    if half and format not in _WITH_HALVES:
        raise ValueError(
            "Half the size is for a .keras file or a preset: use the format 'keras' or 'preset'. "
            f"Received: {format!r}."
        )
    if details and format != "preset":
        raise ValueError(
            f"{' and '.join(sorted(details))} go into the model card of a preset: use the format "
            f"'preset'. Received: {format!r}."
        )
    write = importlib.import_module(FORMATS[format].module).export
    with own_random_numbers():
        return write(synthesizer, path, **({"half": True} if half else {}), **details)

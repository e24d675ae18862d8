"""The `.keras` file that training writes, at another path or of half the size."""

from pathlib import Path

import keras
import numpy as np

from tfsynth.exporters.finite import require_finite
from tfsynth.files import replace_file


def export(synthesizer, path, half=False):
    """Writes a synthesizer as one `.keras` file, and reads it again to compare the weights.

    Args:
        synthesizer: A `Synthesizer`.
        path: File to write; must not exist. It is written completely or not at all.
        half: Whether the file holds its weights in float16.

    Returns:
        The path.

    Raises:
        FileExistsError: If there is something at `path`.
        ValueError: If it does not end in `.keras`, a weight is too large for float16 or not
            finite, or the written weights are others.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"The format 'keras' is a file that ends in .keras. Received: {path}.")
    if path.exists():
        raise FileExistsError(f"{path} exists already. Name another file, or remove it first.")
    require_finite(synthesizer)
    dtype = "float16" if half else "float32"
    copy = type(synthesizer).from_config({**synthesizer.get_config(), "stored_dtype": dtype})
    copy.set_weights(synthesizer.get_weights())
    path.absolute().parent.mkdir(parents=True, exist_ok=True)

    def write(temporary):
        copy.save(temporary)
        _verify(copy, temporary, dtype)

    replace_file(path, write)
    return path


def _verify(synthesizer, path, dtype):
    # By Keras itself: this process has just written the file.
    read = keras.saving.load_model(path).get_weights()
    for weight, again in zip(synthesizer.get_weights(), read, strict=True):
        if not np.array_equal(weight.astype(dtype).astype(weight.dtype), again):
            raise ValueError(
                "The written file holds other weights than the model. Nothing was written."
            )

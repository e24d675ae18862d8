"""The `.keras` file that training writes, at another path or of half the size."""

import json
import zipfile

import keras
import numpy as np

_MOST_BYTES_OF_CONFIG = 2**23


PRECISIONS = ("float32", "float16")


def write(synthesizer, path, *, precision="float32", **_):
    """Writes a synthesizer as one `.keras` file, and reads it again to compare the weights.

    Args:
        synthesizer: A `Synthesizer`.
        path: File to write.
        precision: In which the file holds its weights, one of `PRECISIONS`. They are read as
            float32.

    Raises:
        ValueError: If the path does not end in `.keras`, a weight is too large for float16, or the
            written weights are others.
    """
    if path.suffix != ".keras":
        raise ValueError(
            f"The format 'keras' is a file that ends in .keras. Received: {path.name}."
        )
    config = {**synthesizer.get_config(), "stored_dtype": precision}
    copy = type(synthesizer).from_config(config)
    copy.set_weights(synthesizer.get_weights())
    copy.save(path)
    _verify(copy, path, precision)


def foreign(path):
    """Returns what a file is, if it is no synthesizer in a `.keras` file; else ""."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            found = json.loads(file.read(_MOST_BYTES_OF_CONFIG))["class_name"]
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return "no .keras file"
    return "" if found == "Synthesizer" else f"a {found}, not a Synthesizer"


def _verify(synthesizer, path, dtype):
    # By Keras itself: this process has just written the file.
    read = keras.saving.load_model(path).get_weights()
    for weight, again in zip(synthesizer.get_weights(), read, strict=True):
        if not np.array_equal(weight.astype(dtype).astype(weight.dtype), again):
            raise ValueError(
                "The written file holds other weights than the model. Nothing was written."
            )

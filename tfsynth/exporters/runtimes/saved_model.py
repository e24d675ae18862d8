"""A SavedModel that `exporters.saved_model` wrote, run by TensorFlow without the synthesizer."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsynth.exporters import description
from tfsynth.exporters.saved_model_requests import MAX_ROWS
from tfsynth.files import sha256_of

# The file, among `assets.extra`, of the SHA-256 of saved_model.pb.
GRAPH_SHA256 = "saved_model.sha256"
# What begins the sentence of a request in TensorFlow's text of an error, and what ends it.
_START, _END = "assertion failed: [", "]\n"


class Runtime:
    """A SavedModel, loaded.

    Args:
        path: Its folder.

    Attributes:
        description: Dict of `exporters.description.describe`.

    Raises:
        ValueError: If there is no SavedModel, it is damaged, or another program wrote it.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not (self.path / "saved_model.pb").is_file():
            raise ValueError("it has no saved_model.pb")
        stored = self.path / "assets.extra" / description.NAME
        try:
            text = stored.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ValueError(
                f"tfsynth did not write it: assets.extra/{description.NAME}: {error}"
            ) from None
        try:
            self.description = description.read(text)
        except ValueError as error:
            raise ValueError(f"assets.extra/{description.NAME}: {error}") from None
        try:
            expected = (stored.parent / GRAPH_SHA256).read_text(encoding="ascii")
        except (OSError, ValueError):
            expected = None
        if expected != sha256_of(self.path / "saved_model.pb"):
            raise ValueError(
                f"{path} is damaged: its saved_model.pb is another than when it was written"
            )
        try:
            # Kept: its functions need its weights.
            self._model = tf.saved_model.load(str(path))
            self._synthesize = self._model.signatures["synthesize"]
        except Exception as error:  # TensorFlow raises nearly everything for a damaged file.
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ValueError(f"it is damaged: {reason}") from None

    def run(self, inputs):
        """Returns one picture of each layout.

        Args:
            inputs: Dict of arrays, those of `description["inputs"]`, with the batch as axis 0.

        Returns:
            Uint8 (batch, height, width, channels).

        Raises:
            ValueError: If the model refuses the inputs, or one of their rows.
        """
        wanted = self.description["inputs"]
        if set(inputs) != set(wanted):
            raise ValueError(f"{self.path} takes {sorted(wanted)}. Received: {sorted(inputs)}.")
        arrays = {n: self._as_type(n, a, wanted[n]["dtype"]) for n, a in inputs.items()}
        count = max(len(array) for array in arrays.values())
        starts = range(0, max(1, count), MAX_ROWS)
        return np.concatenate([self._run(arrays, start) for start in starts])

    def _as_type(self, name, given, dtype):
        array = np.asarray(given)
        # A number that is too large changes with the type.
        with np.errstate(invalid="ignore"):
            same = array.astype(dtype)
        if not np.array_equal(same, array):
            raise ValueError(f"{self.path}: {name} has numbers that {dtype} does not hold.")
        return same

    def _run(self, arrays, start):
        rows = {n: tf.constant(a[start : start + MAX_ROWS]) for n, a in arrays.items()}
        try:
            found = self._synthesize(**rows)
        except tf.errors.InvalidArgumentError as error:
            sentence = str(error).partition(_START)[2].partition(_END)[0]
            raise ValueError(f"{self.path}: {sentence or error}") from None
        for row, status in enumerate(found["status"].numpy(), start):
            if status:
                raise ValueError(f"{self.path}: row {row}: {status.decode()}")
        return found["image"].numpy()

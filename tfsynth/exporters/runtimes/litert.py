"""A LiteRT file, run by LiteRT's interpreter on this processor."""

import os
from pathlib import Path

import numpy as np

from tfsynth.exporters.litert_file import read_file, require_litert

_SIGNATURE = "synthesize"


class Runtime:
    """A model that `tfsynth export --format tflite` wrote.

    Before LiteRT, which does not survive every damaged file, sees the model, it is compared with
    the SHA-256 that was stored beside it. Who can change both can make LiteRT crash: files of
    strangers belong in a process of their own.

    Args:
        path: The file; what it holds decides, not its name. One object is for one thread.

    Attributes:
        description: Dict, what the model is; see `exporters.description.describe`.

    Raises:
        ValueError: If it is no such file, or damaged.
        ImportError: If LiteRT is not installed.
        OSError: If the file cannot be read.
    """

    def __init__(self, path):
        self.path = Path(path)
        stored = read_file(self.path)
        self.description = stored.description
        require_litert()
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(
                model_content=stored.flatbuffer, num_threads=os.cpu_count() or 1
            )
            self._run = interpreter.get_signature_runner(_SIGNATURE)
            details = self._run.get_input_details()
        except (RuntimeError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise ValueError(f"LiteRT cannot load {self.path}: {line}") from None
        # Name -> (shape, with None where any number goes, dtype).
        self._specs = {
            name: ([None if n < 0 else int(n) for n in found["shape_signature"]], found["dtype"])
            for name, found in details.items()
        }

    def run(self, inputs):
        """Synthesises a batch.

        Args:
            inputs: Dict of integer arrays, those that `description["inputs"]` names: `labels`
                (batch, height, width) or uint8 `condition` (batch, height, width, channels);
                `instances` (batch, height, width); `seed` (batch,). Others are left out. A
                model of one picture makes those of a batch one after the other.

        Returns:
            Uint8 array (batch, height, width, channels).

        Raises:
            ValueError: If an array is missing, or has another shape or values than the model
                takes.
        """
        arrays = {name: self._checked(name, inputs) for name in self._specs}
        self._check_together(arrays)
        batch = len(next(iter(arrays.values())))
        if any(shape[0] is not None for shape, _ in self._specs.values()):
            rows = [{n: a[i : i + 1] for n, a in arrays.items()} for i in range(batch)]
        else:
            rows = [arrays]
        try:
            return np.concatenate([self._run(**row)["image"] for row in rows])
        except RuntimeError as error:
            line = str(error).splitlines()[0]
            raise ValueError(f"LiteRT cannot run {self.path} on these inputs: {line}") from None

    def _checked(self, name, inputs):
        """Returns one input in the type of the model."""
        if name not in inputs:
            raise ValueError(
                f"{self.path} reads {', '.join(self._specs)}; `{name}` is missing. Give it too."
            )
        shape, dtype = self._specs[name]
        array = np.asarray(inputs[name])
        # The first dimension is the batch, of which a fixed model makes one picture at a time.
        fits = array.ndim == len(shape) and 0 not in array.shape
        if not fits or not all(map(_fits, shape[1:], array.shape[1:])):
            wanted = ", ".join(["batch", *(str(n or "any") for n in shape[1:])])
            raise ValueError(
                f"{self.path} takes `{name}` of shape ({wanted}). Received: {array.shape}. "
                "Resize the input, or export a model of free size."
            )
        limits = np.iinfo(dtype)
        if array.dtype.kind not in "iu" or array.min() < limits.min or array.max() > limits.max:
            raise ValueError(
                f"{self.path} takes `{name}` as whole numbers {limits.min}..{limits.max}. "
                f"Received: {array.dtype}, {array.min()}..{array.max()}."
            )
        return np.ascontiguousarray(array, dtype)

    def _check_together(self, arrays):
        """LiteRT reads beyond the end of an array that is smaller than the others."""
        first, *others = arrays
        for name in others:
            # A seed has the batch only.
            axes = min(3, arrays[first].ndim, arrays[name].ndim)
            if arrays[first].shape[:axes] != arrays[name].shape[:axes]:
                raise ValueError(
                    f"`{first}` and `{name}` are of one batch and one size. "
                    f"Received: {arrays[first].shape} and {arrays[name].shape}."
                )


def _fits(expected, number):
    return expected in (None, number)

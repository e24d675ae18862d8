"""ONNX files of tfsynth, run by ONNX Runtime on the processor."""

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError, Message

from tfsynth.exporters import description

try:
    import onnx
    import onnxruntime
except ModuleNotFoundError as missing:
    raise ImportError(
        f"ONNX files are run by packages that are not installed ({missing.name} is missing): "
        "pip install 'tfsynth[onnx]'.",
        name=missing.name,
    ) from missing

# What the description, and the sum over the graph, are called among a model's metadata.
METADATA, SHA256 = "tfsynth", "tfsynth_sha256"
# Of one file: a protobuf message cannot be larger.
_MOST_BYTES = 2**31 - 1
# Characters of a description: one of 65,536 classes with names has fewer.
_MOST_CHARACTERS = 2**24
_FATAL = 4  # ONNX Runtime logs nothing less: its errors are raised as well.


class Runtime:
    """An ONNX file that `tfsynth export` wrote.

    Args:
        path: The file. Its suffix does not matter.

    Attributes:
        description: What the file says of itself, a dict; see `exporters.description`.

    Raises:
        ValueError: If it is damaged, not of tfsynth, or refers to other files.
        OSError: If it cannot be read.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        stored = _read(path)
        try:
            self.description = _described(stored)
        except (RecursionError, ValueError) as error:
            raise ValueError(f"{path} is no ONNX file that tfsynth wrote: {error}.") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL
        # Threads that wait in a loop would take the processor from the rest of the process.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            # From memory: what was checked is what is run. Without its second try, which prints.
            self._session = onnxruntime.InferenceSession(
                stored, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except MemoryError:
            raise
        except Exception as error:  # The errors of ONNX Runtime have no class in common.
            raise ValueError(
                f"{path} is damaged: ONNX Runtime does not load it ({_first_line(error)})."
            ) from None
        self._names = [value.name for value in self._session.get_inputs()]
        # 1 in a file of one size.
        (self._batch,) = {spec["shape"][0] for spec in self.description["inputs"].values()}
        outputs = [(value.type, len(value.shape)) for value in self._session.get_outputs()]
        if set(self._names) != set(self.description["inputs"]) or outputs != [("tensor(uint8)", 4)]:
            raise ValueError(
                f"{path} is damaged: it takes {', '.join(self._names)}, which is not what its "
                "description says, or returns no pictures."
            )

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Makes one picture of each layout.

        Args:
            inputs: The arrays that `description["inputs"]` names, of its types and shapes.

        Returns:
            Uint8 array (batch, height, width, channels).

        Raises:
            ValueError: If an array is missing or does not fit.
        """
        missing = [name for name in self._names if name not in inputs]
        if missing:
            raise ValueError(f"This model reads {', '.join(self._names)}; give {missing[0]!r}.")
        try:
            taken = {name: np.ascontiguousarray(inputs[name]) for name in self._names}
            if self._batch is None:
                return self._session.run(None, taken)[0]
            rows = range(len(taken[self._names[0]]))
            one_by_one = [{n: array[row : row + 1] for n, array in taken.items()} for row in rows]
            return np.concatenate([self._session.run(None, each)[0] for each in one_by_one])
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(
                f"ONNX Runtime makes no picture of these arrays ({_first_line(error)})."
            ) from None


def sha256_of(model: Any) -> str:
    """Returns the SHA-256 of the graph and the description of a model, in hexadecimal digits.

    ONNX has no sums of its own: a bit that flips in a weight would draw another picture.
    """
    about = [p.SerializeToString() for p in model.metadata_props if p.key == METADATA]
    content = b"".join([model.graph.SerializeToString(deterministic=True), *about])
    return hashlib.sha256(content).hexdigest()


def _read(path: str | os.PathLike) -> bytes:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > _MOST_BYTES:
            raise ValueError(f"{path} is no ONNX file: it is larger than 2 GB.")
        return file.read(_MOST_BYTES)


def _described(stored: bytes) -> dict[str, Any]:
    """Returns the description in a file, if nothing but that file is needed to run it."""
    try:
        model = onnx.ModelProto.FromString(stored)
    except DecodeError:
        raise ValueError("it is damaged, or of another kind") from None
    texts = [entry.value for entry in model.metadata_props if entry.key == METADATA]
    if len(texts) != 1:
        raise ValueError(f"its metadata have {len(texts)} descriptions named {METADATA!r}")
    if len(texts[0]) > _MOST_CHARACTERS:
        raise ValueError("its description is too long")
    for tensor in _tensors(model):
        # A path, which may lead anywhere.
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ValueError(f"the tensor {tensor.name[:100]!r} lies in another file")
    sums = [entry.value for entry in model.metadata_props if entry.key == SHA256]
    if sums != [sha256_of(model)]:
        raise ValueError("it is damaged: its SHA-256 is another than when it was written")
    return description.read(texts[0])


def _tensors(message: Message) -> Iterator[Any]:
    """Yields all tensors in a message, at whatever place: of graphs in graphs too."""
    pending = [message]
    while pending:
        message = pending.pop()
        if isinstance(message, onnx.TensorProto):
            yield message
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                pending.extend([value] if isinstance(value, Message) else value)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__

"""ONNX, for ONNX Runtime, TensorRT, browsers and phones: one file, by tf2onnx."""

import contextlib
import json
import logging
from typing import Any

import numpy as np
import tensorflow as tf

import tfsynth
from tfsynth.exporters.blockers import Blocker
from tfsynth.exporters.known_labels import with_known_labels
from tfsynth.exporters.runtimes.onnx import METADATA, SHA256, sha256_of
from tfsynth.exporters.signature import tensors

try:
    import onnx
    from google.protobuf.message import DecodeError
    from tf2onnx import convert

    from tfsynth.exporters.onnx_fusion import fuse_norms
    from tfsynth.exporters.onnx_operators import find_blockers
except ModuleNotFoundError as missing:
    raise ImportError(
        f"ONNX files are written by packages that are not installed ({missing.name} is missing): "
        "pip install 'tfsynth[onnx]'.",
        name=missing.name,
    ) from missing

PRECISIONS = ("float32",)
OUTPUT = "image"
# The newest version of the operators that TensorRT 8.6 reads, the last for GPUs before Volta, and
# every later one; ONNX Runtime reads it since 1.12. Nothing here needs a newer one.
OPSET = 17
# A protobuf message cannot be larger; what is not weights takes less than the rest.
_MOST_BYTES = 2**31 - 2**24
_AXES = ("batch", "height", "width")


def write(
    synthesizer: Any,
    path: Any,
    *,
    precision: str = "float32",
    size: tuple[int | None, int | None] = (None, None),
    description: dict,
    **_: Any,
) -> None:
    """Writes `Synthesizer.one_picture` as one ONNX file of standard operators.

    The inputs are those of `signature.tensors`, the output is uint8 `image` (batch, height, width,
    channels). A class id that is out of range is taken for the first void class or, where there is
    none, for the nearest id: it would have no class, and a picture of it is blank.

    Args:
        synthesizer: A `Synthesizer`.
        path: The file; what is there is replaced.
        precision: "float32", the only one.
        size: (height, width) where a runtime wants them fixed, of one picture at a time; `None` for
            any.
        description: Of `exporters.description`; stored as JSON under the metadata key `tfsynth`.

    Raises:
        ValueError: If the weights are too large for one file.
    """
    weights = sum(4 * int(np.prod(weight.shape)) for weight in synthesizer.generator.weights)
    if weights > _MOST_BYTES:
        raise ValueError(
            f"The generator has {weights / 1e9:.1f} GB of weights, and an ONNX file holds 2: use "
            "fewer filters, or export a saved_model."
        )
    function, specs = _traced(synthesizer, size)
    with _quiet():
        model, _ = convert.from_function(function, specs, opset=OPSET)
    fuse_norms(model)
    _name_axes(model, synthesizer, size)
    _identify(model, description)
    onnx.checker.check_model(model, full_check=True)
    with open(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))


def blockers(
    synthesizer: Any,
    *,
    precision: str = "float32",
    size: tuple[int | None, int | None] = (None, None),
) -> list[Blocker]:
    """Returns what keeps a synthesizer from being written, without a conversion.

    Args:
        synthesizer, precision, size: As for `write`.
    """
    return _found(synthesizer, *_traced(synthesizer, size))


def foreign(path):
    """Returns what a file is, if no export in this format wrote it; else ""."""
    try:
        found = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError):
        return "no ONNX file"
    written = any(entry.key == METADATA for entry in found.metadata_props)
    return "" if written else "an ONNX file of another program"


def _traced(synthesizer, size):
    """Returns a `tf.function` that makes pictures, and what it takes."""
    specs = [
        tf.TensorSpec(shape, dtype, name=name)
        for name, (shape, dtype) in tensors(synthesizer, _batch(size), size).items()
    ]

    def make(*arrays):
        inputs = dict(zip((spec.name for spec in specs), arrays, strict=True))
        return {OUTPUT: synthesizer.one_picture(with_known_labels(synthesizer, inputs))}

    # Layers of Keras are traced as they are: `ExportArchive` does the same.
    return tf.function(make, autograph=False), specs


def _batch(size):
    return None if None in size else 1


def _found(synthesizer, function, specs):
    graph = function.get_concrete_function(*specs).graph.as_graph_def()
    layers = [*synthesizer.generator.layers, synthesizer.conditioning]
    return find_blockers(graph, [layer.name for layer in layers], OPSET)


def _name_axes(model, synthesizer, size):
    """Gives the axes of free size the same names in all inputs and the output."""
    for value in (*model.graph.input, *model.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        for name, fixed, dimension in zip(_AXES, (_batch(size), *size), dimensions, strict=False):
            dimension.Clear()
            if fixed is None:
                dimension.dim_param = name
            else:
                dimension.dim_value = fixed
    # Sizes in between have names of tf2onnx's own; every runtime infers them for itself.
    del model.graph.value_info[:]


def _identify(model, description):
    model.producer_name, model.producer_version = "tfsynth", tfsynth.__version__
    model.graph.name, model.graph.doc_string = "tfsynth", ""
    # tf2onnx names operators of machine learning that no network here has.
    standard = [opset for opset in model.opset_import if not opset.domain]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.helper.set_model_props(model, {METADATA: json.dumps(description)})
    model.metadata_props.add(key=SHA256, value=sha256_of(model))


@contextlib.contextmanager
def _quiet():
    """Keeps tf2onnx from logging: what matters of it is an error of the checker."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)

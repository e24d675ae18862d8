"""LiteRT (TensorFlow Lite): one file for phones, with nothing but LiteRT's own operations."""

import re

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfsynth.exporters import litert_operations, litert_quantization
from tfsynth.exporters.known_labels import with_known_labels
from tfsynth.exporters.litert_file import read_file, require_litert, write_file
from tfsynth.exporters.signature import tensors
from tfsynth.exporters.verification import made_layouts, resized
from tfsynth.files import working_folder

SIGNATURE = "synthesize"
# int8: convolutions of 8-bit weights and inputs that are scaled for each picture, those apart that
# a picture shows at once. int8-weights: stored in 8 bits, computed in float32. int8-static: as
# int8, with scales that were fixed on examples.
PRECISIONS = ("float32", "float16", "int8", "int8-weights", "int8-static")
# All activations of a picture are in memory together, one picture after the other.
_EXAMPLES = 16


def write(synthesizer, path, *, precision="float32", size=(None, None), description, layouts=None):
    """Writes a LiteRT file of `synthesizer.one_picture`, with the description behind the model.

    Its signature `synthesize` takes what `picture_input_names` names, int32 `labels` (batch,
    height, width) or uint8 `condition` (batch, height, width, channels), int32 `instances` of any
    ids, int32 `seed` (batch,), and returns uint8 `image` (batch, height, width, channels). A
    label that is no class is taken for the first void class, else for the nearest label.

    Args:
        synthesizer: A `Synthesizer`.
        path: `pathlib.Path` of the file, in a folder that exists.
        precision: One of `PRECISIONS`.
        size: (height, width) in pixels of the only pictures that it makes, one at a time; free,
            and batches of any number, where they are `None`.
        description: Dict, as of `exporters.description.describe`.
        layouts: List of dicts of arrays, as of `exporters.export`, whose activations set the scales
            of "int8-static": the first 16, at the size that `verify` compares; `None` for
            made ones.

    Raises:
        ValueError: If TensorFlow cannot convert the network, or the precision is too coarse for it.
        ImportError: If a package that the precision needs is missing.
    """
    require_litert()  # Before the conversion, which takes time.
    model = _converted(_traced(synthesizer, size), precision == "float16", path.parent)
    if precision.startswith("int8"):
        layouts = (layouts or made_layouts(synthesizer))[:_EXAMPLES]
        examples = [_inputs(synthesizer, layout, size) for layout in layouts]
        model = litert_quantization.quantized(model, precision, examples)
    litert_operations.check_model(model)
    write_file(path, model, description)


def _inputs(synthesizer, layout, size):
    """Returns a layout as the inputs of `one_picture`, at the only size if there is one."""
    found = {name: array[None] for name, array in resized(layout, size).items()}
    found["seed"] = np.zeros(1, "int32")
    specs = tensors(synthesizer)
    return {name: found[name].astype(dtype) for name, (_, dtype) in specs.items()}


def foreign(path):
    """Returns what a file is, if no export in this format wrote it; else ""."""
    try:
        read_file(path)
    except (OSError, ValueError):
        return "something else than a .tflite that tfsynth wrote"
    return ""


def blockers(synthesizer, *, precision="float32", size=(None, None)):
    """Returns what LiteRT cannot run of a synthesizer; nothing is converted.

    Args:
        synthesizer: A `Synthesizer`.
        precision, size: As for `write`.

    Returns:
        List of `exporters.blockers.Blocker`, in the order of the graph; empty if it exports.
    """
    del precision  # All of them begin with the same graph.
    return litert_operations.missing(_traced(synthesizer, size).graph, synthesizer)


def _traced(synthesizer, size):
    """Returns `one_picture` as a concrete function of named inputs."""
    batch = None if None in size else 1
    specs = {
        name: tf.TensorSpec(shape, dtype, name=name)
        for name, (shape, dtype) in tensors(synthesizer, batch, size).items()
    }

    @tf.function(autograph=False)
    def synthesize(**inputs):
        known = with_known_labels(synthesizer, inputs)
        # LiteRT's own reflection takes longer than the convolution behind it.
        return {"image": synthesizer.one_picture(known, slices=True)}

    return synthesize.get_concrete_function(**specs)


def _converted(function, half, folder):
    """Returns the flatbuffer of a concrete function, its weights in float16 if `half`."""
    # With the weights as constants: those of variables are lost, or left to an initialisation
    # that no runtime runs, while the conversion reports success.
    frozen = convert_variables_to_constants_v2(function)
    names = [tensor.name.removesuffix(":0") for tensor in frozen.inputs]
    specs = function.structured_input_signature[1]
    named = tf.function(
        lambda **inputs: {"image": frozen(*[inputs[name] for name in names])[0]}, autograph=False
    )
    signature = named.get_concrete_function(**specs)
    # The gradients of some activations refer to variables that are gone.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with working_folder(folder) as saved:
        tf.saved_model.save(tf.Module(), str(saved), {SIGNATURE: signature}, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:  # The class has no public name.
            if type(error).__name__ != "ConverterError":
                raise
            raise ValueError(
                f"TensorFlow cannot convert this network for LiteRT: {_reason(error)}"
            ) from None


def _reason(error):
    """Returns one line of the many in a converter's error."""
    lacking = re.search(r"(?:TF Select|Custom) ops: (.*)", str(error))
    if lacking:
        return f"LiteRT has no {lacking[1].strip()} as it is used here."
    return str(error).strip().splitlines()[0][:300]

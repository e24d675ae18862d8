"""Weights and convolutions of a LiteRT model in 8 bits.

Inside a network, errors of 8 bits average out over many channels; those of the layers that make the
pixels themselves are seen. So the convolutions whose output has the size of the picture, which hold
few of the weights, stay in float32, and everything that is no convolution: sums and means
over a whole map lose too much.
"""

import contextlib
import io
import os
import re
import warnings
from typing import NamedTuple

import numpy as np

# LiteRT's names of convolutions, in its schema and for the package that quantizes.
_CONVOLUTIONS = {"CONV_2D": "CONV_2D", "TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}
# A picture that is farther from that in float32, in dB on average, has visible faults.
LEAST_PSNR = 32.0


class Convolution(NamedTuple):
    """A convolution of a LiteRT model.

    Args:
        operator: Its name in LiteRT's schema.
        name: Name of its output.
        pixels: Number of pixels of its output, for the picture that was tried.
    """

    operator: str
    name: str
    pixels: int


def quantized(model, precision, examples):
    """Returns a model with convolutions in 8 bits.

    Args:
        model: Bytes of a float32 LiteRT model.
        precision: "int8", "int8-weights" or "int8-static".
        examples: List of dicts of its inputs, of one picture each.

    Raises:
        ValueError: If the pictures of "int8-static" would be too far from those of float32.
        ImportError: If the package ai-edge-quantizer is missing.
    """
    try:
        from ai_edge_quantizer import quantizer as edge
    except ImportError:
        raise ImportError(
            f"The precision {precision} needs the package ai-edge-quantizer: "
            "pip install 'tfsynth[litert]'."
        ) from None
    found = convolutions(model, examples[0])
    if precision != "int8-weights":
        found = inner(found)
    with _quiet():
        quantizer = edge.Quantizer(model)
        for convolution in found:
            # The package searches the expression in the names of outputs, each with a `;` behind.
            rule = f"^{re.escape(convolution.name)};?$"
            operator = edge.qtyping.TFLOperationName(_CONVOLUTIONS[convolution.operator])
            if precision == "int8":
                quantizer.add_dynamic_config(rule, operator, num_bits=8)
            elif precision == "int8-weights":
                quantizer.add_weight_only_config(rule, operator, num_bits=8)
            else:
                bits = {"activation_num_bits": 8, "weight_num_bits": 8}
                quantizer.add_static_config(rule, operator, **bits)
        scales = {}
        if precision == "int8-static":
            scales = quantizer.calibrate({"synthesize": examples}, num_threads=os.cpu_count() or 1)
        made = bytes(quantizer.quantize(scales).quantized_model)
    if precision == "int8-static":
        _require_similar(model, made, examples)
    return made


def inner(found):
    """Returns the convolutions whose output is smaller than that of the last one, the picture.

    Of a network that has none, all but the first and the last.
    """
    return [c for c in found if c.pixels < found[-1].pixels] or found[1:-1]


def convolutions(model, example):
    """Returns the `Convolution`s of a LiteRT model in the order in which they run.

    Args:
        model: Bytes of the model.
        example: Dict of inputs: the sizes of all outputs are those of its picture.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = _interpreter(
        model, experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
    )
    interpreter.get_signature_runner("synthesize")(**example)
    shapes = {found["index"]: found["shape"] for found in interpreter.get_tensor_details()}
    names = {getattr(schema.BuiltinOperator, name): name for name in _CONVOLUTIONS}
    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    graph, found = parsed.subgraphs[0], []
    for operator in graph.operators:
        code = parsed.operatorCodes[operator.opcodeIndex].builtinCode
        if code in names:
            output = operator.outputs[0]
            name = graph.tensors[output].name.decode("utf-8")
            # Of a dilated convolution, rows and columns are moved into the batch meanwhile.
            found.append(Convolution(names[code], name, int(np.prod(shapes[output][:3]))))
    return found


@contextlib.contextmanager
def _quiet():
    """Hides what the package reports: its progress, and that it keeps all activations."""
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*preserve_all_tensors", UserWarning)
            yield


def _require_similar(model, made, examples):
    run, again = (_interpreter(m).get_signature_runner("synthesize") for m in (model, made))
    ratios = []
    for example in examples:
        difference = run(**example)["image"] - again(**example)["image"].astype("float64")
        ratios.append(10 * np.log10(255**2 / max(np.mean(difference**2), 1e-6)))
    if np.mean(ratios) < LEAST_PSNR:
        raise ValueError(
            f"In int8-static the pictures of this network have {np.mean(ratios):.1f} dB against "
            f"those in float32 (required: {LEAST_PSNR:g}). Nothing was written; use the precision "
            "int8."
        )


def _interpreter(model, **options):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=model, num_threads=os.cpu_count() or 1, **options)

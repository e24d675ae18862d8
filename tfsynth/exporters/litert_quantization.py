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
# Pictures with fixed scales that are farther from those in float32, in dB on average, lose what a
# segmenter sees: some 0.01 of its mean IoU at this value, 0.03 at 31.
LEAST_PSNR = 34.0


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
    if precision == "int8-static":
        return _with_fixed_scales(edge, model, inner(found), examples)
    with _quiet():
        quantizer = edge.Quantizer(model)
        add = (
            quantizer.add_dynamic_config
            if precision == "int8"
            else quantizer.add_weight_only_config
        )
        for rule, operator in _rules(edge, inner(found) if precision == "int8" else found):
            add(rule, operator, num_bits=8)
        return bytes(quantizer.quantize().quantized_model)


def _with_fixed_scales(edge, model, found, examples):
    """Quantizes as many of the first convolutions as keep the pictures: later ones mend errors."""
    run = _interpreter(model).get_signature_runner("synthesize")
    expected, scales = [run(**example)["image"].astype("float64") for example in examples], {}
    threads, best, ratio = os.cpu_count() or 1, None, 0.0
    # All of them are tried, and then halves of what is left between enough and too many.
    low, high, count = 0, len(found) + 1, len(found)
    while high - low > 1:
        with _quiet():
            quantizer = edge.Quantizer(model)
            for rule, operator in _rules(edge, found[:count]):
                bits = {"activation_num_bits": 8, "weight_num_bits": 8}
                quantizer.add_static_config(rule, operator, **bits)
            scales = scales or quantizer.calibrate({"synthesize": examples}, num_threads=threads)
            made = bytes(quantizer.quantize(scales).quantized_model)
        ratio = _psnr(made, expected, examples)
        if ratio >= LEAST_PSNR:
            low, best = count, made
        else:
            high = count
        count = (low + high) // 2
    if best is None:
        raise ValueError(
            f"In int8-static the pictures of this network have {ratio:.1f} dB against those in "
            f"float32 (required: {LEAST_PSNR:g}), even with one convolution in 8 bits. Nothing was "
            "written; use the precision int8."
        )
    return best


def _rules(edge, found):
    """Yields the expression that finds each convolution, and what the package calls it."""
    for convolution in found:
        # The package searches the expression in the names of outputs, each with a `;` behind.
        rule = f"^{re.escape(convolution.name)};?$"
        yield rule, edge.qtyping.TFLOperationName(_CONVOLUTIONS[convolution.operator])


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


def _psnr(model, expected, examples):
    """Returns the mean peak signal-to-noise ratio of a model's pictures in dB."""
    run, ratios = _interpreter(model).get_signature_runner("synthesize"), []
    for picture, example in zip(expected, examples, strict=True):
        error = np.mean((run(**example)["image"] - picture) ** 2)
        ratios.append(10 * np.log10(255**2 / max(error, 1e-6)))
    return float(np.mean(ratios))


def _interpreter(model, **options):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=model, num_threads=os.cpu_count() or 1, **options)

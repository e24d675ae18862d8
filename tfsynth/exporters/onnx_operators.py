"""Which operators of a network ONNX does not have, or tf2onnx writes as others."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tf2onnx.handler import tf_op

from tfsynth.exporters.blockers import Blocker

_NOISE = "`DropoutNoise` or `NoiseMaps`: their numbers are computed from the input `seed`"
_ANOTHER = "a layer without it, or export a saved_model"
_BILINEAR = "bilinear interpolation without antialiasing"
_COMPILED = "a function that is compiled with XLA"
# Operators that are refused, by a pattern of their names. tf2onnx converts the random ones that
# have a state, and the resizings, without a word: to numbers of the runtime's own, and to another
# interpolation, by several grey levels for areas, and one that ONNX Runtime refuses to reduce with.
_REFUSED = {
    r".*Random.*|TruncatedNormal|Multinomial": _NOISE,
    r"ResizeArea": "`AveragePooling2D`, or " + _BILINEAR,
    r"ResizeBicubic": _BILINEAR,
}
# What to use in place of operators that are missing, where that is known.
_INSTEAD = {
    "ScaleAndTranslate": _BILINEAR,
    "Erfc": "GELU with `approximate=True`",
    "Expm1": "ELU or SELU",
    _COMPILED: "a convolution without `groups`, or `DepthwiseConv2D`",
}
# Weights, arguments and calls: what freezing a graph takes out of it.
_FROZEN = {
    *("Const", "ReadVariableOp", "VarHandleOp", "Placeholder", "NoOp", "_Arg", "_Retval"),
    *("PartitionedCall", "StatefulPartitionedCall"),
}


def find_blockers(graph: Any, layers: Iterable[str], opset: int) -> list[Blocker]:
    """Returns the operators of a traced function that keep it from being converted.

    Args:
        graph: Its `tf.GraphDef`.
        layers: The names of the network's layers.
        opset: The version of ONNX's operators.
    """
    known = set(tf_op.create_mapping(opset, [])) | _FROZEN
    found = []
    for name, operator, constant in _operators(graph):
        refused = [instead for kind, instead in _REFUSED.items() if re.fullmatch(kind, operator)]
        # What depends on weights alone is computed before the conversion.
        missing = [] if constant or operator in known else [_INSTEAD.get(operator, _ANOTHER)]
        for instead in (refused + missing)[:1]:
            found.append(Blocker(_layer(name, set(layers)), operator, instead))
    # A layer has many operators of one name.
    return list(dict.fromkeys(found))


def _operators(graph: Any) -> Iterator[tuple[str, str, bool]]:
    """Yields path, operator, and whether it is constant, of every node, those of calls too."""
    functions = {function.signature.name: function for function in graph.library.function}
    pending = [("", graph.node)]
    while pending:
        caller, nodes = pending.pop()
        constant = set()
        for node in nodes:
            sources = [name.split(":")[0] for name in node.input if not name.startswith("^")]
            if node.op in ("Const", "ReadVariableOp") or sources and constant.issuperset(sources):
                constant.add(node.name)
            # A body has names of its own, without the layer that calls it.
            path = f"{caller}/{node.name}"
            if node.attr["_XlaMustCompile"].b:
                yield path, _COMPILED, False
                continue
            yield path, node.op, node.name in constant
            for value in list(node.attr.values()):
                called = functions.get(value.func.name)
                if called is not None:
                    pending.append((path, called.node_def))


def _layer(path: str, layers: set[str]) -> str:
    """Returns the innermost layer that the path of a node names, else the path."""
    for part in reversed(path.split("/")):
        while part:
            if part in layers:
                return part
            # Keras and TensorFlow number names that come again: `stem_conv`, `stem_conv_1`.
            shorter = re.sub(r"_\d+$", "", part)
            part = shorter if shorter != part else ""
    return path.strip("/")

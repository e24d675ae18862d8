"""Norms in an ONNX graph, each by the operator that ONNX has for it.

tf2onnx writes what the layer computes: means, a difference, its square, a root, a product. Runtimes
read and write the whole map for each of them, and have a kernel for `InstanceNormalization`, which
is faster; ONNX Runtime also needs fewer transposes.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tfsynth.exporters.onnx_norms import find_norms
from tfsynth.exporters.onnx_order import put_in_order


def fuse_norms(model: onnx.ModelProto) -> int:
    """Replaces each norm over pictures by an `InstanceNormalization`, in place.

    A learned scale and offset per channel are kept. Norms that `find_norms` does not find are left
    as they are.

    Args:
        model: A valid model.

    Returns:
        How many were replaced. The graph is in order then, without what nothing needs.
    """
    graph, norms = model.graph, {norm.result: norm for norm in find_norms(model)}
    nodes = []
    for node in graph.node:
        norm = norms.get(node.output[0])
        if norm is None:
            nodes.append(node)
        else:
            nodes.extend(_over_picture(graph, norm) if norm.whole else _per_channel(graph, norm))
    del graph.node[:]
    graph.node.extend(nodes)
    put_in_order(graph)
    return len(norms)


def _per_channel(graph, norm):
    names = _constants(graph, norm, scale=norm.scale, offset=norm.offset)
    return [_normalization(norm, [norm.source, *names], norm.result)]


def _over_picture(graph, norm):
    """Returns the nodes of a norm over a whole picture: as one channel that is a row of numbers."""
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    # A reshaping copies a size where it says 0.
    names = _constants(graph, norm, row=np.array([0, 1, -1]), one=one, zero=zero)
    parts = ("first", "size", "numbers", "normal", "maps")
    first, size, row, normal, maps = (f"{norm.result}/{part}" for part in parts)
    nodes = [
        # Channels first, as in the convolutions before and after: runtimes cancel transposes.
        helper.make_node("Transpose", [norm.source], [first], perm=[0, 3, 1, 2]),
        helper.make_node("Shape", [first], [size]),
        helper.make_node("Reshape", [first, names[0]], [row]),
        _normalization(norm, [row, *names[1:]], normal),
        helper.make_node("Reshape", [normal, size], [maps]),
    ]
    for kind, values, neutral in (("Mul", norm.scale, 1), ("Add", norm.offset, 0)):
        if (values != neutral).any():
            name = f"{norm.result}/{kind}"
            constant = _constants(graph, norm, **{f"of{kind}": values.reshape(1, -1, 1, 1)})
            nodes.append(helper.make_node(kind, [maps, *constant], [name]))
            maps = name
    return [*nodes, helper.make_node("Transpose", [maps], [norm.result], perm=[0, 2, 3, 1])]


def _normalization(norm, inputs, output):
    return helper.make_node(
        "InstanceNormalization", inputs, [output], norm.result, epsilon=norm.epsilon
    )


def _constants(graph, norm, **values):
    """Adds constants to a graph and returns their names."""
    named = {f"{norm.result}/{name}": array for name, array in values.items()}
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in named.items())
    return list(named)

"""The order and the names of what is in an ONNX graph, which tf2onnx leaves to chance."""

from collections.abc import Iterator

import onnx
from onnx import helper


def put_in_order(graph: onnx.GraphProto) -> None:
    """Orders and names nodes and constants by what the outputs need, in place.

    What no output needs is removed. The same graph then has the same bytes, whoever wrote it and
    in whatever process: tf2onnx counts its names, and goes through sets of them. A graph with loops
    or branches keeps its names, which those use as well.

    Args:
        graph: A valid graph.
    """
    nodes = _ordered(graph)
    for node in nodes:
        if not node.domain:  # Set or not, by chance, to the same.
            node.ClearField("domain")
    used = dict.fromkeys(name for node in nodes for name in _read(node))
    constants = {tensor.name: tensor for tensor in graph.initializer}
    tensors = [constants[name] for name in used if name in constants]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)
    if not any(_bodies(node) for node in graph.node):
        _rename(graph)


def _ordered(graph):
    """Returns the nodes that outputs need, each after those that it reads."""
    makers = {name: node for node in graph.node for name in node.output}
    done, pending = {}, [output.name for output in reversed(graph.output)]
    while pending:
        node = makers.get(pending[-1])
        if node is None or node.output[0] in done:
            pending.pop()
            continue
        before = [n for n in _read(node) if n in makers and makers[n].output[0] not in done]
        pending.extend(reversed(before))
        if not before:
            done[node.output[0]] = node
    return list(done.values())


def _rename(graph):
    kept = {value.name for value in (*graph.input, *graph.output)}
    names = {tensor.name: f"constant_{i}" for i, tensor in enumerate(graph.initializer)}
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{i}"
        for k, name in enumerate(node.output):
            names[name] = node.name if k == 0 else f"{node.name}_{k}"
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    for node in graph.node:
        for own in (node.input, node.output):
            own[:] = [n if n in kept else names.get(n, n) for n in own]


def _read(node) -> Iterator[str]:
    """Yields the tensors that a node reads, those of its loops and branches too."""
    yield from node.input
    for body in _bodies(node):
        for inner in body.node:
            yield from _read(inner)
        yield from (output.name for output in body.output)


def _bodies(node):
    values = [helper.get_attribute_value(attribute) for attribute in node.attribute]
    return [value for value in values if isinstance(value, onnx.GraphProto)]

"""Instance norms in an ONNX graph, each as the one operator that ONNX has for it.

tf2onnx writes what the layer computes: means, a difference, its square, a root, a product. Runtimes
read and write the whole map for each of them, and have a kernel for `InstanceNormalization`.
"""

from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

# Height and width of a map as ONNX's convolutions have it, (batch, channels, height, width).
_SPATIAL = {2, 3}
# Where a slice of a whole axis starts and ends.
_ALL = (0, 2**31 - 1)


class _Norm(NamedTuple):
    """A norm that was found: the tensor that it reads, the one that it makes, and how."""

    source: str
    result: str
    epsilon: float
    scale: np.ndarray
    offset: np.ndarray


class _NotOne(Exception):
    """Raised where what was looked at is no instance norm."""


def fuse_instance_norms(model: onnx.ModelProto) -> int:
    """Replaces each instance norm by an `InstanceNormalization`, in place.

    A learned scale and offset per channel become the operator's own. Norms of maps with channels
    last are left as they are, since the operator does not have them.

    Args:
        model: A valid model.

    Returns:
        How many were replaced.
    """
    graph, finder = model.graph, _Finder(shape_inference.infer_shapes(model).graph)
    norms = {norm.result: norm for norm in finder.norms()}
    nodes = [
        _operator(graph, norms[node.output[0]]) if node.output[0] in norms else node
        for node in graph.node
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    remove_unused(graph)
    return len(norms)


def remove_unused(graph: onnx.GraphProto) -> None:
    """Removes the nodes and constants that no output depends on, in place."""
    needed, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)


def _operator(graph, norm):
    names = [f"{norm.result}/scale", f"{norm.result}/offset"]
    for name, values in zip(names, (norm.scale, norm.offset), strict=True):
        graph.initializer.append(numpy_helper.from_array(values, name))
    return helper.make_node(
        *("InstanceNormalization", [norm.source, *names], [norm.result], norm.result),
        epsilon=norm.epsilon,
    )


class _Finder:
    """Looks for instance norms, from the root of the variance to both sides."""

    def __init__(self, graph):
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._readers = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._channels = {}
        for info in (*graph.input, *graph.value_info):
            sizes = info.type.tensor_type.shape.dim
            if len(sizes) == 4:
                self._channels[info.name] = sizes[1].dim_value

    def norms(self):
        found = []
        for node in self._graph.node:
            try:
                found += [self._norm(node)] if node.op_type == "Reciprocal" else []
            except _NotOne:
                continue
        return found

    def _norm(self, reciprocal):
        """Returns the norm whose 1 / sqrt(variance + epsilon) this node computes."""
        total = self._maker(self._maker(reciprocal.input[0], "Sqrt").input[0], "Add")
        variance, epsilon = self._split(total)
        square = self._maker(self._averaged(variance), "Mul")
        centred = square.input[0]
        difference = self._maker(centred, "Sub")
        source = difference.input[0]
        channels = self._channels_of(source)
        one = (
            square.input[1] == centred
            and self._averaged(difference.input[1]) == source
            and epsilon.size == 1
        )
        if not one:
            raise _NotOne
        factor, scale, offset = reciprocal.output[0], np.float32(1), np.float32(0)
        product = self._reader(factor, "Mul")
        if centred not in product.input:
            _, scale = self._split(product)
            factor = product.output[0]
            product = self._reader(factor, "Mul")
        if set(product.input) != {centred, factor}:
            raise _NotOne
        result = product.output[0]
        try:
            addition = self._reader(result, "Add")
            _, offset = self._split(addition)
            offset, result = _per_channel(offset, channels), addition.output[0]
        except _NotOne:
            offset = np.zeros(channels, np.float32)
        return _Norm(
            source, result, float(epsilon.ravel()[0]), _per_channel(scale, channels), offset
        )

    def _averaged(self, name):
        """Returns what a tensor is the mean of, over height and width, both kept with size 1."""
        axes = set()
        while axes != _SPATIAL:
            node = self._makers.get(name)
            if node is None or node.op_type not in ("ReduceMean", "Reshape"):
                raise _NotOne
            if node.op_type == "ReduceMean":
                new = self._axes(node)
                if not new or new & axes or not new <= _SPATIAL:
                    raise _NotOne
                axes |= new
            elif axes or self._constant(node.input[1], [])[-2:] != [1, 1]:
                # A mean (batch, channels, 1, 1), of which tf2onnx says so once more.
                raise _NotOne
            name = node.input[0]
        return name

    def _channels_of(self, name):
        """Returns how many channels a map has, for which pads and slices may have to be undone.

        After a transposed convolution tf2onnx pads and slices by numbers that are computed, and
        ONNX's own inference then knows no sizes at all.
        """
        while not self._channels.get(name):
            node = self._makers.get(name)
            if node is None or node.op_type not in ("Slice", "Pad"):
                raise _NotOne
            if node.op_type == "Slice":
                # Where it starts and ends may be computed, but not for the channels.
                starts, ends, axes = (self._constant(n, []) for n in node.input[1:4])
                parts = dict(zip(axes, zip(starts, ends, strict=False), strict=False))
                if not axes or 1 in axes and parts.get(1) != _ALL:
                    raise _NotOne
            elif any(self._constant(node.input[1], [0] * 8)[1::4]):
                raise _NotOne
            name = node.input[0]
        return self._channels[name]

    def _axes(self, node):
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if attributes.get("keepdims", 1) != 1:
            raise _NotOne
        # An attribute before opset 18, then an input.
        axes = attributes.get("axes") or self._constant("".join(node.input[1:2]), [])
        return {axis % 4 for axis in axes}

    def _constant(self, name, otherwise):
        """Returns a constant as a list; where it is computed, `otherwise`."""
        if name not in self._constants:
            return otherwise
        return numpy_helper.to_array(self._constants[name]).ravel().tolist()

    def _split(self, node):
        """Returns the input of a node of two inputs that is computed, and the constant one."""
        for name, other in (node.input, node.input[::-1]):
            if other in self._constants and name not in self._constants:
                return name, numpy_helper.to_array(self._constants[other])
        raise _NotOne

    def _maker(self, name, kind):
        node = self._makers.get(name)
        if node is None or node.op_type != kind:
            raise _NotOne
        return node

    def _reader(self, name, kind):
        readers = self._readers.get(name, [])
        if len(readers) != 1 or readers[0].op_type != kind:
            raise _NotOne
        return readers[0]


def _per_channel(values, channels):
    """Returns a constant as (channels,), if it has one number for each or one for all."""
    values = np.asarray(values, np.float32)
    # (1, channels, 1, 1) beside maps (batch, channels, height, width)
    if values.size != 1 and values.shape not in {(1, channels, 1, 1), (channels, 1, 1)}:
        raise _NotOne
    return np.array(np.broadcast_to(values.ravel(), channels))

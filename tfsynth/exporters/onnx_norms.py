"""Where an ONNX graph of tf2onnx normalises maps: the nodes that one layer became."""

from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

# Height and width of a map as ONNX's convolutions have it, (batch, channels, height, width).
_SPATIAL = {2, 3}
# Height, width and channels of a map (batch, height, width, 1, channels): a group norm of one group
# in Keras, which is a layer norm over all of a picture.
_WHOLE = {1, 2, 4}
# Where a slice of a whole axis starts and ends.
_ALL = (0, 2**31 - 1)


class Norm(NamedTuple):
    """A norm that was found: the tensor that it reads, the one that it makes, and how.

    `whole` says that its statistics are of all channels together, and that they are last.
    """

    source: str
    result: str
    epsilon: float
    scale: np.ndarray
    offset: np.ndarray
    whole: bool = False


class _NotOne(Exception):
    """Raised where what was looked at is no such norm."""


def find_norms(model: onnx.ModelProto) -> list[Norm]:
    """Returns the norms over pictures in a model, in the order of its nodes.

    They are instance norms with channels first, and group norms of one group with channels last.

    Args:
        model: A valid model.
    """
    return _Finder(shape_inference.infer_shapes(model).graph).norms()


class _Finder:
    """Looks for norms, from the root of the variance to both sides."""

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
        """Returns all norms, in the order of the graph."""
        found = []
        for node in self._graph.node:
            for look in (self._instance_norm, self._whole_norm):
                try:
                    found += [look(node)] if node.op_type == "Reciprocal" else []
                except _NotOne:
                    continue
        return found

    def _instance_norm(self, reciprocal):
        """Returns the norm whose 1 / sqrt(variance + epsilon) this node computes."""
        variance, epsilon = self._variance(reciprocal)
        source, mean, centred = self._squared(self._averaged(variance))
        if self._averaged(mean) != source:
            raise _NotOne
        channels = self._channels_of(source)
        factor, scale = self._scaled(reciprocal.output[0])
        product = self._reader(factor, "Mul")
        if set(product.input) != {centred, factor}:
            raise _NotOne
        result, offset = product.output[0], np.zeros(channels, np.float32)
        try:
            addition = self._reader(result, "Add")
            offset = _of_channels(self._split(addition)[1], channels)
            result = addition.output[0]
        except _NotOne:
            pass
        return Norm(source, result, epsilon, _of_channels(scale, channels), offset)

    def _whole_norm(self, reciprocal):
        """Returns the same of a norm over pictures: x * factor + (offset - mean * factor)."""
        variance, epsilon = self._variance(reciprocal)
        source, mean, _ = self._squared(self._averaged_whole(variance))
        if self._averaged_whole(mean) != source:
            raise _NotOne
        factor, scale = self._scaled(reciprocal.output[0])
        product = self._reader(source, "Mul", beside=factor)
        result = self._reader(product.output[0], "Add")
        shift, offset = self._sum(_other(result, product.output[0]))
        shift = self._maker(shift, "Mul")
        negative = self._maker(_other(shift, factor), "Neg")
        if factor not in shift.input or negative.input[0] != mean:
            raise _NotOne
        before, after = self._maker(source, "Reshape"), self._reader(result.output[0], "Reshape")
        five, four = self._sizes(before.input[1]), self._sizes(after.input[1])
        # (batch, height, width, 1, channels) of (batch, height, width, channels), and back
        if len(four) != 4 or [*four[1:3], 1, four[3]] != five[1:] or not isinstance(four[3], int):
            raise _NotOne
        scale, offset = (_of_channels(values, four[3], last=True) for values in (scale, offset))
        return Norm(before.input[0], after.output[0], epsilon, scale, offset, whole=True)

    def _variance(self, reciprocal):
        total = self._maker(self._maker(reciprocal.input[0], "Sqrt").input[0], "Add")
        variance, epsilon = self._split(total)
        if epsilon.size != 1:
            raise _NotOne
        return variance, float(epsilon.ravel()[0])

    def _squared(self, name):
        """Returns of a square of a difference: what it is from, what it is to, and itself."""
        square = self._maker(name, "Mul")
        difference = self._maker(square.input[0], "Sub")
        if square.input[1] != square.input[0]:
            raise _NotOne
        return *difference.input, square.input[0]

    def _scaled(self, factor):
        """Returns a factor, after a constant one if there is one, and that constant."""
        try:
            product = self._reader(factor, "Mul")
            return product.output[0], self._split(product)[1]
        except _NotOne:
            return factor, np.float32(1)

    def _sum(self, name):
        """Returns what a tensor is beside a constant that is added, and that constant."""
        try:
            return self._split(self._maker(name, "Add"))
        except _NotOne:
            return name, np.float32(0)

    def _averaged_whole(self, name):
        node = self._maker(name, "ReduceMean")
        if self._axes(node, 5) != _WHOLE:
            raise _NotOne
        return node.input[0]

    def _averaged(self, name):
        """Returns what a tensor is the mean of, over height and width, both kept with size 1."""
        axes = set()
        while axes != _SPATIAL:
            node = self._makers.get(name)
            if node is None or node.op_type not in ("ReduceMean", "Reshape"):
                raise _NotOne
            if node.op_type == "ReduceMean":
                new = self._axes(node, 4)
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

    def _axes(self, node, rank):
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if attributes.get("keepdims", 1) != 1:
            raise _NotOne
        # An attribute before opset 18, then an input.
        axes = attributes.get("axes") or self._constant("".join(node.input[1:2]), [])
        return {axis % rank for axis in axes}

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

    def _sizes(self, name):
        """Returns the parts of a shape: a number, or the name of what computes it."""
        while name in self._makers and self._makers[name].op_type == "Cast":
            name = self._makers[name].input[0]
        if name in self._makers:
            parts = self._maker(name, "Concat").input
            return [one for part in parts for one in self._constant(part, [part])]
        return self._constant(name, [])

    def _maker(self, name, kind):
        """Returns the node that computes a tensor."""
        node = self._makers.get(name)
        if node is None or node.op_type != kind:
            raise _NotOne
        return node

    def _reader(self, name, kind, beside=None):
        """Returns the only node that reads a tensor (the only one that reads another as well)."""
        readers = self._readers.get(name, [])
        if beside is not None:
            readers = [node for node in readers if beside in node.input]
        if len(readers) != 1 or readers[0].op_type != kind:
            raise _NotOne
        return readers[0]


def _other(node, name):
    """Returns the first input of a node that is not `name`."""
    return next((other for other in node.input if other != name), "")


def _of_channels(values, channels, last=False):
    """Returns a constant as (channels,), if it has one number for each or one for all."""
    values = np.asarray(values, np.float32)
    # Its axes from the channels on, and those before them, which are 1.
    after = () if last else (1, 1)
    whole = values.size == channels and values.shape[values.ndim - 1 - len(after) :]
    if values.size != 1 and whole != (channels, *after):
        raise _NotOne
    return np.array(np.broadcast_to(values.ravel(), channels))

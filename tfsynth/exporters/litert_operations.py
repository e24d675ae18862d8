"""Which of TensorFlow's operations LiteRT has: looked up in a graph, and in a written model."""

import re

from tfsynth.exporters.blockers import Blocker

# Operations that the converter was seen to turn into LiteRT's own, by a conversion of each and a
# comparison of the numbers; others may be possible, and are refused until they were tried.
_POSSIBLE = frozenset(
    """
    Abs Add AddN AddV2 All Any ArgMax ArgMin Assert Atan2 AvgPool BatchMatMulV2 BatchToSpaceND
    BiasAdd BitwiseXor BroadcastArgs BroadcastTo Bucketize Cast Ceil ConcatV2 Const Conv2D
    Conv2DBackpropInput Conv3D Cos Cumsum DepthToSpace DepthwiseConv2dNative DivNoNan Einsum Elu
    EnsureShape Equal Erfc Exp ExpandDims Expm1 Fill Floor FloorDiv FloorMod FusedBatchNormV3
    GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If Inv IsFinite IsInf IsNan L2Loss
    LRN LeakyRelu Less LessEqual Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul
    MatrixDiagV3 Max MaxPool Maximum Mean Min Minimum MirrorPad Mul Neg NoOp NotEqual OneHot
    OnesLike Pack Pad PadV2 PartitionedCall Placeholder Pow PreventGradient Prod Range Rank
    ReadVariableOp RealDiv Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor
    ReverseSequence ReverseV2 RightShift Rint Round Rsqrt ScatterNd SegmentSum Select SelectV2
    Selu Shape Sigmoid Sign Sin Size Slice Snapshot Softmax Softplus Softsign SpaceToBatchND
    SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
    StatelessIf StatelessWhile StopGradient StridedSlice Sub Sum Tanh TensorScatterAdd
    TensorScatterUpdate Tile TopKV2 Transpose TruncateDiv Unique Unpack Where While Xdivy
    ZerosLike
    """.split()
)
_NOISE = (
    "noise of tfsynth's layer DropoutNoise or NoiseMaps, which compute it from the seed of each "
    "picture"
)
_RESIZING = "bilinear or nearest-neighbour resizing, or average pooling"
# What to use in place of an operation; the rules are tried in this order.
_INSTEAD = (
    (r".*Random.*|Multinomial", _NOISE),
    (r"ResizeArea|ResizeBicubic|ScaleAndTranslate|CropAndResize", _RESIZING),
    (r"Assign.*", "a layer that changes no state when it is called"),
    (r"LeftShift", "a multiplication by a power of 2"),
    (r"TruncateMod", "the remainder of positive numbers"),
    (r"Erf", "the approximate GELU, which is computed with tanh"),
    (r"Roll", "slices and a concatenation"),
    (r"TensorList.*|MapDefun", "operations on the whole batch, without a loop"),
)
_ANY_OTHER = "a layer of convolutions, sums, products, comparisons and common activations"
_KNOWN = (
    "a layer whose number of channels is known at any size, as that of tfsynth's "
    "NearestUpSampling2D is, and Keras's UpSampling2D is not"
)
# The input of each whose last axis are channels.
_CONVOLUTIONS = {"Conv2D": 0, "DepthwiseConv2dNative": 0, "Conv2DBackpropInput": 2}
_PRECISIONS = {"float16", "bfloat16", "float64"}
# Operators of LiteRT that run something else, or have a state. (Operations that are looked up by
# name, TensorFlow's own among them, are CUSTOM.)
_FOREIGN = {"DELEGATE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}


def missing(graph, synthesizer):
    """Returns a `Blocker` for every operation that LiteRT lacks, once for each layer.

    Args:
        graph: A `tf.Graph` of `one_picture`.
        synthesizer: The `Synthesizer`, to whose layers the names in the graph belong.
    """
    networks = [synthesizer.generator, synthesizer.conditioning]
    names = {layer.name for network in networks for layer in getattr(network, "layers", [network])}
    found = []
    for operation in graph.get_operations():
        found += [(operation.name, *fault) for fault in _faults(operation)]
    found += _lost_channels(graph)
    for function in graph.as_graph_def().library.function:
        for node in function.node_def:
            if node.op not in _POSSIBLE:
                found.append((node.name, node.op, _instead(node.op)))
    blockers = dict.fromkeys(Blocker(_layer(path, names), *fault) for path, *fault in found)
    random = {blocker.layer for blocker in blockers if blocker.instead == _NOISE}
    # The seed that random numbers of Keras advance goes with them.
    return [b for b in blockers if b.layer not in random or not b.operator.startswith("Assign")]


def operators(flatbuffer):
    """Returns the names of a LiteRT model's operators, as in LiteRT's schema or, of others, own."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(flatbuffer)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    found = set()
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        # Codes below 127 are also, and in old files only, in the older field of one byte.
        name = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "CUSTOM")
        found.add(f"CUSTOM {code.CustomCode().decode()}" if name == "CUSTOM" else name)
    return found


def check_model(flatbuffer):
    """Raises `ValueError` if a written model needs anything but LiteRT's own operations."""
    used = operators(flatbuffer)
    foreign = sorted(name for name in used if name in _FOREIGN or name.startswith("CUSTOM"))
    if foreign:
        raise ValueError(
            f"The converted model needs {', '.join(foreign)}, which LiteRT alone does not run. "
            "Nothing was written."
        )


def _faults(operation):
    """Yields what LiteRT lacks of one operation, and what to use in its place."""
    kind = operation.type
    if kind not in _POSSIBLE:
        yield kind, _instead(kind)
        return
    # The numbers of a constant may be cast before they are used.
    types = {t.dtype.name for t in operation.outputs} if kind not in ("Const", "Cast") else set()
    for name in sorted(types & _PRECISIONS):
        yield f"{kind} in {name}", "a network that was built in float32"
    if kind == "StridedSlice" and _adds_axis_after_ellipsis(operation):
        yield "StridedSlice with a new axis after an ellipsis", "ops.expand_dims"


def _lost_channels(graph):
    """Yields the reshapings after which the converter does not know a convolution's channels.

    TensorFlow does, since it computes a little with the numbers of a shape.
    """
    lost = {}  # Name of a tensor -> path of the reshaping
    for operation in graph.get_operations():
        kind, inputs = operation.type, operation.inputs
        known = kind != "Reshape" or inputs[0].shape.is_fully_defined()
        if not known and not _ends_in_constant(inputs[1].op):
            lost[operation.outputs[0].name] = operation.name
        elif kind in _CONVOLUTIONS:
            cause = lost.get(inputs[_CONVOLUTIONS[kind]].name)
            if cause is not None:
                yield cause, f"{kind} of channels that are unknown after it", _KNOWN
        elif kind != "Reshape" and len(inputs) and inputs[0].name in lost:
            for output in operation.outputs:
                lost[output.name] = lost[inputs[0].name]


def _ends_in_constant(shape):
    """Returns whether the last number of a shape, the output of an operation, is a constant."""
    if shape.type == "Pack":
        return shape.inputs[-1].op.type == "Const"
    if shape.type == "ConcatV2":  # Its last input is the axis.
        return _ends_in_constant(shape.inputs[-2].op)
    return shape.type in ("Const", "Shape")


def _adds_axis_after_ellipsis(operation):
    masks = operation.get_attr("ellipsis_mask"), operation.get_attr("new_axis_mask")
    return all(masks) and not operation.inputs[0].shape.is_fully_defined()


def _instead(kind):
    return next((use for rule, use in _INSTEAD if re.fullmatch(rule, kind)), _ANY_OTHER)


def _layer(path, names):
    """Returns the layer that an operation's path in the graph, a/b_1/c, leads through last."""
    for part in reversed(path.split("/")[:-1]):
        # A layer that is called again has a number behind its name.
        for name in (part, re.sub(r"_\d+$", "", part)):
            if name in names:
                return name
    return path.split("/")[0]

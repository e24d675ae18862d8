import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from tfsynth.exporters.onnx_fusion import fuse_norms

pytestmark = pytest.mark.slow

CHANNELS = 3


def norm(axes=((3,), (2,)), scale=None, offset=None, power=False, opset=17, cut=None, keep=1):
    """Returns a model of one norm as tf2onnx writes it, perhaps not quite one."""
    nodes, constants = [], {"epsilon": np.full((1, 1, 1, 1), 1e-3, "float32")}

    def add(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def mean(name, prefix):
        for i, some in enumerate(axes):
            if opset < 18:
                name = add("ReduceMean", [name], f"{prefix}{i}", axes=some, keepdims=keep)
            else:
                constants[f"axes{i}"] = np.array(some, "int64")
                name = add("ReduceMean", [name, f"axes{i}"], f"{prefix}{i}", keepdims=keep)
        return name

    x = "x"
    if cut is not None:
        # As after a transposed convolution: where it ends is computed, and ONNX infers no sizes.
        constants.update(starts=np.array(cut[0]), axes=np.array(cut[2]))
        if cut[1] is None:
            add("Gather", [add("Shape", ["x"], "shape"), "axes"], "ends")
        else:
            constants["ends"] = np.array(cut[1])
        x = add("Slice", ["x", "starts", "ends", "axes"], "cut")
    centred = add("Sub", [x, mean(x, "mean")], "centred")
    other = x if power else centred
    squares = add("Mul", [centred, other], "squares")
    total = add("Add", [mean(squares, "variance"), "epsilon"], "total")
    factor = add("Reciprocal", [add("Sqrt", [total], "root")], "factor")
    if scale is not None:
        constants["gamma"] = scale
        factor = add("Mul", [factor, "gamma"], "scaled")
    result = add("Mul", [centred, factor], "product")
    if offset is not None:
        constants["beta"] = offset
        result = add("Add", [result, "beta"], "sum")
    add("Relu", [result], "y")
    sizes = ["b", CHANNELS, "h", "w"]
    return helper.make_model(
        helper.make_graph(
            *(nodes, "norm"),
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, sizes)],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None] * 4)],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )


def _sizes(model):
    return [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]


def run(model):
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    shape = [size or free for size, free in zip(_sizes(model), (2, 7, 7, 9), strict=True)]
    x = np.random.default_rng(0).normal(3, 2, shape).astype("float32")
    return session.run(None, {"x": x})[0]


PER_CHANNEL = np.array([0.5, 1, 2], "float32").reshape(1, 3, 1, 1)
WHOLE = 2**31 - 1


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"axes": ((2, 3),)},
        {"axes": ((-1,), (-2,))},
        {"opset": 18},
        {"scale": PER_CHANNEL},
        {"offset": PER_CHANNEL},
        {"scale": PER_CHANNEL, "offset": 1 - PER_CHANNEL},
        {"scale": np.float32(2), "offset": np.array([[[1]]], "float32")},
        {"cut": ([1, 1], None, [2, 3])},
        {"cut": ([1], [WHOLE], [1])},
        {"cut": ([0, 1, 1, 0], [WHOLE] * 4, [0, 2, 3, 1])},
    ],
    ids=str,
)
def test_a_norm_becomes_one_operator(settings):
    model = norm(**settings)
    before = run(model)
    assert fuse_norms(model) == 1
    kinds = [node.op_type for node in model.graph.node]
    assert kinds[-2:] == ["InstanceNormalization", "Relu"]
    assert set(kinds[:-2]) <= {"Shape", "Gather", "Slice"}
    constants = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    assert [c.shape for c in constants if c.dtype == "float32"] == 2 * [before.shape[1:2]]
    np.testing.assert_allclose(run(model), before, atol=1e-5)
    assert before.std() > 0.2


@pytest.mark.parametrize(
    "settings",
    [
        {"axes": ((2,),)},
        {"axes": ((1, 2, 3),)},
        {"axes": ((1,), (2,))},
        {"axes": ((2,), (2,))},
        {"power": True},
        {"scale": np.linspace(1, 2, 9, dtype="float32")},
        {"cut": ([1], None, [1])},
        {"cut": ([1, 0], None, [2, 1])},
    ],
    ids=str,
)
def test_what_is_no_instance_norm_stays(settings):
    model = norm(**settings)
    before, used = run(model), sorted(node.op_type for node in model.graph.node)
    assert fuse_norms(model) == 0
    assert sorted(node.op_type for node in model.graph.node) == used
    np.testing.assert_array_equal(run(model), before)


def test_an_offset_per_column_stays_outside():
    model = norm(offset=np.linspace(0, 1, 9, dtype="float32"))
    before = run(model)
    assert fuse_norms(model) == 1
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ["InstanceNormalization", "Add", "Relu"]
    np.testing.assert_allclose(run(model), before, atol=1e-5)


def whole(axes=(1, 2, 4), scale=None, offset=None, back=("b", "h", "w", "three"), minus="mean"):
    """Returns a model of a norm over pictures, with channels last, as tf2onnx writes it."""
    constants = {name: np.array([i]) for i, name in enumerate(("zero", "one", "two", "three"))}
    constants |= {"rest": np.array([-1]), "epsilon": np.float32(1e-3)}
    nodes = []

    def add(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    add("Shape", ["x"], "shape")
    for name, first, last in (("b", "zero", "one"), ("h", "one", "two"), ("w", "two", "three")):
        add("Slice", ["shape", first, last, "zero"], name)
    add("Cast", [add("Concat", ["rest", "h", "w", "one", "three"], "parts", axis=0)], "five", to=7)
    x = add("Reshape", ["x", "five"], "x5")
    add("ReduceMean", [x], "mean", axes=axes)
    centred = add("Sub", [x, "mean"], "centred")
    add("ReduceMean", [add("Mul", [centred, centred], "squares")], "variance", axes=axes)
    root = add("Sqrt", [add("Add", ["variance", "epsilon"], "total")], "root")
    factor = add("Reciprocal", [root], "factor")
    if scale is not None:
        constants["gamma"] = scale
        factor = add("Mul", [factor, "gamma"], "scaled")
    shift = add("Mul", [add("Neg", [minus], "negative"), factor], "shift")
    if offset is not None:
        constants["beta"] = offset
        shift = add("Add", [shift, "beta"], "moved")
    result = add("Add", [add("Mul", [x, factor], "product"), shift], "sum")
    add("Reshape", [result, add("Concat", list(back), "four", axis=0)], "maps")
    add("Relu", ["maps"], "y")
    return helper.make_model(
        helper.make_graph(
            *(nodes, "norm"),
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["b", "h", "w", 3])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None] * 4)],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


LAST = np.array([0.5, 1, 2], "float32").reshape(1, 1, 1, 1, 3)


@pytest.mark.parametrize(
    "settings, kinds",
    [
        ({}, []),
        ({"scale": LAST}, ["Mul"]),
        ({"offset": LAST}, ["Add"]),
        ({"scale": LAST, "offset": 1 - LAST}, ["Mul", "Add"]),
        ({"scale": np.float32(2)}, ["Mul"]),
    ],
    ids=str,
)
def test_a_norm_over_pictures_becomes_one_operator(settings, kinds):
    model = whole(**settings)
    before = run(model)
    assert fuse_norms(model) == 1
    used = [node.op_type for node in model.graph.node]
    parts = ["Transpose", "Reshape", "InstanceNormalization", "Shape", "Reshape"]
    assert used == [*parts, *kinds, "Transpose", "Relu"]
    np.testing.assert_allclose(run(model), before, atol=1e-5)
    assert before.std() > 0.2


@pytest.mark.parametrize(
    "settings",
    [
        {"axes": (1, 2)},
        {"axes": (1, 2, 3)},
        {"scale": np.ones((1, 1, 7, 1, 1), "float32")},
        {"back": ("b", "w", "h", "three")},
        {"minus": "variance"},
    ],
    ids=str,
)
def test_what_is_no_norm_over_pictures_stays(settings):
    model = whole(**settings)
    before, used = run(model), sorted(node.op_type for node in model.graph.node)
    assert fuse_norms(model) == 0
    assert sorted(node.op_type for node in model.graph.node) == used
    np.testing.assert_array_equal(run(model), before)

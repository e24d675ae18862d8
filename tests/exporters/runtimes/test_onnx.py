import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tfsynth.exporters.runtimes.onnx import SHA256, Runtime, sha256_of

ABOUT = {"format_version": 1, "inputs": {"labels": {"shape": [None] * 3, "dtype": "int32"}}}


def painter(about=ABOUT, name="labels"):
    """Returns a model that paints class c in grey level 10 c, by a constant."""
    sizes, nodes = ["batch", "height", "width"], []
    nodes.append(helper.make_node("Mul", [name, "ten"], ["grey"]))
    nodes.append(helper.make_node("Cast", ["grey"], ["small"], to=onnx.TensorProto.UINT8))
    nodes.append(helper.make_node("Unsqueeze", ["small", "last"], ["image"]))
    graph = helper.make_graph(
        *(nodes, "painter"),
        [helper.make_tensor_value_info(name, onnx.TensorProto.INT32, sizes)],
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, [*sizes, 1])],
        [
            numpy_helper.from_array(np.array(10, "int32"), "ten"),
            numpy_helper.from_array(np.array([3], "int64"), "last"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(
        model, {"tfsynth": about if isinstance(about, str) else json.dumps(about)}
    )
    return model


def stored(path, model):
    """Writes a model, with its sum, as if tfsynth had made it so."""
    model.metadata_props.add(key=SHA256, value=sha256_of(model))
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_is_run_whatever_its_suffix(tmp_path):
    runtime = Runtime(stored(tmp_path / "model.bin", painter()))
    assert runtime.description == ABOUT
    labels = np.arange(12, dtype="int32").reshape(2, 2, 3)
    pictures = runtime.run({"labels": labels[:, ::-1], "seed": np.zeros(2, "int32")})
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures[..., 0], 10 * labels[:, ::-1])


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    runtime = Runtime(stored(tmp_path / "model.onnx", painter()))
    with pytest.raises(ValueError, match="This model reads labels; give 'labels'"):
        runtime.run({"condition": np.zeros((1, 2, 3), "int32")})
    for array in (np.zeros((2, 3), "int32"), np.zeros((1, 2, 3), "float32"), np.array("text")):
        with pytest.raises(ValueError, match="makes no picture of these arrays"):
            runtime.run({"labels": array})


def test_damaged_files_are_refused(tmp_path):
    path = stored(tmp_path / "model.onnx", painter())
    whole = path.read_bytes()
    for damaged in (b"", b"TFL3", whole[:-1], whole[: len(whole) // 2], whole[1:], b"\x89PNG" * 9):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="model.onnx is no ONNX file that tfsynth wrote: "):
            Runtime(path)


def test_flipped_bits_are_refused_or_harmless(tmp_path, capfd):
    whole = bytearray(stored(tmp_path / "model.onnx", painter()).read_bytes())
    labels, read = np.ones((1, 2, 3), "int32"), 0
    for position in range(len(whole)):
        whole[position] ^= 1 << position % 8
        (tmp_path / "model.onnx").write_bytes(whole)
        whole[position] ^= 1 << position % 8
        try:
            pictures = Runtime(tmp_path / "model.onnx").run({"labels": labels})
        except ValueError as error:
            assert "\n" not in str(error) and len(str(error)) < 600
            continue
        # Of what the sum does not cover: the version of ONNX.
        np.testing.assert_array_equal(pictures, 10)
        read += 1
    assert read < 10
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "about, message",
    [
        ("[" * 100_000, "recursion|nested|no description"),
        ("{}", "it holds no description that tfsynth wrote"),
        ("not JSON", "it holds no description that tfsynth wrote"),
        ({**ABOUT, "format_version": 2}, "its description has version 2"),
        (" " * 2**25, "its description is too long"),
        ({**ABOUT, "inputs": {"seed": {"shape": [None], "dtype": "int32"}}}, "it takes labels"),
    ],
    ids=["nested", "empty", "text", "later", "long", "other"],
)
def test_a_description_is_checked(tmp_path, about, message):
    with pytest.raises(ValueError, match=message):
        Runtime(stored(tmp_path / "model.onnx", painter(about)))


def test_a_model_without_a_description_is_not_ours(tmp_path):
    model = painter()
    del model.metadata_props[:]
    with pytest.raises(ValueError, match="its metadata have 0 descriptions named 'tfsynth'"):
        Runtime(stored(tmp_path / "model.onnx", model))


def test_no_other_file_is_read(tmp_path):
    (tmp_path / "secret").write_bytes(np.array(10, "int32").tobytes())
    for location in ("secret", "../secret", "/etc/hostname"):
        model = painter()
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        with pytest.raises(ValueError, match="the tensor 'ten' lies in another file"):
            Runtime(stored(tmp_path / "model.onnx", model))
    # The same in a constant of a branch.
    tensor.name = "hidden"
    constant = helper.make_node("Constant", [], ["value"], value=tensor)
    branch = helper.make_graph([constant], "branch", [], [])
    model = painter()
    model.graph.node.add(op_type="If").attribute.append(
        helper.make_attribute("then_branch", branch)
    )
    with pytest.raises(ValueError, match="the tensor 'hidden' lies in another file"):
        Runtime(stored(tmp_path / "model.onnx", model))


def test_a_model_of_other_operators_or_outputs_is_refused(tmp_path):
    model = painter()
    model.graph.node[0].op_type = "Mystery"
    with pytest.raises(ValueError, match=r"ONNX Runtime does not load it \(.*Mystery"):
        Runtime(stored(tmp_path / "model.onnx", model))
    model = painter()
    model.graph.output[0].name = "grey"
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT32
    del model.graph.output[0].type.tensor_type.shape.dim[3]
    with pytest.raises(ValueError, match="or returns no pictures"):
        Runtime(stored(tmp_path / "model.onnx", model))


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with open(tmp_path / "model.onnx", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="it is larger than 2 GB"):
        Runtime(tmp_path / "model.onnx")


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.onnx"):
        Runtime(tmp_path / "nothing.onnx")

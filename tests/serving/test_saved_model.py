"""The exported model as a server meets it: TensorFlow's own tools, its loader, its file formats."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import png
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving.running import ROOT
from tests.synthesis.synthesizers import INSTANCES, LAYOUT

pytestmark = pytest.mark.slow

SIGNATURES = {"serving_default", "synthesize", "synthesize_styled", "encode", "describe"}
# Strings that people read; all others are files.
TEXTS = {"status", "description"}


def encoded(pixels):
    """Returns an 8-bit grey PNG file of a layout."""
    pixels = pixels.astype("uint8")
    return png.grey_png(pixels.shape[1], [row.tobytes() for row in pixels])


def program(name, *arguments, **settings):
    """Runs a program of this folder; returns what it prints, as plain data."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'export' / 'serving'}"}
    command = [sys.executable, "-m", f"tests.serving.{name}", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, **settings
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def path(models):
    return models / "tfsynth" / "1"


@pytest.fixture(scope="module")
def graph(path):
    stored = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    (graph,) = stored.meta_graphs
    return graph


@pytest.fixture(scope="module")
def signatures(graph):
    """The signatures for callers; the loader has one of its own."""
    return {name: one for name, one in graph.signature_def.items() if not name.startswith("__")}


@pytest.fixture(scope="module")
def inputs():
    """One request of each signature, two rows."""
    labels, instances = np.stack([LAYOUT] * 2).astype("int32"), np.stack([INSTANCES] * 2)
    maps = {"labels": labels, "instances": instances.astype("int32"), "seed": np.int32([3, 8])}
    ids = np.int32([[200, 201]] * 2)
    styles = np.float32([[[0.5, -0.5], [-0.2, 0.1]]] * 2)
    photo = np.random.default_rng(0).integers(0, 256, (*labels.shape, 3), "uint8")
    return {
        "serving_default": {
            "label_bytes": np.array([encoded(LAYOUT)] * 2),
            "instance_bytes": np.array([encoded(INSTANCES), b""]),
            "seed": np.int32([3, 8]),
            "format": np.array([b"png", b"jpeg"]),
        },
        "synthesize": maps,
        "synthesize_styled": {**maps, "style_ids": ids, "styles": styles},
        "encode": {"image": photo, "instances": maps["instances"]},
        "describe": {"request": np.array([b""])},
    }


def test_the_model_is_marked_for_serving(graph, signatures):
    assert list(graph.meta_info_def.tags) == ["serve"]
    assert set(signatures) == SIGNATURES
    assert {one.method_name for one in signatures.values()} == {"tensorflow/serving/predict"}


def test_all_inputs_and_outputs_have_the_batch_first(signatures):
    for name, signature in signatures.items():
        for alias, tensor in [*signature.inputs.items(), *signature.outputs.items()]:
            shape = tensor.tensor_shape
            assert not shape.unknown_rank and shape.dim[0].size == -1, f"{name}: {alias}"


def test_files_are_named_so_that_rest_encodes_them(signatures):
    for name, signature in signatures.items():
        for alias, tensor in signature.outputs.items():
            if tensor.dtype == tf.string.as_datatype_enum and alias not in TEXTS:
                assert alias.endswith("_bytes"), f"{name}: {alias}"


def test_only_operations_of_tensorflow_itself_are_used(graph):
    nodes = [*graph.graph_def.node]
    for function in graph.graph_def.library.function:
        nodes.extend(function.node_def)
    functions = {function.signature.name for function in graph.graph_def.library.function}
    used = {node.op for node in nodes} - functions
    assert {"Conv2D", "StatefulPartitionedCall"} <= used
    assert not [op for op in used if op_def_registry.get(op) is None]
    # Code of the process that wrote the model, which no server has.
    assert not [op for op in used if "Py" in op or op.startswith(("Xla", "Tpu", "Numpy"))]


def test_the_warm_up_requests_are_of_all_signatures(path):
    file = path / "assets.extra" / "tf_serving_warmup_requests"
    requests = []
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        requests.append(log.predict_log.request)
    assert 0 < len(requests) <= 1000
    names = {request.model_spec.signature_name for request in requests}
    # Nobody waits for `describe`.
    assert SIGNATURES - {"describe"} <= names <= SIGNATURES


def test_a_session_without_keras_and_tfsynth_makes_the_same_pictures(model, path, inputs, tmp_path):
    for name, arrays in inputs.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
    said = program("loader_program", path, tmp_path)
    assert said["keras"] == []
    assert said["warmed_up"]["serving_default"] > 0
    out = {name: dict(np.load(tmp_path / f"{name}.out.npz")) for name in inputs}
    expected = [model.synthesize(LAYOUT, INSTANCES, seed=seed) for seed in (3, 8)]
    np.testing.assert_array_equal(out["synthesize"]["image"], expected)
    assert out["synthesize"]["status"].tolist() == [b"", b""]
    first, second = (Image.open(io.BytesIO(b)) for b in out["serving_default"]["image_bytes"])
    assert (first.format, second.format, second.size) == ("PNG", "JPEG", (12, 8))
    np.testing.assert_array_equal(np.asarray(first), expected[0])
    assert out["serving_default"]["height"].tolist() == [8, 8]
    assert out["encode"]["style_ids"].dtype == np.int32
    # The looks that were read make the pictures of those looks.
    assert not np.array_equal(out["synthesize_styled"]["image"], out["synthesize"]["image"])
    described = json.loads(out["describe"]["description"][0])
    names = [one["name"] for one in described["label_set"]["classes"]]
    assert names == ["sky", "road", "car"]


def test_saved_model_cli_shows_all_and_runs(path, inputs, tmp_path):
    calls = [["show", "--dir", str(path), "--all"]]
    # Each takes seconds, and the session above runs all of them.
    for name in ("serving_default", "synthesize"):
        arrays = inputs[name]
        for alias, array in arrays.items():
            np.save(tmp_path / f"{name}.{alias}.npy", array)
        fed = ";".join(f"{alias}={tmp_path / name}.{alias}.npy" for alias in arrays)
        run = ["run", "--dir", str(path), "--tag_set", "serve", "--signature_def", name]
        calls.append([*run, "--inputs", fed, "--outdir", str(tmp_path / name)])
    answers = program("cli_program", input=json.dumps(calls))
    assert [code for code, _ in answers] == [0] * len(calls), answers
    shown = answers[0][1]
    assert all(f"signature_def['{name}']" in shown for name in SIGNATURES)
    image = np.load(tmp_path / "synthesize" / "image.npy")
    assert (image.shape, image.dtype) == ((2, *LAYOUT.shape, 3), np.uint8)

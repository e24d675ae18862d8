import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.exporters.served import FAMILIES, family, pixels, png, write
from tests.synthesis.synthesizers import (
    INSTANCES,
    LABELS,
    LAYOUT,
    picture_synthesizer,
    styled_synthesizer,
    synthesizer,
)
from tfsynth.exporters import saved_model
from tfsynth.exporters.description import describe, read
from tfsynth.layers import Conditioning, PictureConditioning
from tfsynth.networks import GlobalGenerator
from tfsynth.synthesis.synthesizer import Synthesizer

pytestmark = pytest.mark.slow

STYLED = {"labels": LAYOUT[None].astype("int32"), "instances": INSTANCES[None].astype("int32")}


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    """The folder of a model with an encoder, its signatures and the model."""
    path, model = tmp_path_factory.mktemp("styled") / "1", styled_synthesizer()
    return path, write(model, path), model


def drawn_inputs(model, batch, height, width):
    """Draws a batch of layouts, or pictures, with ids of any size, and its seeds."""
    random = np.random.default_rng(height)
    inputs = {
        "labels": random.integers(0, 3, (batch, height, width)),
        "instances": random.choice([-7, 0, 13_000, 2**31 - 1], (batch, height, width)),
        "seed": random.integers(0, 2**31, batch),
    }
    if model.label_set is None:
        channels = model.conditioning.condition_channels
        shape = (batch, height, width, channels)
        inputs["condition"] = random.integers(0, 256, shape).astype("uint8")
    inputs = {name: inputs[name] for name in model.picture_input_names}
    return {n: a if n == "condition" else a.astype("int32") for n, a in inputs.items()}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_makes_the_pictures_of_the_synthesizer(tmp_path, name):
    model = family(name)
    served = write(model, tmp_path / "1")
    # Batches of one and three, and a size that is no multiple.
    for batch, height, width in ((1, 32, 16), (3, 33, 47), (3, 8, 21)):
        inputs = drawn_inputs(model, batch, height, width)
        expected = np.asarray(model.one_picture(inputs))
        result = served("synthesize", **inputs)
        assert result["image"].dtype == np.uint8 and result["status"].tolist() == [b""] * batch
        np.testing.assert_array_equal(result["image"], expected)
        assert expected.std() > 2
    # The last batch as bytes; a PNG of instances has no negative ids.
    inputs["instances"] = np.random.default_rng(0).integers(0, 65536, (3, 8, 21), "int32")
    wanted = {n: inputs[n] for n in model.picture_input_names}
    expected = np.asarray(model.one_picture(wanted))
    by_label = model.label_set is not None
    maps = inputs["labels"].astype("uint8") if by_label else inputs["condition"]
    seeds = inputs.get("seed", np.zeros(3, "int32"))
    result = served(
        "serving_default",
        **{"label_bytes" if by_label else "condition_bytes": [png(m.squeeze()) for m in maps]},
        instance_bytes=[png(i.astype("uint16")) for i in inputs["instances"]],
        seed=seeds,
        format=["", "png", ""],
    )
    assert result["status"].tolist() == [b""] * 3
    assert (result["height"].tolist(), result["width"].tolist()) == ([8] * 3, [21] * 3)
    for data, picture in zip(result["image_bytes"], expected, strict=True):
        np.testing.assert_array_equal(pixels(data), picture.squeeze())


def test_each_row_of_bytes_has_its_own_size_seed_and_format(styled):
    _, served, model = styled
    tall = LAYOUT.T.copy()
    result = served(
        "serving_default",
        label_bytes=[png(LAYOUT), png(tall), png(LAYOUT)],
        # Without instances the classes are the instances.
        instance_bytes=[png(INSTANCES), b"", png(INSTANCES)],
        seed=np.array([1, 2, 3], "int32"),
        format=["", "png", "jpeg"],
    )
    assert (result["height"].tolist(), result["width"].tolist()) == ([8, 12, 8], [12, 8, 12])
    first, second, third = map(pixels, result["image_bytes"])
    np.testing.assert_array_equal(first, model.synthesize(LAYOUT, INSTANCES, seed=1))
    np.testing.assert_array_equal(second, model.synthesize(tall, tall, seed=2))
    assert result["image_bytes"][2].startswith(b"\xff\xd8")
    expected = model.synthesize(LAYOUT, INSTANCES, seed=3).astype(int)
    assert np.abs(third - expected).mean() < 10


def test_many_large_rows_are_painted_in_pieces(tmp_path, monkeypatch):
    # Of 16 x 16 pixels, two rows at once.
    monkeypatch.setattr("tfsynth.exporters.saved_model_requests.MAX_PIXELS", 2 * 16 * 16)
    model = family("noise")
    served = write(model, tmp_path / "1")
    inputs = drawn_inputs(model, 5, 16, 13)
    expected = np.asarray(model.one_picture(inputs))
    np.testing.assert_array_equal(served("synthesize", **inputs)["image"], expected)


def test_given_styles_take_the_place_of_drawn_ones(styled):
    _, served, model = styled
    given = {201: [0.3, -0.2], 0: [-0.9, 0.1]}
    # In any order; of an id that the picture lacks nothing is seen.
    result = served(
        "synthesize_styled",
        **STYLED,
        seed=np.array([7], "int32"),
        style_ids=np.array([[201, 2**31 - 1, -(2**31), 0]], "int32"),
        styles=np.array([[given[201], [5, 5], [6, 6], given[0]]], "float32"),
    )
    expected = model.synthesize(LAYOUT, INSTANCES, given, seed=7)
    np.testing.assert_array_equal(result["image"][0], expected)
    assert (expected != model.synthesize(LAYOUT, INSTANCES, seed=7)).any()


@pytest.mark.parametrize(("regions", "reduction"), [("instances", 1), ("labels", 2)])
def test_the_encoder_gives_the_styles_of_the_synthesizer(tmp_path, styled, regions, reduction):
    _, served, model = styled
    if regions == "labels":
        model = styled_synthesizer(regions=regions, reduction=reduction)
        served = write(model, tmp_path / "1")
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3)).astype("uint8")
    ids = [INSTANCES - 150, INSTANCES * 0 + 9] if regions == "instances" else [LAYOUT, LAYOUT * 0]
    maps = np.array(ids, "int32")
    result = served("encode", image=images, **{regions: maps})
    assert result["status"].tolist() == [b"", b""]
    assert result["style_ids"].shape == (2, 5) and result["styles"].shape == (2, 5, 2)
    for row, image in enumerate(images):
        expected = model.encode(image, maps[row], maps[row])
        found = result["style_ids"][row].tolist()
        # Ascending, then the first one again.
        assert found == [*sorted(expected), *[min(expected)] * (5 - len(expected))]
        for number, style in zip(found, result["styles"][row], strict=True):
            np.testing.assert_allclose(style, expected[number], atol=1e-6)


def test_what_is_encoded_can_be_given_again(styled):
    _, served, model = styled
    photograph = model.synthesize(LAYOUT, INSTANCES, seed=1)
    found = served("encode", image=photograph[None], instances=STYLED["instances"])
    given = {name: found[name] for name in ("style_ids", "styles")}
    seed = np.array([0], "int32")
    result = served("synthesize_styled", **STYLED, **given, seed=seed)
    styles = model.encode(photograph, INSTANCES)
    expected = model.synthesize(LAYOUT, INSTANCES, styles).astype(int)
    assert np.abs(result["image"][0] - expected).max() <= 1


def test_the_model_describes_itself(styled):
    path, served, model = styled
    expected = describe(model, format="saved_model", precision="float32")
    texts = served("describe", request=["", "anything"])["description"]
    assert [read(text) for text in texts] == [expected] * 2
    assert expected["label_set"] == LABELS.to_dict() and expected["styles"]["features"] == 2
    assert json.loads((path / "assets.extra" / "tfsynth.json").read_text()) == expected


def test_weights_are_stored_once_and_alone(styled):
    path, _, model = styled
    stored = tf.train.list_variables(str(path / "variables" / "variables"))
    shapes = sorted(
        tuple(shape) for name, shape in stored if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    )
    networks = (model.generator, model.encoder)
    weights = [tuple(w.shape) for network in networks for w in network.weights]
    assert shapes == sorted(weights)


# In a process that cannot import what wrote the model.
PROGRAM = """
import sys, numpy
sys.modules.update(dict.fromkeys(["keras", "tf_keras", "tfsynth"]))
import tensorflow as tf
inputs = dict(numpy.load(sys.argv[2]))
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
    def call(name, **inputs):
        of = graph.signature_def[name]
        assert of.method_name == "tensorflow/serving/predict"
        feed = {of.inputs[key].name: value for key, value in inputs.items()}
        return session.run({key: value.name for key, value in of.outputs.items()}, feed)
    good, bad = inputs.pop("png").tobytes(), inputs.pop("png_of_id_9").tobytes()
    numpy.save(sys.argv[3], call("synthesize", **inputs)["image"])
    def of_bytes(*rows):
        more = {"instance_bytes": [b""] * len(rows), "format": [b""] * len(rows)}
        return call("serving_default", label_bytes=list(rows), seed=[1] * len(rows), **more)
    for data in (bad, good[:-9], good[:60] + bytes([good[60] ^ 1]) + good[61:], b""):
        found = of_bytes(good, data)
        assert list(map(bool, found["image_bytes"])) == [True, False]
        print(found["status"][1].decode())
    try:
        of_bytes(bad)
    except tf.errors.InvalidArgumentError as error:
        print(error.message.removeprefix("Graph execution error:").strip().splitlines()[0])
"""


def test_a_session_of_the_c_loader_serves_without_this_package(tmp_path, styled):
    path, _, model = styled
    inputs = STYLED | {"seed": np.array([5], "int32")}
    data = {"png": png(LAYOUT), "png_of_id_9": png(LAYOUT * 0 + 9)}
    data = {name: np.frombuffer(value, "uint8") for name, value in data.items()}
    np.savez(tmp_path / "inputs.npz", **inputs, **data)
    command = [sys.executable, "-c", PROGRAM, str(path), str(tmp_path / "inputs.npz")]
    command.append(str(tmp_path / "image.npy"))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = model.synthesize(LAYOUT, INSTANCES, seed=5)
    np.testing.assert_array_equal(np.load(tmp_path / "image.npy")[0], expected)
    no_class = "label_bytes holds 9, which is no class; the values of this model are 0..2."
    damaged = "label_bytes is truncated or damaged."
    # The sentence comes first in the text of an error: TensorFlow's C++ code alone adds to it.
    assert done.stdout.splitlines() == [
        *(no_class, damaged, damaged, "label_bytes is empty: send a PNG."),
        f"assertion failed: [{no_class}]",
    ]


# Operations whose kernels are Python functions, or of which a server must be given the library.
FOREIGN = ("Py", "EagerPy", "TRT", "XlaLaunch", "Flex")


def test_the_graph_has_core_operations_alone(styled):
    path, _, _ = styled
    stored = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    (graph,) = stored.meta_graphs
    nodes = [*graph.graph_def.node]
    for function in graph.graph_def.library.function:
        nodes.extend(function.node_def)
    operations = {node.op for node in nodes}
    assert not [name for name in operations if name.startswith(FOREIGN)]
    core = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    functions = {f.signature.name for f in graph.graph_def.library.function}
    # Those of no Python name hold what a loop has, or load and store.
    assert operations - core - functions <= {"Placeholder", "RestoreV2", "SaveV2", "NoOp"}
    # Each input and output has the batch as its first axis, so that servers may join requests.
    for of in graph.signature_def.values():
        if of.method_name:
            for tensor in [*of.inputs.values(), *of.outputs.values()]:
                assert [axis.size for axis in tensor.tensor_shape.dim][:1] == [-1]


def test_warmup_requests_are_those_of_the_servers_protocol(styled):
    path, served, _ = styled
    protocol = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    file = path / "assets.extra" / "tf_serving_warmup_requests"
    records = [r.numpy() for r in tf.data.TFRecordDataset(str(file))]
    assert file.stat().st_size < 5000
    replayed = []
    for record in records:
        log = protocol.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        result = served(request.model_spec.signature_name, **inputs)
        assert not any(result.get("status", []))
        replayed.append((request.model_spec.signature_name, len(inputs)))
    assert sorted(replayed) == [
        ("describe", 1),
        ("encode", 2),
        ("serving_default", 4),
        ("synthesize", 3),
        ("synthesize_styled", 5),
    ]


def test_a_model_without_an_encoder_has_three_signatures_and_the_size_of_its_training(tmp_path):
    model = synthesizer()
    model.provenance["config"] = {"data": {"size": [24, 40]}}
    write(model, tmp_path / "1")
    found = tf.saved_model.load(str(tmp_path / "1")).signatures
    assert sorted(found) == ["describe", "serving_default", "synthesize"]
    file = tmp_path / "1" / "assets.extra" / "tf_serving_warmup_requests"
    records = b"".join(r.numpy() for r in tf.data.TFRecordDataset(str(file)))
    # The shape (1, 24, 40) as a protocol buffer: three axes with their sizes.
    assert b"\x12\x02\x08\x01\x12\x02\x08\x18\x12\x02\x08\x28" in records


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        synthesizer().export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'onx'. Known formats: keras, .*saved_model"):
        synthesizer().export(tmp_path / "x", format="onx")


def test_only_float32_of_any_size_is_written(tmp_path):
    with pytest.raises(ValueError, match="has the precisions float32. Received: 'float16'"):
        synthesizer().export(tmp_path / "1", precision="float16")
    with pytest.raises(ValueError, match="size"):
        synthesizer().export(tmp_path / "1", size=(8, 8))
    assert not list(tmp_path.iterdir())


def test_pictures_that_no_png_holds_are_told_before(tmp_path):
    assert saved_model.blockers(synthesizer()) == []
    assert saved_model.blockers(picture_synthesizer(4, 4)) == []
    generator = GlobalGenerator(2, 5, filters=2, num_downsamples=1, num_blocks=1)
    model = Synthesizer(generator, PictureConditioning(2))
    made, read_in = saved_model.blockers(model)
    assert (made.operator, made.instead) == ("a PNG of 5 channels", "train with 1 to 4")
    assert read_in.operator == "a condition picture of 2 channels"
    with pytest.raises(ValueError, match="a PNG of 5 channels"):
        model.export(tmp_path / "1")
    assert Conditioning(3).condition_channels is None and not list(tmp_path.iterdir())

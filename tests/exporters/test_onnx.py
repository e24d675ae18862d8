import importlib
import json
import logging
import os
import subprocess
import sys

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from keras import layers, ops

from tests.source_tree import ROOT
from tests.synthesis import synthesizers
from tfsynth import exporters
from tfsynth.exporters import onnx as exporter
from tfsynth.exporters.description import describe
from tfsynth.exporters.runtimes.onnx import Runtime
from tfsynth.exporters.signature import tensors
from tfsynth.layers import Conditioning, DropoutNoise
from tfsynth.layouts.labels import LabelSet
from tfsynth.networks import (
    CascadedRefinementNetwork,
    FeatureEncoder,
    FullResolutionNetwork,
    GlobalGenerator,
    LocalEnhancer,
)
from tfsynth.synthesis.styles import StyleTable
from tfsynth.synthesis.synthesizer import Synthesizer

pytestmark = pytest.mark.slow

# (batch, height, width): small, off every multiple, larger, and smaller than any network takes.
SIZES = ((1, 16, 24), (3, 19, 33), (1, 75, 133), (2, 1, 5))


class Network(keras.Model):
    """A generator of three classes that is one layer, or a few."""

    size_multiple = minimum_size = 1
    input_channels = output_channels = 3

    def __init__(self, *parts):
        condition = x = keras.Input((None, None, 3))
        for part in parts:
            x = part(x)
        super().__init__(condition, x)


def network(*parts):
    """Returns a synthesizer whose generator is these layers."""
    return Synthesizer(Network(*parts), Conditioning(3, edges=False), synthesizers.LABELS)


def resized():
    keras.utils.set_random_seed(3)
    generator = GlobalGenerator(4, filters=3, num_downsamples=2, num_blocks=1, upsampling="resize")
    return Synthesizer(generator, Conditioning(3), synthesizers.LABELS)


def enhanced():
    """Two generators, the second at twice the size, with edges and a style for each object."""
    keras.utils.set_random_seed(3)
    centres = {1: [[-0.5, 0.5]], 2: [[0.9, -0.9], [-0.9, 0.9], [0.3, 0.2]]}
    return Synthesizer(
        LocalEnhancer(6, filters=3, num_downsamples=1, num_blocks=1, num_local_blocks=1),
        Conditioning(3),
        synthesizers.LABELS,
        encoder=FeatureEncoder(num_features=2, filters=2, num_downsamples=1, max_instances=5),
        styles=StyleTable(centres, {1: [1], 2: [3, 1, 1]}),
    )


def refined(num_outputs=9):
    keras.utils.set_random_seed(3)
    generator = CascadedRefinementNetwork(3, widths=(6, 5, 4), num_outputs=num_outputs)
    return Synthesizer(generator, Conditioning(3, edges=False), synthesizers.LABELS)


def full_resolution():
    keras.utils.set_random_seed(3)
    generator = FullResolutionNetwork(3, filters=4, dilations=(1, 2, 1))
    return Synthesizer(generator, Conditioning(3, edges=False), synthesizers.LABELS)


FAMILIES = {
    "transposed": synthesizers.synthesizer,
    "resize": resized,
    "enhanced with styles": enhanced,
    "noisy": synthesizers.noisy_synthesizer,
    "nine pictures": refined,
    "full resolution": full_resolution,
    "pictures": synthesizers.picture_synthesizer,
}


def write(synthesizer, path, size=(None, None)):
    about = describe(synthesizer, format="onnx", precision="float32", size=size)
    exporter.write(synthesizer, path, precision="float32", size=size, description=about)
    return Runtime(path)


def draw(synthesizer, batch, height, width, seed=0):
    """Draws what a model takes: every id, every int32 as the id of an object, any seed."""
    random, inputs = np.random.default_rng(seed), {}
    ranges = {
        "labels": (0, 3),
        "condition": (0, 256),
        "instances": (-(2**31), 2**31),
        "seed": (-(2**31), 2**31),
    }
    for name, (shape, dtype) in tensors(synthesizer, batch, (height, width)).items():
        inputs[name] = random.integers(*ranges[name], shape).astype(dtype)
    return inputs


def one_picture(synthesizer, inputs):
    return np.asarray(synthesizer.one_picture(inputs)).astype(int)


@pytest.fixture(scope="module", params=FAMILIES)
def exported(request, tmp_path_factory):
    """A synthesizer, the path of its export, and what runs it."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    synthesizer = FAMILIES[request.param]()
    return synthesizer, path, write(synthesizer, path)


def test_pictures_are_those_of_keras(exported):
    synthesizer, _, runtime = exported
    for batch, height, width in SIZES:
        inputs = draw(synthesizer, batch, height, width)
        pictures, expected = runtime.run(inputs), one_picture(synthesizer, inputs)
        assert pictures.dtype == np.uint8 and pictures.shape[1:3] == (height, width)
        np.testing.assert_allclose(pictures, expected, atol=1)
        assert expected.std() > 5  # Not all grey.


def test_a_picture_does_not_depend_on_its_neighbours(exported):
    synthesizer, _, runtime = exported
    inputs = draw(synthesizer, 3, 19, 33, seed=1)
    together = runtime.run(inputs).astype(int)
    for row in range(3):
        alone = runtime.run({name: array[row : row + 1] for name, array in inputs.items()})
        np.testing.assert_allclose(together[row], alone[0], atol=1)


def test_every_picture_has_its_seed(exported):
    synthesizer, _, runtime = exported
    inputs = draw(synthesizer, 1, 19, 33)
    repeated = {name: np.repeat(array, 3, axis=0) for name, array in inputs.items()}
    first, second, third = runtime.run({**repeated, "seed": np.array([5, 6, 5], "int32")})
    assert np.array_equal(first, third)
    drawn = "seed" in synthesizer.picture_input_names
    assert drawn == (np.abs(first.astype(int) - second).max() > 5)


def test_the_file_says_what_it_takes(exported):
    synthesizer, path, _ = exported
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    for value in model.graph.input:
        shape, dtype = tensors(synthesizer, "batch", ("height", "width"))[value.name]
        tensor = value.type.tensor_type
        assert [d.dim_param or d.dim_value for d in tensor.shape.dim] == list(shape)
        assert onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type) == dtype
    (image,) = model.graph.output
    sizes = [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim]
    assert (image.name, image.type.tensor_type.elem_type) == ("image", onnx.TensorProto.UINT8)
    assert sizes == ["batch", "height", "width", synthesizer.generator.output_channels]
    assert not model.graph.value_info and model.producer_name == "tfsynth"
    entry, total = model.metadata_props
    assert (total.key, len(total.value)) == ("tfsynth_sha256", 64)
    about = describe(synthesizer, format="onnx", precision="float32")
    assert entry.key == "tfsynth"
    assert json.loads(entry.value) == json.loads(json.dumps(about))


def test_norms_are_one_operator_each(exported):
    synthesizer, path, _ = exported
    used = [node.op_type for node in onnx.load(path).graph.node]
    norms = [layer for layer in synthesizer.generator.layers if "norm" in layer.name]
    assert used.count("InstanceNormalization") == len(norms) > 1
    assert "ReduceMean" not in used and "Reciprocal" not in used


def test_networks_of_this_package_have_no_blockers(exported):
    assert exporter.blockers(exported[0]) == []


def without_noise():
    return synthesizers.noisy_synthesizer(dropout=0)


@pytest.mark.parametrize("make", [without_noise, full_resolution])
@pytest.mark.parametrize("size", [(None, None), (19, 33)], ids=["free", "fixed"])
def test_a_learned_scale_and_offset_are_kept(tmp_path, make, size):
    synthesizer = make()
    for weight in synthesizer.generator.trainable_weights:
        if weight.name in ("gamma", "beta"):
            weight.assign(np.linspace(0.3, 2, weight.shape[0]))
    runtime = write(synthesizer, tmp_path / "model.onnx", size)
    used = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert used.count("InstanceNormalization") > 1 and "ReduceMean" not in used
    inputs = draw(synthesizer, 3, 19, 33)
    np.testing.assert_allclose(runtime.run(inputs), one_picture(synthesizer, inputs), atol=1)


def test_noise_is_that_of_keras(tmp_path):
    synthesizer = network(DropoutNoise(0.3))
    runtime = write(synthesizer, tmp_path / "model.onnx")
    for batch, height, width in SIZES:
        inputs = draw(synthesizer, batch, height, width)
        inputs["seed"][0] = 2**31 - 1
        expected = one_picture(synthesizer, inputs)
        assert len(np.unique(expected)) > 1
        np.testing.assert_array_equal(runtime.run(inputs), expected)


def test_the_size_may_be_fixed(tmp_path):
    synthesizer = synthesizers.synthesizer()
    runtime = write(synthesizer, tmp_path / "model.onnx", size=(19, 33))
    sizes = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for graph in [onnx.load(tmp_path / "model.onnx").graph]
        for value in (*graph.input, *graph.output)
    ]
    assert sizes == [[1, 19, 33]] * 2 + [[1, 19, 33, 3]]
    assert runtime.description["inputs"]["labels"]["shape"] == [1, 19, 33]
    inputs = draw(synthesizer, 3, 19, 33)
    np.testing.assert_allclose(runtime.run(inputs), one_picture(synthesizer, inputs), atol=1)
    with pytest.raises(ValueError, match="makes no picture of these arrays"):
        runtime.run(draw(synthesizer, 1, 20, 33))


@pytest.mark.parametrize("void, low, high", [((2, 1), 1, 1), ((), 0, 2)])
def test_an_unknown_class_is_void_or_the_nearest(tmp_path, void, low, high):
    names, colours = synthesizers.LABELS.names, synthesizers.LABELS.colours
    model = Synthesizer(
        GlobalGenerator(3, filters=2, num_downsamples=1, num_blocks=1),
        Conditioning(3, edges=False),
        LabelSet(names, colours, void_ids=void),
    )
    runtime = write(model, tmp_path / "model.onnx")
    labels = draw(model, 1, 16, 24)["labels"]
    wrong, known = labels.copy(), labels.copy()
    wrong[0, :4, :3], wrong[0, 4:8, :3] = -(2**31), -1
    known[0, :8, :3] = low
    wrong[0, :4, 5:9], wrong[0, 4:8, 5:9] = 2**31 - 1, 3
    known[0, :8, 5:9] = high
    np.testing.assert_array_equal(runtime.run({"labels": wrong}), runtime.run({"labels": known}))


class Area(layers.Layer):
    """Resizing by areas, as a user's own layer may do."""

    def call(self, inputs):
        size = tf.shape(inputs)[1:3]
        return tf.image.resize(tf.image.resize(inputs, size // 2, method="area"), size)


class Random(layers.Layer):
    """Noise of a seed that the layer holds."""

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=3)


class Stateful(layers.Layer):
    """Noise of the runtime's own."""

    def call(self, inputs):
        return inputs + tf.random.normal(tf.shape(inputs))


class Cubic(layers.Layer):
    """Cubic interpolation."""

    def call(self, inputs):
        return tf.image.resize(inputs, tf.shape(inputs)[1:3], method="bicubic")


@pytest.mark.parametrize(
    "layer, operator, instead",
    [
        (Area(name="own_area"), "ResizeArea", "`AveragePooling2D`, or bilinear"),
        (Cubic(name="own_cubic"), "ResizeBicubic", "bilinear"),
        (Random(name="own_random"), "StatelessRandomNormalV2", "`DropoutNoise`"),
        (Stateful(name="own_stateful"), "RandomStandardNormal", "`DropoutNoise`"),
        (layers.Activation("gelu", name="own_gelu"), "Erfc", "`approximate=True`"),
        (layers.Conv2D(3, 1, groups=3, name="own_groups"), "XLA", "without `groups`"),
        (layers.Lambda(lambda x: tf.linalg.pinv(x), name="own_pinv"), "Svd", "saved_model"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_onnx_does_not_have_is_named_before_anything_is_written(
    tmp_path, layer, operator, instead
):
    synthesizer = network(layers.Conv2D(3, 1, name="first"), layer)
    found = exporter.blockers(synthesizer)
    assert {blocker.layer for blocker in found} == {layer.name}
    (blocker,) = [blocker for blocker in found if operator in blocker.operator]
    assert instead in blocker.instead
    message = f"'onnx' lacks what this network computes. Nothing was written.\n  {layer.name}: "
    with pytest.raises(ValueError, match=message):
        exporters.export(synthesizer, tmp_path / "model.onnx", "onnx")
    assert not list(tmp_path.iterdir())


def test_what_depends_on_weights_alone_is_no_blocker():
    def scaled(x):
        return x * tf.linalg.inv(tf.eye(3))[0, 0]

    assert exporter.blockers(network(layers.Lambda(scaled))) == []


def test_a_network_may_have_branches_and_loops(tmp_path):
    def branch(x):
        x = tf.cond(tf.shape(x)[1] > 20, lambda: x / 2, lambda: x)
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, 0.7 * y + 0.1), (0, x))[1]

    class Branch(layers.Layer):
        def call(self, inputs):
            return branch(inputs)

    synthesizer = network(Branch())
    runtime = write(synthesizer, tmp_path / "model.onnx")
    for size in ((1, 16, 24), (1, 24, 16)):
        inputs = draw(synthesizer, *size)
        np.testing.assert_array_equal(runtime.run(inputs), one_picture(synthesizer, inputs))


def test_the_same_model_has_the_same_bytes(tmp_path):
    (tmp_path / "write.py").write_text(
        "import sys, warnings\n"
        "from tests.exporters.test_onnx import *\n"
        "write(FAMILIES['enhanced with styles'](), sys.argv[1])\n"
    )
    write(FAMILIES["enhanced with styles"](), tmp_path / "here.onnx")
    subprocess.run(
        [sys.executable, tmp_path / "write.py", tmp_path / "there.onnx"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"},
    )
    assert (tmp_path / "here.onnx").read_bytes() == (tmp_path / "there.onnx").read_bytes()


def test_it_is_quiet(tmp_path, capfd, caplog):
    write(synthesizers.picture_synthesizer(), tmp_path / "model.onnx")
    said = capfd.readouterr()
    # TensorFlow 2.20 informs of its sessions whatever TF_CPP_MIN_LOG_LEVEL says.
    lines = [line for line in said.err.splitlines() if not line.startswith("I0000 ")]
    assert (said.out, lines, caplog.records) == ("", [], [])
    assert logging.getLogger("tf2onnx").level == logging.NOTSET


@pytest.mark.parametrize("module", ["onnx", "runtimes.onnx"])
def test_a_missing_package_is_named(monkeypatch, module):
    name = f"tfsynth.exporters.{module}"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'tfsynth\[onnx\]'"):
        importlib.import_module(name)

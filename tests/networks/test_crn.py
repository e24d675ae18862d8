"""Cascaded Refinement Networks against a second evaluation, published numbers and themselves."""

import importlib.util
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import jax_process
from tests.harness import check_network
from tests.networks import crn_published as published
from tfsynth.importers.crn import checkpoint_variables
from tfsynth.networks import CascadedRefinementNetwork, FullResolutionNetwork
from tfsynth.networks.crn import WIDTHS
from tfsynth.trainers.transfer import layer_shapes, transfer_weights


def filled(tensors, rows=4, **settings):
    network = CascadedRefinementNetwork(**settings)
    for name, variable in checkpoint_variables(network, rows).items():
        variable.assign(tensors[name])
    return network


@pytest.fixture
def unmade():
    """Variables have shapes and no values: a published network is 400 MB of them."""
    with tf.Graph().as_default():
        yield


@pytest.mark.parametrize(("base", "pictures"), [((4, 8), 1), ((3, 4), 4)])
def test_it_agrees_with_the_published_graph(base, pictures, tmp_path):
    settings = {"widths": (24, 16, 16, 8)}
    tensors = published.tensors(6, settings["widths"], pictures)
    network = filled(tensors, input_channels=6, num_outputs=pictures, **settings)
    layout = published.layout(8 * base[0], 8 * base[1], 6)
    output = check_network(network, layout, tmp_path)
    expected = published.pictures(tensors, layout)
    output = output if pictures == 1 else output[0]
    assert np.ptp(expected) > 100
    np.testing.assert_allclose(127.5 * output + 127.5, expected, atol=5e-3)


def test_pictures_take_every_kth_channel(tmp_path):
    network = CascadedRefinementNetwork(3, widths=(4, 4), num_outputs=9)
    head = network.get_layer("head_conv")
    head.kernel.assign(keras.ops.zeros_like(head.kernel))
    head.bias.assign(np.arange(27))
    output = check_network(network, np.ones((2, 4, 6, 3), "float32"), tmp_path)
    assert output.shape == (2, 9, 4, 6, 3)
    assert output[1, :, 3, 5].tolist() == [[u, u + 9, u + 18] for u in range(9)]


def test_layer_norm_is_over_height_width_and_channels():
    network = CascadedRefinementNetwork(3, widths=(5,))
    norm = network.get_layer("module0_norm1")
    assert [tuple(weight.shape) for weight in norm.weights] == [(5,), (5,)]
    random = np.random.default_rng(0)
    x, gain, offset = (random.normal(3, 2, shape) for shape in [(2, 6, 7, 5), 5, 5])
    norm.gamma.assign(gain)
    norm.beta.assign(offset)
    axes = {"axis": (1, 2, 3), "keepdims": True}
    expected = gain * (x - x.mean(**axes)) / np.sqrt(x.var(**axes) + 1e-12) + offset
    np.testing.assert_allclose(norm(x.astype("float32")), expected, atol=1e-5)


def test_smaller_layouts_are_area_averages_of_the_largest():
    network = CascadedRefinementNetwork(5, widths=(4, 4, 4))
    levels = keras.Model(
        network.input, [network.get_layer(f"module{i}_layout").output for i in (1, 0)]
    )
    layout = np.eye(5, dtype="float32")[np.random.default_rng(0).integers(0, 5, (1, 16, 24))]
    half, quarter = levels(layout)
    resize = tf.compat.v1.image.resize_area
    np.testing.assert_allclose(half, resize(layout, (8, 12)), atol=1e-7)
    np.testing.assert_allclose(quarter, resize(resize(layout, (8, 12)), (4, 6)), atol=1e-7)
    np.testing.assert_allclose(np.sum(quarter, axis=-1), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "channels", "pictures", "parameters"),
    [
        (256, 20, 9, 97_875_483),
        (256, 20, 1, 97_863_171),
        (512, 20, 1, 98_622_851),
        (1024, 20, 1, 98_674_531),
        (512, 36, 1, 99_526_019),
        (1024, 36, 1, 99_582_307),
    ],
)
def test_it_has_the_published_number_of_parameters(size, channels, pictures, parameters, unmade):
    network = CascadedRefinementNetwork(channels, widths=WIDTHS[size], num_outputs=pictures)
    assert network.count_params() == parameters


def test_checkpoints_have_the_published_number_of_bytes(unmade):
    # Weights and two moments each, float32, and Adam's two powers; of the largest network
    # only the last two modules and the head were trained.
    networks = {n: CascadedRefinementNetwork(20, widths=WIDTHS[n]) for n in (512, 1024)}
    networks[256] = CascadedRefinementNetwork(20, num_outputs=9)
    sizes = {n: checkpoint_variables(network) for n, network in networks.items()}
    assert {n: len(variables) for n, variables in sizes.items()} == {256: 44, 512: 50, 1024: 56}
    count = {n: sum(int(np.prod(v.shape)) for v in found.values()) for n, found in sizes.items()}
    late = [v for name, v in sizes[1024].items() if name.startswith(("g_512_", "g_1024_"))]
    assert 12 * count[256] + 8 == 1_174_505_804
    assert 12 * count[512] + 8 == 1_183_474_220
    trained = sum(int(np.prod(v.shape)) for v in late)
    assert 4 * count[1024] + 8 * trained + 8 == 401_201_324
    assert sizes[1024]["g_512_conv1/weights"].shape == (3, 3, 532, 128)


def test_kernels_start_glorot_uniform_and_the_head_without_offset():
    network = CascadedRefinementNetwork(20, widths=(64, 64))
    kernel = np.asarray(network.get_layer("module1_conv2").kernel)
    limit = np.sqrt(6 / (9 * 128))
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not np.any(network.get_layer("head_conv").bias)
    assert not network.get_layer("module1_conv2").use_bias


def test_a_module_is_appended_to_trained_ones():
    small = CascadedRefinementNetwork(4, widths=(8, 8), num_outputs=3)
    large = CascadedRefinementNetwork(4, widths=(8, 8, 6))
    with pytest.raises(ValueError, match="generator.module2_conv1: nothing there"):
        transfer_weights({"generator": small}, {"generator": large}, ["generator.head"])
    new = ["generator.head", "generator.module2"]
    transfer_weights({"generator": small}, {"generator": large}, new)
    layers = [layer.name for layer in small.layers if layer.weights and layer.name != "head_conv"]
    assert len(layers) == 8
    for name in layers:
        pairs = zip(small.get_layer(name).weights, large.get_layer(name).weights, strict=True)
        for old, carried in pairs:
            np.testing.assert_array_equal(old, carried)
    # What is appended reads the features of what was trained.
    features = [keras.Model(n.input, n.get_layer("module1_relu2").output) for n in (small, large)]
    layout = published.layout(16, 16, 4)
    half = keras.layers.AveragePooling2D(2)(layout)
    np.testing.assert_allclose(features[0](half), features[1](layout), atol=1e-6)
    assert "generator.module2_norm2" in layer_shapes({"generator": large})


def test_sections_hold_each_layer_once():
    network = CascadedRefinementNetwork(4, widths=(2,) * 11)
    assert network.sections == (*(f"module{i}" for i in range(11)), "head")
    found = [layer.name for s in network.sections for layer in network.section_layers(s)]
    assert sorted(found) == sorted(layer.name for layer in network.layers)
    second = [layer.name for layer in network.section_layers("module1")]
    assert "module1_conv2" in second and "module10_conv1" not in second
    with pytest.raises(ValueError, match="one of module0, .*head. Received: 'module11'"):
        network.section_layers("module11")


def test_sizes_are_multiples_of_the_number_of_doublings():
    network = CascadedRefinementNetwork(4, widths=(6, 6, 4, 4))
    assert (network.size_multiple, network.minimum_size) == (8, 8)
    for size in [(8, 8), (24, 40)]:
        output = network(published.layout(*size, 4))
        assert output.shape == (1, *size, 3)
        assert np.isfinite(output).all()


def test_inside_a_game_the_picture_is_bounded():
    network = CascadedRefinementNetwork(4, widths=(8, 8), activation="tanh")
    linear = CascadedRefinementNetwork(4, widths=(8, 8))
    linear.set_weights([4 * weight for weight in network.get_weights()])
    network.set_weights(linear.get_weights())
    layout = published.layout(16, 16, 4)
    expected = np.asarray(linear(layout))
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(network(layout), np.tanh(expected), atol=1e-6)


@pytest.mark.parametrize("kind", [CascadedRefinementNetwork, FullResolutionNetwork])
def test_statistics_and_picture_are_float32_in_mixed_precision(kind):
    small = {"widths": (8, 8)} if kind is CascadedRefinementNetwork else {"filters": 8}
    exact = kind(4, **small)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = kind(4, **small)
    finally:
        keras.config.set_dtype_policy("float32")
    network.set_weights(exact.get_weights())
    norms = [layer for layer in network.layers if "norm" in layer.name]
    assert norms and {layer.compute_dtype for layer in norms} == {"float32"}
    convolutions = [layer for layer in network.layers if "conv" in layer.name]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    image = network(published.layout(16, 16, 4))
    assert keras.ops.dtype(image) == "float32"
    difference = np.abs(image - exact(published.layout(16, 16, 4)))
    assert 0 < difference.max() < 0.1


@pytest.mark.parametrize("kind", [CascadedRefinementNetwork, FullResolutionNetwork])
def test_rematerialized_gradients_are_the_same(kind):
    small = {"widths": (6, 4)} if kind is CascadedRefinementNetwork else {"filters": 4}
    networks = [kind(4, num_outputs=2, rematerialize=r, **small) for r in (False, True)]
    networks[1].set_weights(networks[0].get_weights())
    gradients, layout = [], tf.constant(published.layout(16, 16, 4))
    for network in networks:
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(network(layout, training=True) ** 2)
        gradients.append(tape.gradient(value, network.trainable_weights))
    for plain, again in zip(*gradients, strict=True):
        np.testing.assert_allclose(plain, again, rtol=1e-4, atol=1e-4)


def test_the_baseline_works_at_full_size(tmp_path):
    network = FullResolutionNetwork(5, filters=6, num_outputs=2)
    output = check_network(network, published.layout(20, 28, 5), tmp_path)
    assert output.shape == (1, 2, 20, 28, 3)
    assert (network.size_multiple, network.minimum_size) == (1, 1)
    # As many pixels as its dilations reach: 33 on either side.
    convolutions = [layer for layer in network.layers if layer.name.endswith("_conv")][:-1]
    assert sum(layer.dilation_rate[0] for layer in convolutions) == 33
    assert {tuple(layer.output.shape[1:3]) for layer in convolutions} == {(None, None)}


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (CascadedRefinementNetwork, {"widths": ()}, "`widths` has one number"),
        (
            CascadedRefinementNetwork,
            {"widths": (8, 0)},
            r"from 1 to 16384. Received: \(8, 0\)",
        ),
        (CascadedRefinementNetwork, {"num_outputs": 0}, "`num_outputs` must be at least 1"),
        (CascadedRefinementNetwork, {"activation": "relu"}, "None or 'tanh'. Received: 'relu'"),
        (
            FullResolutionNetwork,
            {"dilations": (0,)},
            "`dilations` has one number per part",
        ),
        (FullResolutionNetwork, {"filters": 0}, "`filters` must be at least 1"),
    ],
)
def test_impossible_networks_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(4, **arguments)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed.")
def test_it_is_the_same_under_jax(tmp_path):
    # Kernels of few shapes: JAX compiles the drawing of each.
    network = CascadedRefinementNetwork(4, widths=(4, 4), num_outputs=2)
    layout = published.layout(8, 12, 4)
    network.save(tmp_path / "network.keras")
    np.save(tmp_path / "layout.npy", layout)
    program = (
        "import json, sys; import keras, numpy as np; import tfsynth.importers, tfsynth.networks\n"
        "network = keras.saving.load_model(sys.argv[1] + '/network.keras')\n"
        "image = np.asarray(network(np.load(sys.argv[1] + '/layout.npy')))\n"
        "print(json.dumps(['tensorflow' in sys.modules, image.tolist()]))"
    )
    said = jax_process.run("-c", program, tmp_path)
    tensorflow, image = json.loads(said.splitlines()[-1])
    assert tensorflow is False
    np.testing.assert_allclose(image, network(layout), atol=1e-4)

"""The layout decoder against a second evaluation, and what it promises about large pictures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import check_network
from tests.networks import arithmetic as by_hand
from tfsynth.layers import NoiseMaps, has_noise, seeded
from tfsynth.networks import LayoutDecoder
from tfsynth.networks.cost import network_cost


def layout(height, width, channels=5, batch=1, seed=0):
    ids = np.random.default_rng(seed).integers(0, channels, (batch, height, width))
    return np.eye(channels, dtype="float32")[ids]


def shaken(network, seed=0):
    """Gives a network biases, norms and a head that one can see."""
    rng = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        if len(weight.shape) == 1:
            weight.assign(weight + rng.normal(0, 0.3, weight.shape))
    head = network.get_layer("head_conv")
    head.kernel.assign(10 * head.kernel)
    return network


def evaluated(network, condition):
    """Returns the picture of one condition by NumPy, with the noise that the network draws."""
    layers = [network.get_layer(name) for name in names(network, "_noise")]
    noise = keras.Model(network.input, [layer.output for layer in layers])(condition[None])
    noise = [np.asarray(maps, "float64")[0, ..., -1:] for maps in noise]
    pyramid = [condition.astype("float64")]
    for _ in layers[1:]:
        pyramid.append(by_hand.half(pyramid[-1]))
    x = None
    for i, known in enumerate(reversed(pyramid)):
        parts = [known] if x is None else [by_hand.double_smoothly(x), known]
        x = np.concatenate([*parts, noise[i]], axis=-1)
        for number in range(1, network.num_layers + 1):
            layer = network.get_layer(f"module{i}_conv{number}")
            x = by_hand.leaky(by_hand.conv(x, *by_hand.standardized(layer), around="reflect"))
    kernel, bias = (np.asarray(w, "float64") for w in network.get_layer("head_conv").weights)
    return by_hand.conv(x, kernel, bias, around="reflect")


def names(network, ending):
    return [layer.name for layer in network.layers if layer.name.endswith(ending)]


def test_it_agrees_with_a_second_evaluation(tmp_path):
    network = shaken(LayoutDecoder(5, widths=(8, 6, 4), num_layers=2))
    condition = layout(16, 24)
    output = check_network(network, condition, tmp_path)
    assert output.shape == (1, 16, 24, 3) and np.ptp(output) > 0.5
    np.testing.assert_allclose(output[0], evaluated(network, condition[0]), atol=1e-5)


def test_the_first_picture_is_nearly_grey_and_activations_keep_their_variance():
    network = LayoutDecoder(5, widths=(64, 64, 16), num_layers=2)
    condition = layout(32, 32, batch=2)
    # Nine times 16 features of a root mean square of about 0.5, times 0.01.
    assert np.std(network(condition)) == pytest.approx(0.06, abs=0.03)
    last = keras.Model(network.input, network.get_layer("module2_conv2").output)(condition)
    assert 0.3 < np.std(last) < 3


def test_noise_comes_at_every_scale_and_a_seed_decides_it():
    network = shaken(LayoutDecoder(5, widths=(8, 6, 4)))
    assert [isinstance(network.get_layer(n), NoiseMaps) for n in names(network, "_noise")] == [
        True,
        True,
        True,
    ]
    condition = layout(16, 16).repeat(2, axis=0)
    with seeded(network, np.array([1, 2], "int32")):
        first, second = np.asarray(network(condition))
    with seeded(network, np.array([2, 1], "int32")):
        np.testing.assert_allclose(network(condition)[1], first, atol=1e-6)
    assert np.abs(first - second).mean() > 0.01
    silent = shaken(LayoutDecoder(5, widths=(8, 6, 4), noise_channels=0))
    assert not has_noise(silent)
    pictures = np.asarray(silent(condition))
    np.testing.assert_array_equal(pictures[0], pictures[1])


def test_far_from_a_border_a_part_looks_as_it_does_in_the_whole():
    network = shaken(LayoutDecoder(5, widths=(8, 6, 4), noise_channels=0))
    whole = layout(96, 96)
    part = whole[:, 24:72, 24:72]
    # Two convolutions at a quarter, at half and at full size, and the head, 8 + 4 + 2 + 1 pixels,
    # and at most 4 + 2 to the next pixel of a quarter, and of half the size, which is read too.
    found, expected = (np.asarray(network(x)) for x in (part, whole))
    np.testing.assert_allclose(found[:, 21:-21, 21:-21], expected[:, 45:-45, 45:-45], atol=1e-5)
    assert np.abs(found[:, :4] - expected[:, 24:28, 24:72]).max() > 0.01


def test_rematerialized_gradients_are_the_same_with_the_noise_of_the_step():
    networks = [LayoutDecoder(4, widths=(6, 4), rematerialize=r) for r in (False, True)]
    networks[1].set_weights(networks[0].get_weights())
    for name in names(networks[0], "_noise"):
        plain, again = (network.get_layer(name).source.state for network in networks)
        again.assign(plain)
    gradients, condition = [], tf.constant(layout(16, 16, 4, batch=2))
    for network in networks:
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(network(condition, training=True) ** 2)
        gradients.append(tape.gradient(value, network.trainable_weights))
    for plain, again in zip(*gradients, strict=True):
        np.testing.assert_allclose(plain, again, rtol=1e-4, atol=1e-5)
    costs = [network_cost(network, 16, 16) for network in networks]
    assert costs[1].kept_values < costs[0].kept_values


def test_the_picture_is_float32_in_mixed_precision():
    exact = shaken(LayoutDecoder(4, widths=(8, 8)))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = LayoutDecoder(4, widths=(8, 8))
    finally:
        keras.config.set_dtype_policy("float32")
    network.set_weights(exact.get_weights())
    with seeded(network, 1):
        image = network(layout(16, 16, 4))
    with seeded(exact, 1):
        difference = np.abs(image - exact(layout(16, 16, 4)))
    assert keras.ops.dtype(image) == "float32"
    assert 0 < difference.max() < 0.1


def test_it_counts_its_weights():
    # A module: 9 n f + 2 f, then 9 f^2 + 2 f; the second also reads the 6 of the first. A head.
    network = LayoutDecoder(5, widths=(6, 4))
    first = 9 * 6 * 6 + 12 + 9 * 36 + 12
    second = 9 * 12 * 4 + 8 + 9 * 16 + 8
    assert network.count_params() == first + second + 9 * 4 * 3 + 3 == 1375
    assert (network.size_multiple, network.minimum_size) == (2, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": ()}, "`widths` has one number per part, at least one and at most 13"),
        ({"widths": [4] * 14}, "at most 13. Received: 14 of them"),
        ({"widths": (8, 20_000)}, "from 1 to 16384"),
        ({"num_layers": 0}, "`num_layers` must be at least 1"),
        ({"num_layers": 10**6}, "`num_layers` must be at most 16. Received: 1000000"),
        ({"noise_channels": -1}, "`noise_channels` must be at least 0"),
        ({"noise_channels": 10**6}, "`noise_channels` must be at most 8192"),
    ],
)
def test_impossible_networks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LayoutDecoder(4, **arguments)

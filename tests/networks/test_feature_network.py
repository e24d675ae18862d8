"""The feature network against a second evaluation, and the scale of its features."""

import keras
import numpy as np
import pytest

from tests.harness import check_layer, check_network
from tests.networks import arithmetic as by_hand
from tfsynth.networks import FeatureNetwork
from tfsynth.networks.feature_network import Scale


def pictures(batch=2, size=(16, 24), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (batch, *size, 3)).astype("float32")


def test_maps_and_logits_agree_with_a_second_evaluation(tmp_path):
    network = FeatureNetwork(5, filters=(4, 6), seed=3)
    scale = network.get_layer("relu2_2").factors
    scale.assign(np.arange(1, 7, dtype="float32"))
    maps = check_network(network, pictures(), tmp_path)
    x, levels = pictures()[0].astype("float64"), []
    for i in (1, 2):
        x = by_hand.half(x) if i > 1 else x
        for j in (1, 2):
            layer = network.get_layer(f"conv{i}_{j}")
            x = np.maximum(by_hand.conv(x, *by_hand.standardized(layer)), 0)
        levels.append(x)
    np.testing.assert_allclose(maps["relu1_2"][0], levels[0], atol=1e-5)
    np.testing.assert_allclose(maps["relu2_2"][0], levels[1] * np.arange(1, 7), atol=1e-4)

    def pointwise(x, name):
        kernel, bias = (np.asarray(w, "float64") for w in network.get_layer(name).weights)
        return by_hand.conv(x, kernel, bias)

    # The factors do not reach the logits: calibration leaves them as they were trained.
    total = by_hand.double(pointwise(levels[1], "lateral2")) + pointwise(levels[0], "lateral1")
    logits = pointwise(np.maximum(total, 0), "head")
    assert np.ptp(logits) > 0.5
    np.testing.assert_allclose(maps["logits"][0], logits, atol=1e-5)


def test_calibration_makes_the_mean_of_every_active_channel_one():
    network = FeatureNetwork(5, filters=(4, 6, 8), seed=3)
    silent = network.get_layer("conv2_2")
    silent.bias.assign([-100.0, 0, 0, 0, 0, 0])
    images = keras.ops.convert_to_tensor(pictures(8))
    unscaled = np.asarray(network(images)["relu2_2"]).mean(axis=(0, 1, 2))
    for _ in range(2):  # Calibrated again it is the same.
        network.calibrate(images)
        for name in network.channels:
            means = np.asarray(network(images)[name]).mean(axis=(0, 1, 2))
            expected = np.ones(len(means))
            if name == "relu2_2":
                expected[0] = 0
            np.testing.assert_allclose(means, expected, rtol=1e-4)
    factors = np.asarray(network.get_layer("relu2_2").factors)
    assert factors[0] == pytest.approx(10 / unscaled.mean(), rel=1e-4)
    assert all("factors" not in weight.path for weight in network.trainable_weights)


def test_scaling_by_hand():
    layer = Scale()
    layer.build((None, 2, 2, 2))
    layer.divide_by(keras.ops.convert_to_tensor([2.0, 0.5]))
    ones = np.ones((1, 2, 2, 2), "float32")
    assert np.asarray(layer(ones))[0, 0, 0].tolist() == [0.5, 2.0]
    layer.restart()
    np.testing.assert_array_equal(check_layer(layer, ones), ones)


def test_a_seed_gives_the_same_weights_whatever_was_drawn_before():
    first = FeatureNetwork(5, (4, 4), seed=3).get_weights()
    keras.random.normal((3,))
    for a, b in zip(first, FeatureNetwork(5, (4, 4), seed=3).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    network = FeatureNetwork(5, (4, 4), seed=3)
    kernels = [np.asarray(network.get_layer(f"conv{n}").kernel) for n in ("1_2", "2_1")]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1


def test_what_it_says_of_itself():
    network = FeatureNetwork(14, filters=(16, 32, 64, 96))
    assert network.size_multiple == 8
    assert network.channels == {"relu1_2": 16, "relu2_2": 32, "relu3_2": 64, "relu4_2": 96}
    # Convolutions with norm and bias, factors, laterals of 16 channels, a head.
    pairs = zip((3, 16, 32, 64), (16, 32, 64, 96), strict=True)
    convolutions = sum(9 * n * f + 2 * f + 9 * f * f + 2 * f for n, f in pairs)
    laterals = sum(16 * f + 16 for f in (16, 32, 64, 96))
    assert network.count_params() == convolutions + 208 + laterals + 16 * 14 + 14


def test_under_bfloat16_the_logits_are_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = FeatureNetwork(5, (4, 4), seed=3)
    finally:
        keras.config.set_dtype_policy("float32")
    maps = network(pictures())
    kinds = {name: keras.ops.dtype(found) for name, found in maps.items()}
    assert kinds == {"relu1_2": "bfloat16", "relu2_2": "bfloat16", "logits": "float32"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "`num_classes` must be at least 1"),
        ({"num_classes": 10**9}, "`num_classes` must be at most 8192"),
        ({"filters": ()}, "`filters` has one number per part"),
        ({"filters": [4] * 64}, "at most 13. Received: 64 of them"),
        ({"filters": [10**6]}, "from 1 to 16384"),
    ],
)
def test_impossible_networks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FeatureNetwork(**{"num_classes": 3, **arguments})

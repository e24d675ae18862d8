"""Weight standardisation by hand."""

import keras
import numpy as np

from tests.harness import check_layer
from tfsynth.layers import StandardizedConv2D


def test_a_standardised_kernel_has_zero_mean_and_the_norm_of_its_gain():
    layer = StandardizedConv2D(4, 3, gain=2.0, seed=1)
    image = np.random.default_rng(0).normal(3.0, 1.0, (2, 6, 5, 7)).astype("float32")
    output = check_layer(layer, image)
    kernel = np.array(keras.ops.convert_to_numpy(layer.kernel), np.float64)
    kernel -= kernel.mean(axis=(0, 1, 2))
    kernel *= 2.0 / np.sqrt((kernel**2).sum(axis=(0, 1, 2)) + 1e-4)
    expected = np.einsum("rcif,rci->f", kernel, image[1, 2:5, 1:4].astype(np.float64))
    np.testing.assert_allclose(output[1, 3, 2], expected, rtol=1e-4, atol=1e-4)
    # Away from the border a constant picture vanishes: that is the zero mean.
    flat = keras.ops.convert_to_numpy(layer(np.full((1, 5, 5, 7), 9.0, "float32")))
    np.testing.assert_allclose(flat[:, 1:-1, 1:-1], 0, atol=1e-4)


def test_strides_halve_and_the_norm_is_trained():
    layer = StandardizedConv2D(3, strides=2)
    assert layer(np.zeros((1, 7, 8, 2), "float32")).shape == (1, 4, 4, 3)
    assert [v.name for v in layer.trainable_variables] == ["kernel", "norm", "bias"]


def test_the_default_gain_keeps_the_variance_after_a_relu():
    # 1 / sqrt(1/2 - 1/(2 pi)), the deviation of a normal variable that a ReLU cut off.
    layer = StandardizedConv2D(64, 3, seed=0)
    inputs = np.random.default_rng(0).normal(size=(1, 64, 64, 32)).astype("float32")
    assert abs(layer.gain - 1.71286) < 1e-5
    outputs = keras.ops.convert_to_numpy(layer(np.maximum(inputs, 0)))[:, 1:-1, 1:-1]
    assert abs(outputs.var() - 1) < 0.05

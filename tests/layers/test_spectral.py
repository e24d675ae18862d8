"""Spectral convolutions against NumPy's singular values."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import round_trip
from tfsynth.layers import SpectralConv2D


def built(**arguments):
    """Returns a layer with a kernel (3, 3, 2, 4) whose largest singular value is not 1."""
    layer = SpectralConv2D(4, 3, **arguments)
    layer.build((None, None, None, 2))
    layer.kernel.assign(np.random.default_rng(0).normal(size=(3, 3, 2, 4)))
    return layer


def inputs():
    return np.random.default_rng(1).normal(size=(2, 5, 6, 2)).astype("float32")


def singular(layer):
    """Returns (u, v, sigma) of the first singular value, u of the filters, in float64."""
    matrix = np.asarray(layer.kernel, "float64").reshape(-1, 4)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return right[0], left[:, 0], values[0]


def test_iterations_find_the_largest_singular_value():
    layer = built()
    kernel = np.asarray(layer.kernel)
    u, _, sigma = singular(layer)
    for _ in range(50):
        layer.advance()
    np.testing.assert_allclose(layer.normalized_kernel(), kernel / sigma, rtol=1e-5)
    np.testing.assert_allclose(np.abs(layer.u), np.abs(u), atol=1e-5)
    np.testing.assert_array_equal(layer.kernel, kernel)


def test_a_call_convolves_by_the_normalised_kernel_and_changes_nothing():
    layer = built(strides=2, bias_initializer="ones")
    before = layer.get_weights()
    output = layer(inputs(), training=True)
    plain = keras.layers.Conv2D(4, 3, strides=2, bias_initializer="ones")
    plain.build((None, None, None, 2))
    plain.kernel.assign(layer.normalized_kernel())
    np.testing.assert_allclose(output, plain(inputs()), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer(inputs(), training=False), output)
    for weight, value in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_the_gradient_passes_through_sigma():
    layer = built()
    for _ in range(50):
        layer.advance()
    wanted = np.random.default_rng(2).normal(size=(3, 3, 2, 4)).astype("float32")
    with tf.GradientTape() as tape:
        product = tf.reduce_sum(wanted * layer.normalized_kernel())
    gradient = tape.gradient(product, layer.kernel.value)
    # d(W / sigma) = (dW - (v^T dW u) W / sigma) / sigma, the paper's equation 10.
    u, v, sigma = singular(layer)
    normalized = np.asarray(layer.kernel, "float64").reshape(-1, 4) / sigma
    flat = wanted.reshape(-1, 4).astype("float64")
    expected = (flat - (flat * normalized).sum() * np.outer(v, u)) / sigma
    np.testing.assert_allclose(np.reshape(gradient, (-1, 4)), expected, rtol=1e-4, atol=1e-5)
    # The scale of a kernel does nothing, so the gradient is orthogonal to the kernel.
    assert abs(np.sum(gradient * np.asarray(layer.kernel))) < 1e-4


def test_a_kernel_of_zeros_gives_zeros():
    layer = built(use_bias=False)
    layer.kernel.assign(np.zeros((3, 3, 2, 4)))
    layer.advance()
    assert not np.any(layer(inputs()))


def test_config_and_file_keep_everything(tmp_path):
    again = round_trip(built(strides=2))
    assert (again.filters, again.strides) == (4, (2, 2))
    layer = built()
    model = keras.Sequential([keras.Input((None, None, 2)), layer])
    for _ in range(3):
        layer.advance()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.layers[0].u, layer.u)
    np.testing.assert_array_equal(loaded(inputs()), model(inputs()))
    model.save_weights(tmp_path / "model.weights.h5")
    other = keras.Sequential([keras.Input((None, None, 2)), SpectralConv2D(4, 3)])
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(inputs()), model(inputs()))


def test_an_export_serves_the_normalised_kernel(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 2)), built()])
    model.export(tmp_path / "1", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "1"))
    np.testing.assert_allclose(served.serve(inputs()), model(inputs()), rtol=1e-6, atol=1e-6)


class Reader(keras.layers.Layer):
    """Reads a normalised kernel as it is read within a call of its own policy."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, inputs):
        return self.layer.normalized_kernel()


def test_sigma_is_float32_in_bfloat16():
    layer, full = built(dtype="mixed_bfloat16"), built()
    full.u.assign(layer.u)
    read = Reader(layer, dtype="mixed_bfloat16")(inputs())
    np.testing.assert_array_equal(read, full.normalized_kernel())
    output = layer(inputs())
    assert keras.ops.dtype(output) == "bfloat16"
    np.testing.assert_allclose(keras.ops.cast(output, "float32"), full(inputs()), atol=2**-6)
    assert layer.kernel.dtype == layer.u.dtype == "float32"


@pytest.mark.parametrize("xla", [False, True])
def test_compiled_it_computes_the_same(xla):
    layer = built()
    compiled = tf.function(layer, jit_compile=xla)(inputs())
    np.testing.assert_allclose(compiled, layer(inputs()), rtol=1e-5, atol=1e-6)

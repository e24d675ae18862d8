"""Bilinear upsampling with aligned corners against TensorFlow 1's; nearest against Keras's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import check_layer
from tfsynth.layers import (
    AlignCornersUpSampling2D,
    BilinearUpSampling2D,
    NearestUpSampling2D,
)


def noise(*shape):
    return np.random.default_rng(0).uniform(size=shape).astype("float32")


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 8), (15, 20), (37, 3)])
def test_it_agrees_with_tensorflow_1(size):
    x = noise(2, *size, 3)
    output = check_layer(AlignCornersUpSampling2D(), x)
    resize = tf.compat.v1.image.resize_bilinear
    expected = resize(x, [2 * n for n in size], align_corners=True)
    np.testing.assert_allclose(output, expected, atol=2e-6)


def test_it_is_the_product_with_interpolation_matrices():
    x = noise(1, 6, 9, 2)
    rows, columns = (
        np.stack(
            [np.interp(np.linspace(0, n - 1, 2 * n), np.arange(n), row) for row in np.eye(n)], 1
        )
        for n in (6, 9)
    )
    expected = np.einsum("ih,jw,bhwc->bijc", rows, columns, x.astype("float64"))
    np.testing.assert_allclose(AlignCornersUpSampling2D()(x), expected, atol=2e-7)


def test_keras_upsampling_is_another_picture():
    x = noise(1, 32, 64, 8)
    ours = AlignCornersUpSampling2D()(x)
    difference = np.abs(keras.layers.UpSampling2D(2, interpolation="bilinear")(x) - ours)
    assert difference.mean() == pytest.approx(0.045, abs=0.005)
    assert difference.max() > 0.2


def test_sizes_may_be_known_only_when_it_runs():
    layer = AlignCornersUpSampling2D()
    signature = [tf.TensorSpec((None, None, None, 2))]
    function = tf.function(layer, input_signature=signature, jit_compile=False)
    for x in (noise(1, 3, 5, 2), noise(2, 8, 4, 2)):
        np.testing.assert_array_equal(function(x), layer(x))
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(noise(1, 3, 5, 2)), layer(noise(1, 3, 5, 2)), atol=1e-6)


def test_it_computes_in_bfloat16():
    x = noise(1, 150, 3, 2)
    output = AlignCornersUpSampling2D(dtype="mixed_bfloat16")(keras.ops.cast(x, "bfloat16"))
    assert keras.ops.dtype(output) == "bfloat16"
    expected = AlignCornersUpSampling2D()(x)
    np.testing.assert_allclose(keras.ops.cast(output, "float32"), expected, atol=2**-6)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 32)])
def test_the_nearest_is_that_of_keras(size):
    x = noise(2, *size, 3)
    output = check_layer(NearestUpSampling2D(), x)
    np.testing.assert_array_equal(output, keras.layers.UpSampling2D(2)(x))


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 32)])
def test_bilinear_is_that_of_keras(size):
    x = noise(2, *size, 3)
    output = check_layer(BilinearUpSampling2D(), x)
    expected = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)
    for found in (output, BilinearUpSampling2D()(x, training=True)):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_bilinear_in_a_graph_for_any_size():
    layer, x = BilinearUpSampling2D(), noise(2, 5, 3, 3)
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))])
    np.testing.assert_allclose(graph(x), layer(x), atol=1e-6)
    assert graph.get_concrete_function().output_shapes[-1] == 3

"""Padding, pooling, strided convolutions and instance norm against hand-worked numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import check_layer
from tfsynth.layers import (
    BatchStatisticsNormalization,
    InstanceNormalization,
    InstanceWisePooling2D,
    ReflectionPadding2D,
    UnpaddedAveragePooling2D,
    downsampling_convolution,
    upsampling_convolution,
)


def picture(rows):
    return np.array(rows, "float32")[None, :, :, None]


def test_average_pooling_leaves_the_padding_out_on_even_sizes():
    output = check_layer(UnpaddedAveragePooling2D(), picture(np.arange(1, 17).reshape(4, 4)))
    np.testing.assert_allclose(output[0, :, :, 0], [[3.5, 5], [9.5, 11]], rtol=1e-6)


def test_average_pooling_leaves_the_padding_out_on_odd_sizes():
    output = check_layer(UnpaddedAveragePooling2D(), picture(np.arange(1, 26).reshape(5, 5)))
    expected = [[4, 5.5, 7], [11.5, 13, 14.5], [19, 20.5, 22]]
    np.testing.assert_allclose(output[0, :, :, 0], expected, rtol=1e-6)


def test_instance_norm_has_no_affine_and_the_biased_variance():
    output = check_layer(InstanceNormalization(), picture([[1, 2], [3, 6]]))
    expected = [[-1.06904344, -0.53452172], [0, 1.60356517]]
    np.testing.assert_allclose(output[0, :, :, 0], expected, atol=1e-6)


def test_instance_norm_of_a_large_map_is_exact():
    x = np.random.default_rng(0).normal(3, 1, (1, 256, 512, 4)).astype("float32")
    exact = x.astype("float64")
    exact = (exact - exact.mean((1, 2))) / np.sqrt(exact.var((1, 2)) + 1e-5)
    # A sum over all pixels in one go is 1e-5 off, and a generator multiplies that by thirty.
    assert np.abs(InstanceNormalization()(x) - exact).max() < 3e-6


def test_instance_norm_keeps_float32_statistics_in_bfloat16():
    x = 1000 + keras.random.normal((1, 64, 64, 2), seed=1)
    layer = InstanceNormalization(dtype="mixed_bfloat16")
    output = layer(keras.ops.cast(x, "bfloat16"))
    assert keras.ops.dtype(output) == "bfloat16"
    # Of the rounded input, the float32 statistics are exact to bfloat16's resolution.
    rounded = keras.ops.cast(keras.ops.cast(x, "bfloat16"), "float32")
    expected = InstanceNormalization()(rounded)
    np.testing.assert_allclose(keras.ops.cast(output, "float32"), expected, atol=2**-7)


def test_batch_norm_has_the_statistics_of_its_batch_and_of_each_picture_outside_training():
    x = np.array([[[[1, 5], [2, 0]]], [[[3, 5], [6, 2]]]], "float32")
    layer = BatchStatisticsNormalization()
    layer.build(x.shape)
    layer.gamma.assign([1.0, 2.0])
    layer.beta.assign([0.0, 3.0])
    assert not layer.non_trainable_weights
    # Mean 3, variance 3.5; mean 3, variance 4.5.
    first = np.array([-2, -1, 0, 3]) / np.sqrt(3.5 + 1e-5)
    second = 3 + 2 * np.array([2, -3, 2, -1]) / np.sqrt(4.5 + 1e-5)
    output = np.asarray(keras.Sequential([layer])(x, training=True)).reshape(4, 2)
    np.testing.assert_allclose(output[:, 0], first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(output[:, 1], second, rtol=1e-5)
    together = np.asarray(keras.Sequential([layer])(x, training=False))
    alone = [layer(x[i : i + 1], training=True) for i in range(2)]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    # (1 - 1.5) / 0.5 and (5 - 2.5) / 2.5 with scale 2 and offset 3.
    np.testing.assert_allclose(together[0, 0, 0], [-1, 5], rtol=1e-4)


def test_batch_norm_of_one_picture_is_instance_norm_with_scale_and_offset():
    x = np.random.default_rng(0).normal(3, 2, (1, 8, 12, 4)).astype("float32")
    layer = BatchStatisticsNormalization()
    scaled = np.asarray(layer(x))
    assert np.std(layer.gamma) > 0
    expected = np.asarray(InstanceNormalization()(x)) * layer.gamma.numpy()
    np.testing.assert_allclose(scaled, expected, atol=1e-6)
    layer.gamma.assign(np.ones(4))
    restored = BatchStatisticsNormalization.from_config(layer.get_config())
    assert restored.epsilon == 1e-5
    assert layer.compute_output_spec(keras.KerasTensor((2, 3, 4, 4))).shape == (2, 3, 4, 4)


def test_batch_norm_keeps_float32_statistics_and_weights_in_bfloat16():
    x = keras.ops.cast(1000 + keras.random.normal((2, 64, 64, 2), seed=1), "bfloat16")
    layer = BatchStatisticsNormalization(dtype="mixed_bfloat16")
    output = layer(x)
    assert keras.ops.dtype(output) == "bfloat16"
    exact = BatchStatisticsNormalization()
    exact.build(x.shape)
    exact.gamma.assign(layer.gamma)
    expected = exact(keras.ops.cast(x, "float32"))
    np.testing.assert_allclose(keras.ops.cast(output, "float32"), expected, atol=2**-6)


def test_reflection_does_not_repeat_the_edge():
    output = check_layer(ReflectionPadding2D(1), picture([[1, 2, 3], [4, 5, 6], [7, 8, 9]]))
    assert output[0, :, :, 0].tolist() == [
        [5, 4, 5, 6, 5],
        [2, 1, 2, 3, 2],
        [5, 4, 5, 6, 5],
        [8, 7, 8, 9, 8],
        [5, 4, 5, 6, 5],
    ]


def test_reflection_of_a_picture_that_is_too_small_names_the_rule():
    with pytest.raises(ValueError, match="needs more than 3 rows and columns. Received: 3 x 8"):
        ReflectionPadding2D(3).compute_output_shape((1, 3, 8, 1))


@pytest.mark.parametrize(
    ("block", "rows", "expected"),
    [
        (downsampling_convolution, np.arange(1, 17).reshape(4, 4), [[111, 217], [363, 573]]),
        (
            upsampling_convolution,
            [[1, 10], [100, 1000]],
            [
                [5, 46, 50, 60],
                [208, 1379, 2080, 3090],
                [500, 4600, 5000, 6000],
                [800, 7900, 8000, 9000],
            ],
        ),
    ],
)
def test_strided_convolutions_are_aligned_as_in_pytorch(block, rows, expected):
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, block(inputs, 1, "block"))
    model.get_layer("block_conv").kernel.assign(np.arange(1, 10).reshape(3, 3, 1, 1))
    convolved = keras.Model(inputs, model.get_layer("block_norm").input)
    np.testing.assert_array_equal(convolved(picture(rows))[0, :, :, 0], expected)


def test_discriminator_convolution_pads_two_zeros():
    inputs = picture(np.arange(1, 17).reshape(4, 4))
    padded = keras.layers.ZeroPadding2D(2)(inputs)
    layer = keras.layers.Conv2D(1, 4, strides=2, kernel_initializer="ones")
    expected = [[14, 36, 22], [60, 136, 76], [46, 100, 54]]
    np.testing.assert_array_equal(layer(padded)[0, :, :, 0], expected)


def test_resized_upsampling_treats_all_pixels_alike_and_transposed_does_not():
    spread = {}
    for method in ("transposed", "resize"):
        inputs = keras.Input((None, None, 1))
        model = keras.Model(inputs, upsampling_convolution(inputs, 1, "block", method))
        model.get_layer("block_conv").kernel.assign(np.arange(1, 10).reshape(3, 3, 1, 1))
        convolved = keras.Model(inputs, model.get_layer("block_norm").input)
        output = np.asarray(convolved(np.ones((1, 6, 6, 1), "float32")))
        assert output.shape == (1, 12, 12, 1)
        spread[method] = np.ptp(output[0, 2:-2, 2:-2])
    # Transposed: a pixel gets 1, 2, 2 or 4 of the nine weights.
    assert spread == {"transposed": 15.0, "resize": 0.0}


def test_an_unknown_upsampling_names_the_known_ones():
    with pytest.raises(ValueError, match="one of transposed, resize. Received: 'bilinear'"):
        upsampling_convolution(keras.Input((None, None, 1)), 1, "block", "bilinear")


def test_instance_means_stay_within_their_picture():
    picture = np.array([[[1, 2], [3, 6]], [[10, 20], [30, 40]]], "float32")[..., None]
    instances = np.array([[[0, 0], [3, 3]], [[3, 0], [0, 3]]], "int32")
    output = check_layer(InstanceWisePooling2D(4), picture, instances)
    expected = [[[1.5, 1.5], [4.5, 4.5]], [[25, 25], [25, 25]]]
    np.testing.assert_allclose(output[..., 0], expected)


def test_instance_means_spread_their_gradient():
    picture = tf.constant(np.arange(6, dtype="float32").reshape(1, 2, 3, 1))
    instances = np.array([[[0, 0, 1], [0, 2, 2]]], "int32")
    with tf.GradientTape() as tape:
        tape.watch(picture)
        pooled = InstanceWisePooling2D(3)(picture, instances)
        top_left = pooled[0, 0, 0, 0]
    gradient = tape.gradient(top_left, picture)[0, :, :, 0]
    np.testing.assert_allclose(gradient, [[1 / 3, 1 / 3, 0], [1 / 3, 0, 0]], rtol=1e-6)


def test_an_id_that_a_picture_lacks_disturbs_nothing():
    pixels = np.arange(8, dtype="float32").reshape(2, 2, 2, 1)
    instances = np.array([[[0, 0], [2, 2]], [[1, 1], [1, 1]]], "int32")
    picture = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        pooled = InstanceWisePooling2D(5)(picture, instances)
    np.testing.assert_allclose(pooled[0, :, :, 0], [[0.5, 0.5], [2.5, 2.5]])
    np.testing.assert_allclose(pooled[1, :, :, 0], [[5.5, 5.5], [5.5, 5.5]])
    # Each pixel counts once in all: the means of ids without pixels are not in it.
    np.testing.assert_allclose(tape.gradient(pooled, picture), np.ones_like(pixels))


def test_instance_means_need_room_for_one():
    with pytest.raises(ValueError, match="`max_instances` must be at least 1. Received: 0"):
        InstanceWisePooling2D(0)

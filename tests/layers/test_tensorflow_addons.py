"""The layers that stand in the place of tensorflow-addons' compute what those compute.

The golden arrays were written by tests/goldens/make_tensorflow_addons.py.
"""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import assert_conforms
from tfsynth.layers import InstanceNormalization, SpectralConv2D

GOLDENS = Path(__file__).parents[1] / "goldens" / "tensorflow_addons.npz"
# Groups of one channel make an instance norm.
GROUPS = {"instance": -1, "group3": 3}


@pytest.fixture(scope="module")
def goldens():
    with np.load(GOLDENS) as arrays:
        return dict(arrays)


def test_instance_norm(goldens):
    x = goldens["norm_input"]
    # Ours is pix2pixHD's and has another default; theirs is 1e-3.
    assert goldens["instance_epsilon"] == np.float32(1e-3)
    output = InstanceNormalization(epsilon=1e-3)(x)
    assert_conforms(np.asarray(output), goldens["instance_plain"])
    assert_conforms(np.asarray(InstanceNormalization()(x)), goldens["instance_plain_1e-5"])


@pytest.mark.parametrize("name", GROUPS)
def test_group_norm(goldens, name):
    x, groups = goldens["norm_input"], GROUPS[name]
    plain = keras.layers.GroupNormalization(groups, center=False, scale=False)
    assert np.float32(plain.epsilon) == goldens[f"{name}_epsilon"]
    assert_conforms(np.asarray(plain(x)), goldens[f"{name}_plain"])
    fine = keras.layers.GroupNormalization(groups, center=False, scale=False, epsilon=1e-5)
    assert_conforms(np.asarray(fine(x)), goldens[f"{name}_plain_1e-5"])
    affine = keras.layers.GroupNormalization(groups)
    affine.build(x.shape)
    affine.set_weights([goldens["norm_gamma"], goldens["norm_beta"]])
    assert_conforms(np.asarray(affine(x)), goldens[f"{name}_affine"])


@pytest.mark.parametrize("name", ["conv", "transposed"])
def test_spectral_norm_of_keras_trains_alike(goldens, name):
    x = goldens[f"{name}_input"]
    layer = (
        keras.layers.Conv2D(5, 4, strides=2)
        if name == "conv"
        else keras.layers.Conv2DTranspose(4, 3, strides=2)
    )
    wrapper = keras.layers.SpectralNormalization(layer)
    wrapper.build(x.shape)
    layer.kernel.assign(goldens[f"{name}_kernel"][0])
    wrapper.vector_u.assign(goldens[f"{name}_u"][0])
    for step, kernel in enumerate(goldens[f"{name}_kernel"]):
        assert_conforms(np.asarray(layer.kernel), kernel)
        with tf.GradientTape() as tape:
            output = wrapper(x, training=True)
            loss = tf.reduce_mean(tf.square(output))
        assert_conforms(np.asarray(output), goldens[f"{name}_output"][step])
        assert_conforms(np.asarray(wrapper.vector_u), goldens[f"{name}_new_u"][step])
        assert_conforms(np.asarray(layer.kernel), goldens[f"{name}_new_kernel"][step])
        layer.kernel.assign_sub(0.1 * tape.gradient(loss, layer.kernel.value))


def test_our_spectral_norm_has_their_sigma_and_leaves_the_kernel(goldens):
    layer = SpectralConv2D(5, 4, strides=2)
    layer.build(goldens["conv_input"].shape)
    for step, kernel in enumerate(goldens["conv_kernel"]):
        # Their matrix is ours, (rows * columns * inputs, filters), and u is of the filters.
        layer.kernel.assign(kernel)
        layer.u.assign(goldens["conv_u"][step][0])
        normalized = np.asarray(layer.normalized_kernel())
        assert_conforms(normalized, goldens["conv_new_kernel"][step])
        assert_conforms(kernel / normalized, np.full(kernel.shape, goldens["conv_sigma"][step]))
        assert_conforms(np.asarray(layer(goldens["conv_input"])), goldens["conv_output"][step])
        layer.advance()
        assert_conforms(np.asarray(layer.u), goldens["conv_new_u"][step][0])
        np.testing.assert_array_equal(layer.kernel, kernel)

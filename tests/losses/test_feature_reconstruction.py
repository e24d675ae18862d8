"""L1 distances between maps of the game's fixed network, by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import check_loss, round_trip
from tfsynth.losses import FeatureReconstructionLoss
from tfsynth.networks import FeatureNetwork


def maps(seed):
    rng = np.random.default_rng(seed)
    shapes = {"relu1_2": (2, 8, 8, 4), "relu2_2": (2, 4, 4, 6), "logits": (2, 8, 8, 3)}
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def distance(real, fake, name):
    return np.abs(real[name].astype("float64") - fake[name]).mean()


def test_it_is_the_sum_over_maps_of_features_and_not_of_logits():
    real, fake = maps(0), maps(1)
    first, second = (distance(real, fake, name) for name in ("relu1_2", "relu2_2"))
    check_loss(FeatureReconstructionLoss()(real, fake), first + second)
    loss = FeatureReconstructionLoss({"relu2_2": 3.0})
    check_loss(loss(real, fake), 3 * second)
    loss = FeatureReconstructionLoss({"relu1_2": 0.5, "relu2_2": 3.0})
    check_loss(loss(real, fake), 0.5 * first + 3 * second)


def test_half_precision_is_compared_in_float32():
    ones = {"relu1_2": keras.ops.cast(np.full((1, 64, 64, 4), 1.0), "bfloat16")}
    more = {"relu1_2": keras.ops.cast(np.full((1, 64, 64, 4), 1.0078125), "bfloat16")}
    check_loss(FeatureReconstructionLoss()(ones, more), 0.0078125)


def test_gradients_reach_the_synthesised_picture_only():
    real, fake = (
        {name: tf.constant(value) for name, value in maps(seed).items()} for seed in (0, 1)
    )
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = FeatureReconstructionLoss()(real, fake)
    of_real, of_fake = tape.gradient(value, [real["relu1_2"], fake["relu1_2"]])
    assert of_real is None
    expected = np.sign(fake["relu1_2"] - real["relu1_2"]) / (2 * 8 * 8 * 4)
    np.testing.assert_allclose(of_fake, expected, rtol=1e-6)


def test_config_and_maps_that_are_not_there():
    loss = round_trip(FeatureReconstructionLoss({"relu2_2": 3.0}, weight=4.0))
    assert (loss.weight, loss.layer_weights) == (4.0, {"relu2_2": 3.0})
    loss.check_maps(FeatureNetwork(3, (4, 6)), 3)
    assert round_trip(FeatureReconstructionLoss()).layer_weights is None
    for name in ("relu3_2", "logits"):
        message = f"names '{name}'; the maps of the game's `features` are relu1_2, relu2_2"
        with pytest.raises(ValueError, match=message):
            FeatureReconstructionLoss({name: 1.0}).check_maps(FeatureNetwork(3, (4, 6)), 3)


@pytest.mark.parametrize("weights", [{}, {"relu1_2": -1.0}, {"relu1_2": float("nan")}])
def test_weights_that_say_nothing_or_the_contrary_are_refused(weights):
    with pytest.raises(ValueError, match="has a number, 0 or more, for one map at least"):
        FeatureReconstructionLoss(layer_weights=weights)

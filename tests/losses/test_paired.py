"""Feature matching and L1: losses between a photograph and a synthesised picture."""

import keras
import numpy as np
import pytest

from tests.harness import check_loss, round_trip
from tfsynth.losses import FeatureMatchingLoss, L1Loss


def maps(*values):
    return [np.full((1, 2, 2, 1), value, "float32") for value in values]


def test_feature_matching_averages_over_scales_and_scales_by_the_number_of_maps():
    loss = round_trip(FeatureMatchingLoss())
    assert loss.weight == 10.0
    # Two maps per scale: factor 2. Scales: 2 (1 + 3) = 8 and 2 (0 + 1) = 2.
    value = loss([maps(1, 0), maps(5, 5)], [maps(0, 3), maps(5, 4)])
    check_loss(value, 5.0)


def test_no_gradient_flows_into_the_photograph():
    tf = pytest.importorskip("tensorflow")
    real, fake = tf.Variable(2.0), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        loss = FeatureMatchingLoss()([[keras.ops.reshape(real, (1,))]], [[fake[None]]])
    assert tape.gradient(loss, [real, fake]) == [None, -4.0]


def test_l1_is_the_mean_difference():
    loss = round_trip(L1Loss())
    assert loss.weight == 100.0
    check_loss(loss(np.array([[1.0, -1.0]]), np.array([[0.5, 0.5]])), 1.0)

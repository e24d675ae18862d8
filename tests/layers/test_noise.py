import keras
import numpy as np
import pytest

from tests.harness import check_layer
from tfsynth.layers import DropoutNoise, has_noise, seeded

ONES = np.ones((2, 8, 8, 16), "float32")


def two_layers():
    inputs = keras.Input((None, None, 16))
    first = DropoutNoise(0.5, seed=1, name="first")(inputs)
    both = keras.layers.Concatenate()([first, DropoutNoise(0.5, seed=1, name="second")(inputs)])
    return keras.Model(inputs, both)


def test_half_of_the_values_are_dropped_in_training_or_not():
    layer = DropoutNoise(0.5, seed=3)
    output = check_layer(layer, ONES)
    assert set(np.unique(output)) == {0.0, 2.0}
    # 2,048 values: four deviations of the mean are 0.09.
    assert output.mean() == pytest.approx(1.0, abs=0.09)
    assert (output[0] != output[1]).mean() > 0.4
    for training in (True, False):
        again = keras.Sequential([layer])(ONES, training=training)
        np.testing.assert_array_equal(again, output)


def test_the_share_is_the_rate():
    output = np.asarray(DropoutNoise(0.2, seed=3)(ONES))
    assert (output == 0).mean() == pytest.approx(0.2, abs=0.04)
    np.testing.assert_allclose(np.unique(output), [0, 1.25])


def test_advance_draws_other_noise_and_a_file_keeps_the_place(tmp_path):
    network = two_layers()
    before = np.asarray(network(ONES))
    for layer in network.layers:
        if isinstance(layer, DropoutNoise):
            layer.advance()
    after = np.asarray(network(ONES))
    assert (before != after).mean() > 0.4
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(ONES), after)
    assert loaded.count_params() == 0


def test_a_seed_decides_all_the_noise_and_is_gone_after_the_block():
    network = two_layers()
    own = np.asarray(network(ONES))
    drawn = {}
    for key, seed in (("a", 7), ("b", 8), ("c", np.int32(7))):
        with seeded(network, seed):
            drawn[key] = np.asarray(network(ONES))
    np.testing.assert_array_equal(drawn["a"], drawn["c"])
    assert (drawn["a"] != drawn["b"]).mean() > 0.4
    # Layers of one seed draw apart.
    assert (drawn["a"][..., :16] != drawn["a"][..., 16:]).mean() > 0.4
    np.testing.assert_array_equal(network(ONES), own)
    with seeded(network, None):
        np.testing.assert_array_equal(network(ONES), own)


def test_who_has_noise():
    assert has_noise(two_layers())
    inputs = keras.Input((4,))
    assert not has_noise(keras.Model(inputs, keras.layers.Dropout(0.5)(inputs)))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_leaves_nothing_is_refused(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1. Received: "):
        DropoutNoise(rate)

import keras
import numpy as np
import pytest

from tests.harness import check_layer
from tfsynth.layers import DropoutNoise, NoiseMaps, has_noise, hashing, seeded

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


def maps(channels=3, seed=4):
    """Returns a network that appends noise, and four pictures of zeros for it."""
    inputs = keras.Input((None, None, 2))
    network = keras.Model(inputs, NoiseMaps(channels, seed=seed, name="noise")(inputs))
    return network, np.zeros((4, 64, 64, 2), "float32")


def test_maps_of_noise_follow_the_channels_and_are_triangular():
    inputs = np.random.default_rng(0).normal(size=(2, 48, 64, 2)).astype("float32")
    output = check_layer(NoiseMaps(3, seed=4), inputs)
    np.testing.assert_array_equal(output[..., :2], inputs)
    noise = output[..., 2:]
    # 18,432 numbers: four deviations of the mean are 0.03, of the variance 0.035.
    assert noise.mean() == pytest.approx(0, abs=0.03)
    assert noise.var() == pytest.approx(1, abs=0.035)
    # The sum of two uniform numbers: within +-sqrt(6), and (1 - t)^2 / 2 above t sqrt(6).
    assert np.abs(noise).max() <= 6**0.5
    for t in (0.25, 0.5, 0.75):
        assert (noise > t * 6**0.5).mean() == pytest.approx((1 - t) ** 2 / 2, abs=0.012)


def test_noise_is_independent_from_place_to_place_channel_to_channel_and_picture_to_picture():
    network, zeros = maps()
    noise = np.asarray(network(zeros))[..., 2:]
    shifted = [np.roll(noise, 1, axis) for axis in range(4)]
    for other in (*shifted, np.roll(noise, (1, 1), (1, 2))):
        # 49,152 products: four deviations of their mean are 0.018.
        assert (noise * other).mean() == pytest.approx(0, abs=0.02)


def test_the_first_numbers_of_a_seed():
    """Golden: by hand, from `hashing.absorb` of the words of seed, row, column and channel."""
    network, zeros = maps(channels=2)
    with seeded(network, 7):
        found = np.asarray(network(zeros[:1, :2, :2]))[0, ..., 2:]
    for row, column, channel in np.ndindex(2, 2, 2):
        state = hashing.absorb(hashing.START, hashing.NOISE, 0, *hashing.parts(7))
        state = hashing.absorb(state, row, column, channel)
        expected = 6**0.5 * (sum(state) / hashing.PRIME - 1)
        assert found[row, column, channel] == pytest.approx(expected, abs=1e-6)


def test_one_seed_is_for_all_pictures_and_several_for_one_each():
    network, zeros = maps()
    with seeded(network, 7):
        alike = np.asarray(network(zeros))
    with seeded(network, np.array([7, 8, 7, 9], "int32")):
        apart = np.asarray(network(zeros))
    assert alike.shape == apart.shape == (4, 64, 64, 5)
    for picture in (1, 2, 3):
        np.testing.assert_array_equal(alike[picture], alike[0])
    np.testing.assert_array_equal(apart[[0, 2]], alike[:2])
    assert np.abs(apart[1] - apart[3]).mean() > 0.5


def test_maps_of_noise_advance_are_stored_and_no_weights(tmp_path):
    network, zeros = maps()
    before = np.asarray(network(zeros))
    np.testing.assert_array_equal(network(zeros, training=True), before)
    network.get_layer("noise").advance()
    after = np.asarray(network(zeros))
    assert np.abs(after - before).mean() > 0.5
    network.save(tmp_path / "network.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "network.keras")(zeros), after)
    assert (network.count_params(), has_noise(network)) == (0, True)


def test_maps_of_noise_in_half_precision_are_those_of_full():
    layer, half = (NoiseMaps(1, seed=4, dtype=dtype) for dtype in ("float32", "mixed_bfloat16"))
    zeros = np.zeros((1, 8, 8, 1), "float32")
    output = half(zeros)
    assert keras.ops.dtype(output) == "bfloat16"
    np.testing.assert_allclose(keras.ops.cast(output, "float32"), layer(zeros), atol=0.01)


def test_no_channel_of_noise_is_refused():
    with pytest.raises(ValueError, match="`channels` must be at least 1. Received: 0"):
        NoiseMaps(0)

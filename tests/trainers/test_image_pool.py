"""The history of synthesised pictures: what it shows and keeps, and how it is saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trainers.games import NUM_CLASSES, compiled, data
from tfsynth.layers import Conditioning
from tfsynth.losses import FeatureMatchingLoss, LeastSquaresLoss
from tfsynth.networks import GlobalGenerator, MultiscaleDiscriminator
from tfsynth.trainers import AdversarialTrainer
from tfsynth.trainers.image_pool import ImagePool


def trainer(pool_size, xla=False):
    keras.utils.set_random_seed(0)
    return compiled(
        AdversarialTrainer(
            Conditioning(NUM_CLASSES),
            GlobalGenerator(NUM_CLASSES + 1, filters=4, num_downsamples=2, num_blocks=1),
            MultiscaleDiscriminator(NUM_CLASSES + 4, filters=4, num_layers=2),
            LeastSquaresLoss(),
            FeatureMatchingLoss(),
            pool_size=pool_size,
            xla=xla,
        )
    )


def test_it_fills_up_then_shows_half_of_the_old():
    pool = ImagePool(6)
    pool.build({"fake": ([1], "float32")})
    shown, held = [], []
    for step in range(200):
        new = np.array([[10.0 * step + 1], [10.0 * step + 2]], "float32")
        drawn = {k: np.array(v) for k, v in pool.draw(2, step).items()}
        if step < 3:
            assert drawn["slot"].tolist() == [2 * step, 2 * step + 1]
            assert not drawn["old"].any()
        else:
            # A new picture is kept exactly where an old one is shown, and shown is what was there.
            np.testing.assert_array_equal(drawn["slot"] >= 0, drawn["old"])
            for i in np.flatnonzero(drawn["old"]):
                assert drawn["fake"][i] == held[drawn["slot"][i]]
            shown.append(drawn["old"].mean())
        pool.store(tf.constant(drawn["slot"]), {"fake": tf.constant(new)})
        held = np.array(pool.stored["fake"])
        for i in np.flatnonzero(drawn["slot"] >= 0):
            assert held[drawn["slot"][i]] in new
    assert 0.42 < np.mean(shown) < 0.58


@pytest.mark.parametrize("xla", [False, True])
def test_until_it_is_full_a_game_is_that_without_it(xla):
    histories = [
        game.fit(data(3), verbose=0).history for game in (trainer(0, xla), trainer(12, xla))
    ]
    for name in histories[0]:
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)


def test_a_full_one_changes_the_discriminators_loss_and_not_the_generators():
    # Nothing learns, so that only what the discriminator is shown can differ.
    games = trainer(0), trainer(4)
    batches = data(8)
    for game in games:
        game.player_optimizers["generator"].learning_rate = 0.0
        game.player_optimizers["discriminator"].learning_rate = 0.0
    histories = [game.fit(batches, verbose=0).history for game in games]
    np.testing.assert_allclose(
        histories[0]["generator_loss"], histories[1]["generator_loss"], rtol=1e-6
    )
    assert histories[0]["discriminator_loss"] != histories[1]["discriminator_loss"]


def test_what_it_keeps_is_saved_and_a_broken_training_goes_on_as_a_whole_one(tmp_path):
    whole, broken = trainer(5), trainer(5)
    whole.fit(data(6), verbose=0)
    broken.fit(data(6).take(3), verbose=0)
    broken.save(tmp_path / "broken.keras")
    again = keras.saving.load_model(tmp_path / "broken.keras")
    np.testing.assert_array_equal(again.pool.stored["fake"], broken.pool.stored["fake"])
    again.fit(data(6).skip(3), verbose=0)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # Layouts are kept as they come over the wire: a byte a pixel.
    assert again.pool.stored["labels"].dtype == "uint8"


def test_it_is_on_one_device_only(two_replicas):
    with two_replicas.scope(), pytest.raises(ValueError, match="cannot be shared by devices"):
        trainer(4)

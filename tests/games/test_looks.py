"""What a generator sees: conditions and looks bent together; what judges it stays straight."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainers import games
from tfsynth.games.looks import warped


@pytest.fixture
def batch():
    return next(iter(games.data(1)))


def test_a_pixel_shows_the_one_that_its_source_names():
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    sources = rng.integers(0, 15, (2, 3, 5)).astype("int32")
    found = np.asarray(warped(tf.constant(seen), {"sources": tf.constant(sources)}))
    for b, row, column in np.ndindex(2, 3, 5):
        place = divmod(sources[b, row, column], 5)
        np.testing.assert_array_equal(found[b, row, column], seen[(b, *place)])
    assert warped(seen, {}) is seen


def test_labels_edges_and_styles_are_bent_together_and_in_training_only(batch):
    game = games.projected_game()
    bent = games.warped(batch)
    straight = np.asarray(game.seen_by_generator(game.condition_of(batch), batch, training=True))
    assert straight.shape[-1] == games.NUM_CLASSES + 1 + 2
    found = np.asarray(game.seen_by_generator(game.condition_of(bent), bent, training=True))
    # Every second layout of `warped` is mirrored: classes, edges and the styles of the encoder.
    np.testing.assert_array_equal(found[::2], straight[::2])
    np.testing.assert_array_equal(found[1::2], straight[1::2, :, ::-1])
    np.testing.assert_array_equal(
        game.seen_by_generator(game.condition_of(bent), bent, training=False), straight
    )
    np.testing.assert_array_equal(game(bent), game(batch))


def test_the_discriminator_and_the_terms_see_the_straight_layouts(batch):
    game = games.projected_game(noise=0)
    bent = games.warped(batch)
    fake = game(bent, training=True)
    assert np.abs(fake - game(batch, training=True)).max() > 1e-3
    _, logs = game.compute_losses(bent)
    # Judged with the batch as it is without a warp.
    logits = [scale[-1] for scale in game.discriminate(batch, fake)]
    adversarial = game.adversarial_loss.generator(logits)
    assert float(logs["adversarial"]) == pytest.approx(float(adversarial), abs=1e-6)
    real = tf.cast(batch["image"], "float32") / 127.5 - 1
    assert float(logs["l1"]) == pytest.approx(float(np.abs(real - fake).mean()), rel=1e-5)
    consistency = game.terms[2](batch["labels"], game.features(fake))
    assert float(logs["consistency"]) == pytest.approx(float(consistency), rel=1e-5)


def test_training_is_on_warped_layouts():
    trainer = games.compiled(games.projected_game(noise=0), learning_rate=0.0, xla=False)
    batches = games.data(1)
    bent = batches.map(games.warped)
    trained = [trainer.fit(data, verbose=0).history["l1"][0] for data in (batches, bent)]
    _, logs = trainer.game.compute_losses(next(iter(bent)))
    assert trained[1] == pytest.approx(float(logs["l1"]), rel=1e-5)
    assert abs(trained[0] - trained[1]) > 1e-5

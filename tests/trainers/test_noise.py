"""pix2pix's game: noise that goes on where it stopped, and discriminators without a condition."""

import keras
import numpy as np
import pytest

from tests.harness import round_trip
from tests.trainers import games
from tfsynth.games import AdversarialGame
from tfsynth.layers import ColourConditioning, DropoutNoise
from tfsynth.losses import CrossEntropyLoss, L1Loss
from tfsynth.networks import PatchDiscriminator, UNetGenerator

COLOURS = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)]


def pix2pix(conditional=True, channels=None, learning_rate=2e-4, **more):
    """Returns pix2pix's game on the data of `games`."""
    channels = channels or (6 if conditional else 3)
    game = AdversarialGame(
        ColourConditioning(COLOURS),
        UNetGenerator(3, filters=4, depth=4),
        PatchDiscriminator(channels, filters=4, num_layers=1),
        CrossEntropyLoss(),
        [L1Loss()],
        conditional=conditional,
    )
    return games.compiled(game, learning_rate, **more)


def seeds(trainer):
    layers = [v for v in trainer.game.generator.layers if isinstance(v, DropoutNoise)]
    return [np.asarray(layer.source.state).tolist() for layer in layers]


def equal(first, second):
    for mine, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_saved_trainer_draws_on_where_it_stopped(tmp_path):
    trainer = pix2pix(xla=True)
    trainer.fit(games.data(3), verbose=0)
    assert [count for _, count in seeds(trainer)] == [3, 3, 3]
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.saving.load_model(tmp_path / "trainer.keras")
    assert seeds(loaded) == seeds(trainer)
    histories = [t.fit(games.data(3), verbose=0).history for t in (trainer, loaded)]
    assert histories[0] == histories[1]
    equal(trainer, loaded)


def test_each_step_has_noise_of_its_own_and_looking_changes_nothing():
    trainer = pix2pix()
    batch = next(iter(games.data(1)))
    first = np.asarray(trainer(batch, training=True))
    trainer.evaluate(games.data(2), verbose=0)
    trainer.predict(games.data(1), verbose=0)
    np.testing.assert_array_equal(trainer(batch, training=True), first)
    for layer in trainer.game.generator.layers:
        if isinstance(layer, DropoutNoise):
            layer.advance()
    assert np.abs(np.asarray(trainer(batch)) - first).max() > 1e-4


def test_two_replicas_draw_alike_and_stay_together(two_replicas):
    with two_replicas.scope():
        trainer = pix2pix(ema_decay=0.9, xla=False)
    trainer.fit(games.data(3), verbose=0)
    assert [count for _, count in seeds(trainer)] == [3, 3, 3]
    state = next(
        v for v in trainer.game.generator.layers if isinstance(v, DropoutNoise)
    ).source.state
    copies = [np.asarray(copy).tolist() for copy in state.value.values]
    assert copies[0] == copies[1]
    for weight in trainer.game.generator.trainable_weights:
        first, second = (copy.numpy() for copy in weight.value.values)
        np.testing.assert_array_equal(first, second)


def test_training_learns_the_colours_of_the_classes():
    trainer = pix2pix(learning_rate=2e-3)
    before = trainer.evaluate(games.data(4), verbose=0, return_dict=True)["l1"]
    trainer.fit(games.data(20), epochs=4, verbose=0)
    after = trainer.evaluate(games.data(4), verbose=0, return_dict=True)["l1"]
    assert before > 0.4
    assert after < 0.4 * before


def test_the_discriminators_loss_is_half_the_sum():
    trainer = pix2pix()
    batch = next(iter(games.data(1)))
    losses, logs = trainer.game.compute_losses(batch)
    real = np.asarray(batch["image"], "float32") / 127.5 - 1
    fake = trainer(batch, training=True)
    condition = trainer.game.conditioning(batch["labels"])
    terms = []
    for picture, sign in ((real, -1), (fake, 1)):
        seen = np.concatenate([condition, picture], axis=-1)
        terms.append(
            np.log1p(np.exp(sign * np.asarray(trainer.game.discriminator(seen)[0][-1]))).mean()
        )
    assert float(losses["discriminator"]) == pytest.approx(0.5 * sum(terms), rel=1e-5)
    expected = logs["adversarial"] + 100 * logs["l1"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-6)


def test_an_unconditional_discriminator_sees_the_picture_alone():
    trainer = round_trip(pix2pix(conditional=False))
    assert trainer.game.conditional is False
    trainer = games.compiled(trainer)
    batch = next(iter(games.data(1)))
    _, logs = trainer.game.compute_losses(batch)
    logits = trainer.game.discriminator(trainer(batch, training=True))[0][-1]
    expected = np.log1p(np.exp(-np.asarray(logits))).mean()
    assert float(logs["adversarial"]) == pytest.approx(expected, rel=1e-5)
    trainer.fit(games.data(2), verbose=0)
    assert trainer.step == 2


@pytest.mark.parametrize(
    ("conditional", "channels", "message"),
    [
        (False, 6, "the picture alone, as `conditional` is off: 3. Received: 6"),
        (True, 3, "condition and picture together: 3 . 3 = 6. Received: 3"),
    ],
)
def test_channels_of_a_discriminator_that_do_not_fit(conditional, channels, message):
    with pytest.raises(ValueError, match=message):
        pix2pix(conditional, channels)

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import round_trip
from tests.trainers import games
from tfsynth.games import AdversarialGame
from tfsynth.layers import Conditioning
from tfsynth.losses import CrossEntropyLoss, FeatureMatchingLoss, LeastSquaresLoss
from tfsynth.networks import GlobalGenerator, MultiscaleDiscriminator


def five_steps(strategy=None, xla=False, losses="least squares"):
    keras.utils.set_random_seed(7)
    with strategy.scope() if strategy else contextlib.nullcontext():
        trainer = games.trainer(xla, losses)
    history = trainer.fit(games.data(5), verbose=0).history
    logs = {name: values[0] for name, values in history.items()}
    # `fit` gives means over the steps; these are the losses after the fifth alone.
    batch = next(iter(games.data(1)))
    _, after = trainer.game.compute_losses(batch)
    logs |= {f"{name} after": float(value) for name, value in after.items()}
    return logs, trainer(batch).numpy()


@pytest.fixture(scope="module")
def reference():
    return {losses: five_steps(losses=losses) for losses in ("least squares", "cross entropy")}


# The second has both; it agrees only if each of them does.
@pytest.mark.parametrize(
    ("losses", "replicas", "xla"), [("cross entropy", 1, True), ("least squares", 2, True)]
)
def test_replicas_and_xla_change_nothing(reference, losses, replicas, xla, two_replicas):
    strategy = two_replicas if replicas == 2 else None
    logs, pictures = five_steps(strategy, xla, losses)
    expected_logs, expected_pictures = reference[losses]
    assert logs.keys() == expected_logs.keys()
    for name, value in logs.items():
        assert value == pytest.approx(expected_logs[name], rel=1e-5), name
    np.testing.assert_allclose(pictures, expected_pictures, rtol=1e-5, atol=1e-5)


def test_each_player_is_moved_by_its_own_loss_only():
    trainer = games.trainer()
    batch = next(iter(games.data(1)))
    _, gradients = trainer.compute_gradients(batch)
    with tf.GradientTape(persistent=True) as tape:
        losses, _ = trainer.game.compute_losses(batch)
    for player in ("generator", "discriminator"):
        expected = tape.gradient(losses[player], [w.value for w in trainer.weights_of(player)])
        for gradient, wanted in zip(gradients[player], expected, strict=True):
            np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-7)


def test_the_generator_loss_is_the_weighted_sum_of_its_terms():
    trainer = games.trainer()
    losses, logs = trainer.game.compute_losses(next(iter(games.data(1))))
    expected = logs["adversarial"] + 10 * logs["feature_matching"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-6)
    pix2pix = games.trainer(losses="cross entropy")
    losses, logs = pix2pix.game.compute_losses(next(iter(games.data(1))))
    expected = logs["adversarial"] + 100 * logs["l1"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-6)


def test_cross_entropy_and_feature_matching_go_together():
    plain = games.trainer(losses="cross entropy").game
    game = AdversarialGame(
        plain.conditioning,
        plain.generator,
        plain.discriminator,
        CrossEntropyLoss(),
        [FeatureMatchingLoss()],
    )
    batch = next(iter(games.data(1)))
    # Logits far from 0..1, which a cross entropy of probabilities refuses.
    for scale in ("scale0", "scale1"):
        game.discriminator.get_layer(f"{scale}_layer2_conv").bias.assign([-7.0])
    losses, logs = game.compute_losses(batch)
    assert float(logs["adversarial"]) == pytest.approx(14.0, rel=0.05)
    expected = logs["adversarial"] + 10 * logs["feature_matching"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-5)
    assert float(logs["feature_matching"]) > 0
    # Two scales: log(1 + e^7) for the real, log(1 + e^-7) for the fake, halved.
    assert float(losses["discriminator"]) == pytest.approx(7.0, rel=0.05)


def test_training_learns_the_colours_of_the_classes():
    trainer = games.trainer(learning_rate=2e-3)
    before = trainer.evaluate(games.data(4), verbose=0, return_dict=True)["l1"]
    trainer.fit(games.data(20), epochs=6, verbose=0)
    after = trainer.evaluate(games.data(4), verbose=0, return_dict=True)["l1"]
    assert before > 0.35
    assert after < 0.4 * before


def test_predict_gives_pictures_for_batches():
    pictures = games.trainer().predict(games.data(2), verbose=0)
    assert pictures.shape == (8, 16, 16, 3)
    assert np.abs(pictures).max() <= 1


def test_config_round_trip():
    again = round_trip(games.trainer(xla=True))
    assert again.xla is True
    assert again.game.generator.filters == 4


def test_mixed_bfloat16_keeps_losses_and_weights_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        trainer = games.trainer()
    finally:
        keras.config.set_dtype_policy("float32")
    batch = next(iter(games.data(1)))
    _, logs = trainer.game.compute_losses(batch)
    assert {value.dtype for value in logs.values()} == {tf.float32}
    assert {w.dtype for w in trainer.trainable_variables} == {"float32"}
    full = games.trainer()
    full.set_weights(trainer.get_weights())
    _, expected = full.game.compute_losses(batch)
    for name, value in logs.items():
        assert float(value) == pytest.approx(float(expected[name]), rel=0.02), name


@pytest.mark.parametrize(
    ("generator_channels", "discriminator_channels", "message"),
    [
        (4, 8, "must be those of the conditioning: 5 .4 classes, edges on.. Received: 4"),
        (5, 7, "5 . 3 = 8. Received: 7"),
    ],
)
def test_channels_that_do_not_fit_name_the_right_number(
    generator_channels, discriminator_channels, message
):
    with pytest.raises(ValueError, match=message):
        AdversarialGame(
            Conditioning(4),
            GlobalGenerator(generator_channels, filters=2, num_downsamples=1, num_blocks=1),
            MultiscaleDiscriminator(discriminator_channels, filters=2),
            LeastSquaresLoss(),
        )


def test_compile_names_what_is_missing_or_not_taken():
    trainer = games.trainer()
    with pytest.raises(ValueError, match="Players: ..discriminator., .generator.."):
        trainer.compile({"generator": keras.optimizers.Adam()})
    optimizers = {player: keras.optimizers.Adam() for player in trainer.players}
    with pytest.raises(ValueError, match="does not take `jit_compile`"):
        trainer.compile(optimizers, jit_compile=True)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    with pytest.raises(ValueError, match="optimizer of 'generator' is a LossScaleOptimizer"):
        trainer.compile({**optimizers, "generator": scaled})


def test_losses_are_logged_and_shown_if_they_are_there():
    assert games.trainer().game.logs[4:] == ("feature_matching",)
    bare = games.trainer(losses="cross entropy")
    logs = ("generator_loss", "discriminator_loss", "adversarial", "l1")
    assert bare.game.logs == bare.game.shown == logs
    assert [metric.name for metric in bare.metrics] == list(bare.game.logs)


def test_the_steps_are_those_of_the_first_player_in_any_order_of_the_optimizers():
    trainer = games.trainer()
    trainer.compile({p: keras.optimizers.SGD(0.0) for p in reversed(trainer.players)})
    assert list(trainer.player_optimizers) == ["generator", "discriminator"]
    trainer.fit(games.data(3), verbose=0)
    assert (trainer.step, trainer.agrees) == (3, True)


def test_a_player_that_counts_on_agrees_until_it_misses_a_step():
    trainer = games.trainer()
    trainer.fit(games.data(2), verbose=0)
    discriminator = trainer.player_optimizers["discriminator"]
    discriminator.iterations.assign(10)
    assert not trainer.agrees
    trainer.mark_agreement()
    trainer.fit(games.data(2), verbose=0)
    assert trainer.agrees
    discriminator.iterations.assign_add(1)
    assert not trainer.agrees

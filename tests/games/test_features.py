"""A game with a fixed network: what it reads, what trains, and what a game refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import round_trip
from tests.runs.several import SeveralPictures
from tests.trainers import games
from tfsynth.games import AdversarialGame, RegressionGame
from tfsynth.layers import Conditioning, PictureConditioning
from tfsynth.losses import (
    FeatureReconstructionLoss,
    HingeLoss,
    L1Loss,
    SegmentationConsistencyLoss,
)
from tfsynth.networks import (
    FeatureEncoder,
    FeatureNetwork,
    GlobalGenerator,
    LayoutDecoder,
    ProjectedDiscriminator,
)


@pytest.fixture
def batch():
    return next(iter(games.data(1)))


def numbers(network):
    return [np.array(weight) for weight in network.weights]


def test_losses_are_those_of_the_parts(batch):
    game = games.projected_game()
    losses, logs = game.compute_losses(batch)
    real = tf.cast(batch["image"], "float32") / 127.5 - 1
    fake = game(batch, training=True)
    maps = [game.features(picture) for picture in (real, fake)]
    condition = game.conditioning(batch["labels"], batch["instances"])
    seen = [
        game.discriminator([condition, p, *(m[n] for n in ("relu1_2", "relu2_2"))])
        for p, m in zip((real, fake), maps, strict=True)
    ]
    logits = [[np.asarray(scale[-1]) for scale in one] for one in seen]
    hinge = [
        sum(np.maximum(0, 1 + sign * x).mean() for x in one)
        for sign, one in zip((-1, 1), logits, strict=True)
    ]
    assert float(losses["discriminator"]) == pytest.approx(0.5 * sum(hinge), rel=1e-5)
    adversarial = -sum(x.mean() for x in logits[1])
    assert float(logs["adversarial"]) == pytest.approx(adversarial, abs=1e-5)
    reconstruction = sum(
        np.abs(np.asarray(maps[0][n]) - maps[1][n]).mean() for n in ("relu1_2", "relu2_2")
    )
    assert float(logs["feature_reconstruction"]) == pytest.approx(reconstruction, rel=1e-5)
    z = np.asarray(maps[1]["logits"], "float64")
    chosen = np.take_along_axis(z, np.asarray(batch["labels"], int)[..., None], axis=-1)[..., 0]
    entropy = (np.log(np.exp(z).sum(axis=-1)) - chosen).mean()
    assert float(logs["consistency"]) == pytest.approx(entropy, rel=1e-5)
    total = logs["adversarial"] + 2 * logs["feature_matching"]
    total += 5 * logs["feature_reconstruction"] + 0.5 * logs["consistency"]
    assert float(losses["generator"]) == pytest.approx(float(total), rel=1e-5)
    again = game.discriminate(batch, fake)
    for one, other in zip(again, seen[1], strict=True):
        np.testing.assert_allclose(one[-1], other[-1], atol=1e-6)


def test_each_player_trains_its_own_networks_and_the_features_never(batch):
    trainer = games.compiled(games.projected_game(), learning_rate=1e-2, xla=False)
    networks = trainer.networks
    assert set(networks) == {"generator", "discriminator", "encoder", "features"}
    assert networks["features"].trainable_variables == []
    own = {player: [id(w) for w in trainer.weights_of(player)] for player in trainer.players}
    assert not set(own["generator"]) & set(own["discriminator"])
    expected = [
        *networks["generator"].trainable_variables,
        *networks["encoder"].trainable_variables,
    ]
    assert own["generator"] == [id(weight) for weight in expected]
    before = {role: numbers(network) for role, network in networks.items()}
    trainer.fit(games.data(3), verbose=0)
    after = {role: numbers(network) for role, network in networks.items()}
    for a, b in zip(before["features"], after["features"], strict=True):
        np.testing.assert_array_equal(a, b)
    for role in ("generator", "encoder", "discriminator"):
        moved = [not np.array_equal(a, b) for a, b in zip(before[role], after[role], strict=True)]
        assert any(moved), role
    mixing = [layer for layer in networks["discriminator"].layers if layer.name in ("mix0", "mix1")]
    assert len(mixing) == 2 and not any(layer.trainable_variables for layer in mixing)


def test_a_players_gradients_are_those_of_its_own_loss_alone(batch):
    trainer = games.compiled(games.projected_game(), xla=False)
    _, gradients = trainer.compute_gradients(batch)
    for player in trainer.players:
        weights = trainer.weights_of(player)
        with tf.GradientTape() as tape:
            losses, _ = trainer.game.compute_losses(batch)
            loss = losses[player]
        for found, expected in zip(gradients[player], tape.gradient(loss, weights), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_the_generator_is_told_by_each_reader_of_the_features(batch):
    for terms in (
        [FeatureReconstructionLoss()],
        [SegmentationConsistencyLoss()],
    ):
        game = RegressionGame(
            Conditioning(games.NUM_CLASSES),
            LayoutDecoder(games.NUM_CLASSES + 1, widths=(4, 4)),
            terms,
            features=FeatureNetwork(games.NUM_CLASSES, (4, 6), seed=5),
        )
        with tf.GradientTape() as tape:
            losses, logs = game.compute_losses(batch)
        head = game.generator.get_layer("head_conv").kernel
        assert np.abs(tape.gradient(losses["generator"], head)).max() > 1e-4
        assert list(losses) == ["generator"]
        assert list(logs) == ["generator_loss", "l1", terms[0].name]


def test_an_encoder_plays_in_a_regression_too(batch):
    game = RegressionGame(
        Conditioning(games.NUM_CLASSES),
        LayoutDecoder(games.NUM_CLASSES + 3, widths=(4, 4), noise_channels=0),
        [L1Loss(2.0)],
        encoder=FeatureEncoder(num_features=2, filters=2, num_downsamples=1, max_instances=6),
    )
    trainer = games.compiled(round_trip(game), learning_rate=1e-2, xla=False)
    assert set(trainer.shipped) == {"generator", "encoder"}
    image = tf.cast(batch["image"], "float32") / 127.5 - 1
    styles = trainer.game.encoder([image, batch["instances"]])
    seen = trainer.game.conditioning(batch["labels"], batch["instances"], styles)
    np.testing.assert_allclose(trainer(batch), trainer.game.generator(seen), atol=1e-6)
    before = numbers(trainer.game.encoder)
    history = trainer.fit(games.data(10), epochs=3, verbose=0).history
    assert any(
        not np.array_equal(*pair)
        for pair in zip(before, numbers(trainer.game.encoder), strict=True)
    )
    assert history["l1"][-1] < 0.8 * history["l1"][0]
    with pytest.raises(ValueError, match="conditioning and the features together: 7"):
        RegressionGame(
            Conditioning(games.NUM_CLASSES),
            LayoutDecoder(games.NUM_CLASSES + 1, widths=(4,)),
            [L1Loss()],
            encoder=FeatureEncoder(num_features=2, filters=2, num_downsamples=1),
        )


def test_a_projected_discriminator_can_be_blind_to_the_picture_and_the_layout(batch):
    read = FeatureNetwork(games.NUM_CLASSES, (4, 6, 8), seed=5)
    decoder = LayoutDecoder(games.NUM_CLASSES + 1, widths=(4, 4, 4))
    # It reads the first two of three maps.
    judge = ProjectedDiscriminator(0, (4, 6), mixed_channels=4, filters=4, picture=False)
    game = AdversarialGame(
        Conditioning(games.NUM_CLASSES),
        decoder,
        judge,
        HingeLoss(),
        features=read,
        conditional=False,
    )
    image = tf.cast(batch["image"], "float32") / 127.5 - 1
    found = game.discriminate(batch, image)
    other = game.discriminate({**batch, "labels": 0 * batch["labels"]}, image)
    assert len(found) == 2
    np.testing.assert_array_equal(found[0][-1], other[0][-1])


def test_a_checkpoint_keeps_the_features_and_goes_on_to_the_last_bit(tmp_path):
    game = games.projected_game()
    game.features.get_layer("relu1_2").factors.assign([1.0, 2.0, 3.0, 4.0])
    trainer = games.compiled(game, xla=False, ema_half_life=0.1)
    trainer.fit(games.data(2), verbose=0)
    trainer.save(tmp_path / "trainer.keras")
    again = keras.saving.load_model(tmp_path / "trainer.keras")
    assert again.networks["features"].trainable_variables == []
    factors = again.game.features.get_layer("relu1_2").factors
    assert np.asarray(factors).tolist() == [1, 2, 3, 4]
    for one in (trainer, again):
        one.fit(games.data(2), verbose=0)
    assert len(again.get_weights()) == len(trainer.get_weights())
    for a, b in zip(trainer.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_sizes_are_multiples_of_what_each_part_needs():
    game = games.projected_game(features=(4, 6, 8, 4), widths=(4, 4))
    # The features halve three times, the heads once more.
    assert (game.size_multiple, game.minimum_size) == (16, 16)


def build(generator=None, terms=(), features=None, judge=None, conditional=True):
    classes = games.NUM_CLASSES
    generator = generator or LayoutDecoder(classes + 1, widths=(4, 4))
    if judge is None:
        return RegressionGame(Conditioning(classes), generator, [*terms], features=features)
    return AdversarialGame(
        *(Conditioning(classes), generator, judge, HingeLoss(), terms),
        features=features,
        conditional=conditional,
    )


def read(classes=games.NUM_CLASSES):
    return FeatureNetwork(classes, (4, 6))


def judge(channels=(4, 6), condition=games.NUM_CLASSES + 1):
    return ProjectedDiscriminator(condition, channels, mixed_channels=4, filters=4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda: {"terms": [FeatureReconstructionLoss()]}, "asks for real_maps, fake_maps"),
        (
            lambda: {"judge": judge()},
            "ProjectedDiscriminator reads what a fixed .*`features`, such",
        ),
        (
            lambda: {"judge": judge((4, 8)), "features": read()},
            r"must be those of .* \[4, 6\], or the first of them. Received: \[4, 8\]",
        ),
        (
            lambda: {"judge": judge(condition=3), "features": read()},
            "`condition_channels` must be 5, .* Received: 3",
        ),
        (
            lambda: {"judge": judge(), "features": read(), "conditional": False},
            "`condition_channels` must be 0, as `conditional` is off. Received: 5",
        ),
        (
            lambda: {"terms": [SegmentationConsistencyLoss()], "features": read(3)},
            r"reads 3 classes \(3 logits .*, 0 void\); the conditions have 4",
        ),
        (
            lambda: {
                "terms": [FeatureReconstructionLoss({"relu9_2": 1.0})],
                "features": read(),
            },
            "names 'relu9_2'; the maps",
        ),
        (
            lambda: {"features": LayoutDecoder(3, widths=(4,)), "terms": [L1Loss()]},
            "`features` is a part such as FeatureNetwork. Received: LayoutDecoder",
        ),
        (
            lambda: {
                "features": read(),
                "terms": [L1Loss()],
                "generator": SeveralPictures(games.NUM_CLASSES + 1, num_outputs=2),
            },
            "reads one picture of each layout, .* makes 2 of 3 channels",
        ),
        (
            lambda: {
                "features": read(),
                "terms": [L1Loss()],
                "generator": LayoutDecoder(games.NUM_CLASSES + 1, widths=(4,), output_channels=4),
            },
            "makes 1 of 4 channels",
        ),
    ],
)
def test_what_does_not_fit_is_refused_when_the_game_is_built(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings())


def test_grey_pictures_are_read_as_repeated(batch):
    decoder = LayoutDecoder(games.NUM_CLASSES + 1, widths=(4, 4), output_channels=1)
    game = build(decoder, [FeatureReconstructionLoss()], read())
    grey = {**batch, "image": batch["image"][..., :1]}
    _, logs = game.compute_losses(grey)
    real = np.repeat(np.asarray(grey["image"], "float32") / 127.5 - 1, 3, axis=-1)
    fake = np.repeat(game(grey, training=True), 3, axis=-1)
    maps = [game.features(tf.constant(picture)) for picture in (real, fake)]
    expected = sum(np.abs(maps[0][n] - maps[1][n]).mean() for n in ("relu1_2", "relu2_2"))
    assert float(logs["feature_reconstruction"]) == pytest.approx(expected, rel=1e-5)


def test_condition_pictures_have_features_too_but_no_consistency():
    generator = GlobalGenerator(3, filters=2, num_downsamples=0, num_blocks=0)
    parts = PictureConditioning(3, edges=False), generator
    game = RegressionGame(*parts, [FeatureReconstructionLoss()], features=read())
    assert game.logs == ("generator_loss", "l1", "feature_reconstruction")
    with pytest.raises(ValueError, match="asks for labels"):
        RegressionGame(*parts, [SegmentationConsistencyLoss()], features=read())

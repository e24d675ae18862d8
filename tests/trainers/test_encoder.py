"""A game with a feature encoder: who trains, what is frozen, and where the features come from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import round_trip
from tests.trainers import games
from tfsynth.games import AdversarialGame
from tfsynth.layers import Conditioning
from tfsynth.losses import LeastSquaresLoss, PerceptualLoss
from tfsynth.networks import FeatureEncoder, GlobalGenerator, MultiscaleDiscriminator


@pytest.fixture
def batch():
    return next(iter(games.data(1)))


def weights(layers):
    return [np.array(w) for layer in layers for w in layer.trainable_variables]


def moved(before, after):
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


def test_the_encoder_trains_with_the_generator():
    trainer = games.encoder_trainer()
    before = weights([trainer.game.encoder])
    trainer.fit(games.data(2), verbose=0)
    # Biases before a norm do nothing, and get no gradient but rounding.
    assert all(moved(before, weights([trainer.game.encoder]))[::2])


def test_frozen_parts_stay_and_are_not_watched(batch):
    trainer = games.encoder_trainer(frozen=["generator.global", "encoder"], xla=True)
    frozen = [trainer.game.encoder, *trainer.game.generator.section_layers("global")]
    trained = trainer.game.generator.section_layers("enhancer1")
    before, before_trained = weights(frozen), weights(trained)
    _, gradients = trainer.compute_gradients(batch)
    assert len(gradients["generator"]) == len(before_trained)
    trainer.fit(games.data(2), verbose=0)
    assert not any(moved(before, weights(frozen)))
    assert all(moved(before_trained, weights(trained))[::2])
    # Step count, learning rate, and two moments per trained weight.
    optimizer = trainer.player_optimizers["generator"]
    assert len(optimizer.variables) == 2 + 2 * len(before_trained)


def test_a_frozen_game_is_saved_and_goes_on(tmp_path):
    trainer = games.encoder_trainer(frozen=["generator.global", "encoder"])
    trainer.fit(games.data(2), verbose=0)
    trainer.save(tmp_path / "trainer.keras")
    again = keras.saving.load_model(tmp_path / "trainer.keras")
    assert again.frozen == ("generator.global", "encoder")
    for game in (trainer, again):
        game.fit(games.data(2), verbose=0)
    for a, b in zip(trainer.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        (["decoder"], "names networks of this game: generator, discriminator, encoder"),
        (["generator.local"], "one of global, enhancer1. Received: 'local'"),
        (["encoder.stem"], "A FeatureEncoder has no sections: freeze 'encoder'"),
        (["discriminator"], "leaves the discriminator nothing to train"),
    ],
)
def test_what_cannot_be_frozen_is_refused(frozen, message):
    with pytest.raises(ValueError, match=message):
        games.encoder_trainer(frozen=frozen)


def test_features_reach_the_generator_and_not_the_discriminator(batch):
    trainer = games.encoder_trainer()
    assert trainer.game.generator.input_channels == 7
    assert trainer.game.discriminator.input_channels == 8
    other = {**batch, "image": 255 - batch["image"]}
    assert np.abs(trainer(batch) - trainer(other)).max() > 1e-3


def test_reduced_features_are_those_of_the_smaller_photograph_repeated(batch):
    trainer = games.encoder_trainer(reduction=2)
    image = tf.cast(batch["image"], "float32") / 127.5 - 1
    small = tf.nn.avg_pool2d(image, 2, 2, "VALID")
    features = trainer.game.encoder([small, batch["instances"][:, ::2, ::2]])
    features = np.repeat(np.repeat(features, 2, axis=1), 2, axis=2)
    condition = trainer.game.conditioning(batch["labels"], batch["instances"], features)
    np.testing.assert_allclose(trainer(batch), trainer.game.generator(condition), atol=1e-6)


def test_label_regions(batch):
    trainer = games.encoder_trainer(regions="labels")
    # Instances that are not the labels: their edges are seen, their regions are not.
    batch = {**batch, "instances": tf.reverse(batch["instances"], [1])}
    image = tf.cast(batch["image"], "float32") / 127.5 - 1
    features = trainer.game.encoder([image, batch["labels"]])
    condition = trainer.game.conditioning(batch["labels"], batch["instances"], features)
    np.testing.assert_allclose(trainer(batch), trainer.game.generator(condition), atol=1e-6)
    by_instance = trainer.game.encoder([image, batch["instances"]])
    assert np.abs(by_instance - features).max() > 1e-3


def test_without_edges_the_encoder_still_has_its_regions(batch):
    features = 2
    game = AdversarialGame(
        Conditioning(games.NUM_CLASSES, edges=False),
        GlobalGenerator(games.NUM_CLASSES + features, filters=2, num_downsamples=1, num_blocks=1),
        MultiscaleDiscriminator(games.NUM_CLASSES + 3, filters=4, num_layers=2),
        LeastSquaresLoss(),
        encoder=FeatureEncoder(num_features=2, filters=2, num_downsamples=1, max_instances=4),
    )
    # What the pipeline gives where there are no instance maps: the labels in their place.
    image = tf.cast(batch["image"], "float32") / 127.5 - 1
    expected = game.encoder([image, tf.cast(batch["labels"], "int32")])
    condition = game.conditioning(batch["labels"], features=expected)
    np.testing.assert_allclose(game(batch), game.generator(condition), atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"regions": "boxes"}, "'instances' or 'labels'. Received: 'boxes'"),
        ({"reduction": 0}, "`encoder_reduction` must be at least 1. Received: 0"),
        (
            {"regions": "labels", "max_instances": 3},
            "at least the number of classes, 4. Received: 3",
        ),
    ],
)
def test_settings_of_the_encoder_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        games.encoder_trainer(**settings)


def test_pictures_need_no_photographs_unless_there_is_an_encoder(batch):
    layouts = {key: batch[key] for key in ("labels", "instances")}
    assert games.trainer()(layouts).shape == (4, 16, 16, 3)


def test_config_round_trip():
    again = round_trip(games.encoder_trainer(frozen=["encoder"], reduction=2, regions="labels"))
    assert again.frozen == ("encoder",)
    assert (again.game.encoder_reduction, again.game.encoder_regions) == (2, "labels")
    assert again.game.encoder.max_instances == 6


def test_channels_count_the_features():
    with pytest.raises(ValueError, match="features together: 7 .*2 features.* Received: 5"):
        AdversarialGame(
            Conditioning(4),
            GlobalGenerator(5, filters=2, num_downsamples=1, num_blocks=1),
            MultiscaleDiscriminator(8, filters=2),
            LeastSquaresLoss(),
            encoder=FeatureEncoder(num_features=2, filters=2, num_downsamples=1),
        )


def test_the_perceptual_loss_is_a_term_of_the_generator(batch):
    image = keras.Input((None, None, 3))
    network = keras.Model(image, {"half": keras.layers.Rescaling(0.5)(image)})
    loss = PerceptualLoss(network, layer_weights={"half": 2.0}, weight=5.0)
    trainer = games.encoder_trainer(terms=[loss])
    losses, logs = trainer.game.compute_losses(batch)
    assert float(logs["perceptual"]) == pytest.approx(float(logs["l1"]), rel=1e-5)
    total = logs["adversarial"] + 10 * logs["feature_matching"] + 5 * logs["perceptual"]
    assert float(losses["generator"]) == pytest.approx(float(total), rel=1e-5)

"""A generator alone: its terms, several pictures, the balance of layers, replicas and XLA."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import round_trip
from tests.runs.several import SeveralPictures
from tests.trainers import games
from tests.trainers.games import NUM_CLASSES
from tfsynth.games import AdversarialGame, RegressionGame
from tfsynth.layers import Conditioning, PictureConditioning
from tfsynth.losses import (
    DiversityLoss,
    FeatureMatchingLoss,
    L1Loss,
    LeastSquaresLoss,
    PerceptualLoss,
    SegmentationLoss,
)
from tfsynth.metrics import Segmenter
from tfsynth.networks import GlobalGenerator, LocalEnhancer, MultiscaleDiscriminator
from tfsynth.trainers import ReestimateLayerWeights

CHANNELS = NUM_CLASSES + 1
LAYERS = {"image": 1.0, "half": 100.0}


@pytest.fixture(scope="module")
def features():
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    half = keras.layers.Conv2D(4, 2, strides=2, activation="relu")(image)
    return keras.Model(image, {"half": half})


def trainer(*terms, generator=None, learning_rate=1e-3, **more):
    generator = generator or SeveralPictures(CHANNELS, num_outputs=3)
    game = RegressionGame(Conditioning(NUM_CLASSES), generator, terms)
    return games.compiled(game, learning_rate, **more)


def diversity(features, **settings):
    return DiversityLoss(features, layer_weights=LAYERS, **settings)


def batch():
    return next(iter(games.data(1)))


def test_the_total_is_the_weighted_sum_of_the_terms(features):
    segmentation = SegmentationLoss(Segmenter(3, (4,), (0,)), void_ids=[3], weight=2.0)
    game = trainer(
        diversity(features, weight=0.5),
        L1Loss(weight=3.0),
        segmentation,
        xla=False,
    )
    losses, logs = game.game.compute_losses(batch())
    assert set(logs) == set(game.trackers)
    layers = float(logs["layer_image"] + logs["layer_half"])
    assert float(logs["perceptual"]) == pytest.approx(layers, rel=1e-6)
    expected = 0.5 * logs["perceptual"] + 3 * logs["l1"] + 2 * logs["segmentation"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-6)
    assert list(losses) == list(game.players) == ["generator"]
    assert {value.dtype for value in logs.values()} == {tf.float32}


def test_one_picture_of_a_class_is_the_perceptual_loss(features):
    generator = SeveralPictures(CHANNELS)
    logs = []
    for loss in (diversity(features), PerceptualLoss(features, layer_weights=LAYERS)):
        logs.append(trainer(loss, generator=generator, xla=False).game.compute_losses(batch())[1])
    assert logs[0].keys() == logs[1].keys()
    for name, value in logs[0].items():
        if name != "generator_loss":
            assert float(value) == pytest.approx(float(logs[1][name]), rel=1e-6), name


def run(features, strategy=None, xla=False):
    keras.utils.set_random_seed(7)
    with strategy.scope() if strategy else contextlib.nullcontext():
        game = trainer(diversity(features), xla=xla)
    callbacks = [ReestimateLayerWeights(1, 4)]
    history = game.fit(games.data(4), epochs=2, verbose=0, callbacks=callbacks).history
    return {name: values[-1] for name, values in history.items()}, game(batch()).numpy()


def test_replicas_and_xla_change_nothing(features, two_replicas):
    expected, pictures = run(features)
    assert pictures.shape == (4, 3, 16, 16, 3)
    assert expected["weight_half"] != pytest.approx(100)
    for strategy, xla in ((None, True), (two_replicas, False)):
        logs, found = run(features, strategy, xla)
        assert logs == pytest.approx(expected, rel=1e-3)
        np.testing.assert_allclose(found, pictures, atol=1e-3)


def test_training_learns_the_colours_of_the_classes(features):
    game = trainer(diversity(features), learning_rate=1e-2, xla=False)
    before = game.evaluate(games.data(2), verbose=0, return_dict=True)
    game.fit(games.data(20), epochs=2, verbose=0)
    after = game.evaluate(games.data(2), verbose=0, return_dict=True)
    assert after["perceptual"] < 0.4 * before["perceptual"]


def test_layers_are_balanced_by_the_means_of_an_epoch(features):
    game = trainer(diversity(features), xla=False, learning_rate=0.0)
    batches = list(games.data(12))

    def means(first):
        logs = [game.game.compute_losses(b)[1] for b in batches[first : first + 3]]
        return [np.mean([float(log[f"layer_{name}"]) for log in logs]) for name in LAYERS]

    image, half = means(3)
    weights = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(logs["weight_half"])
    )
    callbacks = [ReestimateLayerWeights(2, 3), note]
    game.fit(games.data(12), steps_per_epoch=3, epochs=4, verbose=0, callbacks=callbacks)
    assert weights[:2] == [100.0, 100.0]
    assert weights[2:] == pytest.approx([100.0 / (half / image)] * 2, rel=1e-5)
    assert game.game.layer_weights["weight_image"] == 1.0
    # In balance: nothing has been learnt since, at a learning rate of 0.
    assert means(3)[1] == pytest.approx(means(3)[0], rel=0.1)


@pytest.mark.parametrize("stop", [4, 6, 8])
def test_the_balance_survives_a_checkpoint_anywhere(features, tmp_path, stop):
    features.save(tmp_path / "features.keras")
    results = []
    for stops in ((9,), (stop, 9)):
        keras.utils.set_random_seed(5)
        game = trainer(
            DiversityLoss(str(tmp_path / "features.keras"), layer_weights=LAYERS), xla=False
        )
        for end in stops:
            # As `training` does: the rest of an epoch, then whole ones.
            while game.step < end:
                epoch = game.step // 3
                take = min(3 * (epoch + 1), end) - game.step
                game.fit(
                    games.data(9).skip(game.step).take(take),
                    initial_epoch=epoch,
                    epochs=epoch + 1,
                    verbose=0,
                    callbacks=[ReestimateLayerWeights(2, 3)],
                )
            if end != 9:
                game.save(tmp_path / "checkpoint.keras")
                game = keras.saving.load_model(tmp_path / "checkpoint.keras")
        results.append((game.game.layer_weights, game(batch()).numpy()))
    assert results[0][0]["weight_half"] != 100.0
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_a_frozen_section_does_not_move(features):
    enhancer = LocalEnhancer(
        CHANNELS, filters=2, num_downsamples=1, num_blocks=1, num_local_blocks=1
    )
    game = trainer(
        PerceptualLoss(features, layer_weights=LAYERS),
        generator=enhancer,
        frozen=["generator.global"],
    )
    frozen = [w for layer in enhancer.section_layers("global") for w in layer.trainable_variables]
    before = [w.numpy() for w in frozen]
    first = [w.numpy() for w in game.weights_of("generator")]
    game.fit(games.data(2), verbose=0)
    for weight, value in zip(frozen, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    moved = zip(game.weights_of("generator"), first, strict=True)
    assert any(np.any(weight.numpy() != value) for weight, value in moved)


def test_config_round_trip():
    game = trainer(DiversityLoss(layer_weights={"image": 1.0}, chunk=2), ema_decay=0.9)
    again = round_trip(game)
    assert again.game.terms[0].chunk == 2
    assert (again.game.size_multiple, again.game.minimum_size) == (1, 1)


def test_sizes_are_those_of_all_parts(features):
    generator = GlobalGenerator(CHANNELS, filters=2, num_downsamples=0, num_blocks=0)
    loss = SegmentationLoss(Segmenter(4, (4, 4, 4), (0, 0, 0)))
    game = trainer(diversity(features), loss, generator=generator)
    assert (game.game.size_multiple, game.game.minimum_size) == (8, 8)


def test_segmentation_is_a_term_of_an_adversarial_game():
    segmentation = SegmentationLoss(Segmenter(NUM_CLASSES, (4,), (0,)), weight=2.0)
    game = games.trainer(terms=[segmentation])
    losses, logs = game.game.compute_losses(batch())
    expected = logs["adversarial"] + 10 * logs["feature_matching"] + 2 * logs["segmentation"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-6)
    assert float(logs["segmentation"]) > 0.5
    assert "segmentation" in game.fit(games.data(1), verbose=0).history
    assert "segmentation" not in games.trainer().trackers


def test_bad_parts_are_refused(features):
    plain, several = PerceptualLoss(features, layer_weights=LAYERS), diversity(features)
    with pytest.raises(ValueError, match="needs something to minimise"):
        trainer()
    with pytest.raises(ValueError, match="compares one picture, and the generator makes 3"):
        trainer(plain)
    with pytest.raises(ValueError, match="must be those of the conditioning: 5"):
        trainer(several, generator=SeveralPictures(4))
    with pytest.raises(ValueError, match='give the `DiversityLoss` the scope "image"'):
        RegressionGame(PictureConditioning(3, edges=False), SeveralPictures(3), [several])
    with pytest.raises(ValueError, match="reads 3 classes .* have 4 classes"):
        trainer(SegmentationLoss(Segmenter(3, (4,), (0,))))
    judge = MultiscaleDiscriminator(CHANNELS + 3, filters=2)
    generator = SeveralPictures(CHANNELS, num_outputs=2)
    with pytest.raises(ValueError, match="the discriminator judges one"):
        AdversarialGame(Conditioning(NUM_CLASSES), generator, judge, LeastSquaresLoss())
    with pytest.raises(ValueError, match="asks for real_features.*this game shows real, fake"):
        trainer(FeatureMatchingLoss())
    with pytest.raises(ValueError, match="A LeastSquaresLoss is none of it"):
        trainer(LeastSquaresLoss())

"""Games on pictures of any number of channels: what is learnt, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import round_trip
from tests.trainers import games
from tfsynth.games import AdversarialGame
from tfsynth.layers import PictureConditioning
from tfsynth.losses import FeatureMatchingLoss, L1Loss, LeastSquaresLoss, PerceptualLoss
from tfsynth.networks import FeatureEncoder, GlobalGenerator, MultiscaleDiscriminator


def trainer(condition=3, image=3, features=0, learning_rate=2e-4, terms=(), **parts):
    return games.compiled(
        AdversarialGame(
            PictureConditioning(condition),
            GlobalGenerator(
                *(condition + features, image), filters=4, num_downsamples=1, num_blocks=1
            ),
            MultiscaleDiscriminator(condition + image, filters=4, num_layers=2),
            LeastSquaresLoss(),
            [FeatureMatchingLoss(), *terms],
            **parts,
        ),
        learning_rate,
    )


def data(condition=3, image=3, steps=10):
    """Returns batches of photographs that are the negatives of their condition's first channel."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (steps * 4, 4, 4, condition)).astype("uint8")
    pictures = blocks.repeat(4, axis=1).repeat(4, axis=2)
    batches = {
        "condition": pictures,
        "instances": np.zeros(pictures.shape[:3], "int32"),
        "image": (255 - pictures[..., :1]).repeat(image, axis=-1),
    }
    return tf.data.Dataset.from_tensor_slices(batches).batch(4)


@pytest.mark.parametrize(("condition", "image"), [(3, 3), (1, 4)])
def test_the_photographs_of_pictures_are_learnt(condition, image):
    game = trainer(condition, image, learning_rate=2e-3, terms=[L1Loss()])
    batches = data(condition, image)
    before = game.evaluate(batches, verbose=0, return_dict=True)["l1"]
    game.fit(batches, epochs=3, verbose=0)
    assert game.evaluate(batches, verbose=0, return_dict=True)["l1"] < 0.7 * before
    assert game.predict(batches, verbose=0).shape == (40, 16, 16, image)


def test_config_round_trip():
    again = round_trip(trainer(1, 4))
    assert again.game.conditioning.condition_channels == 1


def test_channels_that_do_not_fit_say_what_the_conditioning_gives():
    message = r"of the conditioning: 4 \(a picture of 3, edges on\). Received: 3"
    with pytest.raises(ValueError, match=message):
        AdversarialGame(
            PictureConditioning(3, edges=True),
            GlobalGenerator(3, filters=2, num_downsamples=1, num_blocks=1),
            MultiscaleDiscriminator(7, filters=2),
            LeastSquaresLoss(),
        )


def test_labels_for_regions_need_label_maps():
    encoder = FeatureEncoder(num_features=2, filters=2, num_downsamples=1)
    with pytest.raises(ValueError, match="'labels' needs label maps.* use 'instances'"):
        trainer(features=2, encoder=encoder, encoder_regions="labels")
    with pytest.raises(ValueError, match="encoder reads photographs of 3 channels.* of 1"):
        trainer(image=1, features=2, encoder=encoder)
    game, batch = trainer(features=2, encoder=encoder).game, next(iter(data(steps=1)))
    losses, logs = game.compute_losses(batch)
    expected = logs["adversarial"] + 10 * logs["feature_matching"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-5)


def test_perceptual_losses_take_grey_and_refuse_alpha():
    image = keras.Input((None, None, 3))
    network = keras.Model(image, {"half": keras.layers.Rescaling(0.5)(image)})
    loss = PerceptualLoss(network, layer_weights={"half": 2.0})
    game = trainer(image=1, terms=[loss])
    _, logs = game.game.compute_losses(next(iter(data(image=1, steps=1))))
    assert float(logs["perceptual"]) == pytest.approx(float(logs["l1"]), rel=1e-5)
    with pytest.raises(ValueError, match="the generator's have 4. Leave the loss out"):
        trainer(image=4, terms=[loss])

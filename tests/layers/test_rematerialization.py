"""Rematerialised networks compute and learn what the others do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trainers.games import BATCH, NUM_CLASSES, compiled, data
from tfsynth.games import AdversarialGame
from tfsynth.layers import Conditioning
from tfsynth.losses import FeatureMatchingLoss, LeastSquaresLoss
from tfsynth.networks import GlobalGenerator, LocalEnhancer, MultiscaleDiscriminator

pytestmark = pytest.mark.slow

CHANNELS = NUM_CLASSES + 1


def game(rematerialize, generator=LocalEnhancer, xla=False, frozen=()):
    keras.utils.set_random_seed(3)
    return compiled(
        AdversarialGame(
            Conditioning(NUM_CLASSES),
            generator(
                *(CHANNELS,),
                filters=2,
                num_downsamples=1,
                num_blocks=1,
                rematerialize=rematerialize,
            ),
            MultiscaleDiscriminator(
                CHANNELS + 3, filters=4, num_layers=1, rematerialize=rematerialize
            ),
            LeastSquaresLoss(),
            [FeatureMatchingLoss()],
        ),
        xla=xla,
        frozen=frozen,
    )


def gradients_of(trainer):
    batch = next(iter(data(1)))
    compute = tf.function(trainer.compute_gradients, jit_compile=trainer.uses_xla)
    return tf.nest.flatten(compute(batch))


@pytest.mark.parametrize(
    "generator, frozen, xla",
    [(GlobalGenerator, (), False), (LocalEnhancer, ("generator.global",), True)],
)
def test_losses_and_gradients_are_those_of_what_is_kept(generator, frozen, xla):
    kept = gradients_of(game(False, generator, xla, frozen))
    again = gradients_of(game(True, generator, xla, frozen))
    assert len(kept) == len(again) > 20
    for a, b in zip(kept, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert sum(np.abs(g).max() > 1e-4 for g in again[6:]) > 10


def test_two_replicas_train_as_one(two_replicas):
    losses = []
    for strategy in (None, two_replicas):
        with strategy.scope() if strategy else tf.device("CPU:0"):
            trainer = game(True, GlobalGenerator)
        history = trainer.fit(data(2), verbose=0).history
        losses.append([history[name][-1] for name in sorted(history)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_the_setting_is_in_the_config_and_outputs_are_equal_in_inference():
    networks = []
    for rematerialize in (False, True):
        keras.utils.set_random_seed(0)
        networks.append(
            GlobalGenerator(3, filters=2, num_downsamples=1, rematerialize=rematerialize)
        )
    picture = np.random.default_rng(0).normal(size=(BATCH, 16, 16, 3)).astype("float32")
    for training in (False, True):
        a, b = (np.array(n(picture, training=training)) for n in networks)
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert networks[1].get_config()["rematerialize"] is True

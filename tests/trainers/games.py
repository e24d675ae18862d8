"""Small games for the tests of trainers."""

import keras
import numpy as np
import tensorflow as tf

from tfsynth.games import AdversarialGame
from tfsynth.layers import Conditioning
from tfsynth.losses import (
    CrossEntropyLoss,
    FeatureMatchingLoss,
    FeatureReconstructionLoss,
    HingeLoss,
    L1Loss,
    LeastSquaresLoss,
    SegmentationConsistencyLoss,
)
from tfsynth.networks import (
    FeatureEncoder,
    FeatureNetwork,
    GlobalGenerator,
    LayoutDecoder,
    LocalEnhancer,
    MultiscaleDiscriminator,
    ProjectedDiscriminator,
)
from tfsynth.trainers import Trainer

NUM_CLASSES = 4
BATCH = 4


def data(steps=10):
    """Returns `steps` batches of four 16 x 16 layouts whose photographs follow their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, NUM_CLASSES, (steps * BATCH, 4, 4)).astype("uint8")
    labels = labels.repeat(4, axis=1).repeat(4, axis=2)
    image = np.stack([labels * 60, 255 - labels * 60, labels * 0 + 90], axis=-1).astype("uint8")
    batches = {"labels": labels, "instances": labels.astype("int32"), "image": image}
    return tf.data.Dataset.from_tensor_slices(batches).batch(BATCH, drop_remainder=True)


def trainer(xla=False, losses="least squares", learning_rate=2e-4, terms=(), **more):
    """Returns a compiled pix2pixHD (or pix2pix-like) game of a few thousand weights."""
    hd = losses == "least squares"
    game = AdversarialGame(
        Conditioning(NUM_CLASSES),
        GlobalGenerator(NUM_CLASSES + 1, filters=4, num_downsamples=1, num_blocks=1),
        MultiscaleDiscriminator(NUM_CLASSES + 4, filters=4, num_layers=1),
        LeastSquaresLoss() if hd else CrossEntropyLoss(),
        [FeatureMatchingLoss() if hd else L1Loss(), *terms],
    )
    return compiled(game, learning_rate, xla=xla, **more)


def compiled(game, learning_rate=2e-4, **settings):
    """Returns the trainer of a game, compiled with the optimizers of pix2pixHD.

    A trainer in place of the game is compiled as it is.
    """
    trainer = game if isinstance(game, Trainer) else Trainer(game, **settings)
    trainer.compile(
        {
            player: keras.optimizers.Adam(learning_rate, beta_1=0.5, epsilon=1e-8)
            for player in trainer.players
        }
    )
    return trainer


def encoder_trainer(
    frozen=(),
    xla=False,
    reduction=1,
    regions="instances",
    max_instances=6,
    terms=(),
    **averages,
):
    """Returns a game with a feature encoder and a generator of two sections."""
    game = AdversarialGame(
        Conditioning(NUM_CLASSES),
        LocalEnhancer(
            *(NUM_CLASSES + 1 + 2,), filters=2, num_downsamples=1, num_blocks=1, num_local_blocks=1
        ),
        MultiscaleDiscriminator(NUM_CLASSES + 4, filters=4, num_layers=1),
        LeastSquaresLoss(),
        [FeatureMatchingLoss(), *terms],
        encoder=FeatureEncoder(
            num_features=2, filters=2, num_downsamples=1, max_instances=max_instances
        ),
        encoder_reduction=reduction,
        encoder_regions=regions,
    )
    return compiled(game, xla=xla, frozen=frozen, **averages)


def projected_game(
    features=(4, 6),
    terms=None,
    noise=1,
    widths=(6, 4),
    encoder=True,
    seed=2,
    rematerialize=False,
    **settings,
):
    """Returns a game with all that reads fixed features: discriminator, terms; looks and noise."""
    read = FeatureNetwork(NUM_CLASSES, features, seed=5)
    looks = FeatureEncoder(num_features=2, filters=2, num_downsamples=1, max_instances=6)
    return AdversarialGame(
        Conditioning(NUM_CLASSES),
        LayoutDecoder(
            NUM_CLASSES + 1 + 2 * encoder,
            widths=widths,
            noise_channels=noise,
            rematerialize=rematerialize,
        ),
        ProjectedDiscriminator(NUM_CLASSES + 1, features, mixed_channels=4, filters=4, seed=seed),
        HingeLoss(),
        [
            FeatureMatchingLoss(weight=2.0),
            FeatureReconstructionLoss(weight=5.0),
            SegmentationConsistencyLoss(weight=0.5),
        ]
        if terms is None
        else terms,
        features=read,
        encoder=looks if encoder else None,
        **settings,
    )


def warped(batch):
    """Returns a batch half of whose layouts are shown mirrored."""
    size = batch["labels"].shape[1]
    straight = np.arange(size * size, dtype="int32").reshape(size, size)
    sources = np.stack([straight[:, ::-1] if i % 2 else straight for i in range(BATCH)])
    return {**batch, "sources": tf.constant(sources)}

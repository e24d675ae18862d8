"""The training of a feature network on a data set's own photographs and layouts."""

import keras
import numpy as np

from tfsynth.layers import to_unit_range
from tfsynth.metrics import segmenter_training as training
from tfsynth.metrics.segmenter_batches import (
    EverySecond,
    ResizedPairs,
    TrainingBatches,
    pad_to_multiple,
)
from tfsynth.registry import register

# Photographs by which the features are scaled.
_CALIBRATED_BY = 32
# In a batch: more is a slip, and takes all memory.
_MOST_PICTURES = 4096


@register
class FeatureTraining:
    """How a `FeatureNetwork` is trained: as a segmenter of real training pairs.

    Loss, schedule and variation are those of the scoring segmenters (see `SegmenterProtocol`),
    which must be other networks: of another architecture and seed, and as a rule of other pairs.

    Args:
        steps: Training steps; 0 leaves the weights random. The default takes about 40 seconds
            on two CPU cores at 64 x 128.
        batch_size: Pictures in a step.
        learning_rate: Peak of the schedule.
        weight_decay: AdamW's, per unit of learning rate.
        balance: 0 weights pixels alike, 1 classes alike.
        zoom: Largest magnification of training pictures, at least 1; 1 for none.
        jitter: Strength of the photometric variation, 0..1; 0 for none.
        half: 0 or 1: every second training pair, from the first or the second on, so that a judge
            can learn from the others; `None` for all.
        seed: Seed of weights, order and variation; not that of a judge.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        steps=600,
        batch_size=8,
        learning_rate=7e-3,
        weight_decay=1e-4,
        balance=0.25,
        zoom=1.5,
        jitter=0.3,
        half: int | None = 0,
        seed=1,
    ):
        for name, value, least in (
            ("steps", steps, 0),
            ("batch_size", batch_size, 1),
            ("zoom", zoom, 1),
            ("balance", balance, 0),
            ("jitter", jitter, 0),
            ("weight_decay", weight_decay, 0),
            ("seed", seed, 0),
        ):
            if not value >= least:  # Nor is a NaN.
                raise ValueError(f"`{name}` must be at least {least}. Received: {value}.")
        if batch_size > _MOST_PICTURES:
            raise ValueError(
                f"`batch_size` must be at most {_MOST_PICTURES}. Received: {batch_size}."
            )
        if not learning_rate > 0 or max(balance, jitter) > 1:
            raise ValueError(
                "`learning_rate` is above 0, `balance` and `jitter` at most 1. Received: "
                f"{learning_rate}, {balance}, {jitter}."
            )
        if half not in (None, 0, 1):
            raise ValueError(f"`half` is 0, 1 or nothing, for all pairs. Received: {half!r}.")
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.balance = balance
        self.zoom = zoom
        self.jitter = jitter
        self.half = half
        self.seed = seed

    def fit(self, network, pairs, size, progress=True):
        """Returns a trained copy of a network, scaled by photographs.

        Args:
            network: A `FeatureNetwork`; its weights do not change.
            pairs: Sequence of examples with `labels` and `image`, and its `label_set`: a `Split`.
            size: (height, width) in pixels that they are resized to.
            progress: Whether to show a progress bar.

        Raises:
            ValueError: If there is no pair, or the network has other classes.
        """
        examples = pairs if self.half is None else EverySecond(pairs, self.half)
        resized = ResizedPairs(examples, pairs.label_set, size)
        if network.num_classes != resized.num_classes:
            raise ValueError(
                f"`num_classes` of the feature network must be {resized.num_classes}, the classes "
                f"of the data that are not void. Received: {network.num_classes}."
            )
        # A game's own network is frozen, and its config says so.
        changes = {"seed": self.seed, "trainable": True}
        copy = type(network).from_config({**network.get_config(), **changes})
        if self.steps:
            batches = TrainingBatches(
                resized,
                self.batch_size,
                self.steps,
                zoom=self.zoom,
                jitter=self.jitter,
                seed=self.seed,
                multiple=network.size_multiple,
            )
            loss = training.weighted_cross_entropy(resized.class_weights(self.balance))
            segmenter = keras.Model(copy.inputs, copy.output["logits"])
            text = "training the feature network"
            rates = self.learning_rate, self.weight_decay
            training.train(segmenter, batches, loss, *rates, progress, text)
        shown = range(0, len(resized), -(-len(resized) // _CALIBRATED_BY))
        images = np.stack([resized[i][1] for i in shown])
        images = pad_to_multiple(images, network.size_multiple, mode="edge")
        copy.calibrate(to_unit_range(images))
        return copy

    def get_config(self):
        """Returns the constructor's arguments, verbatim."""
        names = ("steps", "batch_size", "learning_rate", "weight_decay", "balance", "zoom")
        return {name: getattr(self, name) for name in (*names, "jitter", "half", "seed")}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

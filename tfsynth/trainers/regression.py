"""A generator alone with losses: Cascaded Refinement Networks and its baselines."""

import contextlib

from keras import ops

from tfsynth.registry import register
from tfsynth.trainers.layer_weights import LayerFactors
from tfsynth.trainers.pictures import (
    check_generator,
    check_losses,
    condition_of,
    to_unit_range,
)
from tfsynth.trainers.trainer import Trainer


@register
class RegressionTrainer(Trainer):
    """Trains a generator towards the photographs of its conditions, without an adversary.

    Cascaded Refinement Networks, https://arxiv.org/abs/1707.09405, section 3. The generator
    minimises perceptual + reconstruction + segmentation, each by its weight. It may make
    several pictures of one layout: a `DiversityLoss` then trains the best of them, the other
    losses all of them.

    Args:
        conditioning: A `Conditioning` or `PictureConditioning`.
        generator: A network (batch, height, width, channels) -> pictures, linear or in [-1, 1],
            (batch, height, width, channels) or (batch, k, height, width, channels).
        perceptual_loss: A `PerceptualLoss` or `DiversityLoss`, or `None`.
        reconstruction_loss: An `L1Loss`, or `None`.
        segmentation_loss: A `SegmentationLoss`, or `None`.
        xla, frozen, ema_decay: See `Trainer`. The generator ships.

    Raises:
        ValueError: If there is no loss, or the parts do not fit each other.

    Example:

    >>> trainer = RegressionTrainer(
    ...     Conditioning(12),
    ...     GlobalGenerator(13, filters=32, num_downsamples=3, num_blocks=6),
    ...     PerceptualLoss("vgg19.keras", weight=1.0),
    ... )
    >>> trainer.compile({"generator": keras.optimizers.Adam(1e-4, epsilon=1e-8)})
    >>> trainer.fit(batches, epochs=10)
    """

    parts = (
        "conditioning",
        "generator",
        "perceptual_loss",
        "reconstruction_loss",
        "segmentation_loss",
    )
    ships = ("generator",)
    logs = ("generator_loss", "l1")

    def __init__(
        self,
        conditioning,
        generator,
        perceptual_loss=None,
        reconstruction_loss=None,
        segmentation_loss=None,
        xla="auto",
        frozen=(),
        ema_decay=None,
        **kwargs,
    ):
        super().__init__(xla=xla, frozen=frozen, ema_decay=ema_decay, **kwargs)
        if perceptual_loss is None and reconstruction_loss is None and segmentation_loss is None:
            raise ValueError(
                "A RegressionTrainer needs something to minimise: give `perceptual_loss`, "
                "`reconstruction_loss` or `segmentation_loss`."
            )
        check_generator(conditioning, generator)
        check_losses(conditioning, generator, perceptual_loss, segmentation_loss)
        self.conditioning = conditioning
        self.generator = generator
        self.perceptual_loss = perceptual_loss
        self.reconstruction_loss = reconstruction_loss
        self.segmentation_loss = segmentation_loss
        if perceptual_loss is not None:
            self.layer_factors = LayerFactors(perceptual_loss.layers)
            self.also_log("perceptual")
            self.also_log(*self.layer_factors.term_names, shown=False)
        if segmentation_loss is not None:
            self.also_log("segmentation")

    @property
    def players(self):
        return {"generator": [self.generator]}

    def call(self, batch, training=False):
        """Returns pictures (batch, [k,] height, width, channels) for a batch's conditions."""
        condition = condition_of(self.conditioning, batch)
        with contextlib.nullcontext() if training else self.as_shipped():
            return self.generator(condition, training=training)

    def compute_losses(self, batch):
        condition = condition_of(self.conditioning, batch)
        real = to_unit_range(batch["image"])
        fake = ops.cast(self.generator(condition, training=True), "float32")
        # Each of several pictures has the same photograph.
        target = real if len(fake.shape) == 4 else real[:, None]
        total, logs = ops.zeros((), "float32"), {"l1": ops.mean(ops.abs(target - fake))}
        if self.perceptual_loss is not None:
            terms = self.perceptual_loss.terms(
                real, fake, self._masks(batch), self.layer_factors.factors
            )
            logs |= self.layer_factors.named(terms)
            logs["perceptual"] = ops.sum(terms)
            total += self.perceptual_loss.weight * logs["perceptual"]
        if self.reconstruction_loss is not None:
            loss = self.reconstruction_loss
            total += loss.weight * loss(target, fake)
        if self.segmentation_loss is not None:
            logs["segmentation"] = self.segmentation_loss(batch["labels"], fake)
            total += self.segmentation_loss.weight * logs["segmentation"]
        return {"generator": total}, {"generator_loss": total, **logs}

    def after_step(self, batch, logs):
        if self.layer_factors is not None:
            self.layer_factors.add(logs)
        return logs

    def _masks(self, batch):
        if self.perceptual_loss is None or not self.perceptual_loss.needs_masks:
            return None
        return ops.one_hot(batch["labels"], self.conditioning.num_classes, dtype="float32")

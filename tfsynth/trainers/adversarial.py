"""A generator against a discriminator: pix2pix and pix2pixHD, by choice of parts."""

from keras import ops

from tfsynth.registry import register
from tfsynth.trainers.trainer import Trainer


@register
class AdversarialTrainer(Trainer):
    """Trains a conditional GAN on layouts and their photographs.

    The generator minimises adversarial + feature matching + reconstruction, each by
    its weight; the discriminator sees condition and picture and minimises its half of
    the adversarial loss. Both step at once, on the same pictures.

    Args:
        conditioning: A `Conditioning`: what the networks see of a layout.
        generator: A network (batch, height, width, channels) -> picture in [-1, 1].
        discriminator: A network condition and picture -> one list per scale: features,
            logits last.
        adversarial_loss: A pair such as `LeastSquaresLoss`.
        feature_matching_loss: A `FeatureMatchingLoss`, or `None`.
        reconstruction_loss: An `L1Loss`, or `None`.
        xla: See `Trainer`.

    Example:

    >>> trainer = AdversarialTrainer(
    ...     Conditioning(12),
    ...     GlobalGenerator(13, filters=32, num_downsamples=3, num_blocks=6),
    ...     MultiscaleDiscriminator(16, filters=32),
    ...     LeastSquaresLoss(),
    ...     FeatureMatchingLoss(),
    ... )
    >>> trainer.compile({player: keras.optimizers.Adam(2e-4, 0.5) for player in trainer.players})
    >>> trainer.fit(batches, epochs=10)
    """

    parts = (
        "conditioning",
        "generator",
        "discriminator",
        "adversarial_loss",
        "feature_matching_loss",
        "reconstruction_loss",
    )
    logs = (
        "generator_loss",
        "discriminator_loss",
        "adversarial",
        "feature_matching",
        "l1",
    )

    def __init__(
        self,
        conditioning,
        generator,
        discriminator,
        adversarial_loss,
        feature_matching_loss=None,
        reconstruction_loss=None,
        xla="auto",
        **kwargs,
    ):
        super().__init__(xla=xla, **kwargs)
        _check_channels(conditioning, generator, discriminator)
        self.conditioning = conditioning
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial_loss = adversarial_loss
        self.feature_matching_loss = feature_matching_loss
        self.reconstruction_loss = reconstruction_loss

    @property
    def players(self):
        return {"generator": [self.generator], "discriminator": [self.discriminator]}

    def call(self, batch, training=False):
        """Returns pictures (batch, height, width, 3) in [-1, 1] for a batch's layouts."""
        condition = self.conditioning(batch["labels"], batch["instances"])
        return self.generator(condition, training=training)

    def compute_losses(self, batch):
        condition = self.conditioning(batch["labels"], batch["instances"])
        real_image = ops.cast(batch["image"], "float32") / 127.5 - 1.0
        fake_image = self.generator(condition, training=True)
        real = self._discriminate(condition, real_image)
        # One pass over the fakes serves both players: each loss is differentiated
        # with respect to its own player's weights only.
        fake = self._discriminate(condition, fake_image)
        real_logits = [scale[-1] for scale in real]
        fake_logits = [scale[-1] for scale in fake]

        adversarial = self.adversarial_loss.generator(fake_logits)
        generator_loss = self.adversarial_loss.weight * adversarial
        feature_matching = ops.zeros((), "float32")
        if self.feature_matching_loss is not None:
            feature_matching = self.feature_matching_loss(
                [scale[:-1] for scale in real], [scale[:-1] for scale in fake]
            )
            generator_loss += self.feature_matching_loss.weight * feature_matching
        l1 = ops.mean(ops.abs(real_image - fake_image))
        if self.reconstruction_loss is not None:
            generator_loss += self.reconstruction_loss.weight * self.reconstruction_loss(
                real_image, fake_image
            )
        discriminator_loss = self.adversarial_loss.discriminator(real_logits, fake_logits)
        losses = {"generator": generator_loss, "discriminator": discriminator_loss}
        return losses, {
            "generator_loss": generator_loss,
            "discriminator_loss": discriminator_loss,
            "adversarial": adversarial,
            "feature_matching": feature_matching,
            "l1": l1,
        }

    def _discriminate(self, condition, image):
        image = ops.cast(image, condition.dtype)
        return self.discriminator(ops.concatenate([condition, image], axis=-1), training=True)


def _check_channels(conditioning, generator, discriminator):
    given = conditioning.channels
    if generator.input_channels != given:
        raise ValueError(
            f"The generator's `input_channels` must be those of the conditioning: {given} "
            f"({conditioning.num_classes} classes, edges {'on' if conditioning.edges else 'off'}). "
            f"Received: {generator.input_channels}."
        )
    seen = given + generator.output_channels
    if discriminator.input_channels != seen:
        raise ValueError(
            f"The discriminator's `input_channels` must be those of condition and picture "
            f"together: {given} + {generator.output_channels} = {seen}. "
            f"Received: {discriminator.input_channels}."
        )

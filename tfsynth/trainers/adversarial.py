"""A generator against a discriminator: pix2pix and pix2pixHD, by choice of parts."""

import contextlib

import tensorflow as tf
from keras import ops

from tfsynth.registry import register
from tfsynth.trainers.image_pool import ImagePool
from tfsynth.trainers.pictures import check_generator, check_losses, condition_of, to_unit_range
from tfsynth.trainers.trainer import Trainer


@register
class AdversarialTrainer(Trainer):
    """Trains a conditional GAN on conditions and their photographs.

    The generator minimises adversarial + feature matching + perceptual + reconstruction +
    segmentation, each by its weight; the discriminator sees condition and picture and minimises
    its half of the adversarial loss. Both step at once, on the same pictures. A feature encoder
    trains with the generator, which reads its features after the condition; the discriminator
    does not see them.

    pix2pix, https://arxiv.org/abs/1611.07004, is this game with `UNetGenerator`,
    `PatchDiscriminator`, `CrossEntropyLoss` and an `L1Loss` of weight 100.

    Args:
        conditioning: A `Conditioning`, `ColourConditioning` or `PictureConditioning`: what the
            networks see of the label maps or condition pictures.
        generator: A network (batch, height, width, channels) -> picture in [-1, 1].
        discriminator: A network condition and picture -> one list per scale: features,
            logits last.
        adversarial_loss: A pair such as `LeastSquaresLoss`.
        feature_matching_loss: A `FeatureMatchingLoss`, or `None`.
        reconstruction_loss: An `L1Loss`, or `None`.
        perceptual_loss: A `PerceptualLoss`, or `None`.
        segmentation_loss: A `SegmentationLoss`, or `None`.
        encoder: A `FeatureEncoder`, or `None`.
        encoder_regions: What the encoder's features are averaged over: "instances", or
            "labels" for one feature per class, where a dataset has no instances; condition
            pictures have no classes.
        encoder_reduction: The encoder reads photograph and regions this many times smaller,
            and its map is repeated: 2 for a generator with one enhancer, whose coarse
            network learnt from an encoder at half the size.
        pool_size: Number of earlier synthesised pictures, of which the discriminator is shown
            one instead of a new one half of the time; 0 for none. See `ImagePool`. On one
            device only; a step takes one more pass of the discriminator.
        conditional: Whether the discriminator sees the condition. `False` shows it the picture
            alone: "GAN" in place of "cGAN" in pix2pix's table 1.
        xla, frozen, ema_decay: See `Trainer`. Generator and encoder ship.

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
        "perceptual_loss",
        "segmentation_loss",
        "encoder",
    )
    ships = ("generator", "encoder")
    logs = ("generator_loss", "discriminator_loss", "adversarial", "l1")

    def __init__(
        self,
        conditioning,
        generator,
        discriminator,
        adversarial_loss,
        feature_matching_loss=None,
        reconstruction_loss=None,
        perceptual_loss=None,
        segmentation_loss=None,
        encoder=None,
        encoder_regions="instances",
        encoder_reduction=1,
        pool_size=0,
        conditional=True,
        xla="auto",
        frozen=(),
        ema_decay=None,
        **kwargs,
    ):
        super().__init__(xla=xla, frozen=frozen, ema_decay=ema_decay, **kwargs)
        _check_channels(conditioning, generator, discriminator, encoder, conditional)
        _check_one_picture(generator, perceptual_loss)
        if encoder_regions not in ("instances", "labels"):
            raise ValueError(
                f"`encoder_regions` is 'instances' or 'labels'. Received: {encoder_regions!r}."
            )
        if encoder is not None and encoder_regions == "labels":
            encoder.check_label_regions(conditioning.num_classes)
        check_losses(conditioning, generator, perceptual_loss, segmentation_loss)
        if encoder_reduction < 1:
            raise ValueError(
                f"`encoder_reduction` must be at least 1. Received: {encoder_reduction}."
            )
        self.conditioning = conditioning
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial_loss = adversarial_loss
        self.feature_matching_loss = feature_matching_loss
        self.reconstruction_loss = reconstruction_loss
        self.perceptual_loss = perceptual_loss
        self.segmentation_loss = segmentation_loss
        self.encoder = encoder
        self.encoder_regions = encoder_regions
        self.encoder_reduction = encoder_reduction
        self.pool_size = pool_size
        self.conditional = conditional
        self.pool = ImagePool(pool_size) if pool_size else None
        optional = {
            "feature_matching": feature_matching_loss,
            "perceptual": perceptual_loss,
            "segmentation": segmentation_loss,
        }
        self.also_log(*(name for name, loss in optional.items() if loss is not None))

    @property
    def players(self):
        encoders = [] if self.encoder is None else [self.encoder]
        return {
            "generator": [self.generator, *encoders],
            "discriminator": [self.discriminator],
        }

    def call(self, batch, training=False):
        """Returns pictures (batch, height, width, channels) in [-1, 1] for a batch's conditions.

        With an encoder these are reconstructions: the objects look as in `batch["image"]`.
        """
        condition = condition_of(self.conditioning, batch)
        with contextlib.nullcontext() if training else self.as_shipped():
            features = self._with_features(condition, batch, training)
            return self.generator(features, training=training)

    def compute_losses(self, batch):
        condition = condition_of(self.conditioning, batch)
        real_image = to_unit_range(batch["image"])
        fake_image = self.generator(self._with_features(condition, batch, True), training=True)
        real = self._discriminate(condition, real_image)
        # One pass over the fakes serves both players: each loss is differentiated
        # with respect to its own player's weights only.
        fake = self._discriminate(condition, fake_image)
        real_logits = [scale[-1] for scale in real]
        fake_logits = [scale[-1] for scale in fake]

        logs = {"adversarial": self.adversarial_loss.generator(fake_logits)}
        generator_loss = self.adversarial_loss.weight * logs["adversarial"]
        if self.feature_matching_loss is not None:
            logs["feature_matching"] = self.feature_matching_loss(
                [scale[:-1] for scale in real], [scale[:-1] for scale in fake]
            )
            generator_loss += self.feature_matching_loss.weight * logs["feature_matching"]
        if self.perceptual_loss is not None:
            logs["perceptual"] = self.perceptual_loss(real_image, fake_image)
            generator_loss += self.perceptual_loss.weight * logs["perceptual"]
        logs["l1"] = ops.mean(ops.abs(real_image - fake_image))
        if self.reconstruction_loss is not None:
            generator_loss += self.reconstruction_loss.weight * self.reconstruction_loss(
                real_image, fake_image
            )
        if self.segmentation_loss is not None:
            logs["segmentation"] = self.segmentation_loss(batch["labels"], fake_image)
            generator_loss += self.segmentation_loss.weight * logs["segmentation"]
        if "history" in batch:
            fake_logits = self._logits_of_history(batch["history"], condition, fake_image)
        discriminator_loss = self.adversarial_loss.discriminator(real_logits, fake_logits)
        losses = {"generator": generator_loss, "discriminator": discriminator_loss}
        return losses, {
            "generator_loss": generator_loss,
            "discriminator_loss": discriminator_loss,
            **logs,
            **({"fake": fake_image} if "history" in batch else {}),
        }

    def compile(self, optimizers, **kwargs):
        if self.pool and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError(
                "The image pool keeps one history: it cannot be shared by devices. Train on one, "
                "or set `pool_size` to 0."
            )
        super().compile(optimizers, **kwargs)

    def before_step(self, batch):
        if self.pool is None:
            return batch
        elements = {name: batch[name] for name in (self.conditioning.condition_name, "instances")}
        if not self.pool.built:
            shapes = {n: (list(e.shape[1:]), e.dtype.name) for n, e in elements.items()}
            shapes["fake"] = ([*batch["image"].shape[1:]], "float32")
            with tf.init_scope():  # The step is being traced.
                self.pool.build(shapes)
        size = tf.shape(batch["image"])[0]
        return {**batch, "history": self.pool.draw(size, self.optimizer.iterations)}

    def after_step(self, batch, logs):
        if self.pool is not None:
            fake = logs.pop("fake")
            self.pool.store(batch["history"]["slot"], {**batch, "fake": fake})
        return logs

    def get_build_config(self):
        # The networks make their weights themselves; the pool needs to know its pictures' size.
        return {"pool": self.pool.get_build_config()} if self.pool else None

    def build_from_config(self, config):
        if self.pool is not None:
            self.pool.build_from_config(config["pool"])

    def _logits_of_history(self, history, condition, fake_image):
        """Returns the logits of old pictures where lots were drawn for them, else of the new."""
        old = history["old"][:, None, None, None]
        image = ops.where(old, history["fake"], ops.stop_gradient(fake_image))
        condition = ops.where(old, condition_of(self.conditioning, history), condition)
        return [scale[-1] for scale in self._discriminate(condition, image)]

    def _with_features(self, condition, batch, training):
        """Returns what the generator reads: features of the photographs come last, if any."""
        if self.encoder is None:
            return condition
        image, regions = to_unit_range(batch["image"]), batch[self.encoder_regions]
        n = self.encoder_reduction
        if n > 1:
            image, regions = ops.average_pool(image, n, strides=n), regions[:, ::n, ::n]
        features = self.encoder([image, regions], training=training)
        if n > 1:
            features = ops.repeat(ops.repeat(features, n, axis=1), n, axis=2)
        return _join(condition, features)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder_regions": self.encoder_regions,
            "encoder_reduction": self.encoder_reduction,
            "pool_size": self.pool_size,
            "conditional": self.conditional,
        }

    def _discriminate(self, condition, image):
        seen = _join(condition, image) if self.conditional else image
        return self.discriminator(seen, training=True)


def _join(condition, channels):
    return ops.concatenate([condition, ops.cast(channels, condition.dtype)], axis=-1)


def _check_channels(conditioning, generator, discriminator, encoder, conditional):
    given = conditioning.channels
    check_generator(conditioning, generator, 0 if encoder is None else encoder.num_features)
    shown = generator.output_channels
    seen = given + shown if conditional else shown
    if discriminator.input_channels != seen:
        together = f"those of condition and picture together: {given} + {shown} = {seen}"
        alone = f"those of the picture alone, as `conditional` is off: {seen}"
        raise ValueError(
            f"The discriminator's `input_channels` must be {together if conditional else alone}. "
            f"Received: {discriminator.input_channels}."
        )
    if encoder is not None and encoder.input_channels != generator.output_channels:
        raise ValueError(
            f"The encoder reads photographs of {encoder.input_channels} channels, the generator "
            f"makes them of {generator.output_channels}: set `input_channels` of the encoder."
        )


def _check_one_picture(generator, perceptual_loss):
    pictures = getattr(generator, "num_outputs", 1)
    if pictures > 1:
        raise ValueError(
            f"The generator makes {pictures} pictures of each layout, and the discriminator "
            "judges one: set the generator's `num_outputs` to 1."
        )
    if perceptual_loss is not None and perceptual_loss.many_pictures:
        raise ValueError(
            f"A {type(perceptual_loss).__name__} seeks the best of several pictures, and here "
            "there is one: use a `PerceptualLoss`, or a `RegressionTrainer`."
        )

"""A generator against a discriminator: pix2pix and pix2pixHD, depending on the parts."""

import keras

from tfsynth.games.game import Game, check_generator
from tfsynth.games.looks import join
from tfsynth.games.terms import check_part
from tfsynth.layers import to_unit_range, with_channels
from tfsynth.registry import register


@register
class AdversarialGame(Game):
    """A conditional GAN on conditions and their photographs.

    The generator minimises adversarial + terms, each by its weight; the discriminator sees
    condition and picture and minimises its half of the adversarial loss. Both see the same
    pictures. A feature encoder trains with the generator, which reads its features after the
    condition; the discriminator does not see them.

    pix2pixHD, https://arxiv.org/abs/1711.11585, is this game with `GlobalGenerator`,
    `MultiscaleDiscriminator`, `LeastSquaresLoss`, `FeatureMatchingLoss` and `PerceptualLoss`;
    pix2pix, https://arxiv.org/abs/1611.07004, with `UNetGenerator`, `PatchDiscriminator`,
    `CrossEntropyLoss` and an `L1Loss` of weight 100.

    Args:
        conditioning, generator, terms, features: See `Game`. The terms may read the
            discriminator's features.
        discriminator: A network condition and picture -> one list per scale: features,
            logits last; or a `ProjectedDiscriminator`, which reads what `features` sees of the
            picture.
        adversarial_loss: A pair such as `LeastSquaresLoss`.
        encoder, encoder_regions, encoder_reduction: See `Game`. The discriminator does not see
            the encoder's features.
        conditional: Whether the discriminator sees the condition. `False` shows it the picture
            alone: "GAN" in place of "cGAN" in pix2pix's table 1.

    Raises:
        ValueError: If the parts do not fit each other.

    Example:

    >>> game = AdversarialGame(
    ...     Conditioning(12),
    ...     GlobalGenerator(13, filters=4, num_downsamples=1, num_blocks=1),
    ...     MultiscaleDiscriminator(16, filters=4),
    ...     LeastSquaresLoss(),
    ...     [FeatureMatchingLoss(weight=10.0)],
    ... )
    >>> game.logs
    ('generator_loss', 'discriminator_loss', 'adversarial', 'l1', 'feature_matching')
    """

    roles = ("generator", "discriminator", "encoder", "features")
    logs = ("generator_loss", "discriminator_loss", "adversarial", "l1")

    def __init__(
        self,
        conditioning,
        generator,
        discriminator,
        adversarial_loss,
        terms=(),
        encoder=None,
        encoder_regions="instances",
        encoder_reduction=1,
        conditional=True,
        features=None,
        **kwargs,
    ):
        encoding = encoder, encoder_regions, encoder_reduction
        super().__init__(conditioning, generator, terms, features, *encoding, **kwargs)
        # A `ProjectedDiscriminator` says so; others read pictures.
        projected = getattr(discriminator, "reads", "pictures") == "features"
        if not projected:
            part = ("input_channels",)
            check_part("discriminator", discriminator, part, "MultiscaleDiscriminator")
        _check_discriminator(discriminator)
        pair = ("generator", "discriminator", "weight")
        check_part("adversarial_loss", adversarial_loss, pair, "LeastSquaresLoss")
        check_generator(conditioning, generator, self.num_features)
        if projected:
            _check_projected(conditioning, generator, discriminator, features, conditional)
        else:
            _check_channels(conditioning, generator, discriminator, conditional)
        _check_one_picture(generator)
        self.discriminator = discriminator
        self.adversarial_loss = adversarial_loss
        self.conditional = conditional
        self.projected = projected
        self.take_terms(shows=("real_features", "fake_features"))

    @property
    def players(self):
        return {**super().players, "discriminator": [self.discriminator]}

    def compute_losses(self, batch):
        condition, real = self.condition_of(batch), to_unit_range(batch["image"])
        seen = self.seen_by_generator(condition, batch, training=True)
        fake = self.generator(seen, training=True)
        # One list per scale, the finest first: feature maps, then logits (batch, rows, columns, 1).
        real_maps, fake_maps = self.maps_of(real), self.maps_of(fake)
        on_real = self._discriminate(condition, real, real_maps)
        # One pass over the fakes serves both players: each loss is differentiated
        # with respect to its own player's weights only.
        on_fake = self._discriminate(condition, fake, fake_maps)
        real_logits = [scale[-1] for scale in on_real]
        fake_logits = [scale[-1] for scale in on_fake]
        adversarial = self.adversarial_loss.generator(fake_logits)
        terms, logs = self.measure_terms(
            batch,
            real,
            fake,
            real_features=[scale[:-1] for scale in on_real],
            fake_features=[scale[:-1] for scale in on_fake],
            real_maps=real_maps,
            fake_maps=fake_maps,
        )
        losses = {
            "generator": self.adversarial_loss.weight * adversarial + terms,
            "discriminator": self.adversarial_loss.discriminator(real_logits, fake_logits),
        }
        named = {f"{player}_loss": loss for player, loss in losses.items()}
        return losses, {**named, "adversarial": adversarial, **logs}

    def get_config(self):
        return {
            **super().get_config(),
            "adversarial_loss": keras.saving.serialize_keras_object(self.adversarial_loss),
            "conditional": self.conditional,
        }

    def discriminate(self, batch, image):
        """Returns what the discriminator says of pictures of a batch's layouts.

        Args:
            batch: The batch; see `compute_losses`.
            image: Pictures (batch, height, width, channels) in [-1, 1].

        Returns:
            One list per scale, the finest first: feature maps, then logits.
        """
        return self._discriminate(self.condition_of(batch), image, self.maps_of(image))

    def _discriminate(self, condition, image, maps):
        if not self.projected:
            seen = join(condition, image) if self.conditional else image
            return self.discriminator(seen, training=True)
        names = [*self.features.channels][: len(self.discriminator.feature_channels)]
        seen = [condition] if self.conditional else []
        seen += [with_channels(image, 3)] if self.discriminator.picture else []
        return self.discriminator([*seen, *(maps[name] for name in names)], training=True)


def _check_projected(conditioning, generator, discriminator, features, conditional):
    if features is None:
        raise ValueError(
            f"A {type(discriminator).__name__} reads what a fixed network sees of a picture: give "
            "the game `features`, such as `{class: FeatureNetwork, num_classes: ...}`."
        )
    known = [*features.channels.values()]
    read = list(discriminator.feature_channels)
    if known[: len(read)] != read:
        raise ValueError(
            "The discriminator's `feature_channels` must be those of the game's `features`, "
            f"{known}, or the first of them. Received: {read}."
        )
    wanted = conditioning.channels if conditional else 0
    if discriminator.condition_channels != wanted:
        why = f"({conditioning.content})" if conditional else "as `conditional` is off"
        raise ValueError(
            f"The discriminator's `condition_channels` must be {wanted}, {why}. "
            f"Received: {discriminator.condition_channels}."
        )


def _check_channels(conditioning, generator, discriminator, conditional):
    given = conditioning.channels
    shown = generator.output_channels
    seen = given + shown if conditional else shown
    if discriminator.input_channels != seen:
        together = f"those of condition and picture together: {given} + {shown} = {seen}"
        alone = f"those of the picture alone, as `conditional` is off: {seen}"
        raise ValueError(
            f"The discriminator's `input_channels` must be {together if conditional else alone}. "
            f"Received: {discriminator.input_channels}."
        )


def _check_discriminator(discriminator):
    # A functional network says what it returns; a generator has `input_channels` too.
    if not isinstance(getattr(discriminator, "output", []), list | tuple):
        raise ValueError(
            "`discriminator` returns lists of features, as a MultiscaleDiscriminator does. "
            f"Received: {type(discriminator).__name__}."
        )


def _check_one_picture(generator):
    pictures = getattr(generator, "num_outputs", 1)
    if pictures > 1:
        raise ValueError(
            f"The generator makes {pictures} pictures of each layout, and the discriminator "
            "judges one: set the generator's `num_outputs` to 1."
        )

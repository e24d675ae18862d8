"""A generator alone with losses: Cascaded Refinement Networks and its baselines."""

from tfsynth.games.game import Game, check_generator
from tfsynth.layers import to_unit_range
from tfsynth.registry import register


@register
class RegressionGame(Game):
    """A generator that is trained on the photographs of its conditions, without an adversary.

    Cascaded Refinement Networks, https://arxiv.org/abs/1707.09405, section 3. The generator may
    make several pictures of one layout: a `DiversityLoss` then trains the best of them, other
    terms all of them.

    Args:
        conditioning, generator, terms, features, encoder, encoder_regions, encoder_reduction: See
            `Game`.

    Raises:
        ValueError: If there is no term, or the parts do not fit each other.

    Example:

    >>> game = RegressionGame(
    ...     Conditioning(12),
    ...     GlobalGenerator(13, filters=4, num_downsamples=1, num_blocks=1),
    ...     [PerceptualLoss(None, layer_weights={"image": 1.0}, weight=1.0)],
    ... )
    >>> game.logs
    ('generator_loss', 'l1', 'perceptual', 'layer_image')
    """

    def __init__(
        self,
        conditioning,
        generator,
        terms=(),
        features=None,
        encoder=None,
        encoder_regions="instances",
        encoder_reduction=1,
        **kwargs,
    ):
        encoding = encoder, encoder_regions, encoder_reduction
        super().__init__(conditioning, generator, terms, features, *encoding, **kwargs)
        if not self.terms:
            raise ValueError(
                "A RegressionGame needs something to minimise: list a `PerceptualLoss`, `L1Loss` "
                "or another loss in `terms`."
            )
        check_generator(conditioning, generator, self.num_features)
        self.take_terms()

    def compute_losses(self, batch):
        fake = self.generator(
            self.seen_by_generator(self.condition_of(batch), batch, training=True), training=True
        )
        real = to_unit_range(batch["image"])
        maps = {"real_maps": self.maps_of(real), "fake_maps": self.maps_of(fake)}
        total, logs = self.measure_terms(batch, real, fake, **maps)
        return {"generator": total}, {"generator_loss": total, **logs}

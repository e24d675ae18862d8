"""The base of all games: its parts, and the terms that its generator minimises."""

import math
from typing import Any

import keras
from keras import ops

from tfsynth.games.layer_factors import LayerFactors
from tfsynth.games.looks import check_encoder, warped, with_features
from tfsynth.games.terms import check_part, check_scalar, check_terms
from tfsynth.layers import with_channels


class Game(keras.layers.Layer):
    """Networks and the losses that they minimise, without their training.

    A subclass names its parts and players and writes `compute_losses`, pure mathematics in
    `keras.ops`: any trainer differentiates it, under any backend. Called with a batch, a game
    returns the pictures of its generator.

    Args:
        conditioning: A `Conditioning`, `ColourConditioning` or `PictureConditioning`: it encodes
            the label maps or condition pictures for the networks.
        generator: A network (batch, height, width, channels) -> pictures, linear or in [-1, 1],
            (batch, height, width, channels); a generator that makes k pictures of a layout returns
            (batch, k, height, width, channels) and has k as `num_outputs`.
        terms: List of `Loss`: what the generator minimises, each by its weight.
        features: A fixed network that the terms, and a discriminator on features, read pictures
            with: a `FeatureNetwork`, which a run trains on its own data before all else; `None`
            if nothing reads it.
        encoder: A `FeatureEncoder`, or `None`. It trains with the generator, which reads its
            features after the condition.
        encoder_regions: What the encoder's features are averaged over: "instances", or
            "labels" for one feature per class, where a dataset has no instances; condition
            pictures have no classes.
        encoder_reduction: The encoder reads photograph and regions this many times smaller,
            and its map is repeated: 2 for a generator with one enhancer, whose coarse
            network was trained with an encoder at half the size.

    Attributes:
        networks: Dict of role -> network, frozen ones too.
        players: Dict of player -> the list of networks that it trains.
        logs: Names of the scalars that `compute_losses` reports.
        shown: Those of them that a progress bar shows.
    """

    # Arguments that are networks; `None` means absent.
    roles = ("generator", "encoder", "features")
    ships = ("generator", "encoder")  # Those of them that are part of the trained model.
    logs = ("generator_loss", "l1")

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
        super().__init__(**kwargs)
        check_part("conditioning", conditioning, ("channels", "condition_name"), "Conditioning")
        check_part("generator", generator, ("input_channels", "output_channels"), "GlobalGenerator")
        self.conditioning = conditioning
        self.generator = generator
        self.terms: Any = terms or ()
        if features is not None:
            check_part("features", features, ("channels", "calibrate"), "FeatureNetwork")
            _check_read(generator)
            features.trainable = False
        self.features: Any = features
        if encoder is not None:
            check_part("encoder", encoder, ("num_features", "max_instances"), "FeatureEncoder")
        check_encoder(encoder, encoder_regions, encoder_reduction, conditioning, generator)
        self.encoder = encoder
        self.encoder_regions = encoder_regions
        self.encoder_reduction = encoder_reduction
        self.built = True  # Its networks are functional, so they are.

    @property
    def players(self):
        """Player name -> the list of networks that it trains."""
        encoders = [] if self.encoder is None else [self.encoder]
        return {"generator": [self.generator, *encoders]}

    @property
    def num_features(self):
        """Number of channels that the encoder adds to the condition."""
        return 0 if self.encoder is None else self.encoder.num_features

    @property
    def networks(self):
        """Role -> network, without absent ones."""
        found = {role: getattr(self, role) for role in self.roles}
        return {role: network for role, network in found.items() if network is not None}

    @property
    def shipped(self):
        """Role -> network, those that are part of the trained model."""
        return {role: n for role, n in self.networks.items() if role in self.ships}

    @property
    def size_multiple(self):
        """Height and width of the pictures must be multiples of this many pixels."""
        parts = [n for role, n in self.networks.items() if role != "encoder"]
        multiples = [getattr(part, "size_multiple", 1) for part in [*parts, *self.terms]]
        if self.encoder is not None:
            multiples.append(self.encoder_reduction * self.encoder.size_multiple)
        return math.lcm(*multiples)

    @property
    def minimum_size(self):
        """The smallest height and width that all parts take: a multiple."""
        parts = [n for role, n in self.networks.items() if role != "encoder"]
        minima = [getattr(part, "minimum_size", 1) for part in parts]
        if self.encoder is not None:
            minima.append(self.encoder_reduction * self.encoder.minimum_size)
        # The parts' minima need not be multiples.
        return -(-max(minima) // self.size_multiple) * self.size_multiple

    @property
    def layer_weights(self):
        """Log key -> weight of each layer now, of the terms whose balance can change."""
        found = {}
        for loss, factors in zip(self.terms, self.layer_factors, strict=True):
            if factors is not None:
                found |= factors.weights_now(loss.layer_weights)
        return found

    def call(self, batch, training=False):
        """Returns pictures (batch, [k,] height, width, channels) for a batch's conditions.

        With an encoder these are reconstructions, with the styles of `batch["image"]`.
        """
        seen = self.seen_by_generator(self.condition_of(batch), batch, training)
        return self.generator(seen, training=training)

    def seen_by_generator(self, condition, batch, training):
        """Returns the generator's input: conditions, and features of the photographs, if any.

        In training both are bent as the batch's `sources` say.

        Args:
            condition: What `condition_of` returns of the batch.
            batch: The batch.
            training: Whether it is called in training.
        """
        seen = condition  # (batch, height, width, channels)
        if self.encoder is not None:
            how = self.encoder_regions, self.encoder_reduction, training
            seen = with_features(seen, batch, self.encoder, *how)
        return warped(seen, batch) if training else seen

    def compute_losses(self, batch):
        """Computes the losses of a batch.

        Args:
            batch: Dict of tensors: `labels` (batch, height, width) integer ids, or
                `condition` (batch, height, width, channels) uint8; `instances`
                (batch, height, width) int32; `image` (batch, height, width, channels) uint8;
                and `sources` (batch, height, width) int32 where layouts are warped.

        Returns:
            `{player: loss}` and `{log: value}`, all float32 scalars.
        """
        raise NotImplementedError

    def condition_of(self, batch):
        """Returns a batch's encoded conditions, (batch, height, width, channels)."""
        return self.conditioning(batch[self.conditioning.condition_name], batch["instances"])

    def take_terms(self, shows=()):
        """Checks the terms, once the networks are set, and names what they log.

        Args:
            shows: Inputs of the terms that this game has beside the pictures and the layout.

        Raises:
            ValueError: If a term needs an input that the game does not have, or cannot read it.
        """
        shows = ("real", "fake", *shows)
        if self.features is not None:
            shows = (*shows, "real_maps", "fake_maps")
        if self.conditioning.num_classes is not None:
            shows = (*shows, "labels", "masks")
        taken = [name for name in self.logs if name != "l1"]  # Logged with and without its term.
        check_terms(self.terms, shows, taken, self.conditioning, self.generator)
        self.terms = list(self.terms)
        if self.features is not None:
            for loss in self.terms:
                loss.check_maps(self.features, self.conditioning.num_classes)
        names = [loss.name for loss in self.terms]
        self.layer_factors = [LayerFactors(t.layers) if t.layers else None for t in self.terms]
        shown = [name for name in names if name not in self.logs]
        self.shown = (*self.logs, *shown)
        of_layers = [name for factors in self.layer_factors if factors for name in factors.logs]
        self.logs = (*self.shown, *of_layers)

    def maps_of(self, picture):
        """Returns the dict of maps that the fixed network has of a picture, or {} without one."""
        if self.features is None:
            return {}
        return self.features(with_channels(picture, 3), training=False)

    def measure_terms(self, batch, real, fake, **more):
        """Returns the weighted sum of the terms, and their values by name.

        Args:
            batch: The batch.
            real: Its photographs (batch, height, width, channels) in [-1, 1].
            fake: Synthesised pictures.
            **more: Further inputs of the terms.
        """
        seen = {"real": real, "fake": ops.cast(fake, "float32"), **more}
        if any("labels" in loss.asks for loss in self.terms):
            seen["labels"] = batch["labels"]
        if any("masks" in loss.asks for loss in self.terms):
            # (batch, height, width) -> (batch, height, width, classes)
            classes = self.conditioning.num_classes
            seen["masks"] = ops.one_hot(batch["labels"], classes, dtype="float32")
        total, logs = ops.zeros((), "float32"), {"l1": _mean_difference(real, seen["fake"])}
        for loss, factors in zip(self.terms, self.layer_factors, strict=True):
            asked = {key: seen[key] for key in loss.asks}
            if factors is None:
                logs[loss.name] = loss(**asked)
            else:
                terms = loss.terms(**asked, factors=factors.factors)  # (layers,)
                logs |= {loss.name: ops.sum(terms), **factors.named(terms)}
            check_scalar(loss.name, logs[loss.name])
            total += loss.weight * logs[loss.name]
        return total, logs

    def get_config(self):
        save = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "conditioning": save(self.conditioning),
            **{role: save(getattr(self, role)) for role in self.roles},
            "encoder_regions": self.encoder_regions,
            "encoder_reduction": self.encoder_reduction,
            "terms": [save(loss) for loss in self.terms],
        }

    @classmethod
    def from_config(cls, config):
        load = keras.saving.deserialize_keras_object
        parts = ("conditioning", *cls.roles, "adversarial_loss")
        loaded = {name: load(config[name]) for name in parts if name in config}
        return cls(**{**config, **loaded, "terms": [load(node) for node in config["terms"]]})


def check_generator(conditioning, generator, features=0):
    """Raises `ValueError` unless a generator has the input channels of the conditioning.

    Args:
        conditioning: A `Conditioning` or `PictureConditioning`.
        generator: The network.
        features: Channels of an encoder's features, which come last.
    """
    given = conditioning.channels + features
    if generator.input_channels != given:
        raise ValueError(
            f"The generator's `input_channels` must be those of the conditioning"
            f"{' and the features together' if features else ''}: {given} "
            f"({conditioning.content}"
            f"{f', {features} features' if features else ''}). "
            f"Received: {generator.input_channels}."
        )


def _check_read(generator):
    """Raises `ValueError` unless a feature network can read a generator's pictures."""
    pictures, channels = getattr(generator, "num_outputs", 1), generator.output_channels
    if pictures > 1 or channels not in (1, 3):
        raise ValueError(
            "`features` reads one picture of each layout, of 3 channels or of one, which is "
            f"repeated; the generator makes {pictures} of {channels} channels. Leave it out, or "
            "change the generator's `num_outputs` or `output_channels`."
        )


def _mean_difference(real, fake):
    # Each of several pictures of a layout has the same photograph:
    # (batch, height, width, channels) -> (batch, 1, height, width, channels)
    target = real if len(fake.shape) == 4 else real[:, None]
    return ops.mean(ops.abs(target - fake))

"""What every trainer shares: players, their optimizers, and the differentiation of the game."""

import contextlib
import math

import keras
import tensorflow as tf

from tfsynth.layers import DropoutNoise, SpectralConv2D
from tfsynth.trainers import averages
from tfsynth.trainers.players import PlayerOptimizers
from tfsynth.trainers.transfer import transfer_weights


class Trainer(keras.Model):
    """Trains one or more players, each with an optimizer of its own.

    A subclass names its parts and players and writes the game: `compute_losses`,
    pure mathematics in `keras.ops`. This class differentiates it. Losses and
    gradients together are one computation per replica, compiled with XLA where that
    pays; collectives and optimizers run outside it, since `jit_compile=True` cannot
    enclose `tf.distribute` (keras#19005).

    Args:
        xla: Whether to compile losses and gradients with XLA. "auto" means on for
            accelerators and off on CPUs, where oneDNN without XLA is faster.
        frozen: Names of parts that do not train: an argument such as "encoder", or a section
            of a network that has sections, such as "generator.global". Their weights are not
            watched: no gradients, no moments, no activations kept for them.
        ema_decay: Of the moving averages of the weights of what ships, such as 0.999, which
            are validated, shown and shipped in their place (see `averages.move`); `None`
            for none.
    """

    parts = ()  # Constructor arguments that are objects; `None` means absent.
    ships = ()  # Names of the parts that are left when training is over.
    logs = ()  # The scalars that `compute_losses` reports.
    # What a trainer without such parts has of them.
    encoder = None
    encoder_regions = "instances"
    encoder_reduction = 1
    layer_factors = None
    segmentation_loss = None

    def __init__(self, xla="auto", frozen=(), ema_decay=None, **kwargs):
        super().__init__(**kwargs)
        if xla not in ("auto", True, False):
            raise ValueError(f"`xla` must be 'auto', true or false. Received: {xla!r}.")
        if ema_decay is not None and not 0 <= ema_decay < 1:
            raise ValueError(f"`ema_decay` is at least 0 and below 1. Received: {ema_decay}.")
        self.xla = xla
        self.frozen = tuple(frozen)
        self.ema_decay = ema_decay
        self.averages = {}
        self.trackers = {name: keras.metrics.Mean(name) for name in self.logs}
        self._gradients = tf.function(self.compute_gradients, jit_compile=self.uses_xla)

    @property
    def uses_xla(self):
        """Whether this machine compiles the game with XLA."""
        if self.xla != "auto":
            return self.xla
        return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))

    @property
    def players(self):
        """Player name -> the list of networks that it trains."""
        raise NotImplementedError

    @property
    def networks(self):
        """Dict of role -> network, frozen ones too: the parts that are Keras models."""
        parts = {name: getattr(self, name) for name in self.parts}
        return {name: part for name, part in parts.items() if isinstance(part, keras.Model)}

    @property
    def size_multiple(self):
        """Height and width of the pictures must be multiples of this many pixels."""
        parts = [getattr(self, name) for name in self.parts if name != "encoder"]
        multiples = [getattr(part, "size_multiple", 1) for part in parts]
        if self.encoder is not None:
            multiples.append(self.encoder_reduction * self.encoder.size_multiple)
        return math.lcm(*multiples)

    @property
    def minimum_size(self):
        """The smallest height and width that all parts take: a multiple."""
        parts = [getattr(self, name) for name in self.parts if name != "encoder"]
        minima = [getattr(part, "minimum_size", 1) for part in parts]
        if self.encoder is not None:
            minima.append(self.encoder_reduction * self.encoder.minimum_size)
        # The parts' minima need not be multiples.
        return -(-max(minima) // self.size_multiple) * self.size_multiple

    @property
    def layer_weights(self):
        """Log key -> weight of each layer of the perceptual loss now, for those re-estimated."""
        if self.layer_factors is None:
            return {}
        factors = keras.ops.convert_to_numpy(self.layer_factors.factors).tolist()
        weights = self.perceptual_loss.layer_weights.items()
        return {f"weight_{n}": w * f for (n, w), f in zip(weights, factors, strict=True)}

    def also_log(self, *names, shown=True):
        """Adds scalars that `compute_losses` reports because of the parts it has.

        Args:
            *names: Their names.
            shown: Whether progress bars show them too.
        """
        self.trackers.update({name: keras.metrics.Mean(name) for name in names})
        if shown:
            self.logs = (*self.logs, *names)

    def compute_losses(self, batch):
        """Plays the game once.

        Args:
            batch: Dict of tensors: `labels` (batch, height, width) integer ids, or
                `condition` (batch, height, width, channels) uint8; `instances`
                (batch, height, width) int32; `image` (batch, height, width, channels) uint8.

        Returns:
            `{player: loss}` and `{log: value}`, all float32 scalars.
        """
        raise NotImplementedError

    def compute_gradients(self, batch):
        """Returns `{log: scalar}` and `{player: list of gradients}` of one batch.

        One tape per player watches that player's weights only, so a single pass of
        the discriminator over the fakes serves both players.
        """
        watched = {p: [w.value for w in self.weights_of(p)] for p in self.players}
        with contextlib.ExitStack() as stack:
            tapes = {
                player: stack.enter_context(tf.GradientTape(watch_accessed_variables=False))
                for player in self.players
            }
            for player, tape in tapes.items():
                tape.watch(watched[player])
            losses, logs = self.compute_losses(batch)
        return logs, {
            player: tape.gradient(losses[player], watched[player]) for player, tape in tapes.items()
        }

    def compile(self, optimizers, **kwargs):
        """Prepares training.

        Args:
            optimizers: Dict of one `keras.optimizers.Optimizer` per player.
            **kwargs: Those of `keras.Model.compile` that fit a game: `run_eagerly`.

        Raises:
            ValueError: If a player lacks an optimizer or has one that scales its loss, or
                Keras's `optimizer`, `loss`, `jit_compile` or `steps_per_execution` is given.
        """
        for name in ("jit_compile", "steps_per_execution", "optimizer", "loss"):
            if name in kwargs:
                raise ValueError(
                    f"A trainer does not take `{name}`: its losses are constructor arguments, "
                    "its optimizers a dict with one per player, and `xla` says what is compiled."
                )
        if set(optimizers) != set(self.players):
            raise ValueError(
                f"Each player needs one optimizer. Players: {sorted(self.players)}. "
                f"Received optimizers for: {sorted(optimizers)}."
            )
        for player, optimizer in optimizers.items():
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                raise ValueError(
                    f"The optimizer of {player!r} is a LossScaleOptimizer: it divides gradients "
                    "by a scale that no loss here was multiplied by, so they would all but "
                    "vanish. Use its inner optimizer, in precision float32 or mixed_bfloat16."
                )
            if optimizer.use_ema and not optimizer.ema_overwrite_frequency:
                raise ValueError(
                    f"The optimizer of {player!r} has `use_ema`, and nothing would read its "
                    "averages. Set the trainer's `ema_decay` instead."
                )
        super().compile(optimizer=None, jit_compile=False, **kwargs)
        self.built = True  # Its networks are functional, so they are.
        self.player_optimizers = optimizers
        for player in self.players:
            weights = self.weights_of(player)
            if not weights:
                raise ValueError(
                    f"`frozen` {list(self.frozen)} leaves the {player} nothing to train."
                )
            optimizers[player].build(weights)
        if self.ema_decay is not None and not self.averages:
            self.averages = {name: averages.copy_of(n) for name, n in self.shipped.items()}
        # What Keras's callbacks see; it stands for all players' optimizers.
        self.optimizer = PlayerOptimizers(optimizers)

    def start_from(self, networks, exceptions=()):
        """Takes weights over from other networks; the averages start from them.

        Args:
            networks: Dict of role -> `keras.Model`.
            exceptions: See `plan_transfer`.

        Raises:
            ValueError: See `plan_transfer`; nothing is changed then.
        """
        transfer_weights(networks, self.networks, exceptions)
        for weight, average in self._averaged_weights():
            average.assign(weight)

    def fit(self, *args, shuffle=False, **kwargs):
        """As `keras.Model.fit`, except that the order is left to the dataset by default."""
        return super().fit(*args, shuffle=shuffle, **kwargs)

    def train_step(self, batch):
        batch = self.before_step(batch)
        logs, gradients = self._gradients(batch)
        logs = self.after_step(batch, logs)
        # Once per step and outside the compiled part: see `SpectralConv2D` and `DropoutNoise`.
        for layer in self._advancing_layers():
            layer.advance()
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for player in self.players:
            # Keras sums the replicas' gradients; each is the mean of its own part.
            self.player_optimizers[player].apply(
                [g / replicas for g in gradients[player]], self.weights_of(player)
            )
        if self.averages:
            averages.move(self._averaged_weights(), self.ema_decay, self.optimizer.iterations)
        return self._track(logs)

    def before_step(self, batch):
        """Returns what `compute_losses` sees of a batch: the place to add state of the trainer."""
        return batch

    def after_step(self, batch, logs):
        """Returns the scalars to log, of what `compute_losses` gave: the place to keep state."""
        return logs

    def test_step(self, batch):
        with self.as_shipped():
            _, logs = self.compute_losses(batch)
        return self._track(logs)

    @property
    def shipped(self):
        """Part name -> the network that is validated, shown and shipped: averaged, if any is."""
        parts = {name: getattr(self, name) for name in self.ships}
        return {n: self.averages.get(n, part) for n, part in parts.items() if part is not None}

    def as_shipped(self):
        """Returns a context in which the networks compute with their averaged weights."""
        values = [(weight, average.value) for weight, average in self._averaged_weights()]
        return keras.StatelessScope(values) if values else contextlib.nullcontext()

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def step(self):
        """Number of training steps so far, over all calls of `fit`."""
        return int(_number(next(iter(self.player_optimizers.values())).iterations))

    @property
    def learning_rates(self):
        """Player -> the learning rate of its optimizer now."""
        return {p: float(_number(o.learning_rate)) for p, o in self.player_optimizers.items()}

    def weights_of(self, player):
        """Returns the trainable weights of all networks of a player, frozen ones left out."""
        frozen = {id(w) for name in self.frozen for w in self._weights_named(name)}
        return [
            weight
            for network in self.players[player]
            for weight in network.trainable_variables
            if id(weight) not in frozen
        ]

    def _weights_named(self, name):
        """Returns the weights of the network, or of its section, that `frozen` names."""
        part, _, section = name.partition(".")
        networks = self.networks
        if part not in networks:
            raise ValueError(
                f"`frozen` names networks of this trainer: {', '.join(networks)}. "
                f"Received: {name!r}."
            )
        if not section:
            return networks[part].trainable_variables
        if not hasattr(networks[part], "section_layers"):
            raise ValueError(
                f"A {type(networks[part]).__name__} has no sections: freeze {part!r} as a whole. "
                f"Received: {name!r}."
            )
        layers = networks[part].section_layers(section)
        return [w for layer in layers for w in layer.trainable_variables]

    def _averaged_weights(self):
        """Returns pairs of each weight that ships and its average."""
        return [
            pair
            for name, average in self.averages.items()
            for pair in zip(getattr(self, name).variables, average.variables, strict=True)
        ]

    def _advancing_layers(self):
        layers = [v for player in self.players.values() for n in player for v in n.layers]
        return [v for v in layers if isinstance(v, (SpectralConv2D, DropoutNoise))]

    def _track(self, logs):
        for name, value in logs.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def get_config(self):
        save = keras.saving.serialize_keras_object
        parts = {name: save(getattr(self, name)) for name in self.parts}
        settings = {"xla": self.xla, "frozen": list(self.frozen), "ema_decay": self.ema_decay}
        return {**super().get_config(), **settings, **parts}

    @classmethod
    def from_config(cls, config):
        load = keras.saving.deserialize_keras_object
        # A part that is newer than the file is absent.
        parts = {name: load(config[name]) for name in cls.parts if name in config}
        return cls(**{**config, **parts})

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return {"optimizers": keras.saving.serialize_keras_object(dict(self.player_optimizers))}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))


def _number(scalar):
    # Under a strategy a variable has one copy per replica, and Python's numbers take none.
    return keras.ops.convert_to_numpy(scalar)

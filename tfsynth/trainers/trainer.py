"""The trainer of a game, in the part common to all backends: optimizers, averages, checkpoints."""

import contextlib

import keras
from keras import ops

from tfsynth.trainers import averages
from tfsynth.trainers.players import PlayerOptimizers
from tfsynth.trainers.transfer import transfer_weights

# Arguments of Keras's `compile` that a game has in another form.
_NOT_TAKEN = ("jit_compile", "steps_per_execution", "optimizer", "loss")


class BaseTrainer(keras.Model):
    """Trains the players of a game, each with an optimizer of its own.

    A subclass differentiates the game with its backend; the rest of a step, `apply`, is the same
    for all backends.

    Args:
        game: A `Game`.
        xla: Whether to compile losses and gradients with XLA. "auto" means on for
            accelerators and off on CPUs, where TensorFlow with oneDNN is faster without. JAX
            always compiles.
        frozen: Names of parts that do not train: a network such as "encoder", or a section
            of a network that has sections, such as "generator.global". Their weights are not
            watched: no gradients, no moments, no activations kept for them.
        ema_decay: Decay of the moving averages of the weights of the networks that ship, such as
            0.999, which are validated, shown and shipped in their place; `None` for none.
        ema_half_life: In place of `ema_decay`, their half-life as a share of the pictures seen so
            far, such as 0.05.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self,
        game,
        xla: str | bool = "auto",
        frozen=(),
        ema_decay=None,
        ema_half_life=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if xla not in ("auto", True, False):
            raise ValueError(f"`xla` must be 'auto', true or false. Received: {xla!r}.")
        if ema_decay is not None and not 0 <= ema_decay < 1:
            raise ValueError(f"`ema_decay` is at least 0 and below 1. Received: {ema_decay}.")
        if ema_half_life is not None and not 0 < ema_half_life <= 1:
            raise ValueError(
                f"`ema_half_life` is above 0 and at most 1. Received: {ema_half_life}."
            )
        if ema_decay is not None and ema_half_life is not None:
            raise ValueError("Give `ema_decay` or `ema_half_life`, not both.")
        self.game = game
        self.xla = xla
        self.frozen = tuple(frozen)
        self.ema_decay = ema_decay
        self.ema_half_life = ema_half_life
        self.averages = {}
        self.trackers = {name: keras.metrics.Mean(name) for name in game.logs}

    @property
    def players(self):
        """Player name -> the list of networks that it trains."""
        return self.game.players

    @property
    def networks(self):
        """Role -> network, frozen ones too."""
        return self.game.networks

    @property
    def shipped(self):
        """Role -> the network that is validated, shown and shipped: averaged, if any is."""
        return {role: self.averages.get(role, n) for role, n in self.game.shipped.items()}

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def step(self):
        """Number of training steps so far, over all calls of `fit`."""
        return int(_number(next(iter(self.player_optimizers.values())).iterations))

    @property
    def agrees(self):
        """Whether all players have taken the same steps: no error broke into one."""
        return self._steps_ahead() == self._ahead

    def mark_agreement(self):
        """Says that all players have taken the same steps now, whatever their optimizers count.

        One that goes on from the phase before counts on.
        """
        self._ahead = self._steps_ahead()

    def _steps_ahead(self):
        """Returns player -> how many steps its optimizer counts more than the first player's."""
        counts = {p: int(_number(o.iterations)) for p, o in self.player_optimizers.items()}
        return {player: count - self.step for player, count in counts.items()}

    @property
    def learning_rates(self):
        """Player -> the learning rate of its optimizer now."""
        return {p: float(_number(o.learning_rate)) for p, o in self.player_optimizers.items()}

    def call(self, batch, training=False):
        """Returns the game's pictures of a batch; those of the averaged weights, unless training.

        (batch, height, width, channels) in [-1, 1], or (batch, k, height, width, channels).
        """
        with contextlib.nullcontext() if training else self.as_shipped():
            return self.game(batch, training=training)

    def compile(self, optimizers, **kwargs):
        """Prepares training.

        Args:
            optimizers: Dict of one `keras.optimizers.Optimizer` per player.
            **kwargs: Those of `keras.Model.compile` that fit a game: `run_eagerly`.

        Raises:
            ValueError: If a player lacks an optimizer or has one that scales its loss, or
                Keras's `optimizer`, `loss`, `jit_compile` or `steps_per_execution` is given.
        """
        for name in _NOT_TAKEN:
            if name in kwargs:
                raise ValueError(
                    f"A trainer does not take `{name}`: its losses are the game's, its optimizers "
                    "a dict with one per player, and `xla` says what is compiled."
                )
        check_optimizers(self.players, optimizers)
        super().compile(optimizer=None, jit_compile=self.compiles_steps, **kwargs)
        self.built = True  # The game is.
        # In the order of the players: the first one's steps are the trainer's.
        self.player_optimizers = optimizers = {p: optimizers[p] for p in self.players}
        for player in self.players:
            weights = self.weights_of(player)
            if not weights:
                raise ValueError(
                    f"`frozen` {list(self.frozen)} leaves the {player} nothing to train. Remove "
                    "one of its parts from `frozen`."
                )
            optimizers[player].build(weights)
        if self.has_averages and not self.averages:
            self.averages = {name: averages.copy_of(n) for name, n in self.game.shipped.items()}
        # The optimizer that Keras's callbacks see; it stands for those of all players.
        self.optimizer = PlayerOptimizers(optimizers)
        self.mark_agreement()

    # Whether Keras compiles the whole step; a subclass may have to compile a part of it itself.
    compiles_steps = False

    def start_from(self, networks, exceptions=()):
        """Takes weights over from other networks; the averages start from them.

        Args:
            networks: Dict of role -> `keras.Model`.
            exceptions: See `plan_transfer`.

        Raises:
            ValueError: See `plan_transfer`; nothing is changed then.
        """
        transfer_weights(networks, self.networks, exceptions)
        for weight, average in self.averaged_weights():
            average.assign(ops.convert_to_numpy(weight))  # See `transfer_weights`.

    def fit(self, *args, shuffle=False, **kwargs):
        """As `keras.Model.fit`, except that the order is left to the dataset by default."""
        return super().fit(*args, shuffle=shuffle, **kwargs)

    def apply(self, logs, gradients):
        """Applies a training step: changes layers, weights, optimizers, averages, means.

        Args:
            logs: Dict of log key -> scalar, of `compute_losses`.
            gradients: Dict of player -> the gradients of its loss for its own weights.

        Returns:
            Dict of log key -> mean over the epoch so far.
        """
        # Once per step and outside the differentiated part: see `SpectralConv2D`, `NoiseLayer`
        # and `LayerFactors`.
        for layer in self._advancing_layers():
            layer.advance(logs)
        for player in self.players:
            self.player_optimizers[player].apply(gradients[player], self.weights_of(player))
        if self.averages:
            self.move_averages(self._share())
        return self.track(logs)

    @property
    def has_averages(self):
        """Whether the networks that ship are averaged."""
        return self.ema_decay is not None or self.ema_half_life is not None

    def _share(self):
        steps = self.optimizer.iterations
        if self.ema_half_life is not None:
            return averages.share_of_half_life(self.ema_half_life, steps)
        return averages.share_of(self.ema_decay, steps)

    def move_averages(self, share):
        """Moves the averages of the networks that ship towards the weights; see `averages.move`."""
        averages.move(self.averaged_weights(), share)

    def track(self, logs):
        """Adds the scalars of a step to the means of the epoch, and returns these."""
        for name, value in logs.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def as_shipped(self):
        """Returns a context in which the networks compute with their averaged weights."""
        values = [(weight, average.value) for weight, average in self.averaged_weights()]
        return keras.StatelessScope(values) if values else contextlib.nullcontext()

    def weights_of(self, player):
        """Returns the trainable weights of all networks of a player, frozen ones left out."""
        frozen = {id(w) for name in self.frozen for w in self._weights_named(name)}
        return [
            weight
            for network in self.players[player]
            for weight in network.trainable_variables
            if id(weight) not in frozen
        ]

    def averaged_weights(self):
        """Returns pairs of a weight that ships and its average."""
        return [
            pair
            for role, average in self.averages.items()
            for pair in zip(self.networks[role].variables, average.variables, strict=True)
        ]

    def _weights_named(self, name):
        """Returns the weights of the network, or of its section, that `frozen` names."""
        role, _, section = name.partition(".")
        networks = self.networks
        if role not in networks:
            raise ValueError(
                f"`frozen` names networks of this game: {', '.join(networks)}. Received: {name!r}."
            )
        if not section:
            return networks[role].trainable_variables
        if not hasattr(networks[role], "section_layers"):
            raise ValueError(
                f"A {type(networks[role]).__name__} has no sections: freeze {role!r} as a whole. "
                f"Received: {name!r}."
            )
        layers = networks[role].section_layers(section)
        return [w for layer in layers for w in layer.trainable_variables]

    def _advancing_layers(self):
        """Returns the layers whose state changes once per step: those that have `advance`."""
        layers = [v for player in self.players.values() for n in player for v in n.layers]
        return [v for v in [*layers, *self.game.layer_factors] if hasattr(v, "advance")]

    def get_config(self):
        return {
            **super().get_config(),
            "game": keras.saving.serialize_keras_object(self.game),
            "xla": self.xla,
            "frozen": list(self.frozen),
            "ema_decay": self.ema_decay,
            "ema_half_life": self.ema_half_life,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "game": keras.saving.deserialize_keras_object(config["game"])})

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return {"optimizers": keras.saving.serialize_keras_object(dict(self.player_optimizers))}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))


def check_optimizers(players, optimizers):
    """Raises `ValueError` unless each player has an optimizer that fits a game of several losses.

    Args:
        players: Names of the players.
        optimizers: Dict of player -> `keras.optimizers.Optimizer`.
    """
    if set(optimizers) != set(players):
        raise ValueError(
            f"Each player needs one optimizer. Players: {sorted(players)}. "
            f"Received optimizers for: {sorted(optimizers)}."
        )
    for player, optimizer in optimizers.items():
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            raise ValueError(
                f"The optimizer of {player!r} is a LossScaleOptimizer: it divides gradients "
                "by a scale that no loss here was multiplied by, so they would all but "
                "vanish. Use its inner optimizer, in precision float32 or mixed_bfloat16."
            )
        if (rate := float(_number(optimizer.learning_rate))) < 0:
            raise ValueError(
                f"`learning_rate` of the optimizer of {player!r} must be 0 or more, or it would "
                f"learn to do worse. Received: {rate:g}."
            )
        if optimizer.use_ema and not optimizer.ema_overwrite_frequency:
            raise ValueError(
                f"The optimizer of {player!r} has `use_ema`, and nothing would read its "
                "averages. Set the trainer's `ema_decay` instead."
            )


def _number(scalar):
    # Under a strategy a variable has one copy per replica, which `int` and `float` do not take.
    return ops.convert_to_numpy(scalar)

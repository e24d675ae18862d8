"""The trainer on TensorFlow: gradient tapes, `tf.distribute`, and XLA where it is faster."""

import contextlib

import tensorflow as tf

from tfsynth.registry import register
from tfsynth.trainers.trainer import BaseTrainer


@register
class Trainer(BaseTrainer):
    """Trains the players of a game, each with an optimizer of its own.

    Losses and gradients together are one computation per replica, compiled with XLA where that
    is faster; collectives and optimizers run outside it, since `jit_compile=True` cannot enclose
    `tf.distribute` (keras#19005).

    Args:
        game, xla, frozen, ema_decay, ema_half_life: See `BaseTrainer`.

    Example:

    >>> trainer = Trainer(game)
    >>> trainer.compile({player: keras.optimizers.Adam(2e-4, 0.5) for player in trainer.players})
    >>> trainer.fit(batches, epochs=10)
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
        super().__init__(game, xla, frozen, ema_decay, ema_half_life, **kwargs)
        self._gradients = tf.function(self.compute_gradients, jit_compile=self.uses_xla)

    @property
    def uses_xla(self):
        """Whether this machine compiles the game with XLA."""
        if self.xla != "auto":
            return self.xla
        return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))

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
            losses, logs = self.game.compute_losses(batch)
        return logs, {
            player: tape.gradient(losses[player], watched[player]) for player, tape in tapes.items()
        }

    def train_step(self, batch):
        logs, gradients = self._gradients(batch)
        # Keras sums the replicas' gradients; each is the mean of its own part.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return self.apply(logs, {p: [g / replicas for g in gradients[p]] for p in gradients})

    def test_step(self, batch):
        with self.as_shipped():
            _, logs = self.game.compute_losses(batch)
        return self.track(logs)

    def move_averages(self, share):
        pairs = self.averaged_weights()

        def approach(average, weight, share):
            average.assign_add(share * (weight - average))

        def replace(average, weight, share):
            average.assign(weight)

        def update(strategy, share):
            # Each device moves its own copy of the average towards its own copy of the weight.
            for weight, average in pairs:
                strategy.extended.update(
                    average.value,
                    approach if weight.trainable else replace,
                    args=(weight.value, share),
                    group=False,
                )

        tf.distribute.get_replica_context().merge_call(update, args=(share,))

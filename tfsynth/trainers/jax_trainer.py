"""The trainer on JAX, without TensorFlow: a step is one compiled function of its state."""

import jax
import keras
from keras import ops

from tfsynth.registry import register
from tfsynth.trainers.trainer import BaseTrainer


@register
class Trainer(BaseTrainer):
    """Trains the players of a game, each with an optimizer of its own.

    The game, the steps and the checkpoints are those of the trainer on TensorFlow; on one device.

    Args:
        game, xla, frozen, ema_decay, ema_half_life: See `BaseTrainer`.

    Example:

    >>> trainer = Trainer(game)
    >>> trainer.compile({player: keras.optimizers.Adam(2e-4, 0.5) for player in trainer.players})
    >>> trainer.fit(batches, epochs=10)
    """

    compiles_steps = True

    def train_step(self, state, batch):
        variables = self._state_variables()
        values = [value for part in state for value in part]
        logs, gradients = self.compute_gradients(batch, list(zip(variables, values, strict=True)))
        with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
            means = self.apply(logs, gradients)
        return means, self._state_in(scope, state)

    def test_step(self, state, batch):
        trainable, others, metrics = state
        variables = [*self.trainable_variables, *self.non_trainable_variables]
        values = dict(zip(map(id, variables), [*trainable, *others], strict=True))
        pairs = self.averaged_weights()
        averaged = [(weight, values[id(average)]) for weight, average in pairs]
        mapping = [*zip(variables, values.values(), strict=True), *averaged]
        with keras.StatelessScope(mapping):
            _, logs = self.game.compute_losses(batch)
        trackers = zip(self.metrics_variables, metrics, strict=True)
        with keras.StatelessScope(trackers) as scope:
            means = self.track(logs)
        kept = [scope.get_current_value(variable) for variable in self.metrics_variables]
        return means, (trainable, others, kept)

    def compute_gradients(self, batch, mapping):
        """Returns `{log: scalar}` and `{player: list of gradients}` of one batch.

        The game is evaluated once; of the gradients of each player's loss only those for that
        player's own weights are kept, and the compiler removes the rest.

        Args:
            batch: The batch.
            mapping: List of (variable, its value).
        """
        now = {id(variable): value for variable, value in mapping}
        own = {player: self.weights_of(player) for player in self.players}

        def play(values):
            changed = [pair for p in own for pair in zip(own[p], values[p], strict=True)]
            with keras.StatelessScope([*mapping, *changed]):
                return self.game.compute_losses(batch)

        values = {player: [now[id(weight)] for weight in own[player]] for player in own}
        losses, pull_back, logs = jax.vjp(play, values, has_aux=True)
        gradients = {}
        for player in own:
            seeds = {p: ops.ones_like(v) * float(p == player) for p, v in losses.items()}
            gradients[player] = pull_back(seeds)[0][player]
        return logs, gradients

    def _state_variables(self):
        """Returns the variables of Keras's state of training, in its order."""
        networks = [*self.trainable_variables, *self.non_trainable_variables]
        return [*networks, *self.optimizer.variables, *self.metrics_variables]

    def _state_in(self, scope, state):
        """Returns the values of the state in a scope, in the same structure."""
        values = iter([scope.get_current_value(v) for v in self._state_variables()])
        return tuple([next(values) for _ in part] for part in state)

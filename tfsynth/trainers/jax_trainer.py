"""Games trained by JAX, where TensorFlow is not: a step is one compiled function of its state."""

import jax
import keras

from tfsynth.registry import register
from tfsynth.trainers.trainer import BaseTrainer


@register
class Trainer(BaseTrainer):
    """Trains the players of a game, each with an optimizer of its own.

    The same game, steps and checkpoints as the trainer on TensorFlow's; on one device.

    Args:
        game, xla, frozen, ema_decay: See `BaseTrainer`.

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

        Each player's loss is differentiated for that player's weights only. The passes that they
        share are written twice, and computed once: the compiler finds them.

        Args:
            batch: The batch.
            mapping: List of (variable, its value).
        """
        now = {id(variable): value for variable, value in mapping}
        logs, gradients = {}, {}
        for player in self.players:
            own = self.weights_of(player)

            def loss_of(values, player=player, own=own):
                changed = zip(own, values, strict=True)
                with keras.StatelessScope([*mapping, *changed]):
                    losses, logs = self.game.compute_losses(batch)
                return losses[player], logs

            values = [now[id(weight)] for weight in own]
            gradients[player], logs = jax.grad(loss_of, has_aux=True)(values)
        return logs, gradients

    def _state_variables(self):
        """Returns the variables of Keras's state of training, in its order."""
        networks = [*self.trainable_variables, *self.non_trainable_variables]
        return [*networks, *self.optimizer.variables, *self.metrics_variables]

    def _state_in(self, scope, state):
        """Returns what a scope has made of the state, in the same form."""
        values = iter([scope.get_current_value(v) for v in self._state_variables()])
        return tuple([next(values) for _ in part] for part in state)

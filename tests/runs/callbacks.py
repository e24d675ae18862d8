"""Callbacks for the tests of whole runs: they press Ctrl-C, end an epoch early, or watch."""

import os
import signal

import keras
import numpy as np


class InterruptAt(keras.callbacks.Callback):
    """Presses Ctrl-C in a step, once or twice."""

    def __init__(self, step, times=1):
        super().__init__()
        self.step = step
        self.times = times

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.step == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


class InterruptInPhase(InterruptAt):
    """Presses Ctrl-C in a step of the phase that is so many after the first it sees."""

    def __init__(self, left, step):
        super().__init__(step)
        self.left = left
        self._optimizer = None

    def on_train_begin(self, logs=None):
        # The rest of a broken epoch is a training of its own, of the same optimizers.
        if self._optimizer not in (None, id(self.model.player_optimizers)):
            self.left -= 1
        self._optimizer = id(self.model.player_optimizers)

    def on_train_batch_begin(self, batch, logs=None):
        if self.left == 0:
            super().on_train_batch_begin(batch, logs)


class InterruptAfterTraining(keras.callbacks.Callback):
    """Presses Ctrl-C when Keras takes a training for ended."""

    def on_train_end(self, logs=None):
        os.kill(os.getpid(), signal.SIGINT)


class StopAfterAnEpoch(keras.callbacks.Callback):
    """Ends training as Keras's `EarlyStopping` does."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


class Watch(keras.callbacks.Callback):
    """Notes the weights at both ends of each training and the learning rates in it."""

    def __init__(self):
        super().__init__()
        self.starts, self.ends, self.rates, self.moments = [], [], [], []
        self.averages_are_the_weights = []

    def _weights(self):
        return {
            f"{role}.{layer.name}": [np.array(w) for w in layer.weights]
            for role, network in self.model.networks.items()
            for layer in network.layers
        }

    def on_train_begin(self, logs=None):
        self.starts.append(self._weights())
        pairs = [
            (weight, other)
            for name, network in self.model.shipped.items()
            for weight, other in zip(
                network.get_weights(), self.model.networks[name].get_weights(), strict=True
            )
        ]
        self.averages_are_the_weights.append(all(np.array_equal(*pair) for pair in pairs))
        self.moments.append(
            {
                player: (
                    int(optimizer.iterations),
                    float(sum(np.abs(np.array(v)).sum() for v in optimizer.variables[2:])),
                )
                for player, optimizer in self.model.player_optimizers.items()
            }
        )

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(round(self.model.learning_rates["generator"] / 2e-4, 6))

    def on_train_end(self, logs=None):
        self.ends.append(self._weights())


def equal(a, b, prefix):
    """Returns the set of whether layers of a name are equal: {True}, {False} or both."""
    names = [n for n in a if n.startswith(prefix) and n in b and a[n]]
    assert names
    return {all(np.array_equal(x, y) for x, y in zip(a[n], b[n], strict=True)) for n in names}

"""One interface to the optimizers of all players."""


class PlayerOptimizers:
    """Lets Keras's callbacks read and set the learning rate of all players at once.

    It is what `trainer.optimizer` returns. It is deliberately no `keras.optimizers.Optimizer`: at
    the end of `fit` Keras would pass the weights of all players to it.

    Args:
        optimizers: Dict of player name -> built `keras.optimizers.Optimizer`.
    """

    built = True

    def __init__(self, optimizers):
        self._optimizers = optimizers

    @property
    def learning_rate(self):
        """The learning rate of the first player; setting it sets every player's."""
        return self._first.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        for optimizer in self._optimizers.values():
            optimizer.learning_rate = value

    @property
    def variables(self):
        """The variables of all players' optimizers."""
        return [v for optimizer in self._optimizers.values() for v in optimizer.variables]

    @property
    def iterations(self):
        """Number of steps of the first player; all step together."""
        return self._first.iterations

    @property
    def _first(self):
        return next(iter(self._optimizers.values()))

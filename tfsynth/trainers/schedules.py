"""Learning-rate schedules, as functions of the epoch."""

from tfsynth.registry import register


@register
class ConstantThenLinearDecay:
    """Holds the learning rate, then lets it fall in a straight line to zero.

    pix2pixHD's schedule. Epochs count from 0 here, as Keras counts them. The decay
    starts one epoch late, as in the published implementation: with 100 and 100 the
    rate first falls in epoch 101 of 0..199, and the last epoch runs at 1/100.

    Args:
        learning_rate: The rate before the decay, larger than 0.
        constant_epochs: Epochs before the decay.
        decay_epochs: Epochs of the decay, 0 for none.

    Call arguments:
        epoch: Number of finished epochs, whole or fractional.
        learning_rate: Ignored; Keras's `LearningRateScheduler` passes the current one.

    Returns:
        The learning rate, 0 and more.

    Example:

    >>> schedule = ConstantThenLinearDecay(2e-4, constant_epochs=100, decay_epochs=100)
    >>> round(schedule(149), 9)
    0.000102
    """

    def __init__(self, learning_rate=2e-4, constant_epochs=100, decay_epochs=100):
        if learning_rate <= 0 or constant_epochs < 0 or decay_epochs < 0:
            raise ValueError(
                "`learning_rate` must be above 0, the epochs 0 or more. "
                f"Received: {learning_rate}, {constant_epochs}, {decay_epochs}."
            )
        self.learning_rate = learning_rate
        self.constant_epochs = constant_epochs
        self.decay_epochs = decay_epochs

    @property
    def epochs(self):
        """Epochs in all."""
        return self.constant_epochs + self.decay_epochs

    def __call__(self, epoch, learning_rate=None):
        late = max(0.0, epoch - self.constant_epochs)
        if late == 0.0:
            return self.learning_rate
        return self.learning_rate * max(0.0, 1.0 - late / max(self.decay_epochs, 1))

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "constant_epochs": self.constant_epochs,
            "decay_epochs": self.decay_epochs,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)

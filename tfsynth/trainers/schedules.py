"""Learning-rate schedules, as functions of the epoch."""

import math

from tfsynth.registry import register


@register
class ConstantThenLinearDecay:
    """Keeps the learning rates constant, then decays them linearly to zero.

    pix2pixHD's schedule, as the factor of every player's own rate. Epochs count from 0
    here, as Keras counts them. The decay starts one epoch late, as in the published
    implementation: with 100 and 100 the rate first falls in epoch 101 of 0..199, and the
    last epoch runs at 1/100.

    Args:
        constant_epochs: Epochs before the decay.
        decay_epochs: Epochs of the decay, 0 for none.

    Call arguments:
        epoch: Number of finished epochs, whole or fractional.

    Returns:
        The factor, 0..1.

    Example:

    >>> schedule = ConstantThenLinearDecay(constant_epochs=100, decay_epochs=100)
    >>> round(2e-4 * schedule(149), 9)
    0.000102
    """

    def __init__(self, constant_epochs=100, decay_epochs=100):
        if constant_epochs < 0 or decay_epochs < 0 or constant_epochs + decay_epochs < 1:
            raise ValueError(
                "`constant_epochs` and `decay_epochs` must be 0 or more, together 1 or more. "
                f"Received: {constant_epochs}, {decay_epochs}."
            )
        self.constant_epochs = constant_epochs
        self.decay_epochs = decay_epochs

    @property
    def epochs(self):
        """Epochs in all."""
        return self.constant_epochs + self.decay_epochs

    def __call__(self, epoch):
        late = max(0.0, epoch - self.constant_epochs)
        return 1.0 if late == 0.0 else max(0.0, 1.0 - late / max(self.decay_epochs, 1))

    def get_config(self):
        return {"constant_epochs": self.constant_epochs, "decay_epochs": self.decay_epochs}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@register
class ConstantThenCosineDecay(ConstantThenLinearDecay):
    """Keeps the learning rates constant, then lets them fall to zero as a cosine does.

    The half cosine of https://arxiv.org/abs/1608.03983, equation 5, without restarts, over the last
    epochs only.

    Args:
        constant_epochs: Epochs before the decay.
        decay_epochs: Epochs of the decay, 0 for none.

    Call arguments:
        epoch: Number of finished epochs, whole or fractional.

    Returns:
        The factor, 0..1.

    Example:

    >>> schedule = ConstantThenCosineDecay(constant_epochs=70, decay_epochs=30)
    >>> [round(schedule(epoch), 3) for epoch in (70, 85, 100)]
    [1.0, 0.5, 0.0]
    """

    def __call__(self, epoch):
        return 0.5 - 0.5 * math.cos(math.pi * super().__call__(epoch))

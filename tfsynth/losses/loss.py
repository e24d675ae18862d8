"""The base of every loss."""


class Loss:
    """A weighted term of a training objective.

    A loss returns the mean over the batch it is given, as a float32 scalar,
    neither weighted nor divided by the number of replicas: the trainer does both,
    once. (A `keras.losses.Loss` divides by the replicas itself.)

    Args:
        weight: The factor of this term in its player's total.
    """

    def __init__(self, weight=1.0):
        self.weight = weight

    def get_config(self):
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

"""The balance between the layers of a perceptual loss, found while it trains.

Cascaded Refinement Networks, https://arxiv.org/abs/1707.09405, section 3.
"""

import keras
import numpy as np

# The layer that the others are brought in balance with.
_IMAGE = "image"


class LayerFactors(keras.layers.Layer):
    """What the layers' weights are multiplied by, and the means to find it. Saved with a trainer.

    Args:
        names: Names of the layers.
    """

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.names = tuple(names)
        count = len(self.names)
        self.factors = self._state("factors", (count,), "ones")
        self._sums = self._state("sums", (count,), "zeros")
        self._steps = self._state("steps", (), "zeros")
        self.built = True

    @property
    def term_names(self):
        """The log keys of the layers' terms."""
        return tuple(f"layer_{name}" for name in self.names)

    def named(self, terms):
        """Returns a tensor (layers,) as a dict of log key -> scalar."""
        return {name: terms[i] for i, name in enumerate(self.term_names)}

    def add(self, logs):
        """Takes the terms of one step into the means; call it in `train_step`."""
        self._sums.assign_add(keras.ops.stack([logs[name] for name in self.term_names]))
        self._steps.assign_add(1.0)

    def restart(self):
        """Forgets the means."""
        self._sums.assign(keras.ops.zeros_like(self._sums))
        self._steps.assign(0.0)

    def balance(self):
        """Divides each layer's factor by the mean of its term over that of the image's.

        Without a layer "image" it is that of the first. A layer whose terms were zero stays as
        it is. The means start anew.

        Returns:
            Dict of layer name -> factor.
        """
        sums = keras.ops.convert_to_numpy(self._sums)
        factors = keras.ops.convert_to_numpy(self.factors)
        reference = sums[self.names.index(_IMAGE) if _IMAGE in self.names else 0]
        usable = (sums > 0) & (reference > 0)
        ratios = np.divide(sums, reference, out=np.ones_like(sums), where=usable)
        self.factors.assign(factors / ratios)
        self.restart()
        return dict(zip(self.names, (factors / ratios).tolist(), strict=True))

    def _state(self, name, shape, initializer):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="mean",  # Over replicas: each adds the terms of its part of the batch.
        )


class ReestimateLayerWeights(keras.callbacks.Callback):
    """Brings the layers of a perceptual loss into balance after an epoch, and logs their weights.

    In that epoch the means of the layers' weighted terms are taken; after it, each layer's
    weight is divided by the mean of its term over that of the image's, so that all layers add as
    much to the loss. Means of what enters the loss: of several pictures the best ones, where the
    published program takes all.

    Factors and means are part of a checkpoint: a run that stops goes on as it would have.

    Args:
        epoch: The epoch, counted from 1; 100 as published.
        steps_per_epoch: Steps in an epoch.
    """

    def __init__(self, epoch, steps_per_epoch):
        super().__init__()
        self.epoch = epoch
        self.steps_per_epoch = steps_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        # By the number of steps: a run may be taken up in the middle of the epoch, or, between
        # its last step and its checkpoint, at its end.
        if self.model.step == (self.epoch - 1) * self.steps_per_epoch:
            self.model.layer_factors.restart()
        if self.model.step == self.epoch * self.steps_per_epoch:
            self.model.layer_factors.balance()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update(self.model.layer_weights)

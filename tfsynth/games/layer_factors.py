"""The balance between the layers of a perceptual loss, found while it trains.

Cascaded Refinement Networks, https://arxiv.org/abs/1707.09405, section 3.
"""

import keras
import numpy as np

# The layer that the others are balanced with.
_IMAGE = "image"


class LayerFactors(keras.layers.Layer):
    """The factors of the layers' weights, and the means that they are computed from.

    Both are saved with a trainer.

    This is one of the layers that change once per training step: see `advance`.

    Args:
        names: Names of the layers.
    """

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.names = tuple(names)
        count = len(self.names)
        # Both (layers,), in the order of the names.
        self.factors = self._state("factors", (count,), "ones")
        self._sums = self._state("sums", (count,), "zeros")
        self._steps = self._state("steps", (), "zeros")
        self.built = True

    @property
    def logs(self):
        """The log keys of the layers' terms."""
        return tuple(f"layer_{name}" for name in self.names)

    def named(self, terms):
        """Returns a tensor (layers,) as a dict of log key -> scalar."""
        return {name: terms[i] for i, name in enumerate(self.logs)}

    def weights_now(self, weights):
        """Returns log key -> weight now, of a dict of layer name -> weight."""
        factors = keras.ops.convert_to_numpy(self.factors).tolist()
        return {f"weight_{n}": w * f for (n, w), f in zip(weights.items(), factors, strict=True)}

    def advance(self, logs):
        """Adds the terms of one step to the means."""
        self._sums.assign_add(keras.ops.stack([logs[name] for name in self.logs]))
        self._steps.assign_add(1.0)

    def restart(self):
        """Resets the means."""
        self._sums.assign(keras.ops.zeros_like(self._sums))
        self._steps.assign(0.0)

    def balance(self):
        """Divides each layer's factor by the mean of its term over that of the image's.

        Without a layer "image" it is that of the first layer. The factor of a layer whose terms
        were zero does not change. The means are reset.

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

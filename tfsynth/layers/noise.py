"""Noise of a generator: dropout that stays on, https://arxiv.org/abs/1611.07004, section 3.1."""

import contextlib
from typing import Any

import keras
from keras import ops

from tfsynth.registry import register


@register
class DropoutNoise(keras.layers.Layer):
    """Dropout in training and at test time alike: the only noise that pix2pix has.

    A call changes nothing: with the seed that the layer holds, the same input gives the same
    output. `advance` moves the seed on; `tfsynth.trainers` calls it once per training step, so
    that validation and samples leave the training as it is. All replicas of a step draw alike.
    The seed that it holds is stored with the weights, and is none of them. In `seeded` the
    noise is that of another seed. A backend, and TensorFlow's XLA, each makes other noise of
    a seed.

    Args:
        rate: Share of the values set to 0; the others are divided by 1 - rate.
        seed: Seed to begin with; `None` for Keras's global generator.

    Call arguments:
        inputs: Float tensor of any shape.

    Returns:
        A tensor of the same shape and type.

    Example:

    >>> layer = DropoutNoise(0.5, seed=3)
    >>> once, again = (layer(keras.ops.ones((1, 4, 4, 2))) for _ in range(2))
    >>> bool(keras.ops.all(once == again)), sorted({float(x) for x in np.ravel(once)})
    (True, [0.0, 2.0])
    """

    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` is at least 0 and below 1. Received: {rate}.")
        self.rate = rate
        self.seed = seed
        self.source = _Source(seed)
        # XLA in TensorFlow draws other numbers: Keras shall not choose it for prediction, or a
        # seed would mean one thing there and another in the exported model.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self._build_at_init()

    def call(self, inputs):
        return keras.random.dropout(inputs, self.rate, seed=self.source)

    def advance(self, logs=None):
        """Moves the seed on: what is drawn from here on is other noise."""
        state = self.source.state
        state.assign(state + ops.convert_to_tensor([0, 1], dtype=state.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def save_own_variables(self, store):
        # Keras leaves seeds out, and a run that is taken up again would draw other noise.
        store["seed"] = ops.convert_to_numpy(self.source.state)

    def load_own_variables(self, store):
        self.source.state.assign(store["seed"])

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def has_noise(network):
    """Returns whether a network draws noise: its outputs differ by seed."""
    return bool(_noise_layers(network))


@contextlib.contextmanager
def seeded(network, seed):
    """Lets a network draw the noise of a seed in the block, and leaves its own as it is.

    Args:
        network: A functional network; one without noise is none the different.
        seed: Integer scalar, a number or a tensor; `None` for the network's own.
    """
    layers = [] if seed is None else _noise_layers(network)
    for i, layer in enumerate(layers):
        dtype = layer.source.state.dtype
        # (2,), as Keras's seeds are; by its number each layer draws noise of its own.
        layer.source.given = ops.stack([ops.cast(seed, dtype), ops.cast(i, dtype)])
    try:
        yield
    finally:
        for layer in layers:
            layer.source.given = None


def _noise_layers(network):
    return [layer for layer in network.layers if isinstance(layer, DropoutNoise)]


class _Source(keras.random.SeedGenerator):
    """A seed generator that gives the seed that it holds until it is told to move on."""

    def __init__(self, seed):
        super().__init__(seed, name="noise")
        self.given: Any = None

    def next(self, ordered=True):
        return ops.convert_to_tensor(self.state) if self.given is None else self.given

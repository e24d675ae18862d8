"""Noise of a generator: dropout that stays on, https://arxiv.org/abs/1611.07004, section 3.1."""

import contextlib
import contextvars
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfsynth.registry import register

# The seeds that `seeded` gives, by the identity of a layer's source. A context is that of one
# thread, so that threads that share a network draw the noise of their own seeds.
_given: contextvars.ContextVar[Mapping[int, Any] | None] = contextvars.ContextVar(
    "given", default=None
)


@register
class DropoutNoise(keras.layers.Layer):
    """Dropout in training and at test time alike: the only noise that pix2pix has.

    A call does not change the state: with the seed of the layer, the same input gives the same
    output. `advance` changes the seed; `tfsynth.trainers` calls it once per training step, so
    that validation and samples do not influence training. All replicas draw the same noise in a
    step. The seed is stored with the weights, but is not one of them. `seeded` sets another seed.
    The noise of a seed depends on the backend, and on whether TensorFlow compiles with XLA.

    Args:
        rate: Share of the values set to 0; the others are divided by 1 - rate.
        seed: First seed; `None` for Keras's global generator.

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
        # XLA in TensorFlow draws other numbers: Keras must not choose it for prediction, or a seed
        # would give other noise there than in the exported model.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self._build_at_init()

    def call(self, inputs):
        return keras.random.dropout(inputs, self.rate, seed=self.source)

    def advance(self, logs=None):
        """Changes the seed: the following calls draw other noise."""
        state = self.source.state
        state.assign(state + ops.convert_to_tensor([0, 1], dtype=state.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def save_own_variables(self, store):
        # Keras does not save seeds, and a resumed run would draw other noise.
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
    """Makes a network draw the noise of a seed in the block; its own seed does not change.

    Only calls in the same thread (more exactly, in the same context) see it.

    Args:
        network: A functional network; without noise nothing changes.
        seed: Integer scalar, a number or a tensor; `None` for the network's own.
    """
    layers = [] if seed is None else _noise_layers(network)
    given = dict(_given.get() or {})
    for i, layer in enumerate(layers):
        dtype = layer.source.state.dtype
        # (2,), as Keras's seeds are; by its number each layer draws noise of its own.
        given[id(layer.source)] = ops.stack([ops.cast(seed, dtype), ops.cast(i, dtype)])
    token = _given.set(given)
    try:
        yield
    finally:
        _given.reset(token)


def _noise_layers(network):
    return [layer for layer in network.layers if isinstance(layer, DropoutNoise)]


class _Source(keras.random.SeedGenerator):
    """A seed generator that returns the same seed until `advance` changes it."""

    def __init__(self, seed):
        super().__init__(seed, name="noise")

    def next(self, ordered=True):
        given = (_given.get() or {}).get(id(self))
        return ops.convert_to_tensor(self.state) if given is None else given

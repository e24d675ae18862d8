"""Noise of a generator: dropout that stays on, and maps of noise as further channels.

pix2pix, https://arxiv.org/abs/1611.07004, section 3.1, has the first.
"""

import contextlib
import contextvars
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfsynth.layers import hashing
from tfsynth.layers.arguments import check_sizes
from tfsynth.registry import register

# The sum of two uniform numbers in 0..1 has variance 1/6.
_SUM_SCALE = 6**0.5

# The hashes that `seeded` gives, by the identity of a layer's source. A context is that of one
# thread, so that threads that share a network draw the noise of their own seeds.
_given: contextvars.ContextVar[Mapping[int, Any] | None] = contextvars.ContextVar(
    "given", default=None
)


class NoiseLayer(keras.layers.Layer):
    """The base of the layers that draw noise, in training and at test time alike.

    A call does not change the state: with the seed of the layer, the same input gives the same
    output. `advance` changes the seed; `tfsynth.trainers` calls it once per training step, so
    that validation and samples do not influence training. All replicas draw the same noise in a
    step. The seed is stored with the weights, but is not one of them. `seeded` sets others, one for
    each picture. The noise of a seed is the same on every backend and in every export.

    Args:
        seed: First seed; `None` for Keras's global generator.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.source = _Source(seed)

    def draw(self, inputs, channels):
        """Returns the hash of each place: `hashing.State` (batch, height, width, channels).

        Args:
            inputs: Tensor (batch, height, width, any): the pictures.
            channels: Number of numbers at each place.
        """
        batch, height, width, _ = ops.shape(inputs)
        state = self.source.hashed(batch)  # (batch, 1, 1, 1)
        for axis, size in ((1, height), (2, width), (3, channels)):
            shape = [-1 if i == axis else 1 for i in range(4)]
            state = hashing.absorb(state, ops.reshape(ops.arange(size, dtype="int32"), shape))
        return state

    def advance(self, logs=None):
        """Changes the seed: the following calls draw other noise."""
        state = self.source.state
        state.assign(state + ops.convert_to_tensor([0, 1], dtype=state.dtype))

    def save_own_variables(self, store):
        # Keras does not save seeds, and a resumed run would draw other noise.
        store["seed"] = ops.convert_to_numpy(self.source.state)

    def load_own_variables(self, store):
        self.source.state.assign(store["seed"])

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@register
class DropoutNoise(NoiseLayer):
    """Dropout in training and at test time alike: the only noise that pix2pix has.

    See `NoiseLayer` for its seed.

    Args:
        rate: Share of the values set to 0; the others are divided by 1 - rate.
        seed: First seed; `None` for Keras's global generator.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).

    Returns:
        A tensor of the same shape and type.

    Example:

    >>> layer = DropoutNoise(0.5, seed=3)
    >>> once, again = (layer(keras.ops.ones((1, 4, 4, 2))) for _ in range(2))
    >>> bool(keras.ops.all(once == again)), sorted({float(x) for x in np.ravel(once)})
    (True, [0.0, 2.0])
    """

    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` is at least 0 and below 1. Received: {rate}.")
        self.rate = rate
        self._build_at_init()

    def call(self, inputs):
        drawn = self.draw(inputs, ops.shape(inputs)[3])
        # (batch, height, width, channels)
        kept = ops.cast(drawn.left >= round(self.rate * hashing.PRIME), inputs.dtype)
        return inputs * kept * (1 / (1 - self.rate))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


@register
class NoiseMaps(NoiseLayer):
    """Appends channels of noise, independent from pixel to pixel, of mean 0 and variance 1.

    What a layout does not say, such as where each wave or tree is, a generator can make of them.
    They are plain further channels for the next convolution. Each is the sum of two uniform
    numbers, within +-2.45. See `NoiseLayer` for the seed.

    Args:
        channels: Number of channels of noise.
        seed: First seed; `None` for Keras's global generator.

    Call arguments:
        inputs: Float tensor (batch, height, width, n).

    Returns:
        A tensor (batch, height, width, n + channels) of the same type.

    Example:

    >>> layer = NoiseMaps(2, seed=3)
    >>> noise = layer(keras.ops.zeros((1, 64, 64, 1)))[..., 1:]
    >>> round(float(keras.ops.mean(noise)), 1), round(float(keras.ops.std(noise)), 1)
    (0.0, 1.0)
    """

    def __init__(self, channels=1, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        check_sizes(channels=channels)
        self.channels = channels
        self._build_at_init()

    def call(self, inputs):
        drawn = self.draw(inputs, self.channels)
        # Each in 0..PRIME - 1; a sum has the variance of PRIME^2 / 6.
        total = ops.cast(drawn.left + drawn.right, "float32")
        # One seed for all pictures, (1, height, ...), is drawn once.
        total = ops.broadcast_to(total, (*ops.shape(inputs)[:3], self.channels))
        noise = total * (_SUM_SCALE / hashing.PRIME) - _SUM_SCALE
        return ops.concatenate([inputs, ops.cast(noise, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


def has_noise(network):
    """Returns whether a network draws noise: its outputs differ by seed."""
    return bool(_noise_layers(network))


@contextlib.contextmanager
def seeded(network, seeds):
    """Makes a network draw the noise of given seeds in the block; its own seed does not change.

    The noise of a picture depends on its seed alone, and not on the others of its batch. Only
    calls in the same thread (more exactly, in the same context) see it.

    Args:
        network: A functional network; without noise nothing changes.
        seeds: Int32 (batch,), one for each picture, or one for all of them, a number or a tensor;
            `None` for the network's own.
    """
    layers = [] if seeds is None else _noise_layers(network)
    given = dict(_given.get() or {})
    for i, layer in enumerate(layers):
        words = hashing.parts(ops.reshape(ops.cast(seeds, "int32"), (-1, 1, 1, 1)))
        # By its number each layer draws noise of its own.
        given[id(layer.source)] = hashing.absorb(hashing.START, hashing.NOISE, i, *words)
    token = _given.set(given)
    try:
        yield
    finally:
        _given.reset(token)


def _noise_layers(network):
    return [layer for layer in network.layers if isinstance(layer, NoiseLayer)]


class _Source(keras.random.SeedGenerator):
    """A seed, of which only `advance` makes another."""

    def __init__(self, seed):
        super().__init__(seed, name="noise")

    def hashed(self, batch):
        """Returns the hash for each picture of a batch, (batch or 1, 1, 1, 1)."""
        given = (_given.get() or {}).get(id(self))
        if given is not None:
            return given
        seed = ops.cast(ops.convert_to_tensor(self.state), "int32")
        words = (*hashing.parts(seed[0]), *hashing.parts(seed[1]))
        rows = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1, 1))
        return hashing.absorb(hashing.START, *words, rows)

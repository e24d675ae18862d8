"""Networks of operations that not every format has."""

import keras
from keras import ops

from tests.synthesis.synthesizers import LABELS
from tfsynth.layers import Conditioning
from tfsynth.synthesis.synthesizer import Synthesizer


@keras.saving.register_keras_serializable("tests")
class RandomNoise(keras.layers.Layer):
    """Noise of Keras's random numbers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seeds)


@keras.saving.register_keras_serializable("tests")
class AreaResizing(keras.layers.Layer):
    """Half the size and back, with TensorFlow's method of areas."""

    def call(self, inputs):
        import tensorflow as tf

        height, width = ops.shape(inputs)[1], ops.shape(inputs)[2]
        half = tf.image.resize(inputs, (height // 2, width // 2), method="area")
        return tf.image.resize(half, (height, width))


class Around(keras.Model):
    """Two convolutions around a layer: a generator of three classes."""

    size_multiple = 2
    minimum_size = 2
    input_channels = 3
    output_channels = 3

    def __init__(self, layer):
        condition = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, padding="same", name="stem")(condition)
        image = keras.layers.Conv2D(3, 3, padding="same", name="head")(layer(x))
        super().__init__(condition, image)


def synthesizer_with(layer):
    """Returns an untrained synthesizer that has a layer between two convolutions."""
    keras.utils.set_random_seed(1)
    return Synthesizer(Around(layer), Conditioning(3, edges=False), LABELS)

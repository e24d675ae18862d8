"""The smallest generator of several pictures, for the tests of what such ones need."""

import keras
from keras import layers

from tfsynth.registry import register, without_policy


@register
class SeveralPictures(keras.Model):
    """Two convolutions, and k linear pictures of each layout: (batch, k, height, width, 3)."""

    size_multiple = 1
    minimum_size = 1
    output_channels = 3

    def __init__(self, input_channels, num_outputs=1, filters=4, **kwargs):
        condition = keras.Input((None, None, input_channels))
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="first")(condition)
        x = layers.Conv2D(3 * num_outputs, 1, name="head")(x)
        if num_outputs > 1:
            pictures = [x[..., 3 * u : 3 * u + 3] for u in range(num_outputs)]
            x = keras.ops.stack(pictures, axis=1)
        super().__init__(condition, x, **kwargs)
        self.input_channels = input_channels
        self.num_outputs = num_outputs
        self.filters = filters

    def section_layers(self, section):
        """Returns the layers of a section: "first" or "head"."""
        return [self.get_layer(section)]

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "input_channels": self.input_channels,
            "num_outputs": self.num_outputs,
            "filters": self.filters,
        }

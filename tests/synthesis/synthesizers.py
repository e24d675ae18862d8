"""Small untrained synthesizers and the layouts that they are given."""

import keras
import numpy as np

from tfsynth.layers import ColourConditioning, Conditioning, PictureConditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.networks import FeatureEncoder, GlobalGenerator, LayoutDecoder, UNetGenerator
from tfsynth.synthesis.styles import StyleTable
from tfsynth.synthesis.synthesizer import Synthesizer

LABELS = LabelSet(["sky", "road", "car"], [(0, 0, 255), (90, 90, 90), (255, 0, 0)])
# Of a styled synthesizer: its looks, and a layout with two cars.
TABLE = StyleTable({2: [[0.9, -0.9], [-0.9, 0.9]]}, {2: [3, 1]})
LAYOUT = np.zeros((8, 12), "uint8")
LAYOUT[4:] = 1
LAYOUT[2:6, 1:5] = LAYOUT[2:6, 7:11] = 2
INSTANCES = LAYOUT * 100
INSTANCES[2:6, 7:11] = 201


def synthesizer(edges=True):
    """Returns a model of instance edges (or none) and three classes."""
    keras.utils.set_random_seed(3)
    conditioning = Conditioning(3, edges=edges)
    generator = GlobalGenerator(conditioning.channels, filters=2, num_downsamples=2, num_blocks=1)
    return Synthesizer(generator, conditioning, LABELS, {"steps": 5})


def layout(height, width):
    """Returns labels and instances of sky, road and a car."""
    labels = np.zeros((height, width), "uint8")
    labels[height // 2 :] = 1
    labels[height // 2 + 1 :, : width // 3] = 2
    return labels, labels.astype("int32") * 1000


def picture_synthesizer(channels=1, output_channels=1, edges=False):
    """Returns a model of condition pictures."""
    keras.utils.set_random_seed(3)
    conditioning = PictureConditioning(channels, edges=edges)
    generator = GlobalGenerator(
        *(conditioning.channels, output_channels), filters=2, num_downsamples=2, num_blocks=1
    )
    return Synthesizer(generator, conditioning)


def noisy_synthesizer(dropout=0.5):
    """Returns a model that draws noise (or none), not all grey."""
    keras.utils.set_random_seed(3)
    generator = UNetGenerator(3, filters=2, depth=3, dropout=dropout)
    for weight in generator.trainable_weights:
        # The first weights are so small that the picture is grey.
        weight.assign(10 * weight)
    return Synthesizer(generator, ColourConditioning(LABELS.colours), LABELS)


def decoder_synthesizer(styles=None):
    """Returns a layout decoder with maps of noise, and with styles if they are given."""
    keras.utils.set_random_seed(3)
    features = 0 if styles is None else styles.num_features
    generator = LayoutDecoder(4 + features, widths=(6, 4, 4))
    head = generator.get_layer("head_conv")
    # The first weights are so small that the picture is grey.
    head.kernel.assign(30 * head.kernel)
    encoder = None
    if features:
        encoder = FeatureEncoder(num_features=features, filters=2, num_downsamples=1)
    return Synthesizer(generator, Conditioning(3), LABELS, encoder=encoder, styles=styles)


def styled_synthesizer(styles=TABLE, regions="instances", reduction=1):
    """Returns a model with a feature encoder and two looks of cars."""
    keras.utils.set_random_seed(1)
    return Synthesizer(
        GlobalGenerator(6, filters=4, num_downsamples=1, num_blocks=1),
        Conditioning(3),
        LABELS,
        encoder=FeatureEncoder(num_features=2, filters=2, num_downsamples=1, max_instances=5),
        styles=styles,
        encoder_regions=regions,
        encoder_reduction=reduction,
    )


def wide():
    """A synthesizer large enough for its weights to be most of its file."""
    generator = keras.saving.serialize_keras_object(GlobalGenerator(6, filters=32, num_blocks=0))
    model = styled_synthesizer()
    return type(model).from_config({**model.get_config(), "generator": generator})

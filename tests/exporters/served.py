"""Small models of each family as SavedModels, and PNGs of arrays."""

import io
import zlib

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from tests.synthesis.synthesizers import (
    LABELS,
    TABLE,
    decoder_synthesizer,
    noisy_synthesizer,
    picture_synthesizer,
)
from tfsynth.exporters import saved_model
from tfsynth.exporters.description import describe
from tfsynth.layers import Conditioning
from tfsynth.networks import (
    CascadedRefinementNetwork,
    FeatureEncoder,
    FullResolutionNetwork,
    GlobalGenerator,
    LocalEnhancer,
)
from tfsynth.synthesis.synthesizer import Synthesizer


def without_edges(network, **settings):
    """Returns a model of three classes without edges and styles."""
    generator = network(3, **settings)
    return Synthesizer(generator, Conditioning(3, edges=False), LABELS)


def enhanced():
    """Returns G1 and G2 with edges and styles."""
    generator = LocalEnhancer(6, filters=2, num_downsamples=1, num_blocks=1, num_local_blocks=1)
    encoder = FeatureEncoder(num_features=2, filters=2, num_downsamples=1, max_instances=40)
    return Synthesizer(generator, Conditioning(3), LABELS, encoder=encoder, styles=TABLE)


_GLOBAL = {"filters": 2, "num_downsamples": 2, "num_blocks": 1}
_CRN = {"widths": (4, 4, 4)}
FAMILIES = {
    "resize": lambda: without_edges(GlobalGenerator, upsampling="resize", **_GLOBAL),
    "transposed": lambda: Synthesizer(
        GlobalGenerator(4, upsampling="transposed", **_GLOBAL), Conditioning(3), LABELS
    ),
    "enhanced": enhanced,
    "crn": lambda: without_edges(CascadedRefinementNetwork, **_CRN),
    "crn of 9": lambda: without_edges(CascadedRefinementNetwork, num_outputs=9, **_CRN),
    "full resolution": lambda: without_edges(FullResolutionNetwork, filters=4, dilations=(1, 2)),
    "layout decoder": decoder_synthesizer,
    "layout decoder with styles": lambda: decoder_synthesizer(TABLE),
    "noise": noisy_synthesizer,
    "grey pictures": picture_synthesizer,
    "pictures with alpha": lambda: picture_synthesizer(4, 4, edges=True),
}


def family(name):
    """Returns the model of a family, with the same weights each time."""
    keras.utils.set_random_seed(3)
    return FAMILIES[name]()


def write(model, path):
    """Writes a model, without the comparison of `export`, and returns its signatures."""
    description = describe(model, format="saved_model", precision="float32")
    saved_model.write(model, path, description=description)
    return signatures(path)


def signatures(path):
    """Returns a function of signature name and inputs as keywords -> dict of arrays."""
    loaded = tf.saved_model.load(str(path))

    def call(name, **inputs):
        rows = {key: tf.constant(value) for key, value in inputs.items()}
        return {key: value.numpy() for key, value in loaded.signatures[name](**rows).items()}

    return call


def png(pixels, **settings):
    """Returns an array, or a picture of Pillow, as PNG."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, settings.pop("format", "PNG"), **settings)
    return stream.getvalue()


def palettised(indices, colours):
    """Returns a picture of Pillow with a palette."""
    image = Image.fromarray(indices.astype("uint8"))
    image.putpalette(bytes(np.ravel(colours).tolist()))
    return image


def pixels(data):
    """Returns the array that a PNG or JPEG shows."""
    return np.asarray(Image.open(io.BytesIO(data)))


def chunk(kind, data):
    """Returns a chunk of PNG with its length and checksum."""
    checksum = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + checksum


def stored_png(values, bits, kind=0, interlaced=False, chunks=b""):
    """Returns a PNG that stores the numbers of an array, which Pillow writes with 8 bits only.

    Args:
        values: Integers (height, width * channels).
        bits: 1, 2, 4, 8 or 16.
        kind: 0 for grey, 2 for RGB, 3 for a palette.
        interlaced: Whether by Adam7.
        chunks: Bytes between the header and the pixels.
    """
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
        passes += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [row for x, y, dx, dy in passes for row in values[y::dy, x::dx] if row.size]
    data = zlib.compress(b"".join(b"\0" + _packed(row, bits) for row in rows))
    width = values.shape[1] // (3 if kind == 2 else 1)
    header = np.array([width, len(values)], ">u4").tobytes()
    header += bytes([bits, kind, 0, 0, int(interlaced)])
    end = chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + end


def _packed(row, bits):
    if bits >= 8:
        return row.astype(">u2" if bits == 16 else "u1").tobytes()
    ones = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(ones).tobytes()

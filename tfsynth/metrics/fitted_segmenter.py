"""A trained segmenter that reads pictures: the class of every pixel."""

import dataclasses

import numpy as np
from keras import ops

from tfsynth.layers import to_unit_range
from tfsynth.layouts.labels import LabelSet
from tfsynth.metrics import segmenter_training as training
from tfsynth.metrics.segmenter import Segmenter
from tfsynth.metrics.segmenter_batches import pad_to_multiple


@dataclasses.dataclass(frozen=True)
class FittedSegmenter:
    """A trained segmenter and the meaning of its outputs.

    Attributes:
        network: A float32 `Segmenter`.
        label_set: The `LabelSet` of the data that it was trained on.
        size: (height, width) in pixels of the pictures that it was trained on.
        validation: Its scores on the validation split, as of `SegmenterProtocol.score`;
            `None` if it was trained without one.
        sha256: SHA-256 of its file in the cache; `None` if it is in none.
    """

    network: Segmenter
    label_set: LabelSet
    size: tuple[int, int]
    validation: dict | None = None
    sha256: str | None = None

    def __post_init__(self):
        self.network.compile(jit_compile=training.JIT_COMPILE)

    def read(self, images, scales=(1.0,)):
        """Returns the class of every pixel, never a void one.

        The logits of a picture and of its mirror image are added up, over all scales.

        Args:
            images: Uint8 array (batch, height, width, 3) of any size.
            scales: Factors of the size in which each picture is read.

        Returns:
            Integer array (batch, height, width) of ids of `label_set`.
        """
        pixels = to_unit_range(images)
        logits = sum(self._logits_at(scale, pixels) for scale in scales)
        return np.array(self.label_set.scored_ids)[np.argmax(logits, axis=-1)]

    def _logits_at(self, scale, pixels):
        height, width = pixels.shape[1:3]
        size = round(height * scale), round(width * scale)
        if size == (height, width):
            return self._logits(pixels)
        resized = _resize(pixels, size, "bicubic", antialias=scale < 1)
        logits = self._logits(np.clip(resized, -1, 1))
        return _resize(logits, (height, width), "bilinear", antialias=scale > 1)

    def _logits(self, pixels):
        height, width = pixels.shape[1:3]
        pixels = pad_to_multiple(pixels, self.network.size_multiple, mode="edge")
        logits = self.network.predict_on_batch(pixels)
        mirrored = self.network.predict_on_batch(np.ascontiguousarray(pixels[:, :, ::-1]))
        return (logits + mirrored[:, :, ::-1])[:, :height, :width]


def _resize(images, size, interpolation, antialias):
    """Resizes a float batch, which Pillow does not."""
    resized = ops.image.resize(
        images, size, interpolation=interpolation, antialias=antialias, data_format="channels_last"
    )
    return ops.convert_to_numpy(resized)

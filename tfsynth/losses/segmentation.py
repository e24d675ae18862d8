"""The prediction of a pretrained segmenter on a synthesised picture, against its layout.

The baseline "GAN and semantic segmentation" of Cascaded Refinement Networks,
https://arxiv.org/abs/1707.09405, section 4.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tfsynth.losses.frozen import load_frozen, refuse_channels, with_channels
from tfsynth.losses.loss import Loss
from tfsynth.registry import register


@register
class SegmentationLoss(Loss):
    """Pixelwise cross-entropy between a fixed segmenter's prediction on a picture and its labels.

    Void pixels are left out; the mean is over the others.

    The segmenter is a file, named by path and SHA-256, as the network of a `PerceptualLoss` is.
    `tfsynth evaluate` keeps such files: `segmenters/*/segmenter.keras` of its cache folder. A
    score by the segmenter that is also the loss says little.

    Args:
        segmenter: Path of a `.keras` file: a network from RGB pictures in [-1, 1] to logits
            (batch, height, width, classes), in the order of the classes that are not void, such
            as `Segmenter`. Or the `keras.Model` itself; such a loss cannot be saved.
        sha256: The file's SHA-256 in hexadecimal digits; `None` accepts the file as it is,
            and writes its SHA-256 into the config.
        void_ids: The ids of void classes, which have no logit.
        weight: Factor in the generator's total.

    Call arguments:
        labels: Integer tensor (batch, height, width), ids of the data set.
        fake: Float tensor (batch, height, width, channels) in [-1, 1], of the network's channels
            or of one, which is repeated; or (batch, k, height, width, channels), k pictures of
            each layout.

    Returns:
        Float32 scalar; 0 if all pixels are void.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file's SHA-256 is another.

    Example: a segmenter that cannot tell two classes apart is wrong by log 2.

    >>> picture = keras.Input((None, None, 3))
    >>> zeros = keras.layers.Conv2D(2, 1, kernel_initializer="zeros")(picture)
    >>> loss = SegmentationLoss(keras.Model(picture, zeros))
    >>> round(float(loss(np.ones((1, 4, 4), "int32"), np.ones((1, 4, 4, 3)))), 4)
    0.6931
    """

    name = "segmentation"
    asks = ("labels", "fake")
    many_pictures = True

    def __init__(
        self,
        segmenter: keras.Model | str | Path,
        sha256: str | None = None,
        void_ids: Sequence[int] = (),
        weight=1.0,
    ):
        super().__init__(weight)
        self.path = None
        self.sha256 = sha256
        self.void_ids = tuple(void_ids)
        if isinstance(segmenter, keras.Model):
            self.network: Any = segmenter
        else:
            self.path = str(segmenter)
            remedy = "`tfsynth evaluate` leaves one in its cache folder"
            self.network, self.sha256 = load_frozen(
                self.path, sha256, "segmenter", remedy, "float32"
            )
        num_classes = self.num_classes
        if any(not 0 <= i < num_classes for i in self.void_ids):
            raise ValueError(
                f"`void_ids` are among the ids 0..{num_classes - 1}: the segmenter's logits and "
                f"the void classes together. Received: {list(self.void_ids)}."
            )
        scored = [i for i in range(num_classes) if i not in self.void_ids]
        # Both (num_classes,): the place of an id among the logits, and 1 where it has one.
        self._positions = np.zeros(num_classes, "int32")
        self._positions[scored] = np.arange(len(scored))
        self._scored = np.isin(np.arange(num_classes), scored).astype("float32")

    @property
    def num_classes(self):
        """Number of ids, void ones included."""
        return self.network.output.shape[-1] + len(set(self.void_ids))

    @property
    def size_multiple(self):
        """Height and width of the pictures must be multiples of this many pixels."""
        return getattr(self.network, "size_multiple", 1)

    def check(self, num_classes, channels):
        """Raises `ValueError` unless the segmenter fits the classes and the pictures' channels."""
        if num_classes != self.num_classes:
            given = "are pictures" if num_classes is None else f"have {num_classes} classes"
            raise ValueError(
                f"The segmentation loss reads {self.num_classes} classes "
                f"({self.network.output.shape[-1]} logits, {len(set(self.void_ids))} void); the "
                f"conditions {given}. Name the segmenter and `void_ids` of this data set."
            )
        refuse_channels("segmentation loss", self.network.inputs[0].shape[-1], channels)

    def check_labels(self, label_set):
        """Raises `ValueError` if the data has other void classes."""
        if set(self.void_ids) != set(label_set.void_ids):
            raise ValueError(
                f"The data's void classes are {list(label_set.void_ids)}; `void_ids` of the "
                f"SegmentationLoss is {list(self.void_ids)}. They must be the same."
            )

    def __call__(self, labels, fake):
        fake, labels = ops.cast(fake, "float32"), ops.cast(labels, "int32")
        if len(fake.shape) == 5:
            # (batch, k, height, width, channels) -> (batch * k, height, width, channels)
            labels = ops.repeat(labels, fake.shape[1], axis=0)
            fake = ops.reshape(fake, (-1, *fake.shape[2:]))
        fake = with_channels(fake, self.network.inputs[0].shape[-1])
        logits = ops.cast(self.network(fake, training=False), "float32")  # (..., classes)
        # Ids -> positions among the logits, (batch, height, width). A void id has none: it takes
        # position 0, and `scored` sets its entropy to 0.
        positions = ops.take(ops.convert_to_tensor(self._positions), labels)
        scored = ops.take(ops.convert_to_tensor(self._scored), labels)
        entropy = ops.sparse_categorical_crossentropy(positions, logits, from_logits=True)
        return ops.sum(scored * entropy) / ops.maximum(ops.sum(scored), 1.0)

    def get_config(self):
        if self.path is None:
            raise ValueError(
                "This SegmentationLoss was given a network, not a file, and cannot be saved: save "
                "the network with `network.save(path)` and give the path."
            )
        return {
            **super().get_config(),
            "segmenter": self.path,
            "sha256": self.sha256,
            "void_ids": list(self.void_ids),
        }

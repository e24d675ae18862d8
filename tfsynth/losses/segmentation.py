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

from tfsynth.layers import with_channels
from tfsynth.losses.frozen import load_frozen, refuse_channels
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
        self._entropy = _PixelEntropy(self.network.output.shape[-1], self.void_ids)

    @property
    def num_classes(self):
        """Number of ids, void ones included."""
        return self._entropy.num_classes

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
        return self._entropy(labels, self.network(fake, training=False))

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


@register
class SegmentationConsistencyLoss(Loss):
    """Cross-entropy between what the game's fixed network reads in a picture and its labels.

    As `SegmentationLoss`, by the logits of the game's `features`, so that no file is needed and
    the picture is read once for all terms. Void pixels are left out; the mean is over the others.

    Args:
        void_ids: The ids of void classes, which have no logit.
        weight: Factor in the generator's total.

    Call arguments:
        labels: Integer tensor (batch, height, width), ids of the data set.
        fake_maps: Dict of the maps of the synthesised picture, with `logits` (batch, height,
            width, classes).

    Returns:
        Float32 scalar; 0 if all pixels are void.

    Example:

    >>> loss = SegmentationConsistencyLoss()
    >>> maps = {"logits": keras.ops.zeros((1, 4, 4, 2))}
    >>> round(float(loss(keras.ops.ones((1, 4, 4), "int32"), maps)), 4)
    0.6931
    """

    name = "consistency"
    asks = ("labels", "fake_maps")

    def __init__(self, void_ids: Sequence[int] = (), weight=1.0):
        super().__init__(weight)
        self.void_ids = tuple(void_ids)

    def check_maps(self, features, num_classes):
        """Raises `ValueError` unless logits and void classes are the classes of the layouts."""
        read = _PixelEntropy(features.num_classes, self.void_ids).num_classes
        if read != num_classes:
            raise ValueError(
                f"The SegmentationConsistencyLoss reads {read} classes ({features.num_classes} "
                f"logits of the game's `features`, {len(set(self.void_ids))} void); the conditions "
                f"have {num_classes}. Correct `num_classes` of `features`, or `void_ids`."
            )

    def check_labels(self, label_set):
        """Raises `ValueError` if the data has other void classes."""
        if set(self.void_ids) != set(label_set.void_ids):
            raise ValueError(
                f"The data's void classes are {list(label_set.void_ids)}; `void_ids` of the "
                f"SegmentationConsistencyLoss is {list(self.void_ids)}. They must be the same."
            )

    def __call__(self, labels, fake_maps):
        logits = fake_maps["logits"]
        return _PixelEntropy(logits.shape[-1], self.void_ids)(labels, logits)

    def get_config(self):
        return {**super().get_config(), "void_ids": list(self.void_ids)}


class _PixelEntropy:
    """The mean cross-entropy over the pixels that are not void.

    Args:
        num_logits: Number of classes that are not void.
        void_ids: The ids of the void ones.

    Raises:
        ValueError: If an id is out of range.
    """

    def __init__(self, num_logits, void_ids):
        self.num_classes = num_logits + len(set(void_ids))
        if any(not 0 <= i < self.num_classes for i in void_ids):
            raise ValueError(
                f"`void_ids` are among the ids 0..{self.num_classes - 1}: the segmenter's logits "
                f"and the void classes together. Received: {list(void_ids)}."
            )
        scored = [i for i in range(self.num_classes) if i not in void_ids]
        # Both (num_classes,): the place of an id among the logits, and 1 where it has one.
        self.positions = np.zeros(self.num_classes, "int32")
        self.positions[scored] = np.arange(len(scored))
        self.scored = np.isin(np.arange(self.num_classes), scored).astype("float32")

    def __call__(self, labels, logits):
        labels, logits = ops.cast(labels, "int32"), ops.cast(logits, "float32")
        # Ids -> positions among the logits, (batch, height, width). A void id has none: it takes
        # position 0, and `scored` sets its entropy to 0.
        positions = ops.take(ops.convert_to_tensor(self.positions), labels)
        scored = ops.take(ops.convert_to_tensor(self.scored), labels)
        entropy = ops.sparse_categorical_crossentropy(positions, logits, from_logits=True)
        return ops.sum(scored * entropy) / ops.maximum(ops.sum(scored), 1.0)

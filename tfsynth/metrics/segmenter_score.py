"""The score of synthesised photographs by a small segmenter that is trained on real ones.

The idea is that of "FCN scores", https://arxiv.org/abs/1611.07004, section 3.2, and of every
paper on semantic image synthesis since. Their segmenters are large, fixed networks for one data
set each; this one is trained in a few minutes on the training pairs of the data set, so that any
data set has a score. Numbers of two protocols cannot be compared: name the protocol.
"""

import dataclasses
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfsynth.layers import cpu_computes_bfloat16, dtype_policy, gpu_names
from tfsynth.metrics import segmenter_training as training
from tfsynth.metrics.fitted_segmenter import FittedSegmenter
from tfsynth.metrics.instances import has_own_instances
from tfsynth.metrics.protocol_checks import check_arguments, check_data
from tfsynth.metrics.row_scores import RowScores
from tfsynth.metrics.segmenter import Segmenter
from tfsynth.metrics.segmenter_batches import (
    EverySecond,
    ResizedPairs,
    TrainingBatches,
    rgb,
    stacked_pairs,
)
from tfsynth.metrics.segmenter_cache import CachedSegmenter
from tfsynth.registry import register

# Part of every protocol's name; raised when network, loss or augmentation change, so that no
# old score is compared with a new one and no old segmenter is taken from a cache.
_VERSION = 1


@register
class SegmenterProtocol:
    """Trains a segmenter on real pairs, once, and scores pictures with it.

    Training minimises the cross-entropy over the pixels that are not void, classes
    weighted by frequency ** -balance, with AdamW under a one-cycle schedule (10 % linear
    rise, cosine fall to zero, gradients clipped to a norm of 1). Pictures are mirrored, and
    varied as `TrainingBatches` says.

    Args:
        height, width: Size in pixels that training pairs and scored pictures are resized
            to, photographs antialiased and labels to the nearest; `None` (both) for the
            size of the first training pair.
        steps: Training steps. The default takes about a minute on two CPU cores with
            bfloat16 at 96 x 192.
        batch_size: Pictures in a step.
        filters: Channels of the network's levels; see `Segmenter`.
        blocks: Residual blocks of its levels.
        learning_rate: Peak of the schedule.
        weight_decay: AdamW's, per unit of learning rate.
        balance: 0 weights pixels alike, 1 classes alike. A little helps the mean IoU, in
            which a thin class counts as much as a large one; too much finds it everywhere.
        zoom: Largest magnification of training pictures, at least 1; 1 for none.
        jitter: Strength of the photometric variation, 0..1; 0 for none.
        scales: Factors of the size in which a picture is read, the logits added up. A second
            one, within the zoom that was trained, added a point to the mean IoU of CamVid's
            photographs (for more than twice the time); beyond that zoom it takes points.
        seed: Seed of weights, order and variation.
        precision: "float32", "mixed_bfloat16", or "auto": mixed_bfloat16 on a CPU that
            computes faster in it, else float32. Pictures are always read in float32.
        half: Which training pairs it learns from: `None` for all, 0 for those at the even
            positions of the split, 1 for those at the odd ones. Two judges of different halves
            have no pair in common.
        instances: Whether objects are counted too, in data with instance maps of its own; not a
            part of the name, for the segmenter is the same.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        height: int | None = None,
        width: int | None = None,
        steps=800,
        batch_size=8,
        filters=(32, 64, 96, 128),
        blocks=(1, 1, 1, 1),
        learning_rate=7e-3,
        weight_decay=1e-4,
        balance=0.25,
        zoom=1.0,
        jitter=0.3,
        scales=(1.0,),
        seed=0,
        precision="auto",
        half: int | None = None,
        instances=False,
    ):
        self.height = height
        self.width = width
        self.steps = steps
        self.batch_size = batch_size
        self.filters = filters
        self.blocks = blocks
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.balance = balance
        self.zoom = zoom
        self.jitter = jitter
        self.scales = scales
        self.seed = seed
        self.precision = precision
        self.half = half
        self.instances = instances
        check_arguments(self)

    @property
    def name(self):
        """All settings that the segmenter depends on, e.g. `segmenter-v1@96x192/...`."""
        size = f"{self.height}x{self.width}" if self.height else "native"
        parts = (
            f"segmenter-v{_VERSION}@{size}",
            "filters" + "-".join(map(str, self.filters)),
            "blocks" + "-".join(map(str, self.blocks)),
            f"steps{self.steps}x{self.batch_size}",
            f"lr{self.learning_rate:g}",
            f"decay{self.weight_decay:g}",
            f"balance{self.balance:g}",
            f"zoom{self.zoom:g}",
            f"jitter{self.jitter:g}",
            f"seed{self.seed}",
            self._policy(),
            "scales" + "-".join(f"{scale:g}" for scale in self.scales),
            "flip-mean",
            # Names of before there were halves stay, and so do the segmenters cached by them.
            *([] if self.half is None else [f"half{self.half}"]),
        )
        return "/".join(parts)

    def check_data(self, dataset):
        """Raises `ValueError` if pictures of such data cannot be scored.

        Args:
            dataset: A `Dataset`.
        """
        check_data(dataset)
        if self.half is not None:
            self._pairs_of(dataset.split("train"))
        if self.instances and not has_own_instances(dataset):
            raise ValueError(
                "`instances` of the protocol counts objects, and this data has no instance maps of "
                "its own to compare with. Give them, or set `instances` to false."
            )

    def fit(self, train, fingerprint=None, cache_dir=None, progress=True, validation=None):
        """Returns the segmenter for a data set, from the cache or trained.

        Args:
            train: Sequence of examples, dicts with `labels` (height, width) and `image`
                (height, width, 3) uint8, and its `label_set`: a `Split`. Real pairs.
            fingerprint: String that changes with the data; needed with `cache_dir`.
            cache_dir: Folder of cached segmenters, one sub-folder each; `None` for no cache.
                A damaged one is trained again, with a warning.
            progress: Whether to show a progress bar.
            validation: Another such split to score the result on once, or `None`.

        Returns:
            A `FittedSegmenter`.

        Raises:
            ValueError: If the split, or its `half`, is empty, or has fewer than two scored classes.
            KeyboardInterrupt: On Ctrl-C; the cache is then as it was.
        """
        if cache_dir is None:
            return self._train(train, validation, progress)
        found = self.cached(train, fingerprint, cache_dir)
        if found is not None:
            return found
        started = time.monotonic()
        fitted = self._train(train, validation, progress)
        seconds = round(time.monotonic() - started, 1)
        place = self._place(train, fingerprint, cache_dir)
        sha256 = place.store(
            fitted.network, self.get_config(), fitted.size, fitted.validation, seconds
        )
        return dataclasses.replace(fitted, sha256=sha256)

    def cached(self, train, fingerprint, cache_dir):
        """Returns the `FittedSegmenter` that `fit` takes from the cache; `None` if none is there.

        Args:
            train, fingerprint, cache_dir: See `fit`; no example is read.
        """
        found = self._place(train, fingerprint, cache_dir).load()
        return None if found is None else FittedSegmenter(found[0], train.label_set, *found[1:])

    def score(self, segmenter, pairs, instances=None, things=()):
        """Scores pictures against the layouts that they should show.

        Args:
            segmenter: A `FittedSegmenter`.
            pairs: Iterable of (labels (height, width) integer, image (height, width, 3)
                uint8), resized like the training pairs.
            instances: Iterable of the instance map of each layout, integer (height, width); `None`
                to count no objects.
            things: Ids of the classes whose objects are counted; see `thing_classes`.

        Returns:
            `{"mean_iou", "mean_iou_interval", "pixel_accuracy", "pixel_accuracy_with_void",
            "per_class_iou"}`, fractions 0..1 over all pixels of the set (see
            `SegmentationScores`); `per_class_iou` holds the scored classes by name. `None` stands
            for a class that is neither shown nor read, which the mean skips. The interval is
            [low, high], 95 % of what other draws of the pictures would have given (see
            `bootstrap_interval`; always with the same seed). With instance maps and things also
            `instances`, of which each connected part of a thing that was read is one object:
            `count_error`, the mean over pictures of the sum over things of |objects read - objects
            shown|; `mean_matched_iou`, `recall` and `precision` as in `InstanceScores`, objects
            matched within their class; and the intervals of the first two.

        Raises:
            ValueError: If there is no pair, or labels and image differ in size.
        """
        row = RowScores(segmenter.label_set, things)
        for labels, read, own in self.readings(segmenter, pairs, instances):
            row.add(labels, read, own)
        return row.scores()

    def readings(self, segmenter, pairs, instances=None):
        """Yields (labels, classes read, instance map or `None`) of each pair.

        Args:
            segmenter, pairs, instances: See `score`.

        Each is an integer array (height, width) of the segmenter's size.
        """
        batches = stacked_pairs(pairs, instances, segmenter.size, self.batch_size)
        for labels, images, objects in batches:
            # A last, smaller batch is filled up: another size would be compiled again.
            missing = self.batch_size - len(images)
            full = np.pad(images, [(0, missing)] + [(0, 0)] * 3, mode="edge")
            read = segmenter.read(full, self.scales)
            yield from zip(labels, read[: len(labels)], objects, strict=True)

    def get_config(self):
        """Returns the constructor's arguments, verbatim."""
        names = (
            *("height", "width", "steps", "batch_size", "filters", "blocks", "learning_rate"),
            *("weight_decay", "balance", "zoom", "jitter", "scales", "seed", "precision"),
            *("half", "instances"),
        )
        values = {name: getattr(self, name) for name in names}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_config(cls, config):
        """Builds the protocol from `get_config`'s dict."""
        return cls(**config)

    def _place(self, train, fingerprint, cache_dir):
        if not fingerprint:
            raise ValueError(
                "Caching a segmenter needs the `fingerprint` of its data set. Pass it."
            )
        return CachedSegmenter(Path(cache_dir), self.name, fingerprint, train.label_set)

    def _policy(self):
        if self.precision != "auto":
            return self.precision
        # On any GPU float32 is fast enough for so small a network.
        if gpu_names() or not cpu_computes_bfloat16():
            return "float32"
        return "mixed_bfloat16"

    def _train(self, train, validation, progress):
        size = (self.height, self.width) if self.height else None
        pairs = ResizedPairs(self._pairs_of(train), train.label_set, size)
        if pairs.num_classes < 2:
            raise ValueError(
                "A segmenter needs at least 2 classes that are not void; this label set has "
                f"{pairs.num_classes}."
            )
        weights = pairs.class_weights(
            self.balance, lambda indices: tqdm(indices, "reading real pairs", disable=not progress)
        )
        with dtype_policy(self._policy()):
            network = Segmenter(pairs.num_classes, self.filters, self.blocks, self.seed)
        batches = TrainingBatches(
            pairs,
            self.batch_size,
            self.steps,
            zoom=self.zoom,
            jitter=self.jitter,
            seed=self.seed,
            multiple=network.size_multiple,
        )
        loss = training.weighted_cross_entropy(weights)
        training.train(network, batches, loss, self.learning_rate, self.weight_decay, progress)
        with dtype_policy("float32"):
            reader = Segmenter(pairs.num_classes, self.filters, self.blocks, self.seed)
        reader.set_weights(network.get_weights())
        fitted = FittedSegmenter(reader, train.label_set, pairs.size)
        if validation is None:
            return fitted
        real = ((example["labels"], rgb(example["image"])) for example in validation)
        return dataclasses.replace(fitted, validation=self.score(fitted, real))

    def _pairs_of(self, train):
        """Returns the training pairs that it learns from; raises `ValueError` if it has none."""
        if self.half is None:
            return train
        pairs = EverySecond(train, self.half)
        if not pairs:
            raise ValueError(
                f"`half` {self.half} of the training split has no pairs: the split has "
                f"{len(train)}. Leave `half` out, or give more pairs."
            )
        return pairs

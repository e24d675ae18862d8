"""The elements of a split in the order of training, as NumPy arrays, reproducible."""

import functools
from typing import Any

import numpy as np

from tfsynth.data import augment
from tfsynth.data.dataset import (
    Split,
    compact_ids,
    instances_or_classes,
    too_many_instances,
)

# Keeps the random numbers of the order and of the augmentation apart.
_ORDER, _AUGMENT, _WARP = 0, 1, 2


class Stream:
    """The elements of the stream by number, as NumPy; each a function of (seed, number) alone.

    Args:
        split, size, seed, max_instances: See `batches`.
        random_geometry: Callable (source, size, rng) -> `Geometry`; None outside training.
        label_warp: In training, the largest displacement of the layouts that the generator sees,
            as a share of the height; 0 for none. With it elements have `sources` too.
    """

    def __init__(
        self,
        split: Split,
        size: augment.Size | None,
        seed: int = 0,
        random_geometry: Any = None,
        max_instances: int = 256,
        label_warp: float = 0.0,
    ) -> None:
        self.split, self.size, self.training = split, size, random_geometry is not None
        self.seed, self.max_instances = seed, max_instances
        self.random_geometry: Any = random_geometry
        # Names, channels and dtypes of an element's arrays: condition, instances, photograph.
        self.names: tuple[str, ...] = (split.condition_name, "instances", "image")
        self.channels: tuple[tuple[Any, ...], ...] = ((), (), (split.image_channels,))
        self.dtypes: tuple[np.dtype, ...] = (
            np.dtype(np.uint8),
            np.dtype(np.int32),
            np.dtype(np.uint8),
        )
        if split.label_set is None:
            self.channels = ((split.condition_channels,), *self.channels[1:])
        else:
            self.dtypes = (split.label_set.dtype, *self.dtypes[1:])
        self.label_warp = label_warp if self.training else 0.0
        if self.label_warp:
            self.names = (*self.names, "sources")
            self.channels = (*self.channels, ())
            self.dtypes = (*self.dtypes, np.dtype(np.int32))
        # Two epochs: parallel calls may be on both sides of their border.
        order = functools.partial(_epoch_order, len(split), seed)
        self._order = functools.lru_cache(maxsize=2)(order)

    def element(self, number: Any) -> tuple[np.ndarray, ...]:
        """Returns condition, instances and image of element `number`, and its warp, if any."""
        k, count = int(number), len(self.split)
        index = int(self._order(k // count)[k % count]) if self.training else k
        example = self.split[index]
        example = self._geometry(k, example["image"].shape[:2]).apply(example)
        instances, found = compact_ids(instances_or_classes(example))
        if found > self.max_instances:
            raise too_many_instances(self.split.stems[index], found, self.max_instances)
        condition = example[self.names[0]].astype(self.dtypes[0], copy=False)
        arrays = condition, instances, example["image"]
        if not self.label_warp:
            return arrays
        rng = np.random.default_rng([self.seed, _WARP, k])
        return (*arrays, augment.warped_sources(instances.shape, rng, self.label_warp))

    def blank(self) -> tuple[np.ndarray, ...]:
        """Returns an element of zeros."""
        size = self.size or (1, 1)
        return tuple(
            np.zeros((*size, *channels), dtype)
            for channels, dtype in zip(self.channels, self.dtypes, strict=True)
        )

    def _geometry(self, k: int, source: augment.Size) -> augment.Geometry:
        size = self.size or source
        if not self.training:
            return augment.whole(source, size)
        rng = np.random.default_rng([self.seed, _AUGMENT, k])
        return self.random_geometry(source, size, rng)


def _epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(count)

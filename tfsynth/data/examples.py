"""The examples of a split at one size, in order."""

import concurrent.futures
import os
from collections.abc import Iterator, Sequence

import numpy as np

from tfsynth.data.dataset import Split
from tfsynth.data.stream import Stream

# Number of examples that are read ahead.
_AHEAD = 8


class Examples:
    """Examples one by one, as NumPy, in the form of a batch's elements.

    Args:
        split: A `Split`.
        size: (height, width) in pixels that each is resized to.
        max_instances: Most instances in one example.
        limit: Number of first examples; `None` for all.

    Iterating gives dicts of `labels` (height, width) or `condition` (height, width, channels)
    uint8, `instances` (height, width) and `image` (height, width, channels) uint8; each
    iteration starts from the first. A bad example raises its `DataError`.
    """

    def __init__(
        self,
        split: Split,
        size: Sequence[int],
        max_instances: int = 256,
        limit: int | None = None,
    ) -> None:
        self.split = split
        self.size = size
        self.max_instances = max_instances
        self.count = min(len(split) if limit is None else limit, len(split))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        height, width = (int(side) for side in self.size)
        stream = Stream(self.split, (height, width), max_instances=self.max_instances)
        pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)
        try:
            reading = []
            for number in range(self.count):
                while len(reading) < _AHEAD and number + len(reading) < self.count:
                    reading.append(pool.submit(stream.element, number + len(reading)))
                yield dict(zip(stream.names, reading.pop(0).result(), strict=True))
        finally:
            # If the caller stops early, the rest is not waited for.
            pool.shutdown(wait=False, cancel_futures=True)

"""The batches of a stream without TensorFlow: a `keras.utils.PyDataset` filled by threads."""

import concurrent.futures
import contextlib
import os
import threading

import keras
import numpy as np

from tfsynth.data.stream import Stream

# Number of batches that are made ahead.
_AHEAD = 4


def batches_of(
    stream: Stream, first: int, last: int | None, batch_size: int, drop_remainder: bool
) -> "NumpyBatches":
    """Returns the batches of the stream's elements `first` to `last` - 1; see `batches`."""
    return NumpyBatches(stream, first, last, batch_size, drop_remainder)


class NumpyBatches(keras.utils.PyDataset):
    """Batches of a `Stream`, made by threads a little ahead of their use.

    Args:
        stream: The `Stream`.
        first: Number of the first element.
        last: Number after the last element; None for no end.
        batch_size: Elements in a batch.
        drop_remainder: Whether to leave out a last, smaller batch.
    """

    def __init__(
        self, stream: Stream, first: int, last: int | None, batch_size: int, drop_remainder: bool
    ) -> None:
        super().__init__()
        self.stream = stream
        self.first, self.last = first, last
        self.batch_size = batch_size
        self.drop_remainder = drop_remainder
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)
        self._elements: dict[int, concurrent.futures.Future] = {}
        self._lock = threading.Lock()

    @property
    def num_batches(self) -> int | None:
        """Number of batches; None for no end."""
        if self.last is None:
            return None
        count = self.last - self.first
        return count // self.batch_size if self.drop_remainder else -(-count // self.batch_size)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Returns batch `index`, a dict of arrays."""
        start = self.first + index * self.batch_size
        ahead = range(start, self._end(start + (1 + _AHEAD) * self.batch_size))
        with self._lock:
            for k in ahead:
                if k not in self._elements:
                    self._elements[k] = self._pool.submit(self.stream.element, k)
            futures = [self._elements.pop(k) for k in ahead[: self.batch_size]]
            # Elements that are left over from another order of access.
            for k in [k for k in self._elements if k not in ahead]:
                self._elements.pop(k).cancel()
        found = [future.result() for future in futures]
        arrays = [np.stack(kind) for kind in zip(*found, strict=True)]
        return dict(zip(self.stream.names, arrays, strict=True))

    def _end(self, number: int) -> int:
        return number if self.last is None else min(number, self.last)


def surface_data_errors() -> contextlib.AbstractContextManager[None]:
    """Does nothing: here a bad example raises its `DataError` as it is."""
    return contextlib.nullcontext()

"""Requests of several callers in one run, by the rules of the server's `BatchingSession`.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching/README.md
"""

import threading
from concurrent.futures import Future

import numpy as np

from tests.serving.conformance.errors import Refused, invalid


class _Batch:
    def __init__(self):
        self.tasks, self.rows, self.closed, self.queued = [], 0, False, False


class Batcher:
    """The queue of one signature.

    A batch waits for `batch_timeout_micros` and for a free thread; until then requests join it,
    up to `max_batch_size` rows. It is filled up to the next of `allowed_batch_sizes` with copies
    of a row, the inputs are put together along the first dimension, the outputs are cut apart. If
    the run fails, all its callers get the error.

    Args:
        run: Function of name -> array that returns name -> array.
        parameters: `BatchingParameters`.
        pool: Executor that runs the batches.
        counts: Counter of (callers, rows, rows of padding).
    """

    def __init__(self, run, parameters, pool, counts):
        self.run, self.pool, self.counts = run, pool, counts
        self.largest = parameters.max_batch_size.value
        self.seconds = parameters.batch_timeout_micros.value / 1e6
        self.most_waiting = parameters.max_enqueued_batches.value
        self.allowed = list(parameters.allowed_batch_sizes)
        self.lock, self.open, self.waiting = threading.Lock(), None, 0

    def submit(self, inputs):
        """Waits for the batch of these inputs to be run; returns their outputs."""
        sizes = {np.shape(array)[:1] for array in inputs.values()}
        if () in sizes:
            raise invalid("Batching session Run() input tensors must have at least one dimension")
        if len(sizes) != 1:
            raise invalid("Batching session Run() input tensors must have equal 0th-dimension size")
        ((rows,),) = sizes
        if rows > self.largest:
            raise invalid(
                f"Task size {rows} is larger than maximum input batch size {self.largest}"
            )
        answer = Future()
        with self.lock:
            if self.open is not None and self.open.rows + rows > self.largest:
                self._close(self.open)
            batch = self.open
            if batch is None:
                if self.waiting >= self.most_waiting:
                    text = "The batch scheduling queue to which this task was submitted is full"
                    raise Refused("UNAVAILABLE", text)
                batch = self.open = _Batch()
                self.waiting += 1
                timer = threading.Timer(self.seconds, self._timed_out, [batch])
                timer.daemon = True
                timer.start()
            batch.tasks.append((inputs, rows, answer))
            batch.rows += rows
            if batch.rows == self.largest:
                self._close(batch)
        return answer.result()

    def _close(self, batch):
        batch.closed, self.open = True, None
        self._queue(batch)

    def _timed_out(self, batch):
        with self.lock:
            self._queue(batch)

    def _queue(self, batch):
        if not batch.queued:
            batch.queued = True
            self.pool.submit(self._process, batch)

    def _process(self, batch):
        with self.lock:
            if not batch.closed:
                batch.closed, self.open = True, None
            self.waiting -= 1
        try:
            merged, padding = self._merged(batch)
            self.counts[len(batch.tasks), batch.rows, padding] += 1
            outputs = self.run(merged)
            answers = _split(outputs, [rows for _, rows, _ in batch.tasks], batch.rows + padding)
        except Exception as error:
            for _, _, answer in batch.tasks:
                answer.set_exception(error)
            return
        for (_, _, answer), outputs in zip(batch.tasks, answers, strict=True):
            answer.set_result(outputs)

    def _merged(self, batch):
        size = next((one for one in self.allowed if one >= batch.rows), batch.rows)
        padding = size - batch.rows
        merged = {}
        for name in batch.tasks[0][0]:
            parts = [inputs[name] for inputs, _, _ in batch.tasks]
            if len({(part.shape[1:], part.dtype) for part in parts}) > 1:
                raise Refused(
                    "FAILED_PRECONDITION",
                    f"Tensors with name '{name}' from different tasks have different shapes and "
                    "padding is turned off.",
                )
            # The first row of the last task fills the batch.
            merged[name] = np.concatenate(parts + [parts[-1][:1]] * padding)
        return merged, padding


def _split(outputs, sizes, total):
    for name, array in outputs.items():
        if np.ndim(array) == 0:
            raise Refused("FAILED_PRECONDITION", f"Batched output tensor {name} has 0 dimensions")
        if len(array) != total:
            raise Refused(
                "FAILED_PRECONDITION",
                f"Batched output tensor's 0th dimension ({name}) does not equal the sum of the "
                "0th dimension sizes of the input tensors",
            )
    begins = np.cumsum([0, *sizes])
    return [
        {name: array[begin : begin + size] for name, array in outputs.items()}
        for begin, size in zip(begins, sizes, strict=False)
    ]

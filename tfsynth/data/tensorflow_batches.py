"""The batches of a stream on TensorFlow: a `tf.data` pipeline."""

import contextlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfsynth.data.dataset import DataError
from tfsynth.data.python_calls import at_rest_at_exit
from tfsynth.data.stream import Stream


def batches_of(
    stream: Stream, first: int, last: int | None, batch_size: int, drop_remainder: bool
) -> tf.data.Dataset:
    """Returns a dataset of the stream's elements `first` to `last` - 1; see `batches`."""
    call = at_rest_at_exit(stream.element, stream.blank)
    height, width = stream.size or (None, None)

    def load(k: tf.Tensor) -> dict[str, tf.Tensor]:
        arrays = tf.numpy_function(call, [k], [tf.as_dtype(t) for t in stream.dtypes])
        for array, channels in zip(arrays, stream.channels, strict=True):
            array.set_shape((height, width, *channels))
        return dict(zip(stream.names, arrays, strict=True))

    dataset = tf.data.Dataset.range(first, np.iinfo(np.int64).max if last is None else last)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.batch(batch_size, drop_remainder)
    if last is None:
        # So that Keras asks for the steps of an epoch instead of waiting for the end.
        endless = tf.data.experimental.assert_cardinality(tf.data.experimental.INFINITE_CARDINALITY)
        dataset = dataset.apply(endless)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)


@contextlib.contextmanager
def surface_data_errors() -> Iterator[None]:
    """Raises TensorFlow's error about a bad example as its `DataError`, without TensorFlow's trace.

    Example: `with surface_data_errors(): trainer.fit(batches(split, batch_size=4, size=(96, 192)))`
    """
    try:
        yield
    except tf.errors.OpError as error:
        name, text = f"{DataError.__name__}: ", str(error.message)
        if name not in text:
            raise
        text = text.split(name, 1)[1].split("\nTraceback (most recent call last)", 1)[0]
        raise DataError(text.strip()) from None

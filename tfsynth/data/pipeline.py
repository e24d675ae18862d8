"""From a split to batches: integer ids and uint8 pixels, the same ones whenever asked again.

Nothing here has a state. Element k of the stream is a function of (seed, k) alone, so a run that
stops after n batches goes on exactly with `start_step=n`.
"""

import contextlib
import functools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfsynth.data import augment
from tfsynth.data.dataset import (
    DataError,
    Split,
    compact_ids,
    instances_or_classes,
    too_many_instances,
)
from tfsynth.data.python_calls import at_rest_at_exit

# Keeps the random numbers of the order and of the augmentation apart.
_ORDER, _AUGMENT = 0, 1


def batches(
    split: Split,
    *,
    batch_size: int,
    size: augment.Size | None = None,
    seed: int = 0,
    start_step: int = 0,
    steps: int | None = None,
    training: bool = True,
    load_size: augment.Size | None = None,
    crop: bool = True,
    flip: bool = True,
    keep_aspect: bool = True,
    max_instances: int = 256,
    drop_remainder: bool | None = None,
) -> tf.data.Dataset:
    """Returns the batches of a split.

    Args:
        split: The examples.
        batch_size: Examples in a batch, 1 or more.
        size: (height, width) of a batch in pixels. None: the photo's own, for `batch_size` 1.
        seed: A whole number, 0 or more; the order and the augmentation depend on it.
        start_step: The number of batches to skip, at no cost.
        steps: The number of batches. None: no end in training, else to the split's end.
        training: True: epochs without end, each in an order of its own and holding every example
            once (a batch may span two), augmented. False: one pass in order, resized to `size`.
        load_size: In training, the (height, width) that the photo is scaled to cover, keeping its
            aspect ratio, before a window of `size` is cut at random. None: `size`.
        crop: In training, whether to cut a window; False resizes all of the photo to `size`.
        flip: In training, whether to mirror half of the examples, left to right.
        keep_aspect: In training, False stretches the photo to `load_size` instead.
        max_instances: The most instances in one example.
        drop_remainder: Whether to leave out a last, smaller batch of one pass. None: only in
            training, which has none.

    Returns:
        A dataset of dicts: "labels" `(batch, height, width)`, uint8 (uint16 or int32 for more
        than 256 classes); "instances" `(batch, height, width)` int32, numbered 0..m-1 in each
        example, m at most `max_instances`; "image" `(batch, height, width, channels)`
        uint8. Condition pictures stand in the place of "labels" as "condition", `(batch, height,
        width, channels)` uint8. A split without instance maps has its labels, numbered so, for
        instances: one per class; condition pictures have one instance then.

    Raises:
        ValueError: an argument is out of range. While iterating, a bad example raises
            `tf.errors.InvalidArgumentError` with the text of the `DataError`; inside
            `surface_data_errors()` it is the `DataError` itself.
    """
    _check_arguments(split, batch_size, size, seed, start_step, steps, max_instances)
    if training and load_size is not None:
        _check_load_size(size, load_size, crop)
    # A config gives lists.
    size = None if size is None else (int(size[0]), int(size[1]))
    switches = {"load_size": load_size, "crop": crop, "flip": flip, "keep_aspect": keep_aspect}
    geometry = functools.partial(augment.random_geometry, **switches)
    stream = _Stream(split, size, seed, geometry if training else None, max_instances)
    first, last = start_step * batch_size, np.iinfo(np.int64).max if training else len(split)
    if steps is not None:
        last = min(last, first + steps * batch_size)
    call = at_rest_at_exit(stream.element, stream.blank)
    height, width = size or (None, None)

    def load(k: tf.Tensor) -> dict[str, tf.Tensor]:
        arrays = tf.numpy_function(call, [k], [tf.as_dtype(t) for t in stream.dtypes])
        for array, channels in zip(arrays, stream.channels, strict=True):
            array.set_shape((height, width, *channels))
        return dict(zip(stream.names, arrays, strict=True))

    dataset = tf.data.Dataset.range(first, max(first, last))
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.batch(batch_size, training if drop_remainder is None else drop_remainder)
    if training and steps is None:
        # So that Keras asks for the steps of an epoch instead of waiting for the end.
        endless = tf.data.experimental.assert_cardinality(tf.data.experimental.INFINITE_CARDINALITY)
        dataset = dataset.apply(endless)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Returns the number of training batches after which every example has come at least once."""
    return -(-len(split) // batch_size)


def nearest_size(height: int, width: int, multiple: int) -> augment.Size:
    """Returns the (height, width) of multiples of `multiple` nearest to the given, halves up.

    Example:

    >>> nearest_size(100, 190, 16)
    (96, 192)
    """
    return tuple(max(1, int(side / multiple + 0.5)) * multiple for side in (height, width))  # pyright: ignore[reportReturnType]


@contextlib.contextmanager
def surface_data_errors() -> Iterator[None]:
    """Turns TensorFlow's error about a bad example, with its pages of trace, into its `DataError`.

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


class _Stream:
    """The elements of the stream by number, as NumPy.

    The arguments are those of `batches`; `random_geometry` is None outside training.
    """

    def __init__(self, split, size, seed, random_geometry, max_instances):
        self.split, self.size, self.training = split, size, random_geometry is not None
        self.seed, self.max_instances = seed, max_instances
        self.random_geometry = random_geometry
        # Of each element's arrays: condition, instances and photograph.
        self.names = (split.condition_name, "instances", "image")
        self.channels = ((), (), (split.image_channels,))
        self.dtypes = (np.dtype(np.uint8), np.dtype(np.int32), np.dtype(np.uint8))
        if split.label_set is None:
            self.channels = ((split.condition_channels,), *self.channels[1:])
        else:
            self.dtypes = (split.label_set.dtype, *self.dtypes[1:])
        # Two epochs: parallel calls straddle their border.
        order = functools.partial(_epoch_order, len(split), seed)
        self._order = functools.lru_cache(maxsize=2)(order)

    def element(self, number: np.ndarray) -> tuple[np.ndarray, ...]:
        """Returns condition, instances and image of element `number`."""
        k, count = int(number), len(self.split)
        index = int(self._order(k // count)[k % count]) if self.training else k
        example = self.split[index]
        example = self._geometry(k, example["image"].shape[:2]).apply(example)
        instances, found = compact_ids(instances_or_classes(example))
        if found > self.max_instances:
            raise too_many_instances(self.split.stems[index], found, self.max_instances)
        condition = example[self.names[0]].astype(self.dtypes[0], copy=False)
        return condition, instances, example["image"]

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


def _check_arguments(split, batch_size, size, seed, start_step, steps, max_instances) -> None:
    lowest = {
        "batch_size": (batch_size, 1),
        "seed": (seed, 0),
        "start_step": (start_step, 0),
        "steps": (0 if steps is None else steps, 0),
        "max_instances": (max_instances, 1),
    }
    for name, (value, least) in lowest.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}; got {value}.")
    if len(split) == 0:
        raise DataError("The split has no examples.")
    if size is None and batch_size != 1:
        raise ValueError(
            f"Without a size, photos keep their own, and batch_size must be 1; got {batch_size}. "
            "Give size=(height, width)."
        )
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"size is (height, width), in pixels; got {size}.")


def _check_load_size(size, load_size, crop) -> None:
    if not crop or size is None:
        raise ValueError("load_size is the size before cropping: it needs crop=True and a size.")
    if len(load_size) != 2 or load_size[0] < size[0] or load_size[1] < size[1]:
        raise ValueError(f"load_size must cover size={tuple(size)}; got {tuple(load_size)}.")

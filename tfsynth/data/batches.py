"""Batches of a split: integer ids and uint8 pixels, reproducible.

The functions have no state. Element k of the stream is a function of (seed, k) alone, so a run that
stops after n batches resumes exactly with `start_step=n`, also on another backend.
"""

import functools
from typing import Any

import keras

from tfsynth.config.checks import MOST_WARP
from tfsynth.data import augment
from tfsynth.data.dataset import DataError, Split
from tfsynth.data.stream import Stream

if keras.backend.backend() == "tensorflow":
    from tfsynth.data.tensorflow_batches import batches_of
    from tfsynth.data.tensorflow_batches import surface_data_errors as surface_data_errors
else:
    from tfsynth.data.numpy_batches import batches_of
    from tfsynth.data.numpy_batches import surface_data_errors as surface_data_errors


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
    label_warp: float = 0.0,
    drop_remainder: bool | None = None,
) -> Any:
    """Returns the batches of a split.

    Args:
        split: The examples.
        batch_size: Examples in a batch, 1 or more.
        size: (height, width) of a batch in pixels. None: the photo's own, for `batch_size` 1.
        seed: A whole number, 0 or more; the order and the augmentation depend on it.
        start_step: The number of batches to skip, at no cost.
        steps: The number of batches. None: no end in training, else to the split's end.
        training: True: an endless sequence of epochs, each with its own order and with every
            example once (a batch may span two), augmented. False: one pass in order, resized to
            `size`.
        load_size: In training, the (height, width) that the photo is scaled to cover, keeping its
            aspect ratio, before a window of `size` is cut at random. None: `size`.
        crop: In training, whether to cut a window; False resizes all of the photo to `size`.
        flip: In training, whether to mirror half of the examples, left to right.
        keep_aspect: In training, False stretches the photo to `load_size` instead.
        max_instances: The most instances in one example.
        label_warp: In training, the largest displacement of warped layouts, as a share of the
            height, 0..0.2; 0 for none. See `augment.warped_sources`.
        drop_remainder: Whether to leave out a last, smaller batch of one pass. None: only in
            training, which has none.

    Returns:
        A dataset, `tf.data.Dataset` on TensorFlow and `keras.utils.PyDataset` elsewhere, of
        dicts: "labels" `(batch, height, width)`, uint8 (uint16 or int32 for more than 256
        classes); "instances" `(batch, height, width)` int32, numbered 0..m-1 in each example, m
        at most `max_instances`; "image" `(batch, height, width, channels)` uint8. Condition
        pictures stand in the place of "labels" as "condition", `(batch, height, width,
        channels)` uint8. Without instance maps the labels, numbered likewise, are the
        instances: one per class; a condition picture is then one instance. With `label_warp` also
        "sources" `(batch, height, width)` int32.

    Raises:
        ValueError: an argument is out of range. While iterating, a bad example raises its
            `DataError`; a `tf.data.Dataset` raises `tf.errors.InvalidArgumentError` with its
            text, and inside `surface_data_errors()` the `DataError` itself.
    """
    _check_arguments(split, batch_size, size, seed, start_step, steps, max_instances)
    if training and load_size is not None:
        _check_load_size(size, load_size, crop)
    if not 0 <= label_warp <= MOST_WARP:
        raise ValueError(f"label_warp must be in 0..{MOST_WARP}; got {label_warp}.")
    # A config gives lists.
    size = None if size is None else (int(size[0]), int(size[1]))
    switches = {"load_size": load_size, "crop": crop, "flip": flip, "keep_aspect": keep_aspect}
    geometry = functools.partial(augment.random_geometry, **switches)
    stream = Stream(split, size, seed, geometry if training else None, max_instances, label_warp)
    first, last = start_step * batch_size, None if training else len(split)
    if steps is not None:
        end = first + steps * batch_size
        last = end if last is None else min(last, end)
    last = None if last is None else max(first, last)
    drop_remainder = training if drop_remainder is None else drop_remainder
    return batches_of(stream, first, last, batch_size, drop_remainder)


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Returns the number of training batches after which every example was used at least once."""
    return -(-len(split) // batch_size)


def nearest_size(height: int, width: int, multiple: int) -> augment.Size:
    """Returns the (height, width) of multiples of `multiple` nearest to the given, halves up.

    Example:

    >>> nearest_size(100, 190, 16)
    (96, 192)
    """
    return tuple(max(1, int(side / multiple + 0.5)) * multiple for side in (height, width))  # pyright: ignore[reportReturnType]


def _check_arguments(
    split: Split,
    batch_size: int,
    size: augment.Size | None,
    seed: int,
    start_step: int,
    steps: int | None,
    max_instances: int,
) -> None:
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
        raise DataError("The split has no examples. Add some, or name another split.")
    if size is None and batch_size != 1:
        raise ValueError(
            f"Without a size, photos keep their own, and batch_size must be 1; got {batch_size}. "
            "Give size=(height, width)."
        )
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"size is (height, width), in pixels; got {size}.")


def _check_load_size(size: augment.Size | None, load_size: augment.Size, crop: bool) -> None:
    if not crop or size is None:
        raise ValueError("load_size is the size before cropping: it needs crop=True and a size.")
    if len(load_size) != 2 or load_size[0] < size[0] or load_size[1] < size[1]:
        raise ValueError(f"load_size must cover size={tuple(size)}; got {tuple(load_size)}.")

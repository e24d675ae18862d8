"""The checks of a synthesizer's parts and of the arrays that it is called with."""

import operator

import numpy as np

from tfsynth.layouts.regions import array_of


def check_parts(generator, conditioning, label_set, encoder):
    """Raises `ValueError` unless the parts of a synthesizer fit each other."""
    classes = None if label_set is None else label_set.num_classes
    if classes != conditioning.num_classes:
        raise ValueError(
            f"The label set has {classes} classes, the conditioning "
            f"{conditioning.num_classes}; they must be the same (None for pictures)."
        )
    features = 0 if encoder is None else encoder.num_features
    if generator.input_channels != conditioning.channels + features:
        raise ValueError(
            f"The generator reads {generator.input_channels} channels; conditioning and encoder "
            f"give {conditioning.channels} + {features}."
        )


def checked_condition(condition, conditioning, label_set):
    """Returns a condition as array, and whether it is one rather than a batch.

    Args:
        condition: Array (height, width[, channels]) or (batch, height, width[, channels]).
        conditioning: The conditioning layer that reads it.
        label_set: The `LabelSet` of label maps, `None` for pictures.

    Raises:
        ValueError: If it is not of that shape and type, or an id is out of range.
    """
    condition = array_of(condition, "A condition")
    single = condition.ndim == (2 if label_set else 3)
    conditioning.check_condition(condition)
    if label_set is not None:
        for one in condition[None] if single else condition:
            _check_labels(one, label_set, coloured=condition.ndim == 3 and one.shape[-1] in (3, 4))
    return condition, single


def checked_instances(instances, shape, hint, name="instances"):
    """Returns instance ids, or class ids in their place, as int32 in an array of their own.

    Args:
        instances: Integers of any type.
        shape: The shape that they must have.
        hint: What to pass if there are none, for the message.
        name: The argument that they came as.

    Raises:
        ValueError: If there are none, or they are of another shape or type.
    """
    if instances is None:
        raise ValueError(
            f"This model reads {name}: give `{name}`, an integer array {shape}, with one id "
            f"per object. If you have none, pass {hint}."
        )
    instances = array_of(instances, f"`{name}`")
    if instances.shape != shape or instances.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be an integer array {shape}, of the size of the condition. "
            f"Received: {instances.dtype} {instances.shape}."
        )
    least, most = int(instances.min()), int(instances.max())
    if least < -(2**31) or most >= 2**31:
        raise ValueError(f"Ids in `{name}` have 32 bits. Received: {least}..{most}.")
    return instances.astype("int32")  # A copy.


def batch_of_instances(model, instances, batch, single):
    """Returns what a model reads of instance ids, a dict of `instances` or nothing.

    Args:
        model: A `Synthesizer` or an `ExportedSynthesizer`.
        instances: Integers (height, width) or (batch, height, width), or `None`.
        batch: The checked conditions (batch, height, width[, channels]).
        single: Whether there was one condition rather than a batch.

    Raises:
        ValueError: If there are none, or they are of another shape or type.
    """
    if "instances" not in model.input_names:
        return {}
    # The substitute for missing instances: the labels, or zeros for a picture.
    hint = "the labels themselves: edges then lie between classes only"
    hint = hint if model.label_set else "zeros: all of it is one object then"
    shape = batch.shape[1:3] if single else batch.shape[:3]
    instances = checked_instances(instances, shape, hint)
    return {"instances": instances[None] if single else instances}


def checked_photograph(image, channels):
    """Returns a photograph as array; raises `ValueError` unless it is uint8 of these channels."""
    image = array_of(image, "`image`")
    if image.ndim != 3 or image.dtype != np.uint8 or image.shape[2] != channels:
        raise ValueError(
            f"`image` must be a uint8 array (height, width, {channels}). "
            f"Received: {image.dtype} {image.shape}."
        )
    return image


def checked_seeds(seed, count):
    """Returns the last 31 bits of the seeds of pictures, a list of ints.

    Args:
        seed: A whole number, 0 or more, or one for each picture.
        count: Number of pictures.

    Raises:
        ValueError: If it is something else.
    """
    given = np.ravel(seed).tolist() if np.ndim(seed) else [seed] * count
    try:
        numbers = [operator.index(number) for number in given]
    except TypeError:
        numbers = [-1]
    if len(given) != count or min(numbers, default=0) < 0:
        several = f", or {count} of them, one for each picture" * (count > 1)
        raise ValueError(f"`seed` is a whole number, 0 or more{several}. Received: {seed!r}.")
    return [number % 2**31 for number in numbers]


def _check_labels(labels, label_set, coloured):
    try:
        label_set.check(labels, source="`labels`")
    except ValueError as error:
        if not coloured:
            raise
        raise ValueError(
            f"{error} The array seems to be a picture coded by colour: decode it with "
            "`LabelSet.decode_colours` first."
        ) from None

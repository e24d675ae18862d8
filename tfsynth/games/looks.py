"""What a generator sees of a batch: its conditions, the styles of its photographs, the warp."""

from keras import ops

from tfsynth.layers import to_unit_range

# Key of a batch with warped layouts: for each pixel the one of the layout that it shows.
SOURCES = "sources"


def join(condition, channels):
    """Returns condition and further channels together."""
    return ops.concatenate([condition, ops.cast(channels, condition.dtype)], axis=-1)


def with_features(condition, batch, encoder, regions, reduction, training):
    """Returns a condition with an encoder's features of the photographs after it.

    Args:
        condition: Tensor (batch, height, width, channels).
        batch: The batch; see `Game.compute_losses`.
        encoder: A `FeatureEncoder`.
        regions: Key of what its features are averaged over, "instances" or "labels".
        reduction: The encoder reads photograph and regions this many times smaller.
        training: Whether it is called in training.

    Returns:
        Tensor (batch, height, width, channels + features).
    """
    image, ids, n = to_unit_range(batch["image"]), batch[regions], reduction
    if n > 1:
        # (batch, height, width, ...) -> (batch, height / n, width / n, ...)
        image = ops.average_pool(image, n, strides=n, data_format="channels_last")
        ids = ids[:, ::n, ::n]
    features = encoder([image, ids], training=training)
    if n > 1:
        # (batch, height / n, width / n, features) -> (batch, height, width, features)
        features = ops.repeat(ops.repeat(features, n, axis=1), n, axis=2)
    return join(condition, features)


def warped(seen, batch):
    """Returns what a generator sees, bent as the batch says; as it is if it says nothing.

    Args:
        seen: Tensor (batch, height, width, channels).
        batch: The batch; with `sources`, int32 (batch, height, width), the place of a pixel in the
            rows of its picture, one after the other.
    """
    if SOURCES not in batch:
        return seen
    batch_size, height, width, channels = ops.shape(seen)
    # (batch, 1, 1): the places of each picture follow those of the one before.
    first = ops.reshape(ops.arange(batch_size, dtype="int32"), (-1, 1, 1)) * (height * width)
    # By whole pixels: `take_along_axis` would look up each channel by itself.
    return ops.take(ops.reshape(seen, (-1, channels)), batch[SOURCES] + first, axis=0)


def check_encoder(encoder, regions, reduction, conditioning, generator):
    """Raises `ValueError` unless an encoder, or `None`, fits the other parts of a game."""
    if encoder is not None and encoder.input_channels != generator.output_channels:
        raise ValueError(
            f"The encoder reads photographs of {encoder.input_channels} channels, the generator "
            f"makes them of {generator.output_channels}: set `input_channels` of the encoder."
        )
    if regions not in ("instances", "labels"):
        raise ValueError(f"`encoder_regions` is 'instances' or 'labels'. Received: {regions!r}.")
    if encoder is not None and regions == "labels":
        encoder.check_label_regions(conditioning.num_classes)
    if reduction < 1:
        raise ValueError(f"`encoder_reduction` must be at least 1. Received: {reduction}.")

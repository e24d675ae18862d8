"""What all trainers do with the conditions and pictures of a batch."""

from keras import ops


def condition_of(conditioning, batch):
    """Returns what the networks see of a batch's conditions.

    Args:
        conditioning: A `Conditioning` or `PictureConditioning`.
        batch: Dict of what `conditioning.condition_name` names, and `instances`.
    """
    return conditioning(batch[conditioning.condition_name], batch["instances"])


def to_unit_range(pixels):
    """Returns uint8 pixels as float32 in [-1, 1]."""
    return ops.cast(pixels, "float32") / 127.5 - 1.0


def check_generator(conditioning, generator, features=0):
    """Raises `ValueError` unless a generator reads what the conditioning gives.

    Args:
        conditioning: A `Conditioning` or `PictureConditioning`.
        generator: The network.
        features: Channels of an encoder's features, which come last.
    """
    given = conditioning.channels + features
    if generator.input_channels != given:
        raise ValueError(
            f"The generator's `input_channels` must be those of the conditioning"
            f"{' and the features together' if features else ''}: {given} "
            f"({conditioning.content}"
            f"{f', {features} features' if features else ''}). "
            f"Received: {generator.input_channels}."
        )


def check_losses(conditioning, generator, perceptual_loss=None, segmentation_loss=None):
    """Raises `ValueError` unless losses can read the conditions and the generator's pictures.

    Args:
        conditioning: A `Conditioning` or `PictureConditioning`.
        generator: The network; `num_outputs`, if it has one, is its number of pictures.
        perceptual_loss: A `PerceptualLoss` or `DiversityLoss`, or `None`.
        segmentation_loss: A `SegmentationLoss`, or `None`.
    """
    channels = generator.output_channels
    if segmentation_loss is not None:
        segmentation_loss.check(conditioning.num_classes, channels)
    if perceptual_loss is None:
        return
    perceptual_loss.check_channels(channels)
    if perceptual_loss.needs_masks and conditioning.num_classes is None:
        raise ValueError(
            'Scope "class" seeks the best picture of each class, and condition pictures have '
            'none: give the `DiversityLoss` the scope "image".'
        )
    pictures = getattr(generator, "num_outputs", 1)
    if pictures > 1 and not perceptual_loss.many_pictures:
        raise ValueError(
            f"A {type(perceptual_loss).__name__} compares one picture, and the generator makes "
            f"{pictures} of each layout: use a `DiversityLoss`, or set the generator's "
            "`num_outputs` to 1."
        )

"""What a generator and a discriminator see of a layout: one-hot | instance edges | features.

pix2pixHD, https://arxiv.org/abs/1711.11585, sections 3.3 and 3.4.
"""

import keras
from keras import ops

from tfsynth.registry import register, without_policy


def instance_edges(instances):
    """Marks the pixels that have a 4-neighbour of another instance.

    Both sides of a boundary are marked, so a line is two pixels wide; the
    picture's own border is no edge.

    Args:
        instances: Integer tensor (batch, height, width).

    Returns:
        Boolean tensor (batch, height, width).
    """
    vertical = instances[:, 1:, :] != instances[:, :-1, :]
    horizontal = instances[:, :, 1:] != instances[:, :, :-1]
    top, bottom = ((0, 0), (0, 1), (0, 0)), ((0, 0), (1, 0), (0, 0))
    left, right = ((0, 0), (0, 0), (0, 1)), ((0, 0), (0, 0), (1, 0))
    # Padded as integers: not every backend pads booleans.
    marks = [
        ops.pad(ops.cast(vertical, "int32"), top),
        ops.pad(ops.cast(vertical, "int32"), bottom),
        ops.pad(ops.cast(horizontal, "int32"), left),
        ops.pad(ops.cast(horizontal, "int32"), right),
    ]
    return marks[0] + marks[1] + marks[2] + marks[3] > 0


@register
class Conditioning(keras.layers.Layer):
    """Encodes integer maps as the channels that the networks read.

    The same layer is held by the trainer and by the synthesizer, so that what is
    served is what was trained. Void is a class like any other here.

    Args:
        num_classes: Number of label ids, void ones included. An id outside
            0..num_classes-1 would become all zeros: the data and the synthesizer
            check the range before it comes here.
        edges: Whether a channel with the instances' edges follows the one-hot ones.

    Call arguments:
        labels: Integer tensor (batch, height, width), values 0..num_classes-1.
        instances: Integer tensor (batch, height, width); needed with `edges`. Any
            ids: only where they differ counts.
        features: Optional float tensor (batch, height, width, n), appended last.

    Returns:
        Float tensor (batch, height, width, channels) in compute precision;
        values 0 and 1 (features as they are); channels in the order of the title.

    Example:

    >>> layer = Conditioning(num_classes=3)
    >>> maps = keras.ops.zeros((1, 4, 4), "int32")
    >>> keras.ops.shape(layer(maps, maps))
    (1, 4, 4, 4)
    """

    def __init__(self, num_classes, edges=True, **kwargs):
        super().__init__(**kwargs)
        if num_classes < 1:
            raise ValueError(f"`num_classes` must be at least 1. Received: {num_classes}.")
        self.num_classes = num_classes
        self.edges = edges
        self._build_at_init()

    @property
    def channels(self):
        """Number of output channels, features apart."""
        return self.num_classes + int(self.edges)

    def call(self, labels, instances=None, features=None):
        one_hot = ops.one_hot(ops.cast(labels, "int32"), self.num_classes, dtype=self.compute_dtype)
        parts = [one_hot]
        if self.edges:
            if instances is None:
                raise ValueError(
                    "This model reads instance edges: give `instances`, an integer map of "
                    "the size of `labels` with one id per object."
                )
            marks = instance_edges(ops.cast(instances, "int32"))
            parts.append(ops.cast(marks, self.compute_dtype)[..., None])
        if features is not None:
            parts.append(ops.cast(features, self.compute_dtype))
        return ops.concatenate(parts, axis=-1) if len(parts) > 1 else one_hot

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "num_classes": self.num_classes,
            "edges": self.edges,
        }

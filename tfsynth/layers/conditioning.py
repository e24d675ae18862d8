"""Conditions as inputs of generator and discriminator: one-hot or picture | edges | features.

pix2pixHD, https://arxiv.org/abs/1711.11585, sections 3.3 and 3.4; pictures are those of its
released code without label maps, and pix2pix reads label maps in their colours. All layers have the
same interface: the owner passes the tensor of a batch that `condition_name` names.
"""

from collections.abc import Sequence

import keras
from keras import ops

from tfsynth.layers.arguments import check_sizes
from tfsynth.layers.pixels import to_unit_range
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
    vertical = instances[:, 1:, :] != instances[:, :-1, :]  # (batch, height - 1, width)
    horizontal = instances[:, :, 1:] != instances[:, :, :-1]  # (batch, height, width - 1)
    top, bottom = ((0, 0), (0, 1), (0, 0)), ((0, 0), (1, 0), (0, 0))
    left, right = ((0, 0), (0, 0), (0, 1)), ((0, 0), (0, 0), (1, 0))
    # A difference marks the pixels on both sides of it. Padded as integers, since not every
    # backend pads booleans.
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

    Trainer and synthesizer hold the same layer, so that the served model encodes as in
    training. Void is a class like any other here.

    Args:
        num_classes: Number of label ids, void ones included. An id outside
            0..num_classes-1 would become all zeros: the data and the synthesizer
            check the range before it comes here.
        edges: Whether a channel with the instances' edges follows the one-hot ones.

    Call arguments:
        labels: Integer tensor (batch, height, width), values 0..num_classes-1.
        instances: Integer tensor (batch, height, width); needed with `edges`. Any
            ids: only their differences matter.
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

    condition_name = "labels"  # Key of its input in a batch.
    condition_dtype = "int32"
    condition_channels = None  # Label maps have no axis of channels.

    def __init__(self, num_classes: int, edges=True, **kwargs):
        super().__init__(**kwargs)
        check_sizes(num_classes=num_classes)
        self.num_classes = num_classes
        self.edges = edges
        self._build_at_init()

    @property
    def channels(self):
        """Number of output channels, features apart."""
        return self.num_classes + int(self.edges)

    @property
    def content(self):
        """What the channels are, for messages."""
        return f"{self.num_classes} classes, edges {'on' if self.edges else 'off'}"

    def check_condition(self, array):
        """Raises `ValueError` unless a NumPy array is one label map or a batch of them."""
        _check_label_map(array)

    def call(self, labels, instances=None, features=None):
        # (batch, height, width) -> (batch, height, width, num_classes)
        one_hot = ops.one_hot(ops.cast(labels, "int32"), self.num_classes, dtype=self.compute_dtype)
        return _with_edges_and_features(one_hot, self.edges, instances, features)

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "num_classes": self.num_classes,
            "edges": self.edges,
        }


@register
class ColourConditioning(keras.layers.Layer):
    """Paints label maps in the colours of their classes: pix2pix, https://arxiv.org/abs/1611.07004.

    It takes the place of `Conditioning`. Classes of one colour cannot be distinguished; three
    channels encode any number of classes, but similar colours are hard to separate.

    Args:
        colours: One [red, green, blue] per label id, integers 0..255, void ids included; as a
            rule those of the label set.
        edges: Whether a channel with the instances' edges follows.

    Call arguments:
        labels, instances, features: As in `Conditioning`.

    Returns:
        Float tensor (batch, height, width, channels) in compute precision; the colours in
        [-1, 1], edges 0 or 1, features as they are.

    Example:

    >>> layer = ColourConditioning([(0, 0, 0), (255, 0, 255)])
    >>> keras.ops.convert_to_numpy(layer(keras.ops.array([[[0, 1]]]))).tolist()
    [[[[-1.0, -1.0, -1.0], [1.0, -1.0, 1.0]]]]
    """

    condition_name = "labels"
    condition_dtype = "int32"
    condition_channels = None

    def __init__(self, colours: Sequence[Sequence[int]], edges=False, **kwargs):
        super().__init__(**kwargs)
        self.colours = tuple(tuple(colour) for colour in colours)
        for colour in self.colours or [()]:
            if len(colour) != 3 or not all(0 <= part <= 255 for part in colour):
                raise ValueError(
                    "`colours` are one [red, green, blue] per label id, at least one, each part "
                    f"0..255. Received: {list(colour)}."
                )
        self.num_classes = len(self.colours)
        self.edges = edges
        self._build_at_init()

    @property
    def channels(self):
        """Number of output channels, features apart."""
        return 3 + int(self.edges)

    @property
    def content(self):
        """What the channels are, for messages."""
        return f"3 of colour, edges {'on' if self.edges else 'off'}"

    def check_condition(self, array):
        """Raises `ValueError` unless a NumPy array is one label map or a batch of them."""
        _check_label_map(array)

    def call(self, labels, instances=None, features=None):
        palette = to_unit_range(ops.convert_to_tensor(self.colours))  # (num_classes, 3)
        # (batch, height, width) -> (batch, height, width, 3)
        painted = ops.take(palette, ops.cast(labels, "int32"), axis=0)
        painted = ops.cast(painted, self.compute_dtype)
        return _with_edges_and_features(painted, self.edges, instances, features)

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "colours": [list(colour) for colour in self.colours],
            "edges": self.edges,
        }


@register
class PictureConditioning(keras.layers.Layer):
    """Scales condition pictures to the range that the networks read.

    It takes the place of `Conditioning` for data without label maps: drawings, edges, other
    photographs.

    Args:
        condition_channels: Channels of the pictures: 1 (grey), 3 (RGB), 4 (RGB and alpha).
        edges: Whether a channel with the instances' edges follows.

    Call arguments:
        condition: Uint8 tensor (batch, height, width, condition_channels).
        instances, features: As in `Conditioning`.

    Returns:
        Float tensor (batch, height, width, channels) in compute precision; the picture in
        [-1, 1], edges 0 or 1, features as they are.

    Example:

    >>> layer = PictureConditioning(condition_channels=1)
    >>> layer(np.array([[[[0], [255]]]], "uint8")).numpy().tolist()
    [[[[-1.0], [1.0]]]]
    """

    condition_name = "condition"
    condition_dtype = "uint8"
    num_classes = None  # Pictures have none.

    def __init__(self, condition_channels=3, edges=False, **kwargs):
        super().__init__(**kwargs)
        check_sizes(condition_channels=condition_channels)
        self.condition_channels = condition_channels
        self.edges = edges
        self._build_at_init()

    @property
    def channels(self):
        """Number of output channels, features apart."""
        return self.condition_channels + int(self.edges)

    @property
    def content(self):
        """What the channels are, for messages."""
        return f"a picture of {self.condition_channels}, edges {'on' if self.edges else 'off'}"

    def check_condition(self, array):
        """Raises `ValueError` unless a NumPy array is one condition picture or a batch of them."""
        channels = self.condition_channels
        fits = array.ndim in (3, 4) and array.shape[-1] == channels and 0 not in array.shape
        if not fits or array.dtype != "uint8":
            raise ValueError(
                f"A condition picture is a uint8 array (height, width, {channels}), or (batch, "
                f"height, width, {channels}). Received: {array.dtype} {array.shape}."
            )

    def call(self, condition, instances=None, features=None):
        # Scaled in float32, so that a lower precision rounds once.
        picture = to_unit_range(condition)
        picture = ops.cast(picture, self.compute_dtype)
        return _with_edges_and_features(picture, self.edges, instances, features)

    def get_config(self):
        return {
            **without_policy(super().get_config()),
            "condition_channels": self.condition_channels,
            "edges": self.edges,
        }


def _check_label_map(array):
    if array.ndim not in (2, 3) or array.dtype.kind not in "iu" or 0 in array.shape:
        raise ValueError(
            "A label map is an integer array (height, width), or (batch, height, width). "
            f"Received: {array.dtype} {array.shape}."
        )


def _with_edges_and_features(condition, edges, instances, features):
    parts = [condition]
    if edges:
        if instances is None:
            raise ValueError(
                "This model reads instance edges: give `instances`, an integer map of "
                "the size of the condition with one id per object."
            )
        marks = instance_edges(ops.cast(instances, "int32"))
        # (batch, height, width) -> (batch, height, width, 1)
        parts.append(ops.expand_dims(ops.cast(marks, condition.dtype), axis=-1))
    if features is not None:
        parts.append(ops.cast(features, condition.dtype))
    return ops.concatenate(parts, axis=-1) if len(parts) > 1 else condition

"""The base of every loss, and its interface to a game."""


class Loss:
    """A weighted term of the generator's objective.

    A loss returns the mean over the batch it is given, as a float32 scalar, neither weighted nor
    divided by the number of replicas: game and trainer do both, once. (A `keras.losses.Loss`
    divides by the replicas itself.) It has no network but one that it reads pictures with.

    A subclass names its inputs in `asks`; the game calls it with those, as keyword arguments:

    - `real`: photographs (batch, height, width, channels), float32 in [-1, 1];
    - `fake`: the generator's pictures of their layouts, the same; (batch, k, height, width,
      channels) if the generator makes k pictures of a layout;
    - `labels`: integer ids (batch, height, width), where the conditions are label maps;
    - `masks`: the labels one-hot encoded, (batch, height, width, classes) float32;
    - `real_features`, `fake_features`: one list of feature maps per scale of a discriminator;
    - `real_maps`, `fake_maps`: dicts of the maps that the game's fixed network, its `features`,
      has of the two pictures.

    A subclass that is a sum of named `layers`, whose balance may change in training, writes
    `terms` beside the call: with the same arguments and `factors`, a float32 tensor (layers,), it
    returns a float32 tensor (layers,).

    Args:
        weight: The factor of this term in the generator's total.
    """

    name = ""  # Its key in the logs.
    asks = ()
    layers = ()
    # Whether it takes several pictures of one layout: `fake` then has one axis more than `real`.
    many_pictures = False
    size_multiple = 1  # Height and width of the pictures must be multiples of this many pixels.

    def __init__(self, weight=1.0):
        self.weight = weight

    def check(self, num_classes, channels):
        """Raises `ValueError` if it cannot read the inputs of a game.

        Args:
            num_classes: Number of classes of the layouts; `None` for condition pictures.
            channels: Channels of the generator's pictures.
        """

    def check_maps(self, features, num_classes):
        """Raises `ValueError` if it cannot read the maps of the game's fixed network.

        Args:
            features: The network.
            num_classes: Number of classes of the layouts; `None` for condition pictures.
        """

    def check_labels(self, label_set):
        """Raises `ValueError` if it was made for other classes than those of a `LabelSet`."""

    def get_config(self):
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

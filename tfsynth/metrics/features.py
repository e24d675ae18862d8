"""Feature models: what describes a picture by numbers, for distances between sets of pictures.

A distance of features means something only together with the name of what computed them, so that
each feature model has a name, and each result carries it.
"""

import hashlib
from pathlib import Path

import numpy as np
from keras import ops, tree

from tfsynth.layers import to_unit_range
from tfsynth.models import read_model


class FeatureModel:
    """A named function of pictures.

    Args:
        function: Function of a uint8 array (batch, height, width, 3) -> array (batch, features).
            A picture's features may not depend on the others of its batch.
        name: What results call it. Numbers of two names cannot be compared.
        batch_size: Most pictures that the function gets at once.

    Raises:
        ValueError: If the name is empty, or the batch size below 1.
    """

    def __init__(self, function, name, batch_size=16):
        if not name:
            raise ValueError("A feature model needs a `name`, which its results carry; got none.")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more; got {batch_size}.")
        self.function = function
        self.name = name
        self.batch_size = batch_size

    def __call__(self, pictures):
        """Returns the features of pictures, float64 (pictures, features).

        Args:
            pictures: Iterable of uint8 arrays (height, width, 3), of any sizes if the function
                takes any.

        Raises:
            ValueError: See `batches`; and if there is no picture.
        """
        found = list(self.batches(pictures))
        if not found:
            raise ValueError(f"Features ({self.name}) need a picture; got none.")
        return np.concatenate(found)

    def batches(self, pictures):
        """Yields the features of one batch after another, float64 (batch, features).

        The pictures are read as they are needed. Consecutive ones of one size share a batch.

        Raises:
            ValueError: If a picture is not uint8 (height, width, 3), or its features are not
                finite numbers (batch, features), as many for each picture.
        """
        width = None
        for first, batch in self._stacked(pictures):
            found = np.asarray(self.function(batch), np.float64)
            if found.ndim != 2 or len(found) != len(batch) or width not in (None, found.shape[1]):
                raise ValueError(
                    f"The feature model {self.name} must return (batch, features), as many "
                    f"features for each picture; {len(batch)} pictures from number {first} gave "
                    f"{found.shape}."
                )
            if not np.isfinite(found).all():
                raise ValueError(
                    f"The feature model {self.name} gave numbers that are not finite for "
                    f"{len(batch)} pictures from number {first}. Look at its weights."
                )
            width = found.shape[1]
            yield found

    def _stacked(self, pictures):
        """Yields the number of the first picture, counted from 0, and pictures of one size."""
        first, batch = 0, []
        for number, picture in enumerate(pictures):
            picture = np.asarray(picture)
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
                raise ValueError(
                    f"Pictures must be uint8 (height, width, 3); number {number} is "
                    f"{picture.dtype} {picture.shape}."
                )
            if batch and (len(batch) == self.batch_size or batch[0].shape != picture.shape):
                yield first, np.stack(batch)
                first, batch = number, []
            batch.append(picture)
        if batch:
            yield first, np.stack(batch)


def keras_features(model, name=None, batch_size=16):
    """Returns the `FeatureModel` of a Keras model of RGB pictures in [-1, 1].

    Args:
        model: Maps float32 (batch, height, width, 3) to an array (batch, ..., channels), or to
            several, in a list or a dict. Each is averaged over all places between the first and
            the last axis; several are joined, in the order of `keras.tree.flatten`.
        name: Default: the model's.
        batch_size: See `FeatureModel`.
    """

    def features(pictures):
        outputs = model.predict_on_batch(to_unit_range(pictures))
        arrays = [ops.convert_to_numpy(output) for output in tree.flatten(outputs)]
        means = [a.astype(np.float64).mean(axis=tuple(range(1, a.ndim - 1))) for a in arrays]
        return np.concatenate(means, axis=-1)

    return FeatureModel(features, name or model.name, batch_size)


def read_features(path, batch_size=16):
    """Returns the `FeatureModel` in a `.keras` file; see `keras_features`.

    Its name is that of the file and the first 12 digits of the file's SHA-256.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read; see `tfsynth.models.read_model`.
    """
    path = Path(path)
    model = read_model(path, compile=False)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return keras_features(model, f"{path.stem} {digest[:12]}", batch_size)


def weights_sha256(network):
    """Returns the SHA-256 of a network's weights, in hexadecimal digits.

    Of the shape and the float32 bytes of each weight, in order: that of a network is that of its
    copy in a file, whatever else the file holds and in whichever dtype policy it is built.

    Args:
        network: A `keras.Model`.
    """
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(f"{list(weight.shape)}".encode())
        digest.update(np.ascontiguousarray(weight, "<f4").tobytes())
    return digest.hexdigest()


def pixel_features(batch_size=16):
    """Returns the `FeatureModel` whose features are the pixels themselves, 0..255.

    Distances of it are found in pictures of one size only.
    """
    return FeatureModel(lambda pictures: pictures.reshape(len(pictures), -1), "pixels", batch_size)

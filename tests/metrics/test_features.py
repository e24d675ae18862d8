"""Feature models: any function of pictures, and Keras models averaged over places."""

import hashlib

import keras
import numpy as np
import pytest

from tfsynth.layers import dtype_policy
from tfsynth.metrics import (
    FeatureModel,
    keras_features,
    pixel_features,
    read_features,
    weights_sha256,
)


def greys(*levels, size=(2, 4)):
    return [np.full((*size, 3), level, "uint8") for level in levels]


def strides(batch):
    """One feature, and how large the batch was that it was computed in."""
    return np.array([[picture.mean(), len(batch)] for picture in batch])


def test_pictures_of_one_size_share_a_batch():
    model = FeatureModel(strides, "mean", batch_size=2)
    mixed = greys(1, 2, 3) + greys(4, size=(5, 5)) + greys(5)
    found = model(iter(mixed))
    assert found.dtype == np.float64
    assert found.tolist() == [[1, 2], [2, 2], [3, 1], [4, 1], [5, 1]]


def test_pictures_are_read_as_they_are_needed():
    read = []

    def watched():
        for level in (1, 2, 3, 4):
            read.append(level)
            yield greys(level)[0]

    batches = FeatureModel(strides, "mean", batch_size=2).batches(watched())
    next(batches)
    assert read == [1, 2, 3]


def two_outputs():
    """The picture at half of its size, and its mean: an array of places, and one without."""
    pictures = keras.Input((None, None, 3))
    halves = keras.layers.AveragePooling2D(2)(pictures)
    mean = keras.layers.GlobalAveragePooling2D()(pictures)
    return keras.Model(pictures, [halves, mean], name="halves")


def test_a_keras_model_is_averaged_over_places():
    model = keras_features(two_outputs())
    picture = np.zeros((2, 4, 3), "uint8")
    picture[:, :2] = 255, 0, 51
    # Half of the places have 1, -1 and -0.6, the others -1.
    expected = [0, -1, -0.8]
    assert model.name == "halves"
    np.testing.assert_allclose(model([picture]), [expected + expected], atol=1e-6)


def test_a_file_is_named_with_its_checksum(tmp_path):
    path = tmp_path / "small.keras"
    two_outputs().save(path)
    model = read_features(path)
    stem, digest = model.name.split()
    assert stem == "small" and len(digest) == 12
    np.testing.assert_allclose(model(greys(255)), np.ones((1, 6)), atol=1e-6)
    with pytest.raises(FileNotFoundError, match="none.keras is not there"):
        read_features(tmp_path / "none.keras")


def weighted(**options):
    """Weights that train and others, in both orders."""
    pictures = keras.Input((None, None, 3))
    normal = keras.layers.BatchNormalization(name="first", **options)(pictures)
    mixed = keras.layers.Conv2D(2, 1, kernel_initializer="ones", name="second")(normal)
    return keras.Model(pictures, keras.layers.BatchNormalization(name="third")(mixed))


def test_weights_are_known_by_their_sum_in_any_file_and_policy(tmp_path):
    network = weighted()
    digest = hashlib.sha256()
    # gamma, beta, mean and variance of 3 channels, kernel and bias, the same of 2 channels.
    for shape, value in [
        *(((3,), 1), ((3,), 0), ((3,), 0), ((3,), 1), ((1, 1, 3, 2), 1), ((2,), 0)),
        *(((2,), 1), ((2,), 0), ((2,), 0), ((2,), 1)),
    ]:
        digest.update(f"{list(shape)}".encode() + np.full(shape, value, "<f4").tobytes())
    assert weights_sha256(network) == digest.hexdigest()
    network.save(tmp_path / "copy.keras")
    network.trainable = False
    with dtype_policy("mixed_bfloat16"):
        copy = keras.models.load_model(tmp_path / "copy.keras")
        again = weighted()
    assert {digest.hexdigest()} == {weights_sha256(n) for n in (network, copy, again)}
    assert weights_sha256(weighted(beta_initializer="ones")) != digest.hexdigest()


def test_pixels_are_features():
    assert pixel_features()(greys(7, size=(1, 2))).tolist() == [[7] * 6]


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda batch: batch.mean(axis=(1, 2, 3)), r"must return \(batch, features\).*gave \(2,\)"),
        (lambda batch: np.zeros((1, 3)), r"2 pictures from number 0 gave \(1, 3\)"),
        (lambda batch: np.full((len(batch), 2), np.nan), "odd gave numbers that are not finite"),
        (lambda batch: batch[:, 0, :, 0], r"1 pictures from number 2 gave \(1, 9\)"),
    ],
)
def test_what_is_no_feature_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        FeatureModel(function, "odd")(greys(1, 2) + greys(3, size=(2, 9)))


@pytest.mark.parametrize(
    "pictures, message",
    [
        ([], "need a picture; got none"),
        ([np.zeros((2, 2, 3))], r"number 0 is float64 \(2, 2, 3\)"),
        (greys(1) + [np.zeros((2, 2), "uint8")], r"number 1 is uint8 \(2, 2\)"),
    ],
)
def test_what_is_no_picture_is_refused(pictures, message):
    with pytest.raises(ValueError, match=message):
        pixel_features()(pictures)


def test_a_feature_model_has_a_name():
    with pytest.raises(ValueError, match="needs a `name`"):
        FeatureModel(strides, "")
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more; got 0"):
        FeatureModel(strides, "mean", batch_size=0)

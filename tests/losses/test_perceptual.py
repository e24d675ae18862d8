"""The perceptual loss: its sum, its file, and what it refuses."""

import hashlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import check_loss, round_trip
from tfsynth.losses import PerceptualLoss
from tfsynth.networks import VGG19


@pytest.fixture(scope="module")
def doubling():
    """A feature network that gives the picture and its double."""
    image = keras.Input((None, None, 3))
    outputs = {"once": keras.layers.Rescaling(1)(image), "twice": keras.layers.Rescaling(2)(image)}
    return keras.Model(image, outputs)


def pictures():
    return np.ones((2, 4, 4, 3), "float32"), np.zeros((2, 4, 4, 3), "float32")


def test_levels_are_weighted(doubling):
    loss = PerceptualLoss(doubling, layer_weights={"once": 0.5, "twice": 3.0})
    real, fake = pictures()
    check_loss(loss(real, fake), 0.5 + 3 * 2)
    assert loss.weight == 10.0


def test_no_gradient_flows_into_the_photograph(doubling):
    loss = PerceptualLoss(doubling, layer_weights={"twice": 1.0})
    real, fake = (tf.constant(p) for p in pictures())
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = loss(real, fake)
    of_real, of_fake = tape.gradient(value, [real, fake])
    assert of_real is None or not np.any(of_real)
    np.testing.assert_allclose(of_fake, np.full((2, 4, 4, 3), -2 / 96), rtol=1e-6)


def test_grey_pictures_are_repeated_and_others_refused(doubling):
    loss = PerceptualLoss(doubling, layer_weights={"once": 0.5, "twice": 3.0})
    real, fake = (picture[..., :1] for picture in pictures())
    check_loss(loss(real, fake), 0.5 + 3 * 2)
    for channels in (1, 3):
        loss.check(5, channels)
    with pytest.raises(ValueError, match="pictures of 3 channels, or of one.* have 4"):
        loss.check(5, 4)


def test_the_file_is_kept_by_its_hash(doubling, tmp_path):
    path = tmp_path / "features.keras"
    doubling.save(path)
    loss = PerceptualLoss(str(path), layer_weights={"twice": 1.0})
    assert loss.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    again = round_trip(loss)
    check_loss(again(*pictures()), 2.0)
    with path.open("ab") as file:
        file.write(b" ")
    with pytest.raises(ValueError, match=f"expected {loss.sha256}"):
        PerceptualLoss(str(path), sha256=loss.sha256, layer_weights={"twice": 1.0})


def test_bad_features_are_refused(doubling, tmp_path):
    with pytest.raises(FileNotFoundError, match="never downloaded.*tfsynth import vgg19"):
        PerceptualLoss(tmp_path / "missing.keras")
    with pytest.raises(ValueError, match="no output relu1_1, .*Its outputs: once, twice"):
        PerceptualLoss(doubling)
    with pytest.raises(ValueError, match="was given a network, not a file"):
        PerceptualLoss(doubling, layer_weights={"once": 1.0}).get_config()


def test_distilled_features_of_real_photographs(shared_data):
    path = shared_data.parent / "weights" / "vgg19_distilled_16x.keras"
    loss = PerceptualLoss(path)
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    assert float(loss(noise, noise)) == 0
    assert float(loss(noise, np.zeros_like(noise))) > 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outputs": ["relu1_1", "relu9_1"]}, "are of relu1_1, .*relu5_2. Received"),
        ({"outputs": []}, "are of relu1_1"),
        ({"pooling": "median"}, "one of .*average.*Received: 'median'"),
        (
            {"preprocessing": "caffe"},
            "one of none, torchvision, keras, matconvnet. Received: 'caffe'",
        ),
    ],
)
def test_vgg_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        VGG19(**arguments)


def test_the_picture_is_a_layer_in_grey_levels(doubling):
    loss = PerceptualLoss(doubling, layer_weights={"twice": 3.0, "image": 0.5})
    np.testing.assert_allclose(loss.terms(*pictures()), [6.0, 0.5 * 127.5], rtol=1e-6)
    factors = np.array([0.5, 2.0], "float32")
    terms = loss.terms(*pictures(), factors=factors)
    np.testing.assert_allclose(terms, [3.0, 127.5], rtol=1e-6)
    alone = round_trip(PerceptualLoss(None, layer_weights={"image": 1.0}))
    check_loss(alone(*pictures()), 127.5)
    alone.check(None, 4)


def test_vgg_of_matconvnet_reads_rgb_levels_minus_their_mean():
    network = VGG19(["relu1_1"], pooling="average", preprocessing="matconvnet")
    keras_like = VGG19(["relu1_1"], preprocessing="keras")
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 64))
    network.get_layer("conv1_1").kernel.assign(kernel)
    keras_like.get_layer("conv1_1").kernel.assign(kernel[:, :, ::-1])
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 8, 8, 3)).astype("float32")
    expected = keras_like(picture)["relu1_1"]
    np.testing.assert_allclose(network(picture)["relu1_1"], expected, rtol=1e-4, atol=1e-2)
    # Of a picture in the mean colour nothing is left.
    mean = np.array([123.68, 116.779, 103.939], "float32") / 127.5 - 1
    blank = network(np.broadcast_to(mean, (1, 8, 8, 3)))["relu1_1"]
    assert np.abs(blank).max() < 1e-3

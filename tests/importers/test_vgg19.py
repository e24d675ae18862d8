"""torchvision's VGG-19 by the names of its file, and the perceptual loss on it."""

import keras
import numpy as np
import pytest

from tests.harness import filler
from tfsynth.importers import CheckpointError, read_vgg19, write_state_dict
from tfsynth.losses import PerceptualLoss

# (index in torchvision's `features`, channels in, channels out) up to relu5_1.
LAYOUT = [
    *((0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256)),
    *((14, 256, 256), (16, 256, 256), (19, 256, 512), (21, 512, 512), (23, 512, 512)),
    *((25, 512, 512), (28, 512, 512)),
]


@pytest.fixture(scope="module")
def state():
    """The weights of conformance vector E: 2 sqrt(6 / fan_in) times the filler, biases 0."""
    tensors = {}
    for number, (index, inputs, outputs) in enumerate(LAYOUT):
        count = outputs * inputs * 9
        kernel = 2 * np.sqrt(6 / (inputs * 9)) * filler(count, 2 * number)
        shape = (outputs, inputs, 3, 3)
        tensors[f"features.{index}.weight"] = kernel.reshape(shape).astype("float32")
        tensors[f"features.{index}.bias"] = np.zeros(outputs, "float32")
    return tensors


@pytest.fixture(scope="module")
def weights(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    # The classifier of a real file is left out by name.
    write_state_dict(path, state | {"classifier.0.bias": np.zeros(1, "float32")})
    return path


@pytest.fixture(scope="module")
def network(weights):
    return read_vgg19(weights)


def pictures():
    return [
        np.moveaxis((2 * filler(3 * 32 * 32, t)).reshape(1, 3, 32, 32), 1, -1).astype("float32")
        for t in (200, 201)
    ]


def test_the_loss_agrees_with_an_independent_evaluation(network, tmp_path):
    x, y = pictures()
    means = [0.3179483827, 0.5331033380, 0.6871680859, 0.6764725946, 0.4155553013]
    distances = [0.4546328944, 0.3452676865, 0.2378364355, 0.1416643683, 0.0658406489]
    a, b = network(x), network(y)
    assert list(a) == [f"relu{i}_1" for i in range(1, 6)]
    for name, mean, distance in zip(a, means, distances, strict=True):
        assert float(np.mean(a[name])) == pytest.approx(mean, rel=1e-5)
        assert float(np.mean(np.abs(a[name] - b[name]))) == pytest.approx(distance, rel=1e-5)
    network.save(tmp_path / "vgg19.keras")
    loss = PerceptualLoss(tmp_path / "vgg19.keras")
    assert loss.weight * float(loss(y, x)) == pytest.approx(1.6677280378, rel=1e-5)


def test_parameters(network):
    assert network.count_params() == 12_944_960


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {**s, "features.1.weight": np.ones(64)}, "no VGG-19.*features.1.weight"),
        (lambda s: {n: a for n, a in s.items() if n != "features.5.bias"}, "features.5.bias` is"),
        (lambda s: {**s, "features.0.bias": np.ones(3)}, r"\(3,\).*\(64,\)"),
    ],
)
def test_other_files_are_refused(state, change, message, tmp_path):
    write_state_dict(tmp_path / "other.pth", change(state))
    with pytest.raises(CheckpointError, match=message):
        read_vgg19(tmp_path / "other.pth")


def test_kerass_own_weights_have_their_preprocessing():
    network = read_preprocessing("keras")
    picture = np.full((1, 2, 2, 3), 1.0, "float32")
    expected = [255 - 103.939, 255 - 116.779, 255 - 123.68]
    np.testing.assert_allclose(network(picture)[0, 0, 0], expected, rtol=1e-6)


def test_torchvisions_preprocessing():
    picture = np.full((1, 2, 2, 3), -1.0, "float32")
    expected = [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]
    np.testing.assert_allclose(
        read_preprocessing("torchvision")(picture)[0, 0, 0], expected, rtol=1e-5
    )


def read_preprocessing(name):
    """What the first convolution of a VGG-19 sees."""
    from tfsynth.networks import VGG19

    network = VGG19(["relu1_1"], preprocessing=name)
    return keras.Model(network.input, network.get_layer("conv1_1").input)

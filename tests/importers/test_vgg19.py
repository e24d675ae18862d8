"""VGG-19 of torchvision and of Keras by the names of their files, and the loss on it."""

import h5py
import keras
import numpy as np
import pytest

from tests.harness import filler
from tfsynth.exporters.torch_writer import write_state_dict
from tfsynth.importers import CheckpointError, read_vgg19
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


@pytest.fixture(scope="module")
def applications_network():
    keras.utils.set_random_seed(0)
    return keras.applications.VGG19(include_top=False, weights=None)


@pytest.fixture(scope="module")
def keras_file(applications_network, tmp_path_factory):
    """A file as Keras hosts it: the HDF5 layout of Keras 2, a group per layer."""
    path = tmp_path_factory.mktemp("keras") / "vgg19_notop.h5"
    with h5py.File(path, "w") as file:
        names = [layer.name for layer in applications_network.layers]
        file.attrs["layer_names"] = [name.encode() for name in names]
        for layer in applications_network.layers:
            group = file.create_group(layer.name)
            arrays = dict(zip(("W", "b"), layer.get_weights(), strict=False))
            tensors = {f"{layer.name}_{kind}_1:0": array for kind, array in arrays.items()}
            group.attrs["weight_names"] = [name.encode() for name in tensors]
            for name, array in tensors.items():
                group[name] = array
    return path


def test_keras_s_own_weights_see_what_keras_s_own_network_sees(applications_network, keras_file):
    network = read_vgg19(keras_file, outputs=["relu2_2", "relu5_2"])
    picture = pictures()[0]
    bytes_ = 127.5 * picture + 127.5
    own = keras.Model(
        applications_network.input,
        [applications_network.get_layer(f"block{i}_conv2").output for i in (2, 5)],
    )
    expected = own(keras.applications.vgg19.preprocess_input(bytes_))
    for ours, theirs in zip(network(picture).values(), expected, strict=True):
        assert float(np.max(theirs)) > 0.1
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * float(np.max(theirs)))


def test_a_file_of_another_network_is_refused(tmp_path):
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(CheckpointError, match=r"other.weights.h5: .*no weights of .*notop.h5"):
        read_vgg19(tmp_path / "other.weights.h5")
    with pytest.raises(FileNotFoundError, match="imagenet.h5"):
        read_vgg19(tmp_path / "imagenet.h5")


def test_a_cut_file_is_refused(keras_file, tmp_path):
    (tmp_path / "cut.h5").write_bytes(keras_file.read_bytes()[:100_000])
    with pytest.raises(
        CheckpointError,
        match=r"cut.h5: .* damaged .*truncated.*that Keras downloads",
    ):
        read_vgg19(tmp_path / "cut.h5")


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

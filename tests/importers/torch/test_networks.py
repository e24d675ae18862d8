"""Checkpoints that PyTorch wrote, read here, compute what PyTorch computed with them."""

from pathlib import Path

import keras
import numpy as np
import pytest

import tfsynth
from tfsynth.__main__ import main
from tfsynth.importers import read_pix2pixhd
from tfsynth.layers import Conditioning

GOLDENS = Path(__file__).parents[2] / "goldens"


@pytest.fixture(scope="module")
def made():
    """What `make_torch_networks.py` stored: a layout, a picture, and PyTorch's outputs."""
    with np.load(GOLDENS / "torch_networks.npz") as arrays:
        return {n: np.moveaxis(a, 1, -1) if a.ndim == 4 else a for n, a in arrays.items()}


def read(name):
    ((role, network),) = read_pix2pixhd(GOLDENS / f"torch_{name}.pth").items()
    return role, network


def condition(made):
    return np.asarray(Conditioning(7)(made["labels"][None], made["instances"][None]))


def picture(made):
    return made["image"][None].astype("float32") / 127.5 - 1


def test_a_generator_of_pytorch(made):
    role, network = read("G")
    assert (role, type(network).__name__) == ("generator", "LocalEnhancer")
    np.testing.assert_allclose(network(condition(made)), made["G"], rtol=0, atol=1e-4)


def test_a_discriminator_of_pytorch_in_the_older_container(made):
    role, network = read("D")
    assert (role, network.num_scales) == ("discriminator", 2)
    outputs = network(np.concatenate([condition(made), picture(made)], -1))
    for i, scale in enumerate(outputs):
        for j, features in enumerate(scale):
            np.testing.assert_allclose(features, made[f"D_{i}{j}"], rtol=0, atol=1e-4)


def test_an_encoder_of_pytorch(made):
    role, network = read("E")
    assert role == "encoder"
    ids = np.unique(made["instances"], return_inverse=True)[1].reshape(1, 32, 48).astype("int32")
    output = network([picture(made), ids])
    np.testing.assert_allclose(output, made["E_pooled"], rtol=0, atol=1e-4)
    raw = keras.Model(network.inputs, network.get_layer("features").output)
    np.testing.assert_allclose(raw([picture(made), ids]), made["E_raw"], rtol=0, atol=1e-4)


def test_a_photograph_by_the_command_line(made, tmp_path):
    files = [str(GOLDENS / f"torch_{name}.pth") for name in "GD"]
    assert main(["import", "pix2pixhd", *files, "-o", str(tmp_path / "out")]) == 0
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    photograph = model.synthesize(made["labels"], made["instances"])
    expected = np.round((made["G"][0] + 1) * 127.5)
    assert np.abs(photograph - expected).max() <= 1
    assert (photograph == expected).mean() > 0.99

"""Checkpoints of pix2pixHD: what is read is what was written, and nothing else is let in."""

import json

import numpy as np
import pytest

from tests.harness import filler
from tfsynth.exporters.pix2pixhd import write_pix2pixhd
from tfsynth.exporters.torch_writer import write_state_dict
from tfsynth.importers import CheckpointError, read_pix2pixhd, read_state_dict
from tfsynth.networks import (
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
)

NETWORKS = {
    "global": lambda: GlobalGenerator(5, filters=4, num_downsamples=2, num_blocks=3),
    "local": lambda: LocalEnhancer(
        5, filters=2, num_downsamples=2, num_blocks=2, num_local_blocks=1
    ),
    "two enhancers": lambda: LocalEnhancer(
        5, filters=2, num_downsamples=1, num_blocks=1, num_enhancers=2, num_local_blocks=2
    ),
    "encoder": lambda: FeatureEncoder(filters=4, num_downsamples=3),
    "discriminator": lambda: MultiscaleDiscriminator(8, filters=4, num_scales=3),
}
ROLES = dict.fromkeys(("global", "local", "two enhancers"), "generator") | {
    "encoder": "encoder",
    "discriminator": "discriminator",
}


@pytest.fixture(params=NETWORKS)
def kind(request):
    return request.param


@pytest.fixture
def checkpoint(tmp_path):
    """A small coarse generator's tensors, and a function that reads them from a file again."""
    network = NETWORKS["global"]()
    write_pix2pixhd(network, tmp_path / "G.pth")
    state = read_state_dict(tmp_path / "G.pth")

    def read(changed):
        write_state_dict(tmp_path / "changed.pth", changed)
        return read_pix2pixhd(tmp_path / "changed.pth")

    return state, read


@pytest.mark.parametrize("container", ["zip", "legacy"])
def test_a_network_comes_back_the_same(kind, container, tmp_path):
    network = NETWORKS[kind]()
    for index, weight in enumerate(network.trainable_weights):
        weight.assign(filler(int(np.prod(weight.shape)), index).reshape(weight.shape))
    write_pix2pixhd(network, tmp_path / "net.pth", container=container)
    ((role, again),) = read_pix2pixhd(tmp_path / "net.pth").items()
    assert role == ROLES[kind]
    assert json.dumps(again.get_config()["filters"]) == json.dumps(network.filters)
    for a, b in zip(again.trainable_weights, network.trainable_weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_and_shapes_are_the_published_ones(tmp_path):
    write_pix2pixhd(GlobalGenerator(5, filters=2), tmp_path / "G.pth")
    shapes = {name: array.shape for name, array in read_state_dict(tmp_path / "G.pth").items()}
    assert len(shapes) == 56
    assert list(shapes)[:3] == ["model.1.weight", "model.1.bias", "model.4.weight"]
    assert shapes["model.1.weight"] == (2, 5, 7, 7)
    assert shapes["model.13.weight"] == (32, 16, 3, 3)
    assert shapes["model.16.conv_block.1.weight"] == (32, 32, 3, 3)
    assert shapes["model.24.conv_block.5.bias"] == (32,)
    # A transposed convolution's inputs come first.
    assert shapes["model.25.weight"] == (32, 16, 3, 3)
    assert shapes["model.34.weight"] == (4, 2, 3, 3)
    assert shapes["model.38.weight"] == (3, 2, 7, 7)


@pytest.mark.parametrize(
    ("network", "tensors", "names"),
    [
        (
            lambda: LocalEnhancer(5, filters=2),
            74,
            {"model1_1.1", "model1_1.4", "model1_2.2.conv_block.5", "model1_2.3", "model1_2.7"},
        ),
        (
            lambda: LocalEnhancer(5, filters=1, num_enhancers=2),
            92,
            {"model1_2.3", "model2_1.4", "model2_2.7"},
        ),
        (lambda: FeatureEncoder(filters=2), 20, {"model.1", "model.13", "model.16", "model.29"}),
        (lambda: MultiscaleDiscriminator(5, filters=2), 20, {"scale0_layer0.0", "scale1_layer4.0"}),
        (lambda: MultiscaleDiscriminator(5, filters=2, num_scales=3), 30, {"scale2_layer4.0"}),
    ],
)
def test_the_published_number_of_tensors(network, tensors, names):
    network = network()
    found = network.published_convolutions()
    assert 2 * len(found) == tensors
    assert names <= set(found)


def test_the_finest_discriminator_is_the_last_published_scale(tmp_path):
    network = MultiscaleDiscriminator(5, filters=2, num_scales=2)
    write_pix2pixhd(network, tmp_path / "D.pth")
    kernel = read_state_dict(tmp_path / "D.pth")["scale1_layer0.0.weight"]
    finest = np.asarray(network.get_layer("scale1_layer0_conv").kernel)
    np.testing.assert_array_equal(kernel, finest.transpose(3, 2, 0, 1))


def test_a_discriminator_without_feature_matching_is_read(tmp_path):
    network = MultiscaleDiscriminator(5, filters=2, num_scales=2)
    write_pix2pixhd(network, tmp_path / "D.pth")
    flat = {}
    for name, array in read_state_dict(tmp_path / "D.pth").items():
        scale, layer = int(name[5]), int(name[12])
        flat[f"layer{scale}.{max(0, 3 * layer - 1)}.{name.rpartition('.')[2]}"] = array
    write_state_dict(tmp_path / "flat.pth", flat)
    again = read_pix2pixhd(tmp_path / "flat.pth")["discriminator"]
    for a, b in zip(again.trainable_weights, network.trainable_weights, strict=True):
        np.testing.assert_array_equal(a, b)
    del flat["layer0.0.bias"]
    write_state_dict(tmp_path / "flat.pth", flat)
    with pytest.raises(CheckpointError, match="missing.*`layerS.I` are `scaleS_layerL.P` here"):
        read_pix2pixhd(tmp_path / "flat.pth")


def test_running_statistics_of_instance_norms_are_dropped(checkpoint):
    state, read = checkpoint
    zeros = np.zeros(4, "float32")
    extra = {"model.2.running_mean": zeros, "model.10.conv_block.6.running_var": zeros}
    generator = read(state | extra)["generator"]
    kernel = np.asarray(generator.get_layer("stem_conv").kernel)
    np.testing.assert_array_equal(kernel.transpose(3, 2, 0, 1), state["model.1.weight"])


def without(state, *names):
    return {name: array for name, array in state.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {}, "holds no tensors"),
        (
            lambda s: {"fc.weight": np.ones((2, 2))},
            r"4-dimensional kernel; 'fc.weight' has the shape \(2, 2\)",
        ),
        (lambda s: without(s, "model.4.bias"), "`model.4.bias` is missing.*filters 4"),
        (lambda s: s | {"model.4.bias": np.ones(9, "float32")}, r"\(9,\).*needs \(8,\)"),
        (lambda s: s | {"model.99.bias": np.ones(9, "float32")}, "no place.*'model.99.bias'"),
        (lambda s: s | {"model.1.running_mean": np.ones(4)}, "no place.*model.1.running_mean"),
        (lambda s: s | {"model.2.weight": np.ones(4, "float32")}, "--norm batch.*or train one"),
        (
            lambda s: {f"{p}.{n}": a for n, a in s.items() for p in ("netG", "ema")},
            r"different prefixes \(`ema.`, `netG.`\), as those of several networks",
        ),
        (
            lambda s: s | {f"ema.{n}": a for n, a in s.items()},
            r"different prefixes \(none, `ema.`\)",
        ),
        (
            lambda s: {f"netG.{n}": a for n, a in s.items()} | {"step": np.ones(1, "f")},
            "beside tensors with the prefix `netG.` it has 'step'",
        ),
        (lambda s: s | {"model.1.weight_orig": s["model.1.weight"]}, "SPADE"),
        (
            lambda s: without(s, "model.1.weight"),
            "no tensor `model.1.weight`. It starts with 'model.1.bias'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, message, checkpoint):
    state, read = checkpoint
    with pytest.raises(CheckpointError, match=message):
        read(change(state))


@pytest.mark.parametrize("prefix", ["module.", "netG.", "ema.", "model.", "module.netG."])
def test_a_prefix_of_all_names_is_left_out(prefix, checkpoint):
    state, read = checkpoint
    expected = read(state)["generator"].get_weights()
    found = read({f"{prefix}{name}": array for name, array in state.items()})["generator"]
    for ours, theirs in zip(found.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


GIANT = 10**30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # Numbers that no program writes are no numbers of layers.
        (lambda s: s | {f"model.{GIANT}.conv_block.1.weight": s["model.1.weight"]}, "no place"),
        (lambda s: s | {f"model{GIANT}_1.1.weight": s["model.1.weight"]}, "no place.*'model1000"),
        (lambda s: s | {"model.011.weight": s["model.4.weight"]}, "no place.*'model.011.weight'"),
        (lambda s: s | {"model.٤.weight": s["model.4.weight"]}, "1 tensor.* no place"),
        # A small file must not make a large network.
        (lambda s: s | {"model.999.weight": np.ones((3, 1, 1, 1), "f")}, "no place.*model.999"),
        (
            lambda s: {
                n.replace("model.10.", "model.304."): a
                for n, a in s.items()
                if not n.startswith(("model.11.", "model.12."))
            },
            "is missing.*num_downsamples 100",
        ),
        (lambda s: s | {"model.1.weight": np.ones((9**6, 1, 1, 1), "f")}, r"needs \(531441, 1, 7"),
        (
            lambda s: s | {"model.1.weight": np.ones((0, 5, 7, 7), "f")},
            "without elements: 'model.1",
        ),
        (lambda s: s | {"model.4.weight": s["model.4.weight"] * np.nan}, "`model.4.weight` holds"),
        (
            lambda s: s | {"model.4.weight": s["model.4.weight"].astype("f8") + 1e300},
            "not finite float32",
        ),
        (lambda s: s | {"model.4.bias": np.ones(8, bool)}, "holds bool values"),
        (lambda s: s | {"model.4.bias": np.ones(8, "i8")}, "`model.4.bias` holds int64 values"),
        (lambda s: s | {"model1_1.1.weight": np.ones((2, 1, 1, 1), "f")}, "`model1_2.0.weight` is"),
    ],
)
def test_forged_files_are_refused_before_a_network_is_built(change, message, checkpoint):
    state, read = checkpoint
    with pytest.raises(CheckpointError, match=f"changed.pth: .*{message}"):
        read(change(state))


def test_an_old_encoder_is_named(tmp_path):
    network = FeatureEncoder(filters=2, num_downsamples=1)
    write_pix2pixhd(network, tmp_path / "E.pth")
    state = read_state_dict(tmp_path / "E.pth")
    old = {name.replace("model.11", "model.10"): array for name, array in state.items()}
    write_state_dict(tmp_path / "old.pth", old)
    with pytest.raises(CheckpointError, match="before the reflections"):
        read_pix2pixhd(tmp_path / "old.pth")


def test_an_enhancer_of_another_width_is_refused(tmp_path):
    write_pix2pixhd(NETWORKS["local"](), tmp_path / "G.pth")
    state = read_state_dict(tmp_path / "G.pth")
    state["model1_1.1.weight"] = np.ones((3, 5, 7, 7), "float32")
    write_state_dict(tmp_path / "G.pth", state)
    with pytest.raises(CheckpointError, match=r"3 \* 2\^1 = 6 filters.*it has 4"):
        read_pix2pixhd(tmp_path / "G.pth")

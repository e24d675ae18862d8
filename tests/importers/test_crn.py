"""Checkpoints of Cascaded Refinement Networks, as TensorFlow 1 writes them."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

import tfsynth
from tests.networks import crn_published as published
from tfsynth.__main__ import main
from tfsynth.importers import CheckpointError, import_crn, read_crn
from tfsynth.importers.crn import checkpoint_variables, trained_rows
from tfsynth.layouts.labels import LabelSet

WIDTHS = (16, 16, 8, 8)


@pytest.fixture(scope="module")
def tensors():
    return published.tensors(20, WIDTHS)


@pytest.fixture(scope="module")
def written(tensors, tmp_path_factory):
    prefix = tmp_path_factory.mktemp("result") / "model.ckpt"
    published.write_checkpoint(prefix, tensors)
    return prefix


@pytest.fixture
def checkpoint(written, tmp_path):
    """Prefix of a checkpoint of one picture that a test may damage."""
    return shutil.copytree(written.parent, tmp_path / "result") / "model.ckpt"


def data_of(prefix):
    return prefix.with_name(f"{prefix.name}.data-00000-of-00001")


@pytest.mark.parametrize(("pictures", "trained"), [(1, None), (9, None), (1, ()), (3, "some")])
def test_the_network_makes_the_published_pictures(pictures, trained, tmp_path):
    tensors = published.tensors(20, WIDTHS, pictures, seed=1)
    if trained == "some":
        trained = [name for name in tensors if name.startswith(("g_16_", "g_32_"))]
    prefix = tmp_path / "model.ckpt"
    published.write_checkpoint(prefix, tensors, trained)
    network = read_crn(prefix)["generator"]
    assert (network.input_channels, network.widths) == (20, WIDTHS)
    assert (network.num_outputs, network.activation) == (pictures, None)
    layout = published.layout(32, 64, 20)
    output = np.asarray(network(layout)).reshape(pictures, 32, 64, 3)
    expected = published.pictures(tensors, layout)
    np.testing.assert_allclose(127.5 * output + 127.5, expected, atol=5e-3)


def test_a_coarsest_module_of_another_size(tmp_path):
    tensors = published.tensors(5, (8, 6, 4), rows=15)
    published.write_checkpoint(tmp_path / "nyu", tensors, ())
    network = read_crn(tmp_path / "nyu")["generator"]
    assert trained_rows(tmp_path / "nyu") == 60
    layout = published.layout(60, 80, 5)
    expected = published.pictures(tensors, layout)
    np.testing.assert_allclose(127.5 * network(layout) + 127.5, expected, atol=5e-3)


def test_one_of_the_files_names_the_checkpoint(checkpoint, tensors):
    for name in ("model.ckpt.index", "model.ckpt.meta", "model.ckpt.data-00000-of-00001"):
        network = read_crn(checkpoint.with_name(name))["generator"]
        kernel = network.get_layer("module0_conv1").kernel
        np.testing.assert_array_equal(kernel, tensors["g_4_conv1/weights"])


def test_a_bundle_with_a_report(checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["import", "crn", str(checkpoint), "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "generator: CascadedRefinementNetwork with 18,651 parameters" in printed
    assert "assumed: the 19 training classes of Cityscapes and void" in printed
    report = json.loads((out / "import.json").read_text())
    assert report["written"] == ["synthesizer.keras", "import.json"]
    assert report["networks"]["generator"]["widths"] == list(WIDTHS)
    assert list(report["networks"]["generator"]["files"]) == [
        "model.ckpt.index",
        "model.ckpt.data-00000-of-00001",
    ]
    assert "trained on pictures of 32 rows" in report["assumed"][1]
    model = tfsynth.load_model(out / "synthesizer.keras")
    assert model.label_set == LabelSet.load("cityscapes20")
    assert model.input_names == ["labels"]
    labels = published.layout(32, 64, 20)[0].argmax(axis=-1)
    expected = 127.5 * model.generator(published.layout(32, 64, 20))[0] + 127.5
    photograph = model.synthesize(labels)
    np.testing.assert_allclose(photograph, np.clip(expected, 0, 255), atol=0.51)
    assert model.synthesize(labels[:21, :50]).shape == (21, 50, 3)
    with pytest.raises(FileExistsError, match="exists already"):
        import_crn(checkpoint, out)


def test_several_pictures_are_in_the_bundle(tmp_path):
    published.write_checkpoint(tmp_path / "m", published.tensors(4, (6, 4), 3), ())
    label_set = LabelSet(list("abcd"), [(i, i, i) for i in range(4)])
    report = import_crn(tmp_path / "m", tmp_path / "out", label_set=label_set)
    assert report["networks"]["generator"]["num_outputs"] == 3
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    layout = published.layout(8, 16, 4)
    expected = read_crn(tmp_path / "m")["generator"](layout)
    np.testing.assert_array_equal(model.generator(layout), expected)
    with pytest.raises(ValueError, match="reads 4 classes; the label set has 20"):
        labels = LabelSet.load("cityscapes20")
        import_crn(tmp_path / "m", tmp_path / "two", label_set=labels)
    assert "classes without names" in import_crn(tmp_path / "m", tmp_path / "two")["assumed"]


def test_a_file_that_was_cut_short_is_refused(checkpoint, capsys):
    data = data_of(checkpoint)
    size = data.stat().st_size
    with open(data, "r+b") as file:
        file.truncate(size - 100)
    message = (
        rf"{data} should hold {size:,} bytes by the index, and holds {size - 100:,}: it was cut"
    )
    with pytest.raises(CheckpointError, match=message):
        read_crn(checkpoint)
    assert main(["import", "crn", str(checkpoint), "-o", str(checkpoint.with_name("out"))]) == 2
    assert str(data) in capsys.readouterr().err
    with open(data, "ab") as file:
        file.write(bytes(300))
    with pytest.raises(
        CheckpointError, match=rf"holds {size + 200:,}: it is of another checkpoint"
    ):
        read_crn(checkpoint)
    data.unlink()
    with pytest.raises(CheckpointError, match=rf"{data} is missing"):
        read_crn(checkpoint)


def test_damage_is_refused(checkpoint):
    data, index = data_of(checkpoint), checkpoint.with_name("model.ckpt.index")
    content = bytearray(data.read_bytes())
    content[len(content) // 3] ^= 255
    data.write_bytes(content)
    # In one of the moments it does no harm; one of three bytes is of the weights.
    for start in range(0, len(content), 400):
        content[start] ^= 255
    data.write_bytes(content)
    with pytest.raises(CheckpointError, match="The tensor `g_4_conv1/weights` is damaged"):
        read_crn(checkpoint)
    whole = index.read_bytes()
    for damaged in (whole[:-20], b"", b"\\0" * 4096, b"no index" * 30):
        index.write_bytes(damaged)
        with pytest.raises(
            CheckpointError, match=f"{index} is no index of a TensorFlow checkpoint"
        ):
            read_crn(checkpoint)
    index.unlink()
    with pytest.raises(CheckpointError, match=f"There is no {index}"):
        read_crn(checkpoint)


def without(tensors, *names):
    return {name: array for name, array in tensors.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {"x": np.zeros(3, "float32")}, "no checkpoint of a CRN: there is no tensor"),
        (lambda t: t | {"step": np.zeros(3, "int64")}, "is float32; `step` is int64"),
        (lambda t: t | {"extra": np.zeros(3, "float32")}, r"1 tensor\(s\) have no place.*: extra"),
        (
            lambda t: t | {"g_16_conv100/biases": np.zeros(3, "float32")},
            "no place in a CRN: g_16_conv100/biases.*modules of 16, 16, 8, 8 filters and 1 picture",
        ),
        (
            lambda t: t | {"beta1_power/Adam": np.zeros(3, "float32")},
            "no place in a CRN: beta1_power/Adam",
        ),
        (lambda t: without(t, "g_8_conv1/weights"), "these are of 4, 16, 32 rows"),
        (
            lambda t: without(t, "g_8_conv2/LayerNorm/beta"),
            "`g_8_conv2/LayerNorm/beta` is missing",
        ),
        (lambda t: without(t, "g_32_conv100/biases"), "`g_32_conv100/biases` of 1 axes.*missing"),
        (
            lambda t: t | {"g_32_conv100/biases": np.zeros(4, "float32")},
            "3 channels; `g_32_conv100/biases` has 4",
        ),
        (
            lambda t: t | {"g_8_conv1/weights": np.zeros((3, 3, 35, 16), "float32")},
            r"`g_8_conv1/weights` has the shape \(3, 3, 35, 16\).*has \(3, 3, 36, 16\) there",
        ),
        (
            lambda t: t | {"g_8_conv1/weights": np.zeros((3, 3, 36), "float32")},
            r"`g_8_conv1/weights` of 4 axes; here it has the shape \(3, 3, 36\)",
        ),
        # By this shape alone the network would have 36 TB.
        (
            lambda t: t | {"g_8_conv1/weights": np.zeros((0, 3, 36, 10**6), "float32")},
            r"`g_8_conv1/weights` has the shape \(0, 3, 36, 1000000\)",
        ),
    ],
)
def test_other_tensors_are_refused(tensors, change, message, tmp_path):
    published.write_checkpoint(tmp_path / "m", change(tensors), ())
    with pytest.raises(CheckpointError, match=message) as caught:
        read_crn(tmp_path / "m")
    assert str(tmp_path / "m") in str(caught.value)


def test_several_data_files_are_counted_together(tensors, tmp_path):
    names, prefix = list(tensors), str(tmp_path / "m")
    parts = [names[: len(names) // 2], names[len(names) // 2 :]]
    for i, part in enumerate(parts):
        arrays = [tensors[name] for name in part]
        tf.raw_ops.SaveV2(
            prefix=f"{prefix}{i}",
            tensor_names=part,
            shape_and_slices=[""] * len(part),
            tensors=arrays,
        )
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[f"{prefix}{i}" for i in (0, 1)], destination_prefix=prefix
    )
    network = read_crn(prefix)["generator"]
    for name, variable in checkpoint_variables(network).items():
        np.testing.assert_array_equal(variable, tensors[name])
    second = tmp_path / "m.data-00001-of-00002"
    size = second.stat().st_size
    with open(second, "r+b") as file:
        file.truncate(size - 1)
    with pytest.raises(CheckpointError, match=rf"{second} should hold .* cut short"):
        read_crn(prefix)
    second.unlink()
    with pytest.raises(CheckpointError, match=rf"{second} is missing"):
        read_crn(prefix)


def test_two_checkpoints_are_not_one(checkpoint, tmp_path, capsys):
    arguments = ["import", "crn", str(checkpoint), str(checkpoint), "-o", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "reads one checkpoint" in capsys.readouterr().err

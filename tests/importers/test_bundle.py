"""Checkpoints as bundles: what is inferred, what is assumed, and what is refused."""

import json

import numpy as np
import pytest

import tfsynth
from tfsynth.__main__ import main
from tfsynth.importers import (
    CheckpointError,
    import_pix2pixhd,
    write_pix2pixhd,
    write_state_dict,
)
from tfsynth.labels import LabelSet
from tfsynth.networks import (
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
)

SIX = LabelSet([f"class {i}" for i in range(6)], [(i, i, i) for i in range(6)])


@pytest.fixture
def generator(tmp_path):
    """Path of a generator that reads 7 channels."""
    path = tmp_path / "latest_net_G.pth"
    write_pix2pixhd(GlobalGenerator(7, filters=2, num_downsamples=1, num_blocks=1), path)
    return path


def test_the_assumptions_are_written_down(generator, tmp_path):
    report = import_pix2pixhd([generator], tmp_path / "out")
    assert report["assumed"] == [
        "no opt.txt beside the generator: its options are not known",
        "6 classes and instance edges, from 7 channels",
        "classes without names",
    ]
    assert json.loads((tmp_path / "out" / "import.json").read_text()) == report
    assert report["networks"]["generator"]["class"] == "GlobalGenerator"
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    labels = np.zeros((9, 11), "uint8")
    assert model.synthesize(labels, labels).shape == (9, 11, 3)
    with pytest.raises(FileExistsError, match="exists already"):
        import_pix2pixhd([generator], tmp_path / "out")


def test_options_are_read(generator, tmp_path):
    (tmp_path / "opt.txt").write_text("--- Options ---\nlabel_nc: 7\nno_instance: True\n---\n")
    report = import_pix2pixhd([generator], tmp_path / "out")
    assert report["options"] == {"label_nc": "7", "no_instance": "True"}
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    assert (model.conditioning.num_classes, model.conditioning.edges) == (7, False)


def test_all_three_networks(tmp_path):
    write_pix2pixhd(
        LocalEnhancer(10, filters=2, num_downsamples=1, num_blocks=1), tmp_path / "G.pth"
    )
    write_pix2pixhd(FeatureEncoder(filters=2, num_downsamples=1), tmp_path / "E.pth")
    write_pix2pixhd(MultiscaleDiscriminator(10, filters=2), tmp_path / "D.pth")
    paths = [tmp_path / f"{n}.pth" for n in "DEG"]
    report = import_pix2pixhd(paths, tmp_path / "out", label_set=SIX)
    assert report["written"] == ["synthesizer.keras", "discriminator.keras", "import.json"]
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    assert model.encoder_reduction == 2
    labels = np.zeros((8, 16), "uint8")
    labels[4:] = 5
    styles = model.encode(np.zeros((8, 16, 3), "uint8"), labels)
    assert sorted(styles) == [0, 5]
    assert model.synthesize(labels, labels, styles).shape == (8, 16, 3)


def test_files_that_do_not_fit_are_refused(generator, tmp_path):
    with pytest.raises(ValueError, match="reads 7 classes; the label set has 6"):
        import_pix2pixhd([generator], tmp_path / "out", label_set=SIX, edges=False)
    with pytest.raises(CheckpointError, match="both a generator"):
        import_pix2pixhd([generator, generator], tmp_path / "out")
    write_pix2pixhd(MultiscaleDiscriminator(10, filters=2), tmp_path / "D.pth")
    with pytest.raises(CheckpointError, match="no generator among"):
        import_pix2pixhd([tmp_path / "D.pth"], tmp_path / "out")
    (tmp_path / "opt.txt").write_text("label_nc: 0\n")
    with pytest.raises(CheckpointError, match="reads pictures"):
        import_pix2pixhd([generator], tmp_path / "out")
    (tmp_path / "opt.txt").write_text("instance_feat: True\n")
    with pytest.raises(CheckpointError, match="give the encoder's file"):
        import_pix2pixhd([generator], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_few_channels_need_a_label_set(tmp_path):
    path = tmp_path / "G.pth"
    write_pix2pixhd(GlobalGenerator(3, filters=2, num_downsamples=1, num_blocks=1), path)
    with pytest.raises(CheckpointError, match="3 channels, which may be a picture"):
        import_pix2pixhd([path], tmp_path / "out")
    two = LabelSet(["a", "b"], [(0, 0, 0), (1, 1, 1)])
    import_pix2pixhd([path], tmp_path / "out", label_set=two)
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    assert model.conditioning.edges


def test_from_the_command_line(generator, tmp_path, capsys):
    assert main(["import", "pix2pixhd", str(generator), "-o", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "generator: GlobalGenerator with" in out
    assert "assumed: 6 classes and instance edges" in out
    generator.write_bytes(generator.read_bytes()[:-100])
    assert main(["import", "pix2pixhd", str(generator), "-o", str(tmp_path / "two")]) == 2
    assert str(generator) in capsys.readouterr().err
    write_state_dict(tmp_path / "v.pth", {"x": np.zeros(1, "float32")})
    vgg = ["import", "vgg19", str(tmp_path / "v.pth"), "-o", str(tmp_path / "v.keras")]
    assert main(vgg) == 2
    assert "no VGG-19" in capsys.readouterr().err
    assert not (tmp_path / "two").exists() and not (tmp_path / "v.keras").exists()

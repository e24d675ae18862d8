"""Checkpoints for the published program: the model's own weights, and never half a model."""

import os
from pathlib import Path

import numpy as np
import pytest

import tfsynth
from tests.synthesis.synthesizers import LABELS, styled_synthesizer, wide
from tfsynth import exporters
from tfsynth.__main__ import main
from tfsynth.commands import export as command
from tfsynth.exporters.pix2pixhd import foreign, write_pix2pixhd
from tfsynth.importers import import_pix2pixhd, read_pix2pixhd
from tfsynth.layers import ColourConditioning, Conditioning, PictureConditioning
from tfsynth.networks import (
    CascadedRefinementNetwork,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
    UNetGenerator,
)
from tfsynth.synthesis.synthesizer import Synthesizer


def small(channels, kind=GlobalGenerator, **options):
    return kind(channels, filters=2, num_downsamples=1, num_blocks=1, **options)


def assert_same_weights(network, again):
    assert type(again) is type(network)
    for weight, other in zip(network.get_weights(), again.get_weights(), strict=True):
        assert weight.dtype == other.dtype == np.float32
        assert weight.tobytes() == other.tobytes()


def options_of(folder):
    lines = (folder / "opt.txt").read_text().splitlines()
    return dict(line.split(": ") for line in lines if ": " in line)


@pytest.mark.parametrize("regions", ["instances", "labels"])
def test_a_model_with_an_encoder_comes_back_to_the_bit(regions, tmp_path):
    model, folder = styled_synthesizer(regions=regions), tmp_path / "model"
    assert exporters.export(model, folder, format="pix2pixhd") == (folder, None)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["latest_net_E.pth", "latest_net_G.pth", "opt.txt"]
    generator = read_pix2pixhd(folder / "latest_net_G.pth")["generator"]
    assert_same_weights(model.generator, generator)
    encoder = read_pix2pixhd(folder / "latest_net_E.pth")["encoder"]
    assert_same_weights(model.encoder, encoder)
    assert encoder.num_features == 2
    # What the options say, the importer need not be told.
    files = [folder / "latest_net_G.pth", folder / "latest_net_E.pth"]
    assert import_pix2pixhd(files, tmp_path / "again", label_set=LABELS)["assumed"] == []
    again = tfsynth.load_model(tmp_path / "again" / "synthesizer.keras")
    assert again.conditioning.get_config()["num_classes"] == 3
    assert again.conditioning.edges
    assert again.encoder_regions == regions


def test_options_are_those_of_the_published_program(tmp_path):
    generator = small(14, LocalEnhancer, num_enhancers=2, num_local_blocks=3, output_channels=1)
    model = Synthesizer(generator, PictureConditioning(14, edges=False))
    model.export(tmp_path / "model", format="pix2pixhd")
    assert options_of(tmp_path / "model") == {
        "input_nc": "14",
        "instance_feat": "False",
        "label_feat": "False",
        "label_nc": "0",
        "n_blocks_global": "1",
        "n_blocks_local": "3",
        "n_downsample_global": "1",
        "n_local_enhancers": "2",
        "netG": "local",
        "ngf": "2",
        "no_instance": "True",
        "norm": "instance",
        "output_nc": "1",
        "written_by": "tfsynth",
    }


@pytest.mark.parametrize(
    ("conditioning", "classes", "channels", "edges"),
    [
        (Conditioning(3), "3", "3", "False"),
        (Conditioning(3, edges=False), "3", "3", "True"),
        # Three classes that are painted are a picture of three channels.
        (ColourConditioning(LABELS.colours), "0", "3", "True"),
    ],
)
def test_options_say_what_the_generator_reads(conditioning, classes, channels, edges, tmp_path):
    model = Synthesizer(small(conditioning.channels), conditioning, LABELS)
    model.export(tmp_path / "model", format="pix2pixhd")
    options = options_of(tmp_path / "model")
    assert (options["label_nc"], options["input_nc"], options["no_instance"]) == (
        *(classes, channels, edges),
    )


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (lambda: UNetGenerator(4, filters=2, depth=3), "this one has a UNetGenerator, which the"),
        (lambda: small(4, upsampling="resize"), "no upsampling 'resize', only 'transposed'"),
    ],
)
def test_networks_that_the_published_program_lacks_are_refused(generator, message, tmp_path):
    model = Synthesizer(generator(), Conditioning(3), LABELS)
    with pytest.raises(ValueError, match=message):
        exporters.export(model, tmp_path / "model", format="pix2pixhd")
    assert not list(tmp_path.iterdir())


def test_networks_that_are_written_alone_are_refused_too(tmp_path):
    network = MultiscaleDiscriminator(5, filters=2, normalization="spectral")
    with pytest.raises(ValueError, match="has no normalization 'spectral', only 'instance'"):
        write_pix2pixhd(network, tmp_path / "D.pth")
    network = CascadedRefinementNetwork(3, widths=[4, 4])
    with pytest.raises(ValueError, match="and none like a CascadedRefinementNetwork"):
        write_pix2pixhd(network, tmp_path / "G.pth")
    network = small(3)
    network.get_layer("stem_conv").bias.assign([1.0, np.nan])
    with pytest.raises(ValueError, match="layer stem_conv has weights that are not finite"):
        write_pix2pixhd(network, tmp_path / "G.pth")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [0.2, 0.8])
def test_a_disk_that_changes_a_byte_is_noticed(place, tmp_path, monkeypatch):
    replace = os.replace

    def damage(source, target):
        content = bytearray(Path(source).read_bytes())
        content[int(place * len(content))] ^= 1
        Path(source).write_bytes(content)
        replace(source, target)

    monkeypatch.setattr(os, "replace", damage)
    with pytest.raises(ValueError, match="net_G.pth cannot be read again: .*Nothing was written"):
        exporters.export(wide(), tmp_path / "model", format="pix2pixhd")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_what_import_reads(tmp_path, capsys):
    model, target = styled_synthesizer(), tmp_path / "theirs"
    model.save(tmp_path / "my.keras")
    words = ["export", str(tmp_path / "my.keras"), "-o", str(target), "--format", "pix2pixhd"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"Exported and verified: {target}\n"
    assert foreign(target) == ""
    assert main([*words, "--precision", "float16", "-o", str(tmp_path / "half")]) == 2
    assert "'pix2pixhd' has the precisions float32. Received: 'float16'" in capsys.readouterr().err
    files = [str(target / f"latest_net_{part}.pth") for part in "GE"]
    assert main(["import", "pix2pixhd", *files, "-o", str(tmp_path / "ours")]) == 0
    ours = tfsynth.load_model(tmp_path / "ours" / "synthesizer.keras")
    assert_same_weights(model.generator, ours.generator)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my.keras", "ours", "theirs"]


def test_the_command_replaces_its_own_export_and_no_other_checkpoint(tmp_path, capsys):
    target = tmp_path / "theirs"
    styled_synthesizer().save(tmp_path / "my.keras")
    words = ["export", str(tmp_path / "my.keras"), "-o", str(target), "--format", "pix2pixhd"]
    assert main(words) == 0
    first = (target / "latest_net_G.pth").stat().st_ino
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0
    assert (target / "latest_net_G.pth").stat().st_ino != first
    # Somebody trained on in it, or it is a download: the options are not those of an export.
    for change in ("loss_log.txt", "opt.txt"):
        (target / change).write_text("------- Options -------\nlabel_nc: 3\n")
        assert foreign(target).startswith(change)
        assert main([*words, "--overwrite"]) == 2
        assert f"no export in the format 'pix2pixhd' wrote: {change}" in capsys.readouterr().err
        (target / "loss_log.txt").unlink(missing_ok=True)
    assert (target / "latest_net_G.pth").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my.keras", "theirs"]


def test_files_of_another_model_are_not_taken_for_its_own(tmp_path):
    model = styled_synthesizer()
    exporters.export(model, tmp_path / "theirs", format="pix2pixhd")
    command.require_same(model, tmp_path / "theirs")
    bias = model.encoder.get_layer("head_conv").bias
    bias.assign(np.nextafter(np.asarray(bias), np.float32(1)))
    with pytest.raises(ValueError, match="latest_net_E.pth is read back with other weights"):
        command.require_same(model, tmp_path / "theirs")

"""Checkpoints as bundles: what is inferred, what is assumed, and what is refused."""

import json

import keras
import numpy as np
import pytest

import tfsynth
from tfsynth.__main__ import main
from tfsynth.exporters.pix2pixhd import write_pix2pixhd
from tfsynth.exporters.torch_writer import write_state_dict
from tfsynth.importers import CheckpointError, import_pix2pixhd
from tfsynth.layouts.labels import LabelSet
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
    with pytest.raises(CheckpointError, match="reads 7 channels. A condition picture has 1"):
        import_pix2pixhd([generator], tmp_path / "out")
    (tmp_path / "opt.txt").write_text("instance_feat: True\n")
    with pytest.raises(CheckpointError, match="give the encoder's file"):
        import_pix2pixhd([generator], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def generator_of(channels, path, output_channels=3):
    keras.utils.set_random_seed(5)
    generator = GlobalGenerator(
        *(channels, output_channels), filters=4, num_downsamples=1, num_blocks=1
    )
    write_pix2pixhd(generator, path)
    return generator


@pytest.mark.parametrize(
    ("channels", "options", "settings", "assumed"),
    [
        (3, None, {}, "RGB condition pictures without edges, from 3 channel(s)"),
        (1, None, {}, "grey condition pictures without edges, from 1 channel(s)"),
        (3, None, {"condition": "picture"}, None),
        (4, None, {"condition": "picture"}, None),
        (3, "label_nc: 0\nno_instance: True\n", {}, None),
    ],
)
def test_generators_of_pictures(channels, options, settings, assumed, tmp_path):
    generator = generator_of(channels, tmp_path / "G.pth", output_channels=min(channels, 3))
    if options:
        (tmp_path / "opt.txt").write_text(options)
    report = import_pix2pixhd([tmp_path / "G.pth"], tmp_path / "out", **settings)
    assert report["assumed"][0 if options else 1 :] == ([assumed] if assumed else [])
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    assert model.label_set is None and model.conditioning.condition_channels == channels
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, channels)).astype("uint8")
    # As the published program reads it: in [-1, 1], channels in their order.
    image = np.asarray(generator(picture[None].astype("float32") / 127.5 - 1))[0]
    np.testing.assert_allclose(model.synthesize(picture), np.round((image + 1) * 127.5), atol=1)


def test_a_generator_of_pictures_with_edges_and_an_encoder(tmp_path):
    generator_of(3 + 1 + 2, tmp_path / "G.pth")
    write_pix2pixhd(
        FeatureEncoder(num_features=2, filters=2, num_downsamples=1), tmp_path / "E.pth"
    )
    paths = [tmp_path / "G.pth", tmp_path / "E.pth"]
    (tmp_path / "opt.txt").write_text("label_nc: 0\nno_instance: False\ninstance_feat: True\n")
    import_pix2pixhd(paths, tmp_path / "out")
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    assert model.input_names == ["condition", "instances", "seed"]
    picture, instances = np.zeros((8, 8, 3), "uint8"), np.zeros((8, 8), int)
    assert model.synthesize(picture, instances).shape == (8, 8, 3)
    with pytest.raises(CheckpointError, match="holds styles of classes.*leave it out"):
        import_pix2pixhd(paths, tmp_path / "more", styles=tmp_path / "styles.npy")
    (tmp_path / "opt.txt").write_text("label_nc: 0\nno_instance: False\nlabel_feat: True\n")
    with pytest.raises(CheckpointError, match="features of each label"):
        import_pix2pixhd(paths, tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_pictures_have_no_labels(tmp_path):
    path = tmp_path / "G.pth"
    generator_of(4, path)
    with pytest.raises(CheckpointError, match="4 channels, which may be a picture.*--condition"):
        import_pix2pixhd([path], tmp_path / "out")
    with pytest.raises(ValueError, match="reads pictures, which have no classes"):
        import_pix2pixhd([path], tmp_path / "out", condition="picture", label_set=SIX)
    with pytest.raises(ValueError, match="'labels' or 'picture'. Received: 'rgb'"):
        import_pix2pixhd([path], tmp_path / "out", condition="rgb")
    import_pix2pixhd([path], tmp_path / "out", condition="labels")
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    assert (model.conditioning.num_classes, model.conditioning.edges) == (3, True)


def test_few_channels_and_a_label_set(tmp_path):
    path = tmp_path / "G.pth"
    generator_of(3, path)
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
    for more in (["--labels", "x"], ["--styles", "x"], ["--no-edges"], ["--condition", "labels"]):
        with pytest.raises(SystemExit):
            main([*vgg, *more])
        assert f"{more[0]} is for `import pix2pixhd`" in capsys.readouterr().err
    assert main(vgg) == 2
    assert "no VGG-19" in capsys.readouterr().err
    assert not (tmp_path / "two").exists() and not (tmp_path / "v.keras").exists()

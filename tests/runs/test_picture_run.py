"""Whole runs on pairs of pictures: RGB to RGB, grey to grey, RGBA, with and without instances."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests import tiny
from tests.runs import scores
from tfsynth import experiment
from tfsynth.__main__ import main
from tfsynth.config import parse_config
from tfsynth.data import write_instance_map
from tfsynth.exporters.runtimes.saved_model import Runtime

SIZE = (32, 64)
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def draw(folder, condition_channels, image_channels, instances=False):
    """Writes a data set of pairs: 2 to train on and 2 to test with."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for index in range(2):
            channels = {"A": condition_channels, "B": image_channels}
            for kind, count in channels.items():
                path = folder / f"{split}_{kind}" / f"{split}{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = random.integers(0, 256, (*SIZE, count)).astype("uint8")
                Image.fromarray(pixels[..., 0] if count == 1 else pixels).save(path)
            if instances:
                (folder / f"{split}_inst").mkdir(exist_ok=True)
                ids = 26000 + np.arange(64)[None, :].repeat(32, axis=0) // 16
                write_instance_map(folder / f"{split}_inst" / f"{split}{index}.png", ids)
    return str(folder)


def tree(root, condition_channels, image_channels, edges=False, **dataset):
    """Returns the config of one epoch of two steps."""
    channels = {"condition_channels": condition_channels}
    config = tiny.tree("unused")
    config["data"]["dataset"] = {
        **{"class": "PicturePairs", "root": root, **channels},
        **{"image_channels": image_channels, **dataset},
    }
    seen = condition_channels + edges
    trainer = config["game"]
    trainer["conditioning"] = {"class": "PictureConditioning", **channels, "edges": edges}
    trainer["generator"] |= {"input_channels": seen, "output_channels": image_channels}
    trainer["discriminator"]["input_channels"] = seen + image_channels
    config["schedule"]["decay_epochs"] = 0
    config["train"] = {"batch_size": 1, "sample_rows": 2, "validation_examples": 0}
    return config


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains on pairs of these channels, once each; returns the run's folder."""
    found = {}

    def train(condition_channels, image_channels):
        channels = (condition_channels, image_channels)
        if channels not in found:
            folder = tmp_path_factory.mktemp("pictures")
            config = tree(draw(folder / "data", *channels), *channels)
            found[channels] = experiment.train(parse_config(config), folder / "run", verbose=False)
        return found[channels]

    return train


@pytest.mark.parametrize("channels", [(3, 3), (1, 1), (4, 4)])
def test_train_then_synthesize(trained, tmp_path, channels):
    run = trained(*channels)
    assert (run / "samples.png").is_file()
    model = experiment.load_synthesizer(run)
    assert model.label_set is None and model.input_names == ["condition"]
    # The run's own layouts are its first test pictures; one of another size stands beside them.
    layouts = shutil.copytree(run / "layouts", tmp_path / "layouts")
    assert [path.name for path in layouts.iterdir()] == ["condition"]
    odd = np.random.default_rng(1).integers(0, 256, (17, 23, channels[0])).astype("uint8")
    path = layouts / "condition" / "odd.png"
    Image.fromarray(odd[..., 0] if channels[0] == 1 else odd).save(path)
    out = tmp_path / "out"
    command = ["synthesize", "--model", str(run), str(layouts / "condition"), "-o", str(out)]
    assert main(command) == 0
    assert sorted(path.name for path in out.iterdir()) == ["odd.png", "test0.png", "test1.png"]
    with Image.open(out / "odd.png") as image:
        assert (image.size, image.mode) == ((23, 17), MODES[channels[1]])
        pixels = np.asarray(image).reshape(17, 23, channels[1])
    expected = model.synthesize(odd)
    np.testing.assert_array_equal(pixels, expected)
    # An odd size is the padded picture cropped.
    padded = np.pad(odd, ((0, 1), (0, 1), (0, 0)), mode="edge")
    np.testing.assert_array_equal(model.synthesize(padded)[:17, :23], expected)


def test_the_export_takes_pictures(trained, tmp_path):
    run = trained(1, 1)
    model = experiment.load_synthesizer(run)
    model.export(tmp_path / "1")
    runtime = Runtime(tmp_path / "1")
    condition = {"shape": [None, None, None, 1], "dtype": "uint8"}
    assert runtime.description["inputs"] == {"condition": condition}
    assert runtime.description["label_set"] is None
    picture = np.random.default_rng(1).integers(0, 256, (17, 23, 1)).astype("uint8")
    image = runtime.run({"condition": picture[None]})[0]
    np.testing.assert_array_equal(image, model.synthesize(picture))


def test_synthesize_refuses_what_is_for_label_maps(trained, tmp_path, capsys):
    run = trained(3, 3)
    pictures = str(run / "layouts" / "condition")
    command = ["synthesize", "--model", str(run), pictures, "-o", str(tmp_path / "out")]
    for more in (["--label-coding", "colour"], ["--instances-from", "components"]):
        assert main([*command, *more]) == 2
        assert "reads condition pictures, which have no classes" in capsys.readouterr().err
    assert main([*command[:3], str(tmp_path), *command[4:]]) == 2
    assert "no condition picture in this folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_of_other_channels_are_refused_by_name(trained, tmp_path, capsys):
    Image.new("RGBA", (16, 16)).save(tmp_path / "a.png")
    command = ["synthesize", str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--model"]
    assert main([*command, str(trained(3, 3))]) == 2
    assert "a.png: a condition picture has no transparent pixels" in capsys.readouterr().err
    Image.new("L", (16, 16)).save(tmp_path / "a.png")
    assert main([*command, str(trained(4, 4))]) == 2
    assert "a.png: `condition_channels` is 4" in capsys.readouterr().err


def test_evaluate_says_that_scores_need_label_maps(trained, capsys):
    run = trained(3, 3)
    assert main(["evaluate", str(run)]) == 2
    assert "no `evaluation`" in capsys.readouterr().err
    config = json.loads(json.dumps(tree(str(run.parent / "data"), 3, 3)))
    config["evaluation"] = tiny.PROTOCOL
    (run.parent / "scored.yaml").write_text(json.dumps(config))
    words = ["evaluate", str(run), "--config", str(run.parent / "scored.yaml")]
    assert main([*words, "-o", str(run.parent / "scores.json")]) == 2
    assert "Segmentation scores need label maps" in capsys.readouterr().err


def refused(config, folder, message):
    with pytest.raises(ValueError, match=message):
        experiment.train(parse_config(config), folder / "run", verbose=False)
    assert not (folder / "run").exists()


def test_what_does_not_fit_is_refused_before_training(tmp_path):
    root = draw(tmp_path / "data", 3, 3)
    config = tree(root, 3, 3)
    config["evaluation"] = tiny.PROTOCOL
    config["train"]["then"] = ["evaluate"]
    refused(config, tmp_path, "Segmentation scores need label maps")
    refused(tree(root, 3, 3, edges=True), tmp_path, "edges. is on, and the data has no instance")
    config = tree(root, 3, 3)
    config["data"]["dataset"]["image_channels"] = 1
    refused(config, tmp_path, "`image_channels` is 1, and `game.generator.output_channels` 3")
    config = tree(root, 3, 3)
    config["data"]["dataset"]["condition_channels"] = 1
    refused(config, tmp_path, "`condition_channels` is 1, and that of `game.conditioning` 3")
    config = tree(root, 3, 3)
    config["game"]["conditioning"] = {"class": "Conditioning", "num_classes": 3, "edges": False}
    refused(config, tmp_path, "has condition pictures, .* a Conditioning: use a PictureCondi")
    config["game"] = tree(root, 3, 3)["game"]
    config["data"]["dataset"] = tiny.paired_folders(tmp_path / "labelled", train=1)
    refused(config, tmp_path, "has label maps, .* a PictureConditioning: use a Conditioning")


def test_describe():
    text = experiment.describe(parse_config(tree("unused", 1, 4, edges=True)))
    assert "32 x 64 pixels, 2 condition channels" in text


def test_side_by_side_pictures_with_edges_and_an_encoder(tmp_path, capsys):
    root = tmp_path / "data"
    draw(root, 1, 3, instances=True)
    for split in ("train", "test"):
        (root / split).mkdir()
        for path in (root / f"{split}_A").iterdir():
            halves = [
                np.asarray(Image.open(root / f"{split}_{kind}" / path.name).convert("RGB"))
                for kind in "AB"
            ]
            Image.fromarray(np.concatenate(halves, axis=1)).save(root / split / path.name)
    config = tree(str(root), 1, 3, edges=True, side_by_side=True)
    config["game"]["generator"]["input_channels"] += 2
    config["game"]["encoder"] = {
        **{"class": "FeatureEncoder", "num_features": 2, "filters": 2},
        **{"num_downsamples": 1, "max_instances": 256},
    }
    config["train"]["then"] = ["export"]
    run = experiment.train(parse_config(config), tmp_path / "run", verbose=False)
    model = experiment.load_synthesizer(run)
    assert model.input_names == ["condition", "instances", "seed"]
    # All objects are of one class.
    assert list(model.styles.centres) == [0]
    layouts = run / "layouts"
    pictures = ["--model", str(run), str(layouts / "condition")]
    assert main(["synthesize", *pictures, "-o", str(tmp_path / "none")]) == 2
    assert "reads instance edges, which condition pictures do not" in capsys.readouterr().err
    more = ["--instances", str(layouts / "instances"), "-o", str(tmp_path / "out")]
    assert main(["synthesize", *pictures, *more, "--samples", "2"]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 4
    assert main(["synthesize", *pictures, *more, "--like", str(root / "test_B")]) == 0
    assert main(["styles", str(run), "--clusters", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-2].startswith("objects")


def test_grey_photographs_of_label_maps_are_trained_and_scored(tmp_path, monkeypatch):
    monkeypatch.setenv("TFSYNTH_CACHE", str(tmp_path / "cache"))
    config = tiny.tree("unused")
    data = tiny.paired_folders(tmp_path / "data", train=2, test=2)
    config["data"]["dataset"] = {**data, "image_channels": 1, "instances_from": "components"}
    config["data"]["max_instances"] = 2048
    config["game"]["generator"]["output_channels"] = 1
    config["game"]["discriminator"]["input_channels"] -= 2
    config["schedule"]["decay_epochs"] = 0
    config["evaluation"] = {**tiny.PROTOCOL, "filters": [8, 8], "blocks": [1, 1]}
    config["train"] = {"sample_rows": 1, "validation_examples": 0, "then": ["evaluate"]}
    run = experiment.train(parse_config(config), tmp_path / "run", verbose=False)
    written = json.loads((run / "metrics.json").read_text())
    oracle = scores.by_hand(parse_config(config), lambda _, example: example["image"])
    scores.assert_same(written["oracle"], oracle)
    words = ["synthesize", "--model", str(run), str(run / "layouts" / "labels")]
    assert main([*words, "-o", str(tmp_path / "out"), "--instances-from", "components"]) == 0
    (path,) = (tmp_path / "out").iterdir()
    with Image.open(path) as image:
        assert (image.size, image.mode) == ((64, 32), "L")
    config["data"]["dataset"]["image_channels"] = 4
    config["game"]["generator"]["output_channels"] = 4
    config["game"]["discriminator"]["input_channels"] += 3
    refused(config, tmp_path / "four", "reads photographs of 3 channels, or grey ones")

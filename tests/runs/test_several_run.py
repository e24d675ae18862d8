"""A whole run of a generator that makes several pictures, in two phases, and what it leaves."""

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from tests import tiny
from tests.runs.callbacks import InterruptAt
from tests.runs.several import SeveralPictures
from tfsynth import Synthesizer, experiment
from tfsynth.__main__ import main
from tfsynth.config import ConfigError, parse_config
from tfsynth.exporters.runtimes.saved_model import Runtime
from tfsynth.layers import Conditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.metrics import Segmenter
from tfsynth.runs.folder import RunFolder
from tfsynth.trainers import Checkpoints

LAYERS = {"image": 1.0, "half": 100.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with drawn streets, a feature network and a segmenter."""
    folder = tmp_path_factory.mktemp("several")
    tiny.draw_streets(folder / "data")
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    half = keras.layers.Conv2D(4, 2, strides=2, activation="relu")(image)
    keras.Model(image, {"half": half}).save(folder / "features.keras")
    Segmenter(tiny.CLASSES - 1, (4, 4), (0, 0)).save(folder / "segmenter.keras")
    return folder


def tree(folder):
    tree = tiny.tree(str(folder / "data"))
    tree["game"] = {
        "class": "RegressionGame",
        "conditioning": {"class": "Conditioning", "num_classes": tiny.CLASSES, "edges": False},
        "generator": {
            "class": "SeveralPictures",
            "input_channels": tiny.CLASSES,
            "num_outputs": 3,
        },
        "terms": [
            {
                "class": "DiversityLoss",
                "features": str(folder / "features.keras"),
                "layer_weights": LAYERS,
            }
        ],
    }
    tree["optimizers"] = {
        "generator": {"class": "keras.optimizers.Adam", "learning_rate": 1.0e-3, "epsilon": 1.0e-8}
    }
    tree["train"]["reestimate_epoch"] = 2
    return tree


def phased(folder):
    """One picture at half the size, then three at the full one, with the first layer frozen."""
    config = tree(folder)
    config["evaluation"], config["train"]["then"] = tiny.PROTOCOL, ["evaluate", "export"]
    config["phases"] = {
        "coarse": {
            "data.size": [16, 32],
            "game.generator.num_outputs": 1,
            "train.reestimate_epoch": None,
            "schedule.decay_epochs": 0,
        },
        "fine": {"train.frozen": ["generator.first"], "init_except": ["generator.head"]},
    }
    return parse_config(config)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFSYNTH_CACHE", str(folder / "cache"))
        path = experiment.train(phased(folder), folder / "run", verbose=False)
    return RunFolder(path)


def trainer_of(run, phase):
    return Checkpoints(run.checkpoints / phase).latest()[0]


def test_phases_hand_the_frozen_layer_on(run):
    coarse, fine = (trainer_of(run, phase) for phase in ("coarse", "fine"))
    first = [t.game.generator.get_layer("first").get_weights() for t in (coarse, fine)]
    for before, after in zip(*first, strict=True):
        np.testing.assert_array_equal(before, after)
    assert fine.game.generator.num_outputs == 3
    assert fine.game.layer_weights["weight_image"] == 1.0
    assert fine.game.layer_weights["weight_half"] != 100.0


def test_the_run_leaves_scores_sheets_and_an_export(run):
    assert run.metrics.is_file()
    with Image.open(run.sheet) as sheet:
        # The layout, three pictures and the photograph.
        assert sheet.width == 5 * (64 + 2) + 2
    model = experiment.load_synthesizer(run.path)
    labels = np.random.default_rng(0).integers(0, tiny.CLASSES, (2, 9, 11)).astype("int32")
    seeds = np.array([1, 5], "int32")
    served = Runtime(run.export).run({"labels": labels, "seed": seeds})
    # Pictures 1 and 5 mod 3 of three.
    np.testing.assert_array_equal(served, model.synthesize(labels, seed=seeds))


def test_samples_are_the_pictures_of_a_layout(run, tmp_path, capsys):
    model, layouts = experiment.load_synthesizer(run.path), run.layouts / "labels"
    path = sorted(layouts.iterdir())[0]
    command = ["synthesize", "--model", str(run.path), str(path), "-o", str(tmp_path)]
    assert main([*command, "--samples", "3", "--seed", "1"]) == 0
    pictures = model.synthesize_all(np.asarray(Image.open(path)).astype("int32"))
    for i in range(3):
        written = np.asarray(Image.open(tmp_path / f"{path.stem}-{i + 1}.png"))
        np.testing.assert_array_equal(written, pictures[(i + 1) % 3])
    assert main([*command, "--samples", "4"]) == 2
    error = capsys.readouterr().err
    assert "makes 3 different photographs of a layout: ask for at most 3 samples" in error
    assert main([*command, "--like", str(layouts)]) == 2
    assert "without a feature encoder" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_to_the_same_weights(folder, tmp_path):
    config = parse_config(tree(folder))
    experiment.train(config, tmp_path / "whole", verbose=False)
    with pytest.raises(KeyboardInterrupt):
        # In the middle of the epoch whose means balance the layers.
        experiment.train(config, tmp_path / "broken", verbose=False, callbacks=[InterruptAt(5)])
    experiment.train(config, tmp_path / "broken", verbose=False)
    whole, broken = (trainer_of(RunFolder(tmp_path / n), "") for n in ("whole", "broken"))
    assert whole.game.layer_weights == broken.game.layer_weights
    assert whole.game.layer_weights["weight_half"] != 100.0
    for a, b in zip(whole.get_weights(), broken.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_cost_is_told(folder):
    text = experiment.describe(phased(folder))
    assert "fine: 32 x 64 pixels, 14 condition channels" in text
    assert "generator SeveralPictures" in text and "discriminator" not in text


def test_settings_that_do_not_fit_are_refused(folder, tmp_path):
    def refused(change, message):
        config = tree(folder)
        change(config)
        with pytest.raises(ValueError, match=message):
            experiment.train(parse_config(config), tmp_path / "run", verbose=False)
        assert not (tmp_path / "run").exists()

    def with_segmenter(config):
        segmenter = str(folder / "segmenter.keras")
        config["game"]["terms"].append(
            {"class": "SegmentationLoss", "segmenter": segmenter, "void_ids": [5]}
        )

    refused(lambda c: c["train"].update(reestimate_epoch=3), "before the last of .* 3 epochs")
    refused(lambda c: c["data"].update(size=[31, 64]), r"multiples of 2, .* size: \[32, 64\]")
    refused(with_segmenter, r"void classes are \[.*`void_ids` of the SegmentationLoss is \[5\]")
    config = tiny.tree(str(folder / "data"))
    config["train"]["reestimate_epoch"] = 1
    with pytest.raises(ConfigError, match="this game has none: list a `PerceptualLoss`"):
        experiment.train(parse_config(config), tmp_path / "run", verbose=False)


def test_a_synthesizer_picks_and_clips():
    labels = LabelSet(["sky", "road"], [(70, 130, 180), (128, 64, 128)])
    generator = SeveralPictures(2, num_outputs=3)
    # Linear pictures: far below, at the middle, and far above the range.
    generator.get_layer("head").kernel.assign(np.zeros((1, 1, 4, 9)))
    generator.get_layer("head").bias.assign([-7.0] * 3 + [0.0] * 3 + [7.0] * 3)
    model = Synthesizer(generator, Conditioning(2, edges=False), labels)
    layout = np.zeros((5, 7), "uint8")
    pictures = model.synthesize_all(layout)
    assert pictures.shape == (3, 5, 7, 3) and pictures.dtype == np.uint8
    assert [np.unique(p).tolist() for p in pictures] == [[0], [128], [255]]
    assert [int(model.synthesize(layout, seed=s)[0, 0, 0]) for s in range(4)] == [0, 128, 255, 0]
    batch = model.synthesize(np.stack([layout] * 2), seed=2)
    assert batch.shape == (2, 5, 7, 3) and batch.min() == 255


def test_the_config_is_plain_data(folder):
    config = phased(folder)
    assert parse_config(yaml.safe_load(config.to_yaml())) == config

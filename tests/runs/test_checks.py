"""Data that cannot be scored is refused before the first step."""

import keras
import numpy as np
import pytest
from PIL import Image

from tests import tiny
from tfsynth import experiment
from tfsynth.config import parse_config


def folders(folder, labels, train, test):
    """Writes pairs of 32 x 64 whose label maps show the ids given; returns the node of the data."""
    random = np.random.default_rng(0)
    for split, ids in (("train", train), ("test", test)):
        for kind in ("label", "img"):
            (folder / f"{split}_{kind}").mkdir(parents=True)
        for index in range(2):
            shown = np.resize(np.array(ids, "uint8"), (32, 64))
            picture = random.integers(0, 256, (32, 64, 3)).astype("uint8")
            Image.fromarray(shown).save(folder / f"{split}_label" / f"{index}.png")
            Image.fromarray(picture).save(folder / f"{split}_img" / f"{index}.png")
    lines = [f"  - {{name: {name}, colour: [{i}, 0, 0]{v}}}" for i, (name, v) in enumerate(labels)]
    (folder / "labels.yaml").write_text("classes:\n" + "\n".join(lines) + "\n")
    return {"class": "PairedFolders", "root": str(folder), "labels": str(folder / "labels.yaml")}


def config(tree, node, classes):
    tree["data"]["dataset"] = node
    tree["game"]["conditioning"]["num_classes"] = classes
    tree["game"]["generator"]["input_channels"] = classes + 1
    tree["game"]["discriminator"]["input_channels"] = classes + 4
    tree["train"]["then"] = ["evaluate"]
    tree["train"]["validation_examples"] = 0
    tree["schedule"] = {**tree["schedule"], "constant_epochs": 1, "decay_epochs": 0}
    return parse_config({**tree, "evaluation": tiny.PROTOCOL})


SCORED = [("sky", ""), ("road", ""), ("car", "")]


@pytest.mark.parametrize(
    ("labels", "train", "test", "message"),
    [
        ([("all", "")], [0], [0], "2 classes or more that are not void; this data has 1"),
        ([("mask", ""), ("rest", ", void: true")], [0, 1], [0, 1], "this data has 1"),
        (
            [*SCORED, ("rest", ", void: true")],
            [0, 1],
            [3],
            "The test split shows no class but void",
        ),
        (SCORED, [1], [0, 1], "the training split, .* it shows only 'road'"),
        ([*SCORED, ("rest", ", void: true")], [3], [0, 1], "it shows none"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_training(
    tree, tmp_path, labels, train, test, message
):
    settings = config(tree, folders(tmp_path / "data", labels, train, test), len(labels))
    for _ in range(2):  # The second time from the cache.
        with pytest.raises(ValueError, match=message):
            experiment.train(settings, tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_a_class_that_only_the_test_split_has_is_said_before_training(tree, tmp_path, capsys):
    settings = config(tree, folders(tmp_path / "data", SCORED, [0, 1], [0, 2]), 3)
    experiment.train(settings, tmp_path / "run", verbose=False)
    said = capsys.readouterr().out
    assert "The test split has classes that the training split never shows" in said
    assert "learns them: car. Their IoU will be 0" in said


@pytest.mark.skipif(not hasattr(keras.config, "set_max_epochs"), reason="Keras has no limits")
@pytest.mark.parametrize("name", ["max_epochs", "max_steps_per_epoch"])
def test_limits_of_keras_that_would_shorten_a_run_are_refused(tree, tmp_path, name):
    limit = getattr(keras.config, f"set_{name}")
    limit(1)
    try:
        with pytest.raises(ValueError, match=f"after 1 {name[4:]}, by KERAS_{name.upper()}"):
            experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
        with pytest.raises(ValueError, match=f"KERAS_{name.upper()}"):
            experiment.evaluate(tmp_path / "run")
    finally:
        limit(None)
    assert not (tmp_path / "run").exists()


def test_a_learning_rate_is_a_number_from_0(tree):
    tree["optimizers"]["generator"]["learning_rate"] = -1.0
    with pytest.raises(ValueError, match="`learning_rate` of the optimizer of 'generator' must be"):
        experiment.describe(parse_config(tree))
    tree["optimizers"]["generator"]["learning_rate"] = 1  # Keras itself takes 1.0 only.
    assert "GlobalGenerator" in experiment.describe(parse_config(tree))


FEATURES = {"class": "FeatureNetwork", "num_classes": tiny.CLASSES - 1, "filters": [4, 4]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["train"].update(styles_together=True), "the styles of an encoder, and this"),
        (
            lambda t: t.update(feature_training={"class": "FeatureTraining", "steps": 1}),
            "says how `game.features` is trained, and there is none",
        ),
        (lambda t: t["game"].update(features=FEATURES), "would be trained for nothing"),
    ],
)
def test_settings_without_effect_are_refused(tree, tmp_path, change, message):
    change(tree)
    with pytest.raises(ValueError, match=message):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()

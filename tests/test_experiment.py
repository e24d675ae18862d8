"""Whole runs on a handful of tiny drawn streets."""

import json
import os
import signal

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from tfsynth import experiment
from tfsynth.config import parse_config
from tfsynth.data import Streets
from tfsynth.run_folder import RunFolder, require_space

PROTOCOL = {"class": "SegmenterProtocol", "steps": 4, "batch_size": 2}


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    Streets(height=32, width=64, train=4, validation=2, test=3, data_dir=str(folder)).split("train")
    return str(folder)


@pytest.fixture
def tree(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TFSYNTH_CACHE", str(tmp_path / "cache"))
    classes = 14
    adam = {"class": "keras.optimizers.Adam", "learning_rate": 2.0e-4, "beta_1": 0.5}
    return {
        "name": "tiny",
        "precision": "float32",
        "data": {
            "dataset": {
                "class": "Streets",
                "height": 32,
                "width": 64,
                "train": 4,
                "validation": 2,
                "test": 3,
                "data_dir": data_folder,
            },
            "size": [32, 64],
        },
        "trainer": {
            "class": "AdversarialTrainer",
            "conditioning": {"class": "Conditioning", "num_classes": classes},
            "generator": {
                "class": "GlobalGenerator",
                "input_channels": classes + 1,
                "filters": 4,
                "num_downsamples": 2,
                "num_blocks": 1,
            },
            "discriminator": {
                "class": "MultiscaleDiscriminator",
                "input_channels": classes + 4,
                "filters": 4,
            },
            "adversarial_loss": {"class": "LeastSquaresLoss"},
            "feature_matching_loss": {"class": "FeatureMatchingLoss"},
        },
        "optimizers": {"generator": adam, "discriminator": adam},
        "schedule": {
            "class": "ConstantThenLinearDecay",
            "constant_epochs": 1,
            "decay_epochs": 2,
        },
        "train": {"batch_size": 1, "sample_rows": 2, "validation_examples": 2},
    }


def test_a_run_leaves_everything_where_people_look(tree, tmp_path):
    tree["train"]["then"] = ["evaluate", "export"]
    tree["evaluation"] = PROTOCOL
    run = RunFolder(experiment.train(parse_config(tree), tmp_path / "run", verbose=False))
    assert parse_config(yaml.safe_load(run.config.read_text())) == parse_config(tree)
    assert sorted(p.name for p in run.checkpoints.iterdir()) == [
        "checkpoints.json",
        "step-0000008.keras",
        "step-0000012.keras",
    ]
    assert len(list(run.samples.glob("*.png"))) == 3
    assert list((run.logs / "train").glob("events*"))
    assert (run.export / "saved_model.pb").is_file()
    with Image.open(run.sheet) as sheet:
        assert sheet.width > 3 * 64 and sheet.height > 2 * 32
    scores = json.loads(run.metrics.read_text())
    assert scores["examples"] == 3
    for row in ("synthesised", "oracle", "flat", "floor"):
        assert 0 <= scores[row]["mean_iou"] <= 1
        assert 0 <= scores[row]["pixel_accuracy"] <= 1
        assert 0 <= scores[row]["pixel_accuracy_with_void"] <= 1
    synthesizer = experiment.load_synthesizer(run.path)
    assert synthesizer.provenance["steps"] == 12
    # Run again: nothing is left to do, and nothing is touched.
    written = run.metrics.stat().st_mtime_ns, run.synthesizer.stat().st_mtime_ns
    experiment.train(parse_config(tree), run.path, verbose=False)
    assert (run.metrics.stat().st_mtime_ns, run.synthesizer.stat().st_mtime_ns) == written


class InterruptAt(keras.callbacks.Callback):
    """Presses Ctrl-C in a step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_run_goes_on_to_the_same_weights(tree, tmp_path):
    config = parse_config(tree)
    experiment.train(config, tmp_path / "whole", verbose=False)
    with pytest.raises(KeyboardInterrupt):
        # The sixth step is in the middle of the second epoch.
        experiment.train(config, tmp_path / "broken", verbose=False, callbacks=[InterruptAt(5)])
    names = sorted(p.name for p in (tmp_path / "broken" / "checkpoints").glob("*.keras"))
    assert names == ["step-0000004.keras", "step-0000006.keras"]
    assert not (tmp_path / "broken" / "synthesizer.keras").exists()
    experiment.train(config, tmp_path / "broken", verbose=False)
    weights = [
        experiment.load_synthesizer(tmp_path / name).get_weights() for name in ("whole", "broken")
    ]
    for whole, broken in zip(*weights, strict=True):
        np.testing.assert_array_equal(whole, broken)


def test_a_budget_ends_the_run(tree, tmp_path):
    tree["train"]["minutes"] = 0.001
    run = RunFolder(experiment.train(parse_config(tree), tmp_path / "run", verbose=False))
    assert experiment.load_synthesizer(run.path).provenance["steps"] == 1


def test_a_folder_of_another_run_is_refused(tree, tmp_path):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.config.write_text(parse_config(tree).to_yaml())
    tree["seed"] = 3
    tree["trainer"]["generator"]["filters"] = 8
    with pytest.raises(FileExistsError, match="seed, trainer.generator.filters.*--run-dir"):
        experiment.train(parse_config(tree), run.path, verbose=False)


def test_a_folder_that_is_no_run_is_refused(tree, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is no run folder"):
        experiment.train(parse_config(tree), tmp_path, verbose=False)


@pytest.mark.parametrize(
    ("size", "good"), [([30, 64], r"\[32, 64\]"), ([32, 61], r"\[32, 60\]"), ([4, 4], r"\[8, 8\]")]
)
def test_a_size_that_the_networks_cannot_take_names_a_good_one(tree, tmp_path, size, good):
    tree["data"]["size"] = size
    with pytest.raises(ValueError, match=f"multiples of 4, at least 8. Nearest good size: {good}"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_classes_that_do_not_fit_the_data_are_refused(tree, tmp_path):
    tree["trainer"]["conditioning"]["num_classes"] = 13
    tree["trainer"]["generator"]["input_channels"] = 14
    tree["trainer"]["discriminator"]["input_channels"] = 17
    with pytest.raises(ValueError, match="data has 14 classes, .* is 13"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_named(tree):
    # Not even root can write there.
    with pytest.raises(OSError, match="The run folder /proc/run cannot be written"):
        experiment.train(parse_config(tree), "/proc/run", verbose=False)


def test_too_little_room_for_the_checkpoints_is_an_error_before_training(tmp_path):
    with pytest.raises(OSError, match=f"The disk of {tmp_path} has .* MiB free"):
        require_space(tmp_path, 2**60)
    require_space(tmp_path, 1)


def test_an_unknown_device_is_refused(tree, tmp_path):
    for device, message in (("tpu", "Received: 'tpu'"), ("gpu:1", "sees 0 GPUs")):
        with pytest.raises(ValueError, match=message):
            experiment.train(parse_config(tree), tmp_path / "run", device=device, verbose=False)


def test_describe_tells_the_cost_before_training(tree):
    text = experiment.describe(parse_config(tree))
    assert "tiny: 32 x 64 pixels, 15 condition channels" in text
    generator = next(line for line in text.splitlines() if line.startswith("generator"))
    assert "GlobalGenerator" in generator and "11,091" in generator

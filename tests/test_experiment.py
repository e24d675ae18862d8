"""Whole runs on a handful of tiny drawn streets."""

import json
import shutil

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from tests import tiny
from tests.runs import scores
from tests.runs.callbacks import InterruptAfterTraining, InterruptAt, StopAfterAnEpoch
from tfsynth import experiment
from tfsynth.config import ConfigError, parse_config
from tfsynth.data import read_instance_map, read_label_map
from tfsynth.runs import preparation
from tfsynth.runs.folder import RunFolder


@pytest.fixture(scope="module")
def whole(data_folder, tmp_path_factory):
    """A run without a break: its config, its folder, and what each of its epochs logged."""
    folder, epochs = tmp_path_factory.mktemp("whole"), []
    tree = tiny.tree(data_folder)
    tree["train"]["then"] = ["evaluate", "export"]
    config = parse_config({**tree, "evaluation": tiny.PROTOCOL})
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append({**logs}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFSYNTH_CACHE", str(folder / "cache"))
        experiment.train(config, folder / "run", verbose=False, callbacks=[note])
        yield config, RunFolder(folder / "run"), epochs


def test_a_run_learns(whole):
    _, _, epochs = whole
    assert len(epochs) == 3
    for name in ("l1", "val_l1", "feature_matching", "discriminator_loss"):
        losses = [logs[name] for logs in epochs]
        assert losses[2] < losses[1] < losses[0], name


def test_scores_are_those_counted_by_hand(whole, tmp_path):
    config, run, _ = whole
    written = json.loads(run.metrics.read_text())
    again = experiment.evaluate(run.path, output=tmp_path / "again.json", verbose=False)
    assert again == written == json.loads((tmp_path / "again.json").read_text())
    assert written["examples"] == 3
    model = experiment.load_synthesizer(run.path)

    def synthesised(number, example):
        return model.synthesize(example["labels"], example["instances"], seed=number)

    rows = {"oracle": lambda _, example: example["image"], "synthesised": synthesised}
    for row, picture_of in rows.items():
        scores.assert_same(written[row], scores.by_hand(config, picture_of))


def test_a_run_leaves_everything_where_people_look(whole, tmp_path):
    config, run, _ = whole
    assert parse_config(yaml.safe_load(run.config.read_text())) == config
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
    synthesizer = experiment.load_synthesizer(run.path)
    assert synthesizer.provenance["steps"] == 12
    # The first test layouts are there to synthesise from, which gives what the sheet shows.
    labels = sorted((run.layouts / "labels").iterdir())
    assert [path.name for path in labels] == ["test_00000.png", "test_00001.png"]
    instances = [run.layouts / "instances" / path.name for path in labels]
    assert read_label_map(labels[0], synthesizer.label_set).shape == (32, 64)
    assert read_instance_map(instances[0]).max() > 0
    written = experiment.synthesize(
        run.path, [run.layouts / "labels"], tmp_path / "photos", instances=instances[0].parent
    )
    assert [path.name for path in written] == [path.name for path in labels]
    with Image.open(written[1]) as photo, Image.open(run.sheet) as sheet:
        assert np.asarray(photo).tobytes() in _windows(np.asarray(sheet), 32, 64)
    # Run again: nothing is left to do, and nothing is touched.
    written = run.metrics.stat().st_mtime_ns, run.synthesizer.stat().st_mtime_ns
    experiment.train(config, run.path, verbose=False)
    assert (run.metrics.stat().st_mtime_ns, run.synthesizer.stat().st_mtime_ns) == written


def _windows(sheet, height, width):
    """Returns the bytes of all windows of a picture."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet, (height, width, 3))
    return {window.tobytes() for window in windows.reshape(-1, height, width, 3)}


def test_an_interrupted_run_goes_on_to_the_same_weights(whole, tree, tmp_path):
    config = parse_config(tree)
    with pytest.raises(KeyboardInterrupt):
        # The sixth step is in the middle of the second epoch.
        experiment.train(config, tmp_path / "broken", verbose=False, callbacks=[InterruptAt(5)])
    names = sorted(p.name for p in (tmp_path / "broken" / "checkpoints").glob("*.keras"))
    assert names == ["step-0000004.keras", "step-0000006.keras"]
    assert not (tmp_path / "broken" / "synthesizer.keras").exists()
    experiment.train(config, tmp_path / "broken", verbose=False)
    runs = (whole[1].path, tmp_path / "broken")
    weights = [experiment.load_synthesizer(path).get_weights() for path in runs]
    for expected, broken in zip(*weights, strict=True):
        np.testing.assert_array_equal(expected, broken)


def test_a_second_ctrl_c_leaves_without_saving(tree, tmp_path):
    tree["train"]["validation_examples"] = 0
    with pytest.raises(KeyboardInterrupt):
        experiment.train(
            parse_config(tree), tmp_path, verbose=False, callbacks=[InterruptAt(5, times=2)]
        )
    assert [p.name for p in (tmp_path / "checkpoints").glob("*.keras")] == ["step-0000004.keras"]


def test_a_callback_ends_a_resumed_run_and_a_late_ctrl_c_is_not_lost(tree, tmp_path):
    tree["train"]["validation_examples"] = 0
    config, run = parse_config(tree), RunFolder(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        experiment.train(config, run.path, verbose=False, callbacks=[InterruptAt(5)])
    # The rest of the broken epoch, steps 7 and 8, is a `fit` of its own.
    callbacks = [StopAfterAnEpoch(), InterruptAfterTraining()]
    with pytest.raises(KeyboardInterrupt):
        experiment.train(config, run.path, verbose=False, callbacks=callbacks)
    assert not run.synthesizer.exists()
    experiment.train(config, run.path, verbose=False, callbacks=[StopAfterAnEpoch()])
    assert experiment.load_synthesizer(run.path).provenance["steps"] == 12
    assert "step-0000008.keras" in [path.name for path in run.checkpoints.iterdir()]


def test_two_replicas_with_a_break_train_to_the_weights_of_one(tree, tmp_path, two_replicas):
    # Adam would blow up the rounding of gradients that are zero but for it.
    sgd = {"class": "keras.optimizers.SGD", "learning_rate": 1.0e-2, "momentum": 0.5}
    tree["optimizers"] = {"generator": sgd, "discriminator": sgd}
    tree["train"]["batch_size"] = 2
    config = parse_config(tree)
    experiment.train(config, tmp_path / "one", verbose=False)
    options = {"strategy": two_replicas, "verbose": False}
    with pytest.raises(KeyboardInterrupt):
        experiment.train(config, tmp_path / "two", **options, callbacks=[InterruptAt(2)])
    experiment.train(config, tmp_path / "two", **options)
    one, two = (experiment.load_synthesizer(tmp_path / name) for name in ("one", "two"))
    assert two.provenance["steps"] == 6
    # Relative to the largest weight: small ones have the rounding of large gradients, and biases
    # in front of an instance norm, which do nothing, stay at zero but for it.
    largest = max(np.abs(weights).max() for weights in one.get_weights())
    for expected, weights in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-5 * largest)


def test_a_batch_that_the_replicas_cannot_share_is_refused_at_once(tree, tmp_path, two_replicas):
    tree["train"] = {"batch_size": 3, "validation_examples": 0}
    tree["data"]["dataset"]["data_dir"] = str(tmp_path / "data")
    with pytest.raises(ConfigError, match="`train.batch_size` 3 cannot be shared evenly by 2 dev"):
        experiment.train(parse_config(tree), tmp_path / "run", strategy=two_replicas, verbose=False)
    assert not list(tmp_path.iterdir())


def test_data_without_a_validation_split_has_no_validation_scores(tree, tmp_path, capsys):
    tree["data"]["dataset"] = tiny.paired_folders(tmp_path / "photos", train=2, test=2)
    seen = set()
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.update(logs))
    tree["schedule"] = {"class": "ConstantThenLinearDecay", "constant_epochs": 1, "decay_epochs": 0}
    tree["train"]["then"] = []
    run = RunFolder(tmp_path / "run")
    experiment.train(parse_config(tree), run.path, verbose=False, callbacks=[note])
    assert "l1" in seen and not any(name.startswith("val_") for name in seen)
    assert len(list(run.samples.glob("*.png"))) == 1
    said = capsys.readouterr().out
    assert f"no validation split: the sheets in {run.samples} show the test split" in said
    assert "no test split" not in said


def test_a_validation_split_smaller_than_a_batch_is_refused(tree, tmp_path):
    tree["train"]["batch_size"], tree["train"]["validation_examples"] = 4, 4
    with pytest.raises(ConfigError, match="split has 2 examples.*`train.batch_size` is 4"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_a_test_split_too_small_to_score_is_refused_before_training(tree, tmp_path):
    tree["data"]["dataset"] = tiny.paired_folders(tmp_path / "photos", train=2, test=1)
    tree["train"]["then"], tree["evaluation"] = ["evaluate"], tiny.PROTOCOL
    with pytest.raises(ConfigError, match="no test split of 2 examples"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_a_budget_ends_the_run(tree, tmp_path):
    # Long spent when the first step, which compiles, is done, on any machine.
    tree["train"]["minutes"] = 1e-6
    run = RunFolder(experiment.train(parse_config(tree), tmp_path / "run", verbose=False))
    assert experiment.load_synthesizer(run.path).provenance["steps"] == 1


def test_a_folder_of_another_run_is_refused(tree, tmp_path):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.config.write_text(parse_config(tree).to_yaml())
    tree["seed"] = 3
    tree["game"]["generator"]["filters"] = 8
    with pytest.raises(FileExistsError, match="game.generator.filters, seed.*--run-dir"):
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
    tree["game"]["generator"]["num_downsamples"] = 2
    with pytest.raises(ValueError, match=f"multiples of 4, at least 8. Nearest good size: {good}"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_a_good_size_is_one_that_both_networks_take(tree):
    trainer = tree["game"]
    trainer["generator"] = {"class": "UNetGenerator", "input_channels": 15, "filters": 2}
    trainer["generator"]["depth"] = 4
    trainer["discriminator"] = {"class": "PatchDiscriminator", "input_channels": 18, "filters": 2}
    # The discriminator needs 24 rows, which are no multiple of 16.
    tree["data"]["size"] = [16, 40]
    message = r"multiples of 16, at least 32. Nearest good size: \[32, 48\]"
    with pytest.raises(ValueError, match=message):
        experiment.describe(parse_config(tree))
    tree["data"]["size"] = [32, 48]
    assert "32 x 48 pixels" in experiment.describe(parse_config(tree))


def test_classes_that_do_not_fit_the_data_are_refused(tree, tmp_path):
    tree["game"]["conditioning"]["num_classes"] = 13
    tree["game"]["generator"]["input_channels"] = 14
    tree["game"]["discriminator"]["input_channels"] = 17
    with pytest.raises(ValueError, match="data has 14 classes, .* is 13"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_named(tree):
    # Not even root can write there.
    with pytest.raises(OSError, match="The run folder /proc/run cannot be written"):
        experiment.train(parse_config(tree), "/proc/run", verbose=False)


def test_too_little_room_is_an_error_before_anything_is_written(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "CHECKPOINT_BYTES_PER_PARAMETER", 2**50)
    with pytest.raises(OSError, match=f"The disk of {tmp_path} has .* MiB free"):
        experiment.train(parse_config(tree), tmp_path / "deep" / "run", verbose=False)
    assert not (tmp_path / "deep").exists()


def test_checkpoints_that_are_there_count_as_room(tree, tmp_path):
    config, run = parse_config(tree), RunFolder(tmp_path / "run")
    setup = preparation.prepare(config, verbose=False)
    run.checkpoints.mkdir(parents=True)
    run.config.write_text(config.to_yaml())
    free = shutil.disk_usage(tmp_path).free
    # 3 checkpoints, each larger than half of the disk: those that are there need no more room.
    setup.checkpoint_bytes = [free // 2]
    with pytest.raises(OSError, match="MiB free"), preparation.claimed(run, setup):
        pass
    with open(run.checkpoints / "step-0000001.keras", "wb") as sparse:
        sparse.truncate(int(1.2 * free))
    with preparation.claimed(run, setup):
        pass


def test_a_folder_in_which_another_process_trains_is_refused(tree, tmp_path):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    with run.lock(), pytest.raises(BlockingIOError, match=f"Another process trains in {run.path}"):
        experiment.train(parse_config(tree), run.path, verbose=False)
    assert [path.name for path in run.path.iterdir()] == [".lock"]
    # What is left of it is no other run.
    run.refuse_other_config(parse_config(tree))


def test_an_unknown_device_is_refused(tree, tmp_path):
    for device, message in (("tpu", "Received: 'tpu'"), ("gpu:1", "sees 0 GPUs")):
        with pytest.raises(ValueError, match=message):
            experiment.train(parse_config(tree), tmp_path / "run", device=device, verbose=False)


def test_describe_tells_the_cost_before_training(tree):
    text = experiment.describe(parse_config(tree))
    assert "tiny: 32 x 64 pixels, 15 condition channels" in text
    generator = next(line for line in text.splitlines() if line.startswith("generator"))
    assert "GlobalGenerator" in generator and "5,291" in generator

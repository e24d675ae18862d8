"""Runs that stopped in any way, and what the next command makes of their folder."""

import copy
import os
import shutil
import time

import keras
import numpy as np
import pytest

from tests import tiny
from tests.runs.callbacks import InterruptAt, Watch, equal
from tfsynth import experiment
from tfsynth.config import parse_config
from tfsynth.files import cache_folder
from tfsynth.runs import preparation
from tfsynth.runs.folder import RunFolder
from tfsynth.trainers import Checkpoints

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow


class Fail(keras.callbacks.Callback):
    """Raises an error after a step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == self.step:
            raise RuntimeError("the driver is gone")


class SeeUnfinished(keras.callbacks.Callback):
    """Notes whether the run's folder says that its results are not written yet."""

    def __init__(self, run):
        super().__init__()
        self.run, self.seen = run, set()

    def on_train_batch_end(self, batch, logs=None):
        self.seen.add(self.run.unfinished.exists())


def interrupted(tree, folder):
    """Returns the `RunFolder` of a run that Ctrl-C ended in its third step."""
    run = RunFolder(folder / "run")
    with pytest.raises(KeyboardInterrupt):
        experiment.train(parse_config(tree), run.path, verbose=False, callbacks=[InterruptAt(2)])
    return run


@pytest.fixture(scope="module")
def first(data_folder, tmp_path_factory):
    """A finished run, whose weights others start from."""
    folder = tmp_path_factory.mktemp("first")
    tree = tiny.tree(data_folder)
    tree["train"]["validation_examples"] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFSYNTH_CACHE", str(folder / "cache"))
        return experiment.train(parse_config(tree), folder / "run", verbose=False)


@pytest.mark.parametrize(
    "left", [".writing-123-step-0000004.keras", ".working-abc/step-0000004.keras", "other.keras"]
)
def test_what_a_kill_left_is_not_taken_for_a_checkpoint(tree, tmp_path, first, left):
    tree["train"]["validation_examples"] = 0
    tree.update(init_from=str(first), seed=1)
    run = RunFolder(tmp_path / "run")
    path = run.checkpoints / left
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK half")
    run.config.write_text(parse_config(tree).to_yaml())
    watch, end = Watch(), InterruptAt(1)
    with pytest.raises(KeyboardInterrupt):
        experiment.train(parse_config(tree), run.path, verbose=False, callbacks=[watch, end])
    start = Checkpoints(first / "checkpoints").latest()[0]
    there = {
        f"generator.{layer.name}": [np.array(w) for w in layer.weights]
        for layer in start.networks["generator"].layers
    }
    assert equal(watch.starts[0], there, "generator") == {True}


def test_a_checkpoint_that_no_manifest_lists_is_gone_on_from(tree, tmp_path, first):
    tree["train"]["validation_examples"] = 0
    tree.update(init_from=str(first), seed=1)
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        experiment.train(parse_config(tree), run, verbose=False, callbacks=[InterruptAt(2)])
    (run / "checkpoints" / "checkpoints.json").unlink()
    saved = Checkpoints(run / "checkpoints").latest()[0].networks["generator"].get_weights()
    watch = Watch()
    experiment.train(parse_config(tree), run, verbose=False, callbacks=[watch])
    began = [w for name, w in watch.starts[0].items() if name.startswith("generator.")]
    flat = [weight for layer in began for weight in layer]
    for there, here in zip(saved, flat, strict=True):
        np.testing.assert_array_equal(there, here)


def test_the_last_phase_is_the_last_of_the_config_not_of_the_dates(tree, tmp_path):
    tree["train"]["validation_examples"] = 0
    tree["phases"] = {"start": {"train.sample_rows": 1}, "joint": {}}
    run = experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    last = Checkpoints(run / "checkpoints" / "joint").latest()[0].networks["generator"]
    now = time.time() + 60
    for path in (run / "checkpoints" / "start").iterdir():
        os.utime(path, (now, now))
    found = preparation.networks_in(run)["generator"]
    for there, here in zip(last.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(there, here)


def test_an_error_between_two_steps_loses_none_of_them(tree, tmp_path, first, capsys):
    tree["train"]["validation_examples"] = 0
    run = RunFolder(tmp_path / "run")
    with pytest.raises(RuntimeError, match="the driver is gone"):
        experiment.train(parse_config(tree), run.path, verbose=False, callbacks=[Fail(6)])
    assert "The state of step 6 was saved." in capsys.readouterr().err
    assert Checkpoints(run.checkpoints).newest()["step"] == 6
    experiment.train(parse_config(tree), run.path, verbose=False)
    ends = [experiment.load_synthesizer(path).get_weights() for path in (run.path, first)]
    for there, here in zip(*ends, strict=True):
        np.testing.assert_array_equal(there, here)


def test_results_that_were_not_all_renewed_are_renewed_by_the_next_command(tree, tmp_path):
    tree["train"].update(validation_examples=0, then=["evaluate", "export"])
    tree["evaluation"] = tiny.PROTOCOL
    config, run = parse_config(tree), RunFolder(tmp_path / "run")
    see = SeeUnfinished(run)
    experiment.train(config, run.path, verbose=False, callbacks=[see])
    assert see.seen == {True}
    assert not run.unfinished.exists()
    sound = {p: p.read_bytes() for p in (run.sheet, run.metrics, run.curves)}
    for path in sound:
        path.write_bytes(b"of an older model")
    (run.export / "stale").write_text("")
    run.unfinished.touch()
    experiment.train(config, run.path, verbose=False)
    assert {path: path.read_bytes() for path in sound} == sound
    assert not (run.export / "stale").exists()
    assert not run.unfinished.exists()


def test_what_a_kill_left_is_removed_and_is_no_room(tree, tmp_path):
    config, run = parse_config(tree), RunFolder(tmp_path / "run")
    setup = preparation.prepare(config, verbose=False)
    left = [
        run.checkpoints / ".working-a",
        run.export.parent / ".working-b",
        run.path / ".working-c",
        cache_folder() / "checks" / ".working-d",
    ]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "lock").touch()
        (folder / "step-0000001.keras").write_bytes(bytes(1000))
    run.config.write_text(config.to_yaml())
    with preparation.claimed(run, setup):
        assert not any(folder.exists() for folder in left)
    assert Checkpoints(run.checkpoints).total_bytes() == 0


def test_a_run_goes_on_after_its_data_moved(tree, tmp_path):
    tree["train"]["validation_examples"] = 0
    tree["data"]["dataset"] = tiny.paired_folders(tmp_path / "here", train=4, test=2)
    run = interrupted(tree, tmp_path)
    shutil.copytree(tmp_path / "here", tmp_path / "there")  # With other dates.
    shutil.rmtree(tmp_path / "here")
    tree["data"]["dataset"]["root"] = str(tmp_path / "there")
    experiment.train(parse_config(tree), run.path, verbose=False)
    assert experiment.load_synthesizer(run.path).provenance["steps"] == 12
    # What reads the run's config finds the data.
    assert str(tmp_path / "there") in run.config.read_text()


def test_other_data_elsewhere_is_another_run(tree, tmp_path):
    tree["train"]["validation_examples"] = 0
    tree["data"]["dataset"] = tiny.paired_folders(tmp_path / "here", train=4, test=2)
    run = interrupted(tree, tmp_path)
    tree["data"]["dataset"] = tiny.paired_folders(tmp_path / "there", train=5, test=2)
    with pytest.raises(FileExistsError, match="data.dataset.root.*--set init_from="):
        experiment.train(parse_config(tree), run.path, verbose=False)


def test_data_that_changed_in_its_place_is_said(tree, tmp_path):
    tree["train"]["validation_examples"] = 0
    tree["data"]["dataset"] = tiny.paired_folders(tmp_path / "here", train=4, test=2)
    run = interrupted(tree, tmp_path)
    for kind in ("label", "img"):
        (tmp_path / "here" / f"train_{kind}" / "train0.png").unlink()
    with pytest.warns(UserWarning, match="Files of the data have been added, removed or changed"):
        experiment.train(parse_config(tree), run.path, verbose=False)


@pytest.mark.parametrize("change", [{"seed": 5}, {"game": "filters"}], ids=["seed", "network"])
def test_a_checkpoint_of_another_run_is_refused(tree, tmp_path, change):
    tree["train"]["validation_examples"] = 0
    other = copy.deepcopy(tree)
    if "seed" in change:
        other.update(change)
    else:
        other["game"]["generator"]["filters"] = 6
    for name, settings in (("run", tree), ("other", other)):
        with pytest.raises(KeyboardInterrupt):
            experiment.train(
                parse_config(settings), tmp_path / name, verbose=False, callbacks=[InterruptAt(1)]
            )
    name = max(path.name for path in (tmp_path / "other" / "checkpoints").glob("*.keras"))
    copied = tmp_path / "run" / "checkpoints" / name
    shutil.copy(tmp_path / "other" / "checkpoints" / name, copied)
    with pytest.raises(ValueError, match=f"{name} is a checkpoint of another run"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert copied.is_file()


def test_equal_numbers_are_the_same_setting(tree, tmp_path):
    run = RunFolder(tmp_path)
    tree["optimizers"]["generator"]["beta_1"] = 0.0
    before = run.stores(parse_config(tree))[0].owner
    tree["optimizers"]["generator"]["beta_1"] = 0
    assert run.stores(parse_config(tree))[0].owner == before
    tree["optimizers"]["generator"]["beta_1"] = 0.5
    assert run.stores(parse_config(tree))[0].owner != before


def test_a_folder_whose_name_is_no_text_is_refused_first(tree, tmp_path):
    path = tmp_path / os.fsdecode(b"run\xff")
    with pytest.raises(ValueError, match="no UTF-8"):
        experiment.train(parse_config(tree), path, verbose=False)
    assert not path.exists()

"""What a caller's process looks like after our calls: as before."""

import logging
import os
import random
import signal
import warnings

import keras
import numpy as np
import pytest

import tfsynth
from tests import tiny
from tfsynth import experiment
from tfsynth.config import parse_config


def state():
    """Returns what a program shares with the libraries that it calls."""
    numbers = np.random.get_state()
    return {
        "policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "random": random.getstate(),
        "numpy": (numbers[0], numbers[1].tobytes(), *numbers[2:]),
        "environment": dict(os.environ),
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "folder": os.getcwd(),
        "filters": list(warnings.filters),
        "absl": logging.getLogger("absl").level,
    }


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def caller(request):
    """The policy of a caller that is not ours."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two steps, and its config."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFSYNTH_CACHE", str(folder / "cache"))
        tree = tiny.tree(tiny.draw_streets(folder / "data"))
        tree["train"]["steps_per_epoch"] = 1
        tree["schedule"]["decay_epochs"] = 1
        config = parse_config({**tree, "evaluation": tiny.PROTOCOL})
        yield experiment.train(config, folder / "run", verbose=False), config


def test_training_evaluating_synthesising_and_exporting_leave_no_trace(run, caller, tmp_path):
    path, config = run
    before = state()
    experiment.train(config, tmp_path / "again", verbose=False)
    assert state() == before
    tfsynth.load_model(path / "synthesizer.keras")
    experiment.evaluate(path, output=tmp_path / "scores.json", verbose=False)
    experiment.synthesize(path, [path / "layouts" / "labels"], tmp_path / "photographs")
    experiment.export(path, tmp_path / "half.keras", format="keras", precision="float16")
    experiment.describe(config)
    assert state() == before


def test_a_refused_config_leaves_no_trace(run, caller, tmp_path):
    tree = run[1].to_dict()
    tree["precision"] = "mixed_bfloat16"
    tree["data"]["size"] = [31, 64]
    before = state()
    with pytest.raises(ValueError, match="does not fit the networks"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    with pytest.raises(ValueError, match="does not fit the networks"):
        experiment.describe(parse_config(tree))
    assert state() == before
    assert not (tmp_path / "run").exists()


def test_a_seed_decides_the_weights_whatever_the_caller_drew(run):
    from tfsynth.runs.parts import build_trainer

    weights = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        weights.append(build_trainer(run[1]).game.generator.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)

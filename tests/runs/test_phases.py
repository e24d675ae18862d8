"""A config in phases: what each is, and whole runs of three phases on tiny drawn streets."""

import copy
import json

import numpy as np
import pytest

from tests import tiny
from tests.runs.callbacks import InterruptAt, InterruptInPhase, Watch, equal
from tfsynth import experiment
from tfsynth.config import ConfigError, parse_config
from tfsynth.runs import preparation
from tfsynth.runs.folder import RunFolder
from tfsynth.runs.phases import split_into_phases
from tfsynth.trainers import Checkpoints

CHANNELS = tiny.CLASSES + 1
ENCODER = {"class": "FeatureEncoder", "filters": 2, "num_downsamples": 1, "num_features": 2}
PHASES = {
    "coarse": {
        "data.size": [16, 32],
        "game.generator": {
            "class": "GlobalGenerator",
            "input_channels": CHANNELS + 2,
            "filters": 4,
            "num_downsamples": 1,
            "num_blocks": 1,
        },
        "game.discriminator.num_scales": 1,
        "game.encoder_reduction": 1,
        "schedule.decay_epochs": 0,
    },
    "enhancer": {
        "train.frozen": ["generator.global", "encoder"],
        "init_except": ["generator.head", "generator.enhancer1", "discriminator.scale1"],
        "schedule.decay_epochs": 0,
    },
    "joint": {"train.frozen": ["encoder"]},
}


def phased(tree):
    """pix2pixHD's three phases: a coarse network, an enhancer, both; with an encoder."""
    tree["game"]["generator"] = {
        "class": "LocalEnhancer",
        "input_channels": CHANNELS + 2,
        "filters": 2,
        "num_downsamples": 1,
        "num_blocks": 1,
        "num_local_blocks": 1,
    }
    tree["game"]["discriminator"]["num_scales"] = 2
    tree["game"].update(encoder=ENCODER, encoder_reduction=2)
    tree["phases"] = copy.deepcopy(PHASES)
    return tree


@pytest.fixture
def tree(tree):
    return phased(tree)


@pytest.fixture(scope="module")
def whole(data_folder, tmp_path_factory):
    """A run without a break: its config, its folder, and what a `Watch` has seen."""
    tree = phased(tiny.tree(data_folder))
    tree["train"] |= {"ema_decay": 0.9, "validation_examples": 0}
    config, watch = parse_config(tree), Watch()
    folder = tmp_path_factory.mktemp("whole") / "run"
    experiment.train(config, folder, verbose=False, callbacks=[watch])
    return config, RunFolder(folder), watch


def test_three_phases_train_what_they_name_and_hand_on_the_rest(whole):
    _, run, watch = whole
    coarse, enhancer, joint = range(3)
    # The coarse network and the encoder go on where phase 1 left them.
    assert equal(watch.ends[coarse], watch.starts[enhancer], "generator.block0") == {True}
    assert equal(watch.ends[coarse], watch.starts[enhancer], "encoder.") == {True}
    assert equal(watch.ends[coarse], watch.starts[enhancer], "discriminator.scale0") == {True}
    assert "discriminator.scale1_layer0_conv" not in watch.ends[coarse]
    assert watch.averages_are_the_weights == [True] * 3
    # Frozen for real: not one bit moves, and the enhancer learns.
    for frozen in ("generator.stem", "generator.block0", "generator.up0", "encoder."):
        assert equal(watch.starts[enhancer], watch.ends[enhancer], frozen) == {True}
    for trained in ("generator.enhancer1_stem_conv", "generator.enhancer1_head_conv"):
        assert equal(watch.starts[enhancer], watch.ends[enhancer], trained) == {False}
    # Jointly, all of the generator; the encoder stays.
    assert equal(watch.ends[enhancer], watch.starts[joint], "") == {True}
    assert equal(watch.starts[joint], watch.ends[joint], "generator.stem_conv") == {False}
    assert equal(watch.starts[joint], watch.ends[joint], "encoder.") == {True}
    # The generator's rate decays in the last phase, whose optimizer is new; the
    # discriminator's goes on where its weights are those of before.
    assert watch.rates == [1.0, 1.0, 1.0, 1.0, 0.5]
    assert [m["generator"] for m in watch.moments] == [(0, 0.0)] * 3
    assert [m["discriminator"][0] for m in watch.moments] == [0, 0, 4]
    assert watch.moments[enhancer]["discriminator"][1] == 0
    assert watch.moments[joint]["discriminator"][1] > 0
    # Where people look.
    assert [p.name for p in sorted(run.checkpoints.iterdir())] == ["coarse", "enhancer", "joint"]
    assert (run.samples / "coarse").is_dir() and (run.logs / "joint" / "train").is_dir()
    synthesizer = experiment.load_synthesizer(run.path)
    assert type(synthesizer.generator).__name__ == "LocalEnhancer"
    assert synthesizer.encoder_reduction == 2 and synthesizer.styles is not None


@pytest.mark.slow
def test_a_run_interrupted_in_every_phase_goes_on_to_the_same_weights(whole, tmp_path):
    config, run, _ = whole
    broken = RunFolder(tmp_path / "broken")
    # A run that goes on starts within the phase where it was left: `left` counts from there.
    for left, step in ((0, 2), (1, 1), (1, 5)):
        with pytest.raises(KeyboardInterrupt):
            callbacks = [InterruptInPhase(left, step)]
            experiment.train(config, broken.path, verbose=False, callbacks=callbacks)
        assert not broken.synthesizer.exists()
    experiment.train(config, broken.path, verbose=False)
    ends = [Checkpoints(r.checkpoints / "joint").latest()[0].get_weights() for r in (run, broken)]
    for expected, weights in zip(*ends, strict=True):
        np.testing.assert_array_equal(expected, weights)


def test_phases_share_the_minutes(tree):
    tree["train"]["minutes"] = 8
    assert [c.train.minutes for _, c in split_into_phases(parse_config(tree))] == [8 / 3] * 3
    for name, minutes in (("coarse", 20), ("enhancer", 10), ("joint", 10)):
        tree["phases"][name]["train.minutes"] = minutes
    assert [c.train.minutes for _, c in split_into_phases(parse_config(tree))] == [4, 2, 2]
    del tree["train"]["minutes"]
    assert [c.train.minutes for _, c in split_into_phases(parse_config(tree))] == [20, 10, 10]
    tree["train"]["minutes"] = 8
    del tree["phases"]["joint"]["train.minutes"]
    with pytest.raises(
        ConfigError, match=r"for all phases or for none.*Without it: `phases.joint`\."
    ):
        split_into_phases(parse_config(tree))


@pytest.mark.parametrize(
    "phase, changes, message",
    [
        ("coarse", {"seed": 1}, "phases.coarse`: `seed` belongs to the whole run"),
        ("coarse", {"data.dataset.train": 9}, "`data.dataset.train` belongs to the whole run"),
        ("coarse", {"gmae.encoder": None}, r"phases.coarse`: Unknown key `gmae`. Did you mean"),
        ("coarse", {"train.batch_size": 0}, "phases.coarse`: `train.batch_size` must be at least"),
        ("joint", {"data.size": [16, 32]}, "the last phase, .* cannot change `data`"),
    ],
)
def test_a_phase_that_breaks_a_rule_is_named(tree, phase, changes, message):
    tree["phases"][phase].update(changes)
    with pytest.raises(ConfigError, match=message):
        split_into_phases(parse_config(tree))


def test_a_name_that_is_no_folder_is_refused(tree):
    tree["phases"]["../up"] = {}
    with pytest.raises(ConfigError, match="made of a-z"):
        split_into_phases(parse_config(tree))


@pytest.mark.parametrize(
    "exceptions, message",
    [
        (["generator.head"], "phases.enhancer`: These layers do not fit .*enhancer1_stem_conv"),
        (["generator.hed"], "names 'generator.hed', which is no layer .* Nearest: generator.head"),
    ],
)
def test_a_layer_that_does_not_fit_is_an_error_before_training(tree, tmp_path, exceptions, message):
    tree["phases"]["enhancer"]["init_except"] = exceptions
    with pytest.raises(ConfigError, match=message):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_sizes_of_every_phase_are_checked_before_training(tree, tmp_path):
    tree["phases"]["coarse"]["data.size"] = [15, 32]
    with pytest.raises(ConfigError, match=r"phases.coarse`: `data.size` \[15, 32\] does not fit"):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_describe_tells_each_phase(tree):
    text = experiment.describe(parse_config(tree))
    assert "tiny, phase coarse: 16 x 32 pixels" in text
    assert "generator LocalEnhancer" in text and "generator GlobalGenerator" in text


def test_a_run_starts_from_another_and_goes_on_from_its_own(data_folder, tmp_path):
    tree = tiny.tree(data_folder)
    tree["train"]["validation_examples"] = 0
    first = experiment.train(parse_config(tree), tmp_path / "first", verbose=False)
    tree.update(init_from=str(first), seed=1)
    watch = Watch()
    with pytest.raises(KeyboardInterrupt):
        experiment.train(
            parse_config(tree),
            tmp_path / "second",
            verbose=False,
            callbacks=[watch, InterruptAt(5)],
        )
    weights = Checkpoints(first / "checkpoints").latest()[0].networks["generator"].get_weights()
    averaged = copy.deepcopy(tree)
    averaged["train"]["ema_decay"] = 0.9
    start = preparation.prepare(parse_config(averaged), verbose=False).trainer
    for network in (start.game.generator, start.shipped["generator"]):
        for there, here in zip(weights, network.get_weights(), strict=True):
            np.testing.assert_array_equal(there, here)
    # Its own checkpoints come before `init_from`, which need not be whole any more.
    (first / "checkpoints").rename(first / "gone")
    experiment.train(parse_config(tree), tmp_path / "second", verbose=False)
    manifest = json.loads((tmp_path / "second" / "checkpoints" / "checkpoints.json").read_text())
    assert manifest[-1]["step"] == 12
    # What is left of the first run is its synthesizer, which has no discriminator.
    with pytest.raises(ValueError, match="do not fit .*discriminator"):
        preparation.prepare(parse_config(tree), verbose=False)
    tree["init_except"] = ["discriminator"]
    start = preparation.prepare(parse_config(tree), verbose=False).trainer
    for there, here in zip(weights, start.game.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(there, here)
    (first / "synthesizer.keras").unlink()
    with pytest.raises(ConfigError, match="`init_from`: .*first holds no model"):
        experiment.train(parse_config(tree), tmp_path / "third", verbose=False)

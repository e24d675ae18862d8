"""A whole run of a cascade that grows by a module, inside pix2pixHD's game."""

import numpy as np
import pytest

from tests import tiny
from tests.runs.callbacks import Watch, equal
from tfsynth import experiment
from tfsynth.config import ConfigError, parse_config
from tfsynth.runs.folder import RunFolder

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow


@pytest.fixture
def tree(tmp_path):
    tree = tiny.tree(tiny.draw_streets(tmp_path / "data"))
    generator = {
        "class": "CascadedRefinementNetwork",
        "input_channels": tiny.CLASSES + 1,
        "widths": [4, 4, 4],
        "activation": "tanh",
    }
    tree["game"]["generator"] = generator
    tree["train"]["then"] = ["export"]
    tree["schedule"].update(constant_epochs=1, decay_epochs=0)
    tree["phases"] = {
        "small": {"data.size": [16, 32], "game.generator": {**generator, "widths": [4, 4]}},
        "large": {
            "train.frozen": ["generator.module0"],
            "init_except": ["generator.head", "generator.module2"],
        },
    }
    return tree


def test_a_module_is_appended_and_the_coarse_ones_stay(tree, tmp_path):
    watch = Watch()
    run = RunFolder(
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False, callbacks=[watch])
    )
    for i in range(2):
        assert equal(watch.ends[0], watch.starts[1], f"generator.module{i}_") == {True}
    assert equal(watch.ends[0], watch.starts[1], "generator.head_conv") == {False}
    assert equal(watch.starts[1], watch.ends[1], "generator.module0_") == {True}
    for trained in ("module1_conv1", "module2_conv2", "module2_norm1", "head_conv"):
        assert equal(watch.starts[1], watch.ends[1], f"generator.{trained}") == {False}
    assert (run.export / "saved_model.pb").is_file()
    # Synthesis pads what is no multiple of the doublings, and crops.
    labels = np.random.default_rng(0).integers(0, tiny.CLASSES, (30, 51))
    synthesizer = experiment.load_synthesizer(run.path)
    photograph = synthesizer.synthesize(labels, labels)
    assert photograph.shape == (30, 51, 3)
    padded = np.pad(labels, ((0, 2), (0, 1)), mode="edge")
    whole = synthesizer.synthesize(padded, padded)
    np.testing.assert_array_equal(photograph, whole[:30, :51])


def test_a_size_that_is_no_multiple_is_refused_before_training(tree, tmp_path):
    tree["phases"]["small"]["data.size"] = [17, 32]
    message = r"phases.small`: `data.size` \[17, 32\].*multiples of 2, .*Nearest good.*\[\d+, 32\]"
    with pytest.raises(ConfigError, match=message):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()

"""Every installed config builds, fits its own data settings, and says where it comes from."""

import pytest

from tfsynth import experiment, registry
from tfsynth.config import config_folder, config_names, load_config
from tfsynth.labels import LabelSet
from tfsynth.layers import ColourConditioning


@pytest.mark.parametrize("name", config_names())
def test_a_config_builds_and_its_networks_take_its_size(name):
    config = load_config(name)
    assert config.name == name
    text = experiment.describe(config)
    last = f", phase {list(config.phases)[-1]}" if config.phases else ""
    assert f"{name}{last}: {config.data.size[0]} x {config.data.size[1]} pixels" in text
    assert set(registry.build(config.optimizers)) == {"generator", "discriminator"}
    assert registry.build(config.schedule).epochs > 0
    assert registry.build(config.evaluation).name.startswith("segmenter-v")


@pytest.mark.parametrize("name", config_names())
def test_a_config_has_the_classes_of_its_data(name):
    config = load_config(name)
    node = config.data.dataset
    if node["class"] == "PairedFolders":
        label_set = LabelSet.load(node["labels"])
    else:
        label_set = registry.build(node).label_set
    conditioning = registry.build(config.trainer["conditioning"])
    assert conditioning.num_classes == label_set.num_classes
    if isinstance(conditioning, ColourConditioning):
        assert conditioning.colours == label_set.colours


@pytest.mark.parametrize("name", config_names())
def test_a_config_names_paper_and_command(name):
    text = (config_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    header = "".join(line for line in text.splitlines() if line.startswith("#"))
    assert "arxiv.org/abs/" in header
    assert "Command:" in header

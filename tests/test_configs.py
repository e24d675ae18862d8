"""Every installed config builds, fits its own data settings, and says where it comes from."""

import keras
import pytest

from tfsynth import experiment, registry
from tfsynth.config import config_folder, config_names, load_config, parse_config
from tfsynth.layers import ColourConditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.reproduction.tables import load_table, table_names
from tfsynth.runs.parts import build_trainer
from tfsynth.runs.phases import split_into_phases
from tfsynth.trainers import layer_shapes, plan_transfer

registry.import_registered_classes()
# Rows of two tables with the same settings are built once.
ROWS = {
    str((config.game, config.phases)): (f"{name}-{row}", config)
    for name in table_names()
    for table in [load_table(name)]
    for dataset in ("streets", "camvid")
    for row in table.datasets.get(dataset, ())
    for config in [table.config(dataset, row)]
}
PHASED = {
    **{name: load_config(name) for name in config_names() if load_config(name).phases},
    **{name: config for name, config in ROWS.values() if config.phases},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of small networks in place of VGG-19 and a segmenter, which the package has not."""
    folder = tmp_path_factory.mktemp("files")
    picture = keras.Input((None, None, 3))
    maps, x = {}, picture
    for level in range(1, 6):
        for i in (1, 2):
            maps[f"relu{level}_{i}"] = keras.layers.ReLU()(x)
        x = keras.layers.AveragePooling2D(2)(x)
    networks = {"features": maps, "segmenter": keras.layers.Conv2D(13, 1)(picture)}
    for name, outputs in networks.items():
        keras.Model(picture, outputs).save(folder / f"{name}.keras")
    return {name: str(folder / f"{name}.keras") for name in networks}


def prepared(config, files):
    """Returns a config with these files for its own, and with few filters: many take gigabytes."""
    tree = config.to_dict()
    for loss in tree["game"].get("terms", ()):
        for name in ("features", "segmenter"):
            if loss.get(name) is not None:
                loss.update({name: files[name], "sha256": None})
    generator = tree["game"]["generator"]
    if generator.get("filters", 0) >= 64:
        generator["filters"] = 8
    if "widths" in generator:
        generator["widths"] = _narrow(generator["widths"])
    for changes in (tree["phases"] or {}).values():
        if "game.generator.widths" in changes:
            changes["game.generator.widths"] = _narrow(changes["game.generator.widths"])
    return parse_config(tree)


def _narrow(widths):
    return [max(width // 64, 1) for width in widths]


@pytest.mark.parametrize("config", [pytest.param(load_config(n), id=n) for n in config_names()])
def test_a_config_builds_and_its_networks_take_its_size(config, files):
    name = config.name
    assert load_config(name) == config
    text = experiment.describe(prepared(config, files))
    last = f", phase {list(config.phases)[-1]}" if config.phases else ""
    assert f"{name}{last}: {config.data.size[0]} x {config.data.size[1]} pixels" in text
    players = {"generator", "discriminator"} & set(config.game)
    assert set(registry.build(config.optimizers)) == players
    assert registry.build(config.schedule).epochs > 0
    assert registry.build(config.evaluation).name.startswith("segmenter-v")


@pytest.mark.parametrize("name", PHASED)
def test_each_phase_of_a_config_takes_the_weights_of_the_one_before(name, files):
    before = None
    for _, config in split_into_phases(prepared(PHASED[name], files)):
        shapes = layer_shapes(build_trainer(config).networks)
        if before is not None:
            taken = plan_transfer(before, shapes, config.init_except)
            assert {layer.partition(".")[0] for layer in taken} == {"generator", *_others(config)}
        before = shapes


def _others(config):
    return {role for role in ("discriminator", "encoder") if config.game.get(role)}


def test_the_published_cascade_grows_by_a_module_and_ends_with_two_of_them_trained(files):
    config = prepared(load_config("cityscapes_crn_1024"), files)
    trained = [
        {weight.path.partition("/")[0].partition("_")[0] for weight in weights}
        for _, phase in split_into_phases(config)
        for weights in [build_trainer(phase).weights_of("generator")]
    ]
    modules = [f"module{i}" for i in range(9)]
    assert trained == [{*modules[:7], "head"}, {*modules[:8], "head"}, {*modules[7:], "head"}]


@pytest.mark.parametrize("config", [pytest.param(c, id=n) for n, c in ROWS.values()])
def test_a_row_of_a_table_builds_and_its_networks_take_its_size(config, files):
    height, width = config.data.size
    assert f"{height} x {width} pixels" in experiment.describe(prepared(config, files))


@pytest.mark.parametrize("name", config_names())
def test_a_config_has_the_classes_of_its_data(name):
    config = load_config(name)
    node = config.data.dataset
    if node["class"] == "PairedFolders":
        label_set = LabelSet.load(node["labels"])
    else:
        label_set = registry.build(node).label_set
    conditioning = registry.build(config.game["conditioning"])
    assert conditioning.num_classes == label_set.num_classes
    if isinstance(conditioning, ColourConditioning):
        assert conditioning.colours == label_set.colours


@pytest.mark.parametrize("name", config_names())
def test_a_config_names_paper_and_command(name):
    text = (config_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    header = "".join(line for line in text.splitlines() if line.startswith("#"))
    assert "arxiv.org/abs/" in header
    assert "Command:" in header

"""Scores of a model that was never trained: what is refused, and where they go."""

import json

import pytest

from tests import tiny
from tests.runs import scores
from tests.runs.untrained import write_run
from tfsynth.config import ConfigError, parse_config
from tfsynth.runs.evaluation import evaluate
from tfsynth.runs.folder import RunFolder


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tree = tiny.tree(tiny.draw_streets(tmp_path_factory.mktemp("tfds")))
    return {**tree, "evaluation": tiny.PROTOCOL}


@pytest.fixture
def run(tree, tmp_path, monkeypatch):
    """A run folder with a config, a model and the scores of a whole test split."""
    monkeypatch.setenv("TFSYNTH_CACHE", str(tmp_path / "cache"))
    run = write_run(tree, tmp_path / "run")
    run.metrics.write_text("the whole test split")
    return run


def test_a_part_of_the_data_does_not_replace_the_scores_of_the_run(run, tree):
    for part, name in (
        ({"limit": 2}, "metrics_test_2.json"),
        ({"split": "validation"}, "metrics_validation.json"),
    ):
        found = evaluate(run.path, **part, verbose=False)
        assert found["examples"] == 2
        assert json.loads((run.path / name).read_text()) == found
        oracle = scores.by_hand(parse_config(tree), lambda _, example: example["image"], **part)
        scores.assert_same(found["oracle"], oracle)
    assert run.metrics.read_text() == "the whole test split"


def test_pictures_are_enlarged_to_the_size_that_is_asked_for(run, tree, tmp_path):
    small = parse_config({**tree, "data": {**tree["data"], "size": [16, 32]}})
    output = tmp_path / "scores.json"
    asked = evaluate(run.path, config=small, output=output, size=(32, 64), verbose=False)
    whole = evaluate(run.path, output=output, verbose=False)
    assert asked["size"] == whole["size"] == [32, 64]
    # The photographs that it is compared with are the full ones.
    for row in ("oracle", "flat", "floor"):
        assert asked[row] == whole[row]
    assert evaluate(run.path, config=small, output=output, verbose=False)["size"] == [16, 32]


def test_scores_of_a_whole_test_split_and_of_others_have_places_of_their_own(tmp_path):
    run = RunFolder(tmp_path)
    assert run.scores() == run.metrics == tmp_path / "metrics.json"
    assert run.scores("train", 5).name == "metrics_train_5.json"


def refuse(run, model, error, message, **options):
    with pytest.raises(error, match=message):
        evaluate(model, verbose=False, **options)
    # Nothing took time first.
    assert not (run.path.parent / "cache" / "segmenters").exists()


def test_a_bare_model_needs_output_and_config(run, tree):
    config = parse_config(tree)
    refuse(run, run.synthesizer, ConfigError, "no run folder.* -o FILE", config=config)
    bare = run.synthesizer.rename(run.path.parent / "bare.keras")
    output = {"output": run.path / "scores.json"}
    refuse(run, bare, ConfigError, "bare.keras has no config.yaml.*--config", **output)


def test_a_place_that_cannot_take_the_scores_is_refused_first(run):
    nowhere = run.path / "nowhere" / "scores.json"
    refuse(run, run.path, FileNotFoundError, "no folder .*nowhere", output=nowhere)
    refuse(run, run.path, IsADirectoryError, "is a folder", output=run.path)


@pytest.mark.parametrize(
    ("key", "node"),
    [
        ("evaluation", {**tiny.PROTOCOL, "seed": 5}),
        ("second_evaluation", {**tiny.PROTOCOL, "seed": 5}),
        ("data", None),
    ],
)
def test_scores_by_another_config_do_not_replace_those_of_the_run(run, tree, key, node):
    node = node or {**tree["data"], "size": [16, 32]}
    other = parse_config({**tree, key: node})
    for part in ({}, {"limit": 2}):
        message = f"this config differs in `{key}`.*-o FILE"
        refuse(run, run.path, ConfigError, message, config=other, **part)
    assert run.metrics.read_text() == "the whole test split"
    assert not (run.path / "metrics_test_2.json").exists()


def test_the_same_settings_by_another_name_are_scores_of_the_run(run, tree):
    same = parse_config({**tree, "name": "another", "seed": 3})
    found = evaluate(run.path, config=same, verbose=False)
    assert json.loads(run.metrics.read_text()) == found


def test_one_example_is_too_few(run):
    refuse(run, run.path, ConfigError, "2 examples or more.*Received: 1 of the", limit=1)


def test_objects_are_counted_if_the_protocol_says_so(run, tree, tmp_path):
    counting = parse_config({**tree, "evaluation": {**tiny.PROTOCOL, "instances": True}})
    output = {"output": tmp_path / "scores.json", "verbose": False}
    found = evaluate(run.path, config=counting, **output)
    without = evaluate(run.path, **output)
    assert len(list((tmp_path / "cache" / "segmenters").iterdir())) == 1
    for row in ("synthesised", "oracle", "flat", "floor"):
        counts = found[row].pop("instances")
        assert counts["count_error_interval"][0] <= counts["count_error"]
        assert 0 <= counts["recall"] <= 1
    assert found == without


def test_objects_of_data_without_instance_maps_cannot_be_counted(run, tree, tmp_path):
    data = {**tree["data"], "dataset": tiny.paired_folders(tmp_path / "data", train=2, test=2)}
    node = {**tiny.PROTOCOL, "instances": True}
    config = parse_config({**tree, "data": data, "evaluation": node})
    output = {"output": tmp_path / "scores.json", "config": config}
    refuse(run, run.path, ValueError, "no instance maps of its own", **output)

"""Two judges: the second reads the same pictures by itself, and none judges what it has taught."""

import pytest

from tests import tiny
from tests.runs import scores
from tests.runs.untrained import SECOND, write_run
from tfsynth import experiment, registry
from tfsynth.config import ConfigError, parse_config
from tfsynth.files import sha256_of
from tfsynth.metrics import weights_sha256
from tfsynth.runs.evaluation import evaluate
from tfsynth.runs.judges import fit_judges, refuse_trained_against

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The cache of this file, in which each judge is trained once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def judged(data_folder, cache, monkeypatch):
    monkeypatch.setenv("TFSYNTH_CACHE", str(cache))
    tree = tiny.tree(data_folder)
    return {**tree, "evaluation": tiny.PROTOCOL, "second_evaluation": SECOND}


@pytest.fixture
def judges(judged):
    """Dict of key -> `Judge`."""
    dataset = registry.build(judged["data"]["dataset"])
    return {judge.key: judge for judge in fit_judges(parse_config(judged), dataset, False)}


def test_the_second_judge_scores_the_same_rows_by_itself(judged, tmp_path):
    run = write_run(judged, tmp_path / "run")
    found = evaluate(run.path, verbose=False)
    second = found["second"]
    assert second.pop("protocol") == registry.build(SECOND).name != found["protocol"]
    rows = {"synthesised", "oracle", "flat", "floor"}
    assert set(second) == rows <= set(found)
    config = parse_config({**judged, "evaluation": SECOND, "second_evaluation": None})
    by_hand = scores.by_hand(config, lambda _, example: example["image"])
    scores.assert_same(second["oracle"], by_hand)
    alone = evaluate(run.path, config=config, output=tmp_path / "alone.json", verbose=False)
    assert second == {row: alone[row] for row in rows}
    assert second["oracle"] != found["oracle"]
    assert "second" not in alone


def test_a_half_without_pairs_is_refused_before_anything_is_trained(judged, tmp_path, monkeypatch):
    monkeypatch.setenv("TFSYNTH_CACHE", str(tmp_path / "cache"))
    small = tiny.paired_folders(tmp_path / "data", train=1, test=2)
    judged["data"] = {**judged["data"], "dataset": small}
    run = write_run(judged, tmp_path / "run")
    with pytest.raises(ValueError, match="`half` 1 of the training split has no pairs"):
        evaluate(run.path, verbose=False)
    assert not (tmp_path / "cache" / "segmenters").exists()


def file_of(judge, cache):
    (file,) = (
        file
        for file in (cache / "segmenters").glob("*/segmenter.keras")
        if sha256_of(file) == judge.segmenter.sha256
    )
    return file


def train_against(tree, loss, folder):
    """Trains the smallest run with a loss by a segmenter's file."""
    tree["game"]["terms"] = [{"class": "SegmentationLoss", "void_ids": [0], **loss}]
    tree["train"] |= {"validation_examples": 0, "steps_per_epoch": 1}
    return experiment.train(parse_config(tree), folder, verbose=False)


@pytest.mark.parametrize(("key", "named"), [("evaluation", True), ("second_evaluation", False)])
def test_the_segmenter_of_a_loss_may_not_judge(judged, judges, cache, tmp_path, key, named):
    file = file_of(judges[key], cache)
    sha256 = sha256_of(file)
    loss = {"segmenter": str(file), **({"sha256": sha256.upper()} if named else {})}
    run = train_against(judged, loss, tmp_path / "run")
    said = f"`{key}` would judge by the network in {file} .SHA-256 {sha256}.*another `seed`"
    with pytest.raises(ConfigError, match=said):
        evaluate(run, verbose=False)
    assert not (run / "metrics.json").exists()
    # Asked for after training, it is refused before.
    judged["train"]["then"] = ["evaluate"]
    with pytest.raises(ConfigError, match=said):
        train_against(judged, loss, tmp_path / "another")
    assert not (tmp_path / "another").exists()
    # The other judge may.
    other = judged["evaluation" if key == "second_evaluation" else "second_evaluation"]
    config = parse_config({**judged, "evaluation": other, "second_evaluation": None})
    found = evaluate(run, config=config, output=tmp_path / "scores.json", verbose=False)
    assert found["synthesised"]["mean_iou"] >= 0


def test_the_segmenter_of_a_loss_is_known_without_its_cache(judged, judges, tmp_path):
    """The same weights in another file: that of a judge is written anew with its cache."""
    network = judges["second_evaluation"].segmenter.network
    file = tmp_path / "copy.keras"
    network.save(file)
    sums = weights_sha256(network)
    sha256 = sha256_of(file)
    assert sha256 != judges["second_evaluation"].segmenter.sha256
    # Asked for after training, it is refused before.
    judged["train"]["then"] = ["evaluate"]
    with pytest.raises(ConfigError, match="`second_evaluation` would judge by the network in"):
        train_against(judged, {"segmenter": str(file)}, tmp_path / "another")
    judged["train"]["then"] = []
    run = train_against(judged, {"segmenter": str(file)}, tmp_path / "run")
    stored = experiment.load_synthesizer(run).provenance["loss_networks"]
    assert stored == [{"path": str(file), "sha256": sha256, "weights_sha256": sums}]
    said = f"`second_evaluation` would judge by the network in {file} .SHA-256 {sha256}"
    with pytest.raises(ConfigError, match=said):
        evaluate(run, verbose=False)
    # The file there may be another one by now, or none.
    judges["evaluation"].segmenter.network.save(file)
    other = sha256_of(file)
    with pytest.raises(ConfigError, match=f"that was in {file} at training .SHA-256 {sha256}") as e:
        evaluate(run, verbose=False)
    assert other not in str(e.value) and sums in str(e.value)
    file.unlink()
    with pytest.raises(ConfigError, match=f"`second_evaluation` would.*SHA-256 {sha256}"):
        evaluate(run, verbose=False)
    assert not (run / "metrics.json").exists()


def test_the_losses_of_every_phase_are_recorded(judged, judges, cache, tmp_path):
    file = file_of(judges["evaluation"], cache)
    judged["schedule"].update(constant_epochs=1, decay_epochs=0)
    judged["phases"] = {"taught": {}, "free": {"game.terms": [{"class": "L1Loss"}]}}
    run = train_against(judged, {"segmenter": str(file)}, tmp_path / "run")
    (stored,) = experiment.load_synthesizer(run).provenance["loss_networks"]
    assert stored["weights_sha256"] == weights_sha256(judges["evaluation"].segmenter.network)
    with pytest.raises(ConfigError, match="`evaluation` would judge by the network in"):
        evaluate(run, verbose=False)


def test_a_model_without_a_record_is_judged_by_its_files(judged, judges, cache, tmp_path):
    file = file_of(judges["evaluation"], cache)
    config = {"game": {"terms": [{"segmenter": str(file)}]}}
    run = write_run(judged, tmp_path / "run", {"config": config})
    with pytest.raises(ConfigError, match=f"`evaluation` would judge by the network now in {file}"):
        evaluate(run.path, verbose=False)


@pytest.mark.parametrize("key", ["evaluation", "second_evaluation"])
def test_the_feature_network_of_a_run_may_not_judge(judged, judges, tmp_path, key):
    sums = weights_sha256(judges[key].segmenter.network)
    network = {"weights_sha256": sums, "half": 0, "seed": 0, "recipe": {}}
    run = write_run(judged, tmp_path / "run", {"feature_network": network})
    with pytest.raises(ConfigError, match=f"`{key}` would judge by the feature network.*{sums}"):
        evaluate(run.path, verbose=False)
    assert not run.metrics.exists()


@pytest.mark.parametrize(
    "provenance",
    [
        {},
        {"feature_network": {"weights_sha256": "0" * 64}},
        {"feature_network": 3, "config": [3]},
        {"feature_network": {"weights_sha256": None}, "config": {"segmenter": "none", "a": None}},
        {"config": {"features": "none.keras", "sha256": 3}},
        {"loss_networks": [3, {}, {"path": 3, "weights_sha256": None}]},
        {"loss_networks": 3},
    ],
)
def test_provenance_of_anything_else_is_no_reason(judges, provenance):
    refuse_trained_against(list(judges.values()), provenance)

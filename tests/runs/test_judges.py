"""Two judges: the second reads the same pictures by itself."""

import pytest

from tests import tiny
from tests.runs import scores
from tests.runs.untrained import SECOND, write_run
from tfsynth import registry
from tfsynth.config import parse_config
from tfsynth.runs.evaluation import evaluate


@pytest.fixture
def judged(tree):
    return {**tree, "evaluation": tiny.PROTOCOL, "second_evaluation": SECOND}


def test_the_second_judge_scores_the_same_rows_by_itself(judged, tmp_path):
    run = write_run(judged, tmp_path / "run")
    found = evaluate(run.path, verbose=False)
    second = found["second"]
    assert second.pop("protocol") == registry.build(SECOND).name != found["protocol"]
    rows = {"synthesised", "oracle", "flat", "floor"}
    assert set(second) == rows <= set(found)
    alone = parse_config({**judged, "evaluation": SECOND, "second_evaluation": None})
    by_hand = scores.by_hand(alone, lambda _, example: example["image"])
    scores.assert_same(second["oracle"], by_hand)
    assert second == {row: evaluated(run, alone, tmp_path)[row] for row in rows}
    assert second["oracle"] != found["oracle"]


def evaluated(run, config, folder):
    return evaluate(run.path, config=config, output=folder / "alone.json", verbose=False)


def test_one_judge_leaves_no_trace_of_a_second(judged, tmp_path):
    run = write_run(judged, tmp_path / "run")
    alone = parse_config({**judged, "second_evaluation": None})
    assert "second" not in evaluated(run, alone, tmp_path)


def test_a_half_without_pairs_is_refused_before_anything_is_trained(judged, tmp_path):
    small = tiny.paired_folders(tmp_path / "data", train=1, test=2)
    judged["data"] = {**judged["data"], "dataset": small}
    run = write_run(judged, tmp_path / "run")
    with pytest.raises(ValueError, match="`half` 1 of the training split has no pairs"):
        evaluate(run.path, verbose=False)
    assert not (tmp_path / "cache" / "segmenters").exists()

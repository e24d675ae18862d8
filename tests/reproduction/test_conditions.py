"""What results have in common, and what is said of those that differ."""

import pytest

from tests import tiny
from tfsynth.config import parse_config
from tfsynth.reproduction.conditions import data_here, differences, protocol_of, usual_conditions


def made(machine="a", backend="jax", **more):
    return {"machine": machine, "backend": backend, **more}


def test_results_under_the_same_conditions_do_not_differ():
    results = [made(), made(data_fingerprint="1"), {"machine": "a"}]
    usual = usual_conditions(results, "1")
    assert usual == {"machine": "a", "backend": "jax", "data_fingerprint": "1"}
    assert [differences(result, usual) for result in results] == [[], [], []]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (made("b"), "made on another machine than most here: b, they on a"),
        (made(backend="torch"), "made by another backend than most here: torch, they by jax"),
        (made(data_fingerprint="2"), "made of other data: 2, not 1"),
    ],
)
def test_what_differs_from_most_is_said(other, said):
    results = [other, made(data_fingerprint="1"), made(data_fingerprint="1")]
    usual = usual_conditions(results)
    assert [differences(result, usual) for result in results] == [[said], [], []]


def test_of_two_kinds_the_first_is_usual_and_the_data_here_always():
    results = [made("a", data_fingerprint="1"), made("b", data_fingerprint="1")]
    usual = usual_conditions(results, "2")
    assert usual["machine"] == "a"
    assert differences(results[0], usual) == ["made of other data: 1, not 2"]
    assert len(differences(results[1], usual)) == 2


def test_the_data_is_that_of_the_whole_where_a_row_has_a_share(tmp_path):
    tree = tiny.tree(tiny.draw_streets(tmp_path))
    whole = tree["data"]["dataset"]

    def of(node):
        return data_here(parse_config({**tree, "data": {**tree["data"], "dataset": node}}))

    share = {"class": "Share", "dataset": whole, "share": 0.5}
    assert of(whole) == of(share) != of({**whole, "seed": 7})
    assert len(of(whole)) == 16
    nowhere = {"class": "PairedFolders", "root": str(tmp_path / "none"), "labels": "camvid"}
    assert of(nowhere) is None


def test_a_protocol_with_the_seeds_of_runs_names_none_of_them():
    names = [f"segmenter-v1@96x192/steps4x2/{seed}/flip-mean" for seed in ("seed0", "seed1")]
    one, other = ({"protocol": name} for name in names)
    assert protocol_of([one, one], "protocol") == names[0]
    said = "segmenter-v1@96x192/steps4x2/the run's seed/flip-mean"
    assert protocol_of([one, other], "protocol") == said
    assert protocol_of([one, {"protocol": "b"}], "protocol") == f"{said} and b"
    assert protocol_of([one, {"protocol": None}], "second_protocol") is None

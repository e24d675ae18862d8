"""The mean IoU in words, by one judge and by two."""

import pytest

from tfsynth.commands.scores import mean_ious

PLAIN = {row: {"mean_iou": 0.5} for row in ("synthesised", "oracle", "flat", "floor")}


def test_one_judge_is_one_line():
    said = "synthesised 0.500   oracle 0.500   flat 0.500   floor 0.500"
    assert mean_ious(PLAIN) == {"mean IoU": said}
    silent = {**PLAIN, "flat": {"mean_iou": None, "mean_iou_interval": None}}
    assert "flat" not in mean_ious(silent)["mean IoU"]


def test_two_judges_are_two_lines():
    second = {**PLAIN, "protocol": "x", "oracle": {"mean_iou": 0.8765}}
    said = mean_ious({**PLAIN, "second": second})
    assert list(said) == ["mean IoU", "second"]
    assert said["second"] == "synthesised 0.500   oracle 0.876   flat 0.500   floor 0.500"


def test_an_interval_stands_behind_its_score():
    rows = {**PLAIN, "synthesised": {"mean_iou": 0.5419, "mean_iou_interval": [0.5312, 0.5488]}}
    said = mean_ious(rows)["mean IoU"]
    assert said.startswith("synthesised 0.542 [0.531, 0.549]   oracle 0.500 ")


def test_a_narrow_interval_holds_the_mean_that_is_said():
    narrow = {**PLAIN, "oracle": {"mean_iou": 0.5361, "mean_iou_interval": [0.5353, 0.5364]}}
    assert "oracle 0.536 [0.535, 0.536]" in mean_ious(narrow)["mean IoU"]


def test_what_is_no_score_is_an_error():
    with pytest.raises(KeyError):
        mean_ious({})
    with pytest.raises(ValueError):
        mean_ious({**PLAIN, "flat": {"mean_iou": "x"}})

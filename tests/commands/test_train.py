"""`tfsynth train`: its list, and its end by Ctrl-C."""

import json
import shlex
import signal
import subprocess
import sys
import time

import pytest

from tfsynth.__main__ import main
from tfsynth.commands import train
from tfsynth.commands.programs import program

# A minute is far more than it takes to the first checkpoint, far less than to the last.
LONG_ENOUGH = 60


def test_without_config_the_installed_ones_are_listed(capsys):
    assert main(["train"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Installed configs; * needs data or weights")
    (demo,) = [line.split(maxsplit=1) for line in lines if line.startswith("  demo ")]
    assert len(demo) == 2, "The first line of a config says what it is."


def test_interruption_before_the_first_checkpoint_promises_nothing(tmp_path):
    message = train.how_to_resume(tmp_path, "tfsynth train demo")
    assert message == "interrupted before the first checkpoint; nothing was saved."


def test_the_layouts_of_the_run_are_what_it_offers_to_synthesise(tmp_path):
    run = tmp_path / "my run"

    def offered():
        (line,) = [s for s in train.what_next(run).splitlines() if "synthesise  " in s]
        return shlex.split(line)[-5:], shlex.split(line)

    run.mkdir()
    assert offered()[0] == ["--model", str(run), "LABELS", "-o", "PHOTOGRAPHS"]
    layouts = run / "layouts"
    (layouts / "labels").mkdir(parents=True)
    assert offered()[0] == ["--model", str(run), str(layouts / "labels"), "-o", "PHOTOGRAPHS"]
    (layouts / "instances").mkdir()
    words = ["--instances", str(layouts / "instances"), "-o", "PHOTOGRAPHS"]
    assert offered()[1][-7:] == ["--model", str(run), str(layouts / "labels"), *words]


def test_ctrl_c_says_where_the_state_is_and_how_to_go_on(tiny_config, tmp_path):
    run = tmp_path / "run"
    words = [
        "train",
        str(tiny_config),
        "--run-dir",
        str(run),
        "--set",
        "schedule.decay_epochs=9999",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "tfsynth", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + LONG_ENOUGH
    while not list((run / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=LONG_ENOUGH)[1]
    assert process.returncode == 130
    state = f"The state is saved in {run / 'checkpoints'}"
    last_line = (
        f"tfsynth: interrupted. {state}; resume with: {program('tfsynth')} {' '.join(words)}"
    )
    assert error.splitlines()[-1] == last_line
    assert "Traceback" not in error


def test_the_scores_of_both_judges_stand_one_below_the_other(tmp_path):
    rows = {row: {"mean_iou": 0.5} for row in ("synthesised", "oracle", "flat", "floor")}
    ends = {"mean_iou": 0.25, "mean_iou_interval": [0.23, 0.27]}
    scores = tmp_path / "metrics.json"
    scores.write_text(json.dumps({**rows, "second": {**rows, "synthesised": ends}}))
    lines = train.what_next(tmp_path).splitlines()
    assert lines[2].startswith("  mean IoU    synthesised 0.500   oracle 0.500")
    assert lines[2].endswith(f"(all scores: {scores})")
    assert lines[3] == (
        "  second      synthesised 0.250 [0.230, 0.270]   oracle 0.500   flat 0.500   floor 0.500"
    )


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"synthesised": {"mean_iou": "x"}}'])
def test_damaged_scores_are_named(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match="metrics.json is damaged .*give the same command again"):
        train.what_next(tmp_path)

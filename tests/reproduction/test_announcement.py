"""What is said before training begins."""

import dataclasses
import datetime

from tfsynth.config import load_config
from tfsynth.reproduction.announcement import announcement
from tfsynth.reproduction.row_runs import Run
from tfsynth.runs.folder import RunFolder

NOW = datetime.datetime(2030, 1, 31, 23, 30)


def runs(tmp_path, *minutes):
    demo = load_config("demo")
    for number, budget in enumerate(minutes):
        train = dataclasses.replace(demo.train, minutes=budget)
        config = dataclasses.replace(demo, train=train)
        folder = RunFolder(tmp_path / "here" / f"demo-seed{number}")
        yield Run("a", number, config, folder, results=tmp_path / "committed")


def test_training_takes_rows_times_minutes(tmp_path):
    every = list(runs(tmp_path, 8, 8, 8, 8, 8))
    every[0].folder.path.mkdir(parents=True)
    every[0].result.write_text("{}")
    (tmp_path / "committed").mkdir()
    for number in (0, 1):
        (tmp_path / "committed" / f"demo-seed{number}.json").write_text("{}")
    said = announcement(every, every[2:], NOW)
    assert said.startswith(
        "5 runs: 1 finished here, 1 taken from committed results, 3 to be trained. "
        "Training takes 3 x 8 = 24 minutes, not before 23:54 on 31 January; "
    )
    assert announcement(every[:2], []) == (
        "2 runs: 1 finished here, 1 taken from committed results, none to be trained."
    )


def test_budgets_that_differ_are_added_up(tmp_path):
    every = list(runs(tmp_path, 8, 37))
    assert "Training takes 45 minutes, not before 00:15 on 01 February;" in announcement(
        every, every, NOW
    )


def test_without_a_budget_nothing_is_promised(tmp_path):
    (run,) = runs(tmp_path, None)
    assert announcement([run], [run]) == (
        "1 run: 1 to be trained. Each takes the epochs of its config: how long is not known."
    )

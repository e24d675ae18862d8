"""Loss curves: what is read of the logs, and what is drawn."""

import dataclasses

import pytest
from matplotlib.figure import Figure
from PIL import Image

from tfsynth.runs import figures
from tfsynth.runs.curves import draw_curves, read_curves, read_scalars, write_curves
from tfsynth.runs.folder import RunFolder
from tfsynth.trainers import TensorBoardLogs


def log(folder, *epochs, first=0):
    """Logs the losses of epochs, as training does."""
    logs = TensorBoardLogs(folder)
    for number, losses in enumerate(epochs, start=first):
        logs.on_epoch_end(number, losses)
    logs.on_train_end()


@pytest.fixture
def run(tmp_path):
    """A run of two phases, of two epochs and one."""
    run = RunFolder(tmp_path)
    coarse, joint = (dataclasses.replace(run, phase=phase).logs for phase in ("coarse", "joint"))
    rate = {"generator_learning_rate": 0.5}
    log(coarse, {"l1": 4.0, "val_l1": 5.0, **rate}, {"l1": 2.0, "val_l1": 3.0, **rate})
    log(joint, {"l1": 1.0, "adversarial": 0.25})
    return run


def test_phases_follow_each_other(run):
    curves, starts = read_curves(run, ["coarse", "joint"])
    assert starts == {"coarse": 0, "joint": 2}
    assert curves == {
        "l1": {"train": {1: 4.0, 2: 2.0, 3: 1.0}, "validation": {1: 5.0, 2: 3.0}},
        "adversarial": {"train": {3: 0.25}},
    }


def test_an_epoch_that_was_ended_after_an_interruption_counts_as_it_ended(tmp_path):
    run = RunFolder(tmp_path)
    log(run.logs, {"l1": 4.0}, {"l1": 3.0})
    # Event files are read by name, which begins with the second in which they were made.
    (first,) = (run.logs / "train").iterdir()
    first.rename(first.with_name(first.name.replace("tfevents.", "tfevents.0")))
    log(run.logs, {"l1": 2.0}, {"l1": 1.0}, first=1)
    assert read_curves(run, [""])[0] == {"l1": {"train": {1: 4.0, 2: 2.0, 3: 1.0}}}


def test_a_file_that_a_kill_cut_off_is_read_up_to_there(tmp_path):
    log(tmp_path, {"l1": 4.0}, {"l1": 3.0})
    (path,) = (tmp_path / "train").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert list(read_scalars(tmp_path / "train")) == [("l1", 0, 4.0)]


def test_a_panel_per_loss_and_a_line_per_phase(run):
    curves, starts = read_curves(run, ["coarse", "joint"])
    figure = Figure(layout="constrained")
    draw_curves(figure, curves, starts)
    figure.draw_without_rendering()
    first, second, empty = figure.axes
    assert (first.get_title(), second.get_title()) == ("l1", "adversarial")
    assert not empty.axison
    lines = [list(line.get_ydata()) for line in first.get_lines() if line.get_label() == "train"]
    assert lines == [[4.0, 2.0], [1.0]]
    assert [text.get_text() for text in first.texts] == ["coarse", "joint"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["train", "validation"]


def test_curves_are_written_into_the_run(run):
    write_curves(run, ["coarse", "joint"])
    with Image.open(run.path / "curves.png") as picture:
        assert picture.width > 1000


def test_without_logs_there_is_nothing_to_draw(tmp_path):
    write_curves(RunFolder(tmp_path), [""])
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_one_line_says_which_extra_to_install(run, monkeypatch, capsys):
    figures.say_once.cache_clear()
    monkeypatch.setattr(figures.importlib.util, "find_spec", lambda name: None)
    for _ in range(2):
        write_curves(run, ["coarse", "joint"])
    said = "Loss curves need matplotlib: pip install 'tfsynth[charts]'.\n"
    assert capsys.readouterr().out == said
    assert not run.curves.exists()

"""The commands on a model that one of them trained."""

import numpy as np
import pytest
from PIL import Image

from tfsynth.__main__ import main


@pytest.fixture(scope="module")
def run(tiny_config, tmp_path_factory):
    """The folder of a run of two steps."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", str(tiny_config), "--run-dir", str(folder)]) == 0
    return folder


@pytest.fixture
def labels(tmp_path):
    """A folder with one label map of 20 x 31 pixels."""
    folder = tmp_path / "labels"
    folder.mkdir()
    Image.fromarray(np.ones((20, 31), "uint8")).save(folder / "a.png")
    return folder


def test_train_says_where_the_run_is(tiny_config, run, capsys):
    # It is finished, so this trains nothing.
    assert main(["train", str(tiny_config), "--run-dir", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"Finished: {run}" in lines
    assert any(
        line.split() == ["open", f"{run}/samples.png:", *"the first test layouts".split()]
        for line in lines
    )


def test_train_refuses_the_folder_of_other_settings(tiny_config, run, capsys):
    assert main(["train", str(tiny_config), "--run-dir", str(run), "--seed", "3"]) == 2
    assert "holds a run with other settings (seed)" in capsys.readouterr().err


def test_synthesize_writes_and_overwrites_only_when_told(run, labels, tmp_path, capsys):
    words = ["synthesize", "--model", str(run), str(labels), "-o", str(tmp_path / "photos")]
    assert main([*words, "--device", "cpu"]) == 0
    assert capsys.readouterr().out == f"1 photograph written to {tmp_path / 'photos'}\n"
    with Image.open(tmp_path / "photos" / "a.png") as photo:
        assert (photo.size, photo.mode) == ((31, 20), "RGB")
    assert main(words) == 2
    assert "Use --overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


def test_export_replaces_an_export_and_nothing_else(run, labels, tmp_path, capsys):
    target = tmp_path / "serving" / "1"
    words = ["export", str(run), "-o", str(target)]
    assert main(words) == 0
    assert capsys.readouterr().out == f"Exported and verified: {target}\n"
    before = (target / "saved_model.pb").stat().st_ino
    assert main(words) == 2
    assert main([*words, "--overwrite"]) == 0
    assert (target / "saved_model.pb").stat().st_ino != before
    assert [path.name for path in target.parent.iterdir()] == ["1"]
    assert main(["export", str(run), "-o", str(labels), "--overwrite"]) == 2
    assert [path.name for path in labels.iterdir()] == ["a.png"]


def test_describe_tells_what_a_run_builds_and_what_a_model_holds(run, capsys):
    assert main(["describe", str(run)]) == 0
    assert "generator GlobalGenerator" in capsys.readouterr().out
    assert main(["describe", str(run / "synthesizer.keras")]) == 0
    assert capsys.readouterr().out.startswith("class: Synthesizer\n")


def test_missing_model_is_one_line(tmp_path, capsys):
    assert main(["describe", str(tmp_path / "none.keras")]) == 2
    assert f"There is no model at {tmp_path / 'none.keras'}." in capsys.readouterr().err


def test_missing_device_is_one_line(run, tmp_path, capsys):
    assert main(["export", str(run), "-o", str(tmp_path / "e"), "--device", "gpu:7"]) == 2
    assert "There is no device 'gpu:7'" in capsys.readouterr().err

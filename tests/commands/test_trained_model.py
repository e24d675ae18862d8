"""The commands on a model that one of them trained."""

import json
import re
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from tfsynth import experiment
from tfsynth.__main__ import main
from tfsynth.commands import train


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


def test_the_command_to_synthesise_can_be_typed_as_it_is(run, labels, tmp_path, monkeypatch):
    copy = shutil.copytree(run, tmp_path / "my run")
    for kind in ("labels", "instances"):
        shutil.copytree(labels, copy / "layouts" / kind, dirs_exist_ok=True)
    command = re.search("synthesise  (.*)", train.what_next(copy))[1]
    words = shlex.split(command)
    monkeypatch.chdir(tmp_path)
    assert main(words[words.index("synthesize") :]) == 0
    assert (tmp_path / "PHOTOGRAPHS" / "a.png").is_file()


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


def test_synthesize_decodes_colours_when_told(tiny_config, run, tmp_path, capsys):
    label_set = experiment.load_synthesizer(run).label_set
    painted = tmp_path / "a.png"
    Image.fromarray(label_set.paint(np.ones((20, 31), "uint8"))).save(painted)
    words = ["synthesize", "--model", str(run), str(painted), "-o", str(tmp_path / "photos")]
    assert main(words) == 2
    assert "--label-coding colour" in capsys.readouterr().err
    assert main([*words, "--label-coding", "colour"]) == 0
    assert (tmp_path / "photos" / "a.png").is_file()


@pytest.mark.parametrize("more", [[], ["--config", "demo"]])
def test_the_seed_of_an_evaluation_is_that_of_its_shuffle(run, monkeypatch, capsys, more):
    seen = []

    def evaluate(model, **options):
        seen.append((model, options["config"]))
        return {row: {"mean_iou": 0.5} for row in ("synthesised", "oracle", "flat", "floor")}

    monkeypatch.setattr(experiment, "evaluate", evaluate)
    assert main(["evaluate", str(run), *more]) == 0
    assert main(["evaluate", str(run), *more, "--seed", "5"]) == 0
    (_, config), (model, seeded) = seen
    assert model == str(run)
    assert seeded.seed == 5
    assert seeded.name == ("demo" if more else "tiny")
    assert (config is None) == (not more)


def test_standard_output_of_an_evaluation_is_json_alone(run, monkeypatch, capsys):
    scores = {row: {"mean_iou": 0.5} for row in ("synthesised", "oracle", "flat", "floor")}

    def evaluate(model, **options):
        print("No class has two objects in one layout: there is nothing to count.")
        return scores

    monkeypatch.setattr(experiment, "evaluate", evaluate)
    assert main(["evaluate", str(run)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == scores
    assert said.err.splitlines()[-2].startswith("No class has two objects")


def test_export_replaces_an_export_and_nothing_else(run, labels, tmp_path, capsys):
    target = tmp_path / "serving" / "1"
    words = ["export", str(run), "-o", str(target)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.endswith(f"Exported and verified: {target}\n")
    # At the model's size, an odd one and half of it, one picture and three.
    assert [line.split()[:3] for line in said.splitlines()[1:7:2]] == [
        *(["32", "x", "64"], ["29", "x", "61"], ["16", "x", "32"]),
    ]
    assert said.count("equal\n") == 6
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


def test_describe_takes_a_device(run, capsys):
    for target in (run, run / "synthesizer.keras"):
        assert main(["describe", str(target), "--device", "cpu"]) == 0
        assert main(["describe", str(target), "--device", "gpu:7"]) == 2
        assert "There is no device 'gpu:7'" in capsys.readouterr().err


def test_missing_model_is_one_line(tmp_path, capsys):
    assert main(["describe", str(tmp_path / "none.keras")]) == 2
    assert f"No model at {tmp_path / 'none.keras'}." in capsys.readouterr().err


def test_missing_device_is_one_line(run, tmp_path, capsys):
    assert main(["export", str(run), "-o", str(tmp_path / "e"), "--device", "gpu:7"]) == 2
    assert "There is no device 'gpu:7'" in capsys.readouterr().err

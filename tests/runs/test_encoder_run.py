"""A whole run with a feature encoder: styles are collected, drawn, taken and clustered anew."""

import numpy as np
import pytest
from PIL import Image

from tests import tiny
from tests.runs import scores
from tfsynth import experiment
from tfsynth.__main__ import main
from tfsynth.config import load_config, parse_config


def config(folder):
    tree = tiny.tree(folder)
    tree["game"]["generator"]["input_channels"] += 3
    tree["game"]["encoder"] = {
        "class": "FeatureEncoder",
        "filters": 2,
        "num_downsamples": 2,
        "max_instances": 256,
    }
    tree["schedule"]["decay_epochs"] = 0
    tree["evaluation"] = tiny.PROTOCOL
    tree["train"]["then"] = ["export"]
    return tree


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("styled")
    data = tiny.draw_streets(folder / "data")
    return experiment.train(parse_config(config(data)), folder / "run", verbose=False)


def test_the_run_has_styles(run):
    model = experiment.load_synthesizer(run)
    assert model.styles.num_features == 3
    assert all(1 <= len(c) <= 10 for c in model.styles.centres.values())
    assert (run / "export" / "1" / "saved_model.pb").is_file()


def test_sheets_show_looks_by_lot_and_the_real_ones(run):
    with Image.open(run / "samples.png") as picture:
        sheet = np.asarray(picture)
    # labels, synthesised, reconstructed, real, each 64 pixels wide, 2 between them and around.
    assert sheet.shape[1] == 2 + 4 * (64 + 2)
    layouts = run / "layouts"
    first = sorted((layouts / "labels").iterdir())[0]
    labels, instances = (
        np.asarray(Image.open(p)) for p in (first, layouts / "instances" / first.name)
    )
    drawn = experiment.load_synthesizer(run).synthesize(labels, instances, seed=0)
    top = sheet.shape[0] - len(list((layouts / "labels").iterdir())) * (32 + 2)
    np.testing.assert_array_equal(sheet[top : top + 32, 68 : 68 + 64], drawn)
    # There are no styles to draw from while training goes on.
    for path in (run / "samples").iterdir():
        with Image.open(path) as picture:
            assert picture.width == 2 + 3 * (64 + 2)


def test_samples_of_one_layout(run, tmp_path, capsys):
    layouts = run / "layouts"
    maps = ["--instances", str(layouts / "instances"), str(layouts / "labels")]
    command = ["synthesize", "--model", str(run), *maps, "--samples", "3"]
    assert main([*command, "-o", str(tmp_path / "a")]) == 0
    assert main([*command, "-o", str(tmp_path / "b"), "--seed", "1"]) == 0
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(names) == 6 and names[0].endswith("-1.png")
    # The second photograph of seed 0 is the first of seed 1.
    stem = names[0].removesuffix("-1.png")
    second = np.asarray(Image.open(tmp_path / "a" / f"{stem}-2.png"))
    np.testing.assert_array_equal(second, Image.open(tmp_path / "b" / f"{stem}-1.png"))


def test_the_looks_of_photographs(run, tmp_path, capsys):
    layouts, photographs = run / "layouts", tmp_path / "photographs"
    photographs.mkdir()
    for path in (layouts / "labels").iterdir():
        noise = np.random.default_rng(0).integers(0, 256, (32, 64, 3)).astype("uint8")
        Image.fromarray(noise).save(photographs / path.name)
    maps = ["--instances", str(layouts / "instances"), str(layouts / "labels")]
    command = ["synthesize", "--model", str(run), *maps, "-o", str(tmp_path / "out")]
    assert main([*command, "--like", str(photographs)]) == 0
    for path in photographs.iterdir():
        Image.fromarray(np.zeros((8, 8, 3), "uint8")).save(path)
    assert main([*command, "--overwrite", "--like", str(photographs)]) == 2
    assert "must be equal" in capsys.readouterr().err


def test_samples_that_would_be_alike_are_refused(run, tmp_path, capsys):
    layouts = str(run / "layouts" / "labels")
    command = ["synthesize", layouts, "-o", str(tmp_path / "out"), "--samples", "2", "--model"]
    assert main([*command, str(run), "--like", layouts]) == 2
    assert "ask for one of the two" in capsys.readouterr().err
    model = experiment.load_synthesizer(run)
    model.styles = None
    model.save(tmp_path / "bare.keras")
    assert main([*command, str(tmp_path / "bare.keras")]) == 2
    assert "collect some with `tfsynth styles`" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_is_named_before_styles_are_collected(run, tmp_path, capsys):
    target = tmp_path / "none" / "two.keras"
    assert main(["styles", str(run), "-o", str(target)]) == 2
    assert f"There is no folder {target.parent}" in capsys.readouterr().err


def test_styles_are_clustered_anew(run, tmp_path, capsys):
    target = tmp_path / "two.keras"
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert main(["styles", str(run), "--clusters", "2", "-o", str(target)]) == 0
    assert f"written to {target}" in capsys.readouterr().out
    table = experiment.load_synthesizer(target).styles
    assert max(len(c) for c in table.centres.values()) == 2
    # The run and its settings are as they were.
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_the_reconstructed_row_has_the_styles_of_the_photographs(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TFSYNTH_CACHE", str(tmp_path / "cache"))
    found = experiment.evaluate(run, output=tmp_path / "scores.json", verbose=False)
    model = experiment.load_synthesizer(run)

    def reconstructed(_, example):
        styles = model.encode(example["image"], example["instances"])
        return model.synthesize(example["labels"], example["instances"], styles)

    def drawn(number, example):
        return model.synthesize(example["labels"], example["instances"], seed=number)

    own = load_config(run / "config.yaml")
    scores.assert_same(found["reconstructed"], scores.by_hand(own, reconstructed))
    scores.assert_same(found["synthesised"], scores.by_hand(own, drawn))


def test_more_instances_than_the_encoder_takes_are_refused(run, tmp_path):
    tree = config("unused")
    tree["game"]["encoder"]["max_instances"] = 8
    with pytest.raises(ValueError, match="`data.max_instances` is 256, and the encoder takes 8"):
        experiment.train(parse_config(tree), tmp_path / "run")


def test_the_cost_of_the_encoder_is_told():
    assert "encoder FeatureEncoder" in experiment.describe(parse_config(config("unused")))

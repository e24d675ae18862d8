"""The format `preset` of an export, and presets in the place of any other model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tfsynth
from tests.models import preset_folders
from tests.synthesis.synthesizers import layout, styled_synthesizer, synthesizer
from tfsynth import exporters
from tfsynth.__main__ import main
from tfsynth.config import ConfigError, load_config
from tfsynth.experiment import cluster_styles, evaluate
from tfsynth.exporters import preset
from tfsynth.files import sha256_of
from tfsynth.runs import preparation

pytestmark = pytest.mark.slow

SCORES = {"split": "test", "examples": 3, "synthesised": {"mean_iou": 0.25}}


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The folder of a run with a model, and the current folder above it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    synthesizer().save(tmp_path / "run" / "synthesizer.keras")
    return tmp_path / "run"


def said(words, capsys):
    """Returns what the program says on standard error when it refuses."""
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("tfsynth: error: ") and error.count("\n") == 1
    return error


def test_the_command_writes_a_preset_with_the_scores_of_the_run(model, tmp_path, capsys):
    (model / "metrics.json").write_text(json.dumps(SCORES))
    words = ["export", "run", "-o", "shared/mine", "--format", "preset", "--license", "mit"]
    assert main(words) == 0
    assert capsys.readouterr().out == "Exported and verified: shared/mine\n"
    text = (tmp_path / "shared" / "mine" / "README.md").read_text()
    assert "license: mit\n" in text and "\n# mine\n" in text
    assert "| synthesised | 0.250 |" in text
    assert tfsynth.from_preset("shared/mine").provenance == {"steps": 5}
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["mine"]


def test_scores_of_another_file(model, tmp_path, capsys):
    words = ["export", "run", "-o", "mine", "--format", "preset", "--scores", "my.json"]
    assert "No such file or directory: my.json" in said(words, capsys)
    for text, message in (
        ("{", "my.json"),
        ('{"protocol": "x"}', "`scores` is what `tfsynth evaluate` writes"),
        ("[]", "`scores` is what `tfsynth evaluate` writes"),
    ):
        (tmp_path / "my.json").write_text(text)
        assert message in said(words, capsys)
    assert not (tmp_path / "mine").exists()
    (tmp_path / "my.json").write_text(json.dumps(SCORES))
    assert main(words) == 0
    assert "| synthesised | 0.250 |" in (tmp_path / "mine" / "README.md").read_text()


def test_halves_and_what_only_a_preset_has(model, tmp_path, capsys):
    assert (
        main(["export", "run", "-o", "half", "--format", "preset", "--precision", "float16"]) == 0
    )
    assert tfsynth.from_preset("half").stored_dtype == "float16"
    words = ["export", "run", "-o", "other.keras", "--format", "keras", "--license", "mit"]
    assert "are for the model card of a preset: license. Use the format" in said(words, capsys)
    with pytest.raises(ValueError, match="'saved_model' has the precisions float32. Received"):
        exporters.export(synthesizer(), tmp_path / "other", precision="float16")
    words = ["export", "run", "-o", "odd", "--format", "preset", "--license", "MY"]
    assert "identifier of the hub in lower case, such as apache-2.0" in said(words, capsys)
    assert not (tmp_path / "other.keras").exists() and not (tmp_path / "odd").exists()


def test_a_preset_replaces_a_preset_and_nothing_else(model, tmp_path, capsys):
    words = ["export", "run", "-o", "mine", "--format", "preset"]
    assert main(words) == 0
    before = sha256_of(tmp_path / "mine" / "README.md")
    assert "mine exists already" in said([*words, "--license", "mit"], capsys)
    assert main([*words, "--license", "mit", "--overwrite"]) == 0
    assert sha256_of(tmp_path / "mine" / "README.md") != before
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "'preset' wrote: notes.txt" in said([*words, "--overwrite"], capsys)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_every_command_takes_a_preset(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    styled_synthesizer().save_to_preset(tmp_path / "mine")
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    labels, _ = layout(20, 31)
    Image.fromarray(labels).save(tmp_path / "a.png")
    assert main(["synthesize", "--model", "mine", "a.png", "-o", "out"]) == 0
    with Image.open(tmp_path / "out" / "a.png") as photograph:
        expected = tfsynth.from_preset("mine").synthesize(labels, labels)
        np.testing.assert_array_equal(np.asarray(photograph), expected)
    capsys.readouterr()
    assert main(["describe", "mine"]) == 0
    assert capsys.readouterr().out.startswith("class: Synthesizer\n")
    assert main(["export", "mine", "-o", "back.keras", "--format", "keras"]) == 0
    weights = tfsynth.load_model("back.keras").get_weights()
    for weight, other in zip(weights, styled_synthesizer().get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    assert main(["export", "mine", "-o", "served/1"]) == 0
    assert sorted(preparation.networks_in("mine")) == ["encoder", "generator"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == before


def test_nothing_is_written_into_a_preset(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    styled_synthesizer().save_to_preset(tmp_path / "mine")
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    with pytest.raises(ConfigError, match="mine is a preset, no run folder to put scores in"):
        evaluate("mine", config=load_config("demo"))
    with pytest.raises(ConfigError, match="mine has no config.yaml beside its model"):
        evaluate("mine", output="scores.json")
    with pytest.raises(ValueError, match="mine is a preset, which is not changed. Name a .keras"):
        cluster_styles("mine", config=load_config("demo"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == before
    # A file beside it is none of its networks.
    (tmp_path / "discriminator.keras").write_text("mine")
    assert sorted(preparation.networks_in("mine")) == ["encoder", "generator"]


def test_a_damaged_preset_is_one_sentence_in_every_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    synthesizer().save_to_preset(tmp_path / "mine")
    (tmp_path / "mine" / "model.weights.h5").write_bytes(b"damaged")
    for words in (
        ["synthesize", "--model", "mine"],
        ["describe", "mine"],
        ["export", "mine", "-o", "served"],
        ["export", "mine", "-o", "again", "--format", "preset"],
        ["evaluate", "mine", "--config", "demo", "-o", "scores.json"],
        ["styles", "mine", "--config", "demo", "-o", "my.keras"],
    ):
        assert "mine cannot be loaded: its model.weights.h5 has the SHA-256" in said(words, capsys)
    with pytest.raises(ConfigError, match="`init_from`: mine cannot be loaded: its model.weights"):
        preparation.networks_in("mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("precision", preset.PRECISIONS)
def test_the_module_of_the_format(precision, tmp_path):
    model = synthesizer()
    preset.write(model, tmp_path / "x", precision=precision, size=(None, None), description={})
    assert tfsynth.from_preset(tmp_path / "x").stored_dtype == precision
    assert preset.foreign(tmp_path / "x") == ""
    with pytest.raises(ValueError, match="the precisions float32, float16. Received: 'int8'"):
        exporters.export(model, tmp_path / "y", "preset", "int8")


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
import numpy as np, tfsynth
model = tfsynth.from_preset(sys.argv[1])
labels = np.arange(20 * 30).reshape(20, 30) % 3
np.save(sys.argv[2], model.synthesize(labels, labels))
model.save_to_preset(sys.argv[3])
"""


def test_a_preset_needs_no_tensorflow(tmp_path):
    synthesizer().save_to_preset(tmp_path / "mine")
    arguments = [tmp_path / "mine", tmp_path / "picture.npy", tmp_path / "again"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, arguments)],
        cwd=Path(tfsynth.__file__).parents[1],
        env={"PATH": "", "HOME": str(tmp_path), "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    labels = np.arange(20 * 30).reshape(20, 30) % 3
    expected = tfsynth.from_preset(tmp_path / "again").synthesize(labels, labels).astype(int)
    assert np.abs(np.load(tmp_path / "picture.npy").astype(int) - expected).max() <= 1
    sums = [json.loads((path / "sha256.json").read_text()) for path in (arguments[0], arguments[2])]
    assert sums[0]["model.weights.h5"] == sums[1]["model.weights.h5"]


def test_a_copy_that_somebody_signed_anew_is_read_by_the_same_rules(tmp_path):
    synthesizer().save_to_preset(tmp_path / "mine")
    shutil.copytree(tmp_path / "mine", tmp_path / "theirs")
    (tmp_path / "theirs" / "model.weights.h5").write_bytes(b"theirs")
    preset_folders.sums_of(tmp_path / "theirs")
    with pytest.raises(
        ValueError, match="theirs cannot be loaded: its model.weights.h5 is damaged"
    ):
        tfsynth.from_preset(tmp_path / "theirs")

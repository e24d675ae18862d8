"""Presets of synthesizers: the same model again, written completely or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tfsynth
from tests.synthesis.synthesizers import (
    INSTANCES,
    LAYOUT,
    layout,
    noisy_synthesizer,
    picture_synthesizer,
    styled_synthesizer,
    synthesizer,
    wide,
)
from tfsynth.data import Streets
from tfsynth.files import sha256_of
from tfsynth.layers import Conditioning
from tfsynth.networks import CascadedRefinementNetwork, GlobalGenerator
from tfsynth.synthesis.synthesizer import Synthesizer

pytestmark = pytest.mark.slow


def several():
    """A model that makes three pictures of a layout."""
    network = CascadedRefinementNetwork(3, widths=[4, 4], num_outputs=3)
    return Synthesizer(network, Conditioning(3, edges=False), synthesizer().label_set)


KINDS = {
    "edges": synthesizer,
    "noise": noisy_synthesizer,
    "styles": styled_synthesizer,
    "pictures": picture_synthesizer,
    "several": several,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_comes_back_to_the_bit(kind, tmp_path):
    model = KINDS[kind]()
    model.save_to_preset(tmp_path / "preset")
    again = tfsynth.from_preset(tmp_path / "preset")
    for weight, other in zip(model.get_weights(), again.get_weights(), strict=True):
        assert weight.tobytes() == other.tobytes()
    # A table of styles gets the names of the classes.
    changed = {"styles": None}
    assert {**again.get_config(), **changed} == {**model.get_config(), **changed}
    labels, instances = layout(21, 34)
    if kind == "pictures":
        labels, instances = (labels[..., None] * 80).astype("uint8"), None
    given = (labels, instances) if "instances" in model.input_names else (labels,)
    np.testing.assert_array_equal(
        again.synthesize(*given, seed=5), model.synthesize(*given, seed=5)
    )


def test_float16_is_half_the_size_and_a_grey_level_off(tmp_path):
    model = wide()
    model.save_to_preset(tmp_path / "whole")
    model.save_to_preset(tmp_path / "half", stored_dtype="float16")
    sizes = [(tmp_path / n / "model.weights.h5").stat().st_size for n in ("half", "whole")]
    assert 0.5 < sizes[0] / sizes[1] < 0.52
    half = tfsynth.from_preset(tmp_path / "half")
    assert half.stored_dtype == "float16" and model.stored_dtype == "float32"
    for weight, other in zip(model.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_array_equal(weight.astype("float16").astype("float32"), other)
    pictures = [m.synthesize(LAYOUT, INSTANCES).astype(int) for m in (half, model)]
    assert np.abs(pictures[0] - pictures[1]).max() <= 2
    assert "stored in float16" in (tmp_path / "half" / "README.md").read_text()
    # Of a half, a preset is a half, unless told.
    half.save_to_preset(tmp_path / "again")
    assert tfsynth.from_preset(tmp_path / "again").stored_dtype == "float16"


def test_the_same_model_gives_the_same_files(tmp_path):
    model = styled_synthesizer()
    sums = []
    for name in ("one/preset", "other/preset"):
        model.save_to_preset(tmp_path / name)
        sums.append(json.loads((tmp_path / name / "sha256.json").read_text()))
    assert sums[0] == sums[1]
    assert {n: sha256_of(tmp_path / "one/preset" / n) for n in sums[0]} == sums[0]


def test_a_model_of_streets_has_a_preview(tmp_path):
    generator = GlobalGenerator(15, filters=2, num_downsamples=1, num_blocks=1)
    provenance = {"config": {"data": {"size": [32, 64]}}}
    model = Synthesizer(generator, Conditioning(14), Streets().label_set, provenance)
    model.save_to_preset(tmp_path / "town")
    with Image.open(tmp_path / "town" / "preview.png") as preview:
        assert preview.format == "PNG" and 128 < preview.size[0] < 140
    sums = json.loads((tmp_path / "town" / "sha256.json").read_text())
    assert sums["preview.png"] == sha256_of(tmp_path / "town" / "preview.png")
    assert "](preview.png)" in (tmp_path / "town" / "README.md").read_text()
    assert tfsynth.from_preset(tmp_path / "town").label_set == Streets().label_set


@pytest.mark.parametrize(
    "provenance",
    [
        {"config": []},
        {"config": {"data": {"size": [10**6, 10**6]}}},
        {"config": {"data": {"size": "no"}}},
        {"config": {"data": {"size": [3, 3]}}},
    ],
)
def test_a_preview_of_odd_provenance_has_the_usual_size(tmp_path, provenance):
    generator = GlobalGenerator(15, filters=2, num_downsamples=1, num_blocks=1)
    model = Synthesizer(generator, Conditioning(14), Streets().label_set, provenance)
    model.save_to_preset(tmp_path / "town")
    with Image.open(tmp_path / "town" / "preview.png") as preview:
        assert 256 < preview.size[0] < 270


def test_the_title_is_the_folders_and_details_are_in_the_card(tmp_path):
    synthesizer().save_to_preset(tmp_path / "my model", license="mit", limitations=["No rain."])
    text = (tmp_path / "my model" / "README.md").read_text()
    assert "license: mit\n" in text and "\n# my model\n" in text and "\n- No rain.\n" in text


def test_paths_of_the_machine_are_not_published(tmp_path):
    model = synthesizer()
    model.provenance = {"config": {"data": {"dataset": {"root": "/home/me/secret/pairs"}}}}
    model.save_to_preset(tmp_path / "preset")
    for path in (tmp_path / "preset").iterdir():
        assert b"secret" not in path.read_bytes()
    assert model.provenance["config"]["data"]["dataset"]["root"] == "/home/me/secret/pairs"
    again = tfsynth.from_preset(tmp_path / "preset").provenance
    assert again["config"]["data"]["dataset"]["root"] == "pairs"


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    model = styled_synthesizer()
    with pytest.raises(ValueError, match="`license` is an identifier"):
        model.save_to_preset(tmp_path / "preset", license="My Licence")
    with pytest.raises(ValueError, match="is an address: name a folder, and upload it with `hf up"):
        model.save_to_preset("hf://owner/name")
    with pytest.raises(ValueError, match="`stored_dtype` is one of .* Received: 'int8'"):
        model.save_to_preset(tmp_path / "preset", stored_dtype="int8")
    with pytest.raises(TypeError, match="licence"):
        model.save_to_preset(tmp_path / "preset", licence="mit")
    model.generator.weights[0].assign(model.generator.weights[0] + 1e5)
    with pytest.raises(ValueError, match="float16 are at most 65504; this model has one of 1e"):
        model.save_to_preset(tmp_path / "preset", stored_dtype="float16")
    model.generator.weights[0].assign(model.generator.weights[0] * float("nan"))
    with pytest.raises(ValueError, match="numbers that are not finite: training has gone wrong"):
        model.save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())


def test_what_is_there_stays(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        with pytest.raises(FileExistsError, match=f"{name} exists already"):
            synthesizer().save_to_preset(tmp_path / name)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    (tmp_path / "empty").mkdir()
    synthesizer().save_to_preset(tmp_path / "empty")
    assert tfsynth.from_preset(tmp_path / "empty").provenance == {"steps": 5}


KILLED = """
import os, signal, sys
from tests.synthesis.synthesizers import synthesizer
class Sentence(str):
    # It is asked for after the weights were written.
    def __str__(self):
        os.kill(os.getpid(), signal.SIGKILL)
synthesizer().save_to_preset(sys.argv[1], limitations=[Sentence("x")])
"""


def test_a_kill_leaves_no_folder_that_looks_whole(tmp_path):
    target = tmp_path / "preset"
    root = Path(tfsynth.__file__).parents[1]
    words = [sys.executable, "-c", KILLED, str(target)]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == -9, done.stderr
    assert not target.exists()
    # It had begun, and what it left goes with the next that is written there.
    assert len(list(tmp_path.glob(".working-*/preset/model.weights.h5"))) == 1
    synthesizer().save_to_preset(target)
    assert [path.name for path in tmp_path.iterdir()] == ["preset"]
    assert tfsynth.from_preset(target).provenance == {"steps": 5}

import sys
import zipfile

import numpy as np
import pytest

from tests.exporters.tflite_models import write
from tests.synthesis.synthesizers import styled_synthesizer
from tfsynth.exporters import litert
from tfsynth.exporters.litert_file import read_file, write_file
from tfsynth.exporters.runtimes.litert import Runtime

INPUTS = {
    "labels": np.zeros((2, 9, 14), "int32"),
    "instances": np.zeros((2, 9, 14), "int32"),
    "seed": np.zeros(2, "int32"),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(styled_synthesizer(), tmp_path_factory.mktemp("litert") / "model.tflite")


def test_a_model_describes_itself(path):
    description = Runtime(path).description
    assert description["format"] == "tflite"
    assert list(description["inputs"]) == ["labels", "instances", "seed"]


def test_arrays_of_any_integers_are_taken_and_others_left_out(path):
    runtime = Runtime(path)
    wanted = runtime.run(INPUTS)
    assert wanted.shape == (2, 9, 14, 3)
    others = {name: array.astype("uint8") for name, array in INPUTS.items()}
    np.testing.assert_array_equal(runtime.run({**others, "more": 3}), wanted)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"seed": None}, "reads instances, labels, seed; `seed` is missing"),
        ({"labels": np.zeros((9, 14), "int32")}, r"`labels` of shape \(batch, any, any\). Rec"),
        ({"labels": np.zeros((2, 0, 14), "int32")}, r"Received: \(2, 0, 14\)"),
        ({"labels": np.zeros((2, 9, 14))}, "as whole numbers -2147483648..2147483647. Received: f"),
        ({"seed": np.array([0, 2**31])}, "Received: int64, 0..2147483648"),
        ({"instances": np.zeros((2, 9, 13), "int32")}, "`instances` and `labels` are of one batch"),
        ({"seed": np.zeros(3, "int32")}, r"Received: \(2, 9, 14\) and \(3,\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(path, change, message):
    changed = {**INPUTS, **change}
    inputs = {name: array for name, array in changed.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        Runtime(path).run(inputs)


@pytest.mark.parametrize("at", range(40, 4000, 400))
def test_a_damaged_model_never_reaches_litert(path, tmp_path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 255
    (tmp_path / "bad.tflite").write_bytes(content)
    with pytest.raises(ValueError, match="bad.tflite is damaged: its model is not the one"):
        Runtime(tmp_path / "bad.tflite")


def test_what_litert_cannot_load_is_one_sentence(path, tmp_path):
    """A model with the right sum that is none."""
    described = read_file(path).description
    write_file(tmp_path / "bad.tflite", b"\x18\0\0\0TFL3" + bytes(500), described)
    with pytest.raises(ValueError, match="LiteRT cannot load .*bad.tflite: ") as raised:
        Runtime(tmp_path / "bad.tflite")
    assert "\n" not in str(raised.value)


def test_a_model_without_our_signature_is_refused(path, tmp_path):
    flatbuffer = read_file(path).flatbuffer.replace(litert.SIGNATURE.encode(), b"sYNTHESIZE")
    write_file(tmp_path / "other.tflite", flatbuffer, read_file(path).description)
    with pytest.raises(ValueError, match='other.tflite: Invalid signature_key provided: "synth'):
        Runtime(tmp_path / "other.tflite")


def test_litert_that_is_missing_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match=r"ai-edge-litert: pip install 'tfsynth\[litert\]'"):
        Runtime(path)


def test_the_file_is_also_an_archive(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None

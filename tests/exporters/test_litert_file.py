import json
import zipfile

import pytest

from tests.synthesis.synthesizers import LABELS, picture_synthesizer, synthesizer
from tfsynth.exporters.description import describe
from tfsynth.exporters.litert_file import is_litert, read_file, write_file

# It looks like a model to all that do not run it.
FLATBUFFER = b"\x18\0\0\0TFL3" + bytes(range(256)) * 40


def written(tmp_path, model=None):
    path = tmp_path / "model.tflite"
    described = describe(model or synthesizer(), format="tflite", precision="float32")
    write_file(path, FLATBUFFER, described)
    return path, described


def rewritten(path, text):
    """Replaces the description."""
    path.write_bytes(FLATBUFFER)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tfsynth.json", text)


def test_a_file_says_what_it_is(tmp_path):
    path, described = written(tmp_path)
    stored = read_file(path)
    assert stored.flatbuffer == FLATBUFFER
    assert {**stored.description, "flatbuffer": None} == {**described, "flatbuffer": None}
    assert stored.description["flatbuffer"]["bytes"] == len(FLATBUFFER)


def test_other_programs_find_names_and_colours_in_it(tmp_path):
    path, _ = written(tmp_path)
    assert path.read_bytes().startswith(FLATBUFFER)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode() == "sky\nroad\ncar\n"
        stored = json.loads(archive.read("tfsynth.json"))
    assert stored["label_set"] == LABELS.to_dict()
    assert [entry["colour"] for entry in stored["label_set"]["classes"]] == [
        [0, 0, 255],
        [90, 90, 90],
        [255, 0, 0],
    ]


def test_a_model_of_pictures_has_no_names(tmp_path):
    path, _ = written(tmp_path, picture_synthesizer())
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["tfsynth.json"]


def test_the_same_model_gives_the_same_file(tmp_path):
    path, _ = written(tmp_path)
    first = path.read_bytes()
    assert written(tmp_path)[0].read_bytes() == first


def test_the_content_decides_and_not_the_name(tmp_path):
    path, _ = written(tmp_path)
    renamed = path.rename(tmp_path / "model.onnx")
    assert is_litert(renamed) and read_file(renamed).flatbuffer == FLATBUFFER
    (tmp_path / "other.tflite").write_bytes(b"PK\3\4 and more")
    assert not is_litert(tmp_path / "other.tflite")
    with pytest.raises(ValueError, match=r"other.tflite is no LiteRT model: .* TFL3 at byte 4"):
        read_file(tmp_path / "other.tflite")


@pytest.mark.parametrize("keep", [9, len(FLATBUFFER) // 2, len(FLATBUFFER), len(FLATBUFFER) + 99])
def test_a_broken_off_file_is_refused(tmp_path, keep):
    path, _ = written(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="model of `tfsynth export`, or damaged: .* Export it"):
        read_file(path)


def test_another_bit_in_the_model_is_found(tmp_path):
    path, _ = written(tmp_path)
    content = bytearray(path.read_bytes())
    content[5000] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged: its model is not the one that was exported"):
        read_file(path)


def test_another_byte_in_the_description_is_found(tmp_path):
    path, _ = written(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(FLATBUFFER) + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        read_file(path)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("[1, 2]", "it holds no description"),
        ("not JSON", "it holds no description"),
        ("[" * 100_000, "damaged"),
        (" " * (2**20 + 1), "tfsynth.json is larger than 1048576 bytes"),
        ('{"format_version": 9, "inputs": {"labels": {"shape": [], "dtype": ""}}}', "version 9"),
        ('{"format_version": 1, "inputs": {"labels": {"shape": [], "dtype": ""}}}', "flatbuffer"),
    ],
)
def test_a_description_of_another_kind_is_refused(tmp_path, text, reason):
    path = tmp_path / "model.tflite"
    rewritten(path, text)
    with pytest.raises(ValueError, match=reason):
        read_file(path)


def test_a_model_of_another_program_is_refused(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(FLATBUFFER)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    with pytest.raises(ValueError, match="there is no tfsynth.json in it"):
        read_file(path)

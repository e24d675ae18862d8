"""An exported model in the place of the synthesizer: the same pictures, by the same words."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.synthesis.synthesizers import INSTANCES, LABELS, LAYOUT, styled_synthesizer
from tfsynth import experiment, exporters
from tfsynth.__main__ import main
from tfsynth.synthesis.deployment import open_model


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A folder with one model as `.keras`, SavedModel, and a file of one size for LiteRT."""
    folder = tmp_path_factory.mktemp("exports")
    model = styled_synthesizer()
    model.save(folder / "model.keras")
    exporters.export(model, folder / "served" / "1")
    # The content decides, and not the name.
    exporters.export(model, folder / "phone.keras", "tflite", size=(8, 12))
    (folder / "layouts" / "labels").mkdir(parents=True)
    (folder / "layouts" / "instances").mkdir()
    Image.fromarray(LAYOUT).save(folder / "layouts" / "labels" / "a.png")
    Image.fromarray(INSTANCES).save(folder / "layouts" / "instances" / "a.png")
    return folder


@pytest.fixture(scope="module", params=["served/1", "phone.keras"])
def opened(request, exports):
    return open_model(exports / request.param)


def test_what_is_damaged_is_named_first_and_its_remedy_once(exports, tmp_path):
    served = shutil.copytree(exports / "served" / "1", tmp_path / "served")
    (served / "assets.extra" / "tfsynth.json").unlink()
    short = tmp_path / "short.tflite"
    short.write_bytes((exports / "phone.keras").read_bytes()[:-100])
    for path in (served, short):
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))} ") as caught:
            open_model(path)
        assert len(re.findall("[Ee]xport (it|the model) again", str(caught.value))) == 1


def test_an_exported_model_takes_no_styles_of_a_photograph(exports, tmp_path):
    labels = exports / "layouts" / "labels" / "a.png"
    with pytest.raises(ValueError, match="exported model draws its styles"):
        experiment.synthesize(exports / "phone.keras", [labels], tmp_path / "x", like=labels)


def test_it_makes_the_pictures_of_the_model(opened):
    model = styled_synthesizer()
    for seed in (0, 1, 2, 2**40):
        made = opened.synthesize(LAYOUT, INSTANCES, seed=seed).astype(int)
        assert np.abs(made - model.synthesize(LAYOUT, INSTANCES, seed=seed)).max() <= 1
    both = np.stack([LAYOUT, LAYOUT[::-1]]), np.stack([INSTANCES, INSTANCES[::-1]])
    made = opened.synthesize(*both, seed=[1, 2]).astype(int)
    assert np.abs(made - model.synthesize(*both, seed=[1, 2])).max() <= 1
    assert opened.synthesize_all(LAYOUT, INSTANCES).shape == (1, 8, 12, 3)
    assert opened.label_set == LABELS and opened.output_channels == 3


@pytest.mark.parametrize(
    ("labels", "instances", "message"),
    [
        (LAYOUT + 3, INSTANCES, "3 .*0.*2"),
        (LAYOUT, None, "give `instances`"),
        (LAYOUT, INSTANCES[:4], r"Received: .* \(4, 12\)"),
        (LAYOUT.astype(float), INSTANCES, "Received: float64"),
    ],
)
def test_what_does_not_fit_is_refused_as_by_the_model(opened, labels, instances, message):
    for refuse in (opened.check, opened.synthesize):
        with pytest.raises(ValueError, match=message):
            refuse(labels, instances)
    with pytest.raises(ValueError, match="draws its styles: give none, or use the .keras file"):
        opened.synthesize(LAYOUT, INSTANCES, {200: [0.5, 0.5]})


def test_a_model_of_one_size_refuses_others(exports):
    with pytest.raises(ValueError, match="pictures of 8 x 12 pixels only. Received: 4 x 12"):
        open_model(exports / "phone.keras").check(LAYOUT[:4], INSTANCES[:4])


def test_commands_take_it_in_the_place_of_the_model(exports, tmp_path, capsys):
    layouts = exports / "layouts"
    words = [str(layouts / "labels"), "--instances", str(layouts / "instances"), "--samples", "2"]
    found = {}
    for name in ("model.keras", "served/1", "phone.keras"):
        out = tmp_path / name.replace("/", "-")
        assert main(["synthesize", "--model", str(exports / name), *words, "-o", str(out)]) == 0
        found[name] = [np.asarray(Image.open(out / f"a-{i}.png")).astype(int) for i in (1, 2)]
    for name in ("served/1", "phone.keras"):
        for one, other in zip(found["model.keras"], found[name], strict=True):
            assert np.abs(one - other).max() <= 1
    served = str(exports / "served" / "1")
    assert main(["synthesize", "--model", served, *words, "--like", served, "-o", "x"]) == 2
    assert (
        "draws its styles, and takes none of a photograph: leave `like` out"
        in capsys.readouterr().err
    )
    assert main(["export", served, "-o", str(tmp_path / "again")]) == 2
    assert "served/1 is an exported model, which makes photographs" in capsys.readouterr().err


def test_an_export_describes_itself(exports, capsys):
    for name in ("served/1", "phone.keras"):
        assert main(["describe", str(exports / name)]) == 0
        assert "\nprecision: float32\n" in capsys.readouterr().out


def test_a_graph_that_changed_is_not_run(exports, tmp_path):
    shutil.copytree(exports / "served" / "1", tmp_path / "1")
    graph = tmp_path / "1" / "saved_model.pb"
    data = bytearray(graph.read_bytes())
    # A style of the table, which lies in the graph.
    place = data.index(np.float32(0.9).tobytes())
    data[place : place + 4] = np.float32(0.5).tobytes()
    graph.write_bytes(data)
    with pytest.raises(ValueError, match="saved_model.pb is another than when it was written"):
        open_model(tmp_path / "1")


def test_a_folder_of_versions_is_no_model(exports, capsys):
    assert main(["synthesize", "--model", str(exports / "served"), "-o", "x"]) == 2
    assert "No synthesizer at" in capsys.readouterr().err


def test_examples_verify_an_export(exports, tmp_path, capsys):
    words = ["export", str(exports / "model.keras"), "-o", str(tmp_path / "1")]
    assert main([*words, "--examples", str(exports / "layouts")]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[1].split()[:4] == ["8", "x", "12", "1"]
    assert "5 x 9" in said and "4 x 6" in said
    (tmp_path / "bad").mkdir()
    Image.fromarray(LAYOUT + 1).save(tmp_path / "bad" / "bad.png")
    assert main([*words, "--overwrite", "--examples", str(tmp_path / "bad")]) == 2
    said = capsys.readouterr().err
    assert "bad.png" in said and "label id 3 is out of range" in said
    assert main([*words, "--overwrite", "--examples", str(tmp_path / "none")]) == 2
    assert "No label map or folder at" in capsys.readouterr().err
    description = json.loads((tmp_path / "1" / "assets.extra" / "tfsynth.json").read_text())
    assert description["label_set"] == LABELS.to_dict()


def test_a_dry_run_writes_nothing(exports, tmp_path, capsys):
    words = ["export", str(exports / "model.keras"), "-o", str(tmp_path / "1"), "--dry-run"]
    for format in exporters.FORMATS:
        assert main([*words, "--format", format]) == 0
        assert capsys.readouterr().out == (
            f"Nothing keeps this network from being exported as {format}.\n"
        )
    assert main([*words, "--precision", "int8"]) == 2
    assert "'saved_model' has the precisions float32. Received: 'int8'" in capsys.readouterr().err
    assert main([*words, "--size", "8", "12"]) == 2
    assert "takes every size: leave `size` out. Of one size are: tflite, onnx" in (
        capsys.readouterr().err
    )
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named_with_the_extra_that_brings_it(exports, tmp_path):
    """In a process of its own, which has imported neither."""
    program = """
import sys
import importlib.util
absent = ["ai_edge_litert", "onnx", "onnxruntime", "tf2onnx"]
sys.modules |= dict.fromkeys(absent)
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in absent else find(name, *more)
from tfsynth.__main__ import main
model, target = sys.argv[1:]
for format in ("onnx", "tflite"):
    print(main(["export", model, "-o", target, "--format", format]))
"""
    words = [sys.executable, "-c", program, exports / "model.keras", tmp_path / "out"]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True)
    assert done.stdout.split() == ["2", "2"], done.stderr[-2000:]
    assert "pip install 'tfsynth[onnx]'." in done.stderr
    assert "needs the package ai-edge-litert: pip install 'tfsynth[litert]'." in done.stderr
    assert not list(tmp_path.iterdir())


def test_python_exports_by_the_same_words(exports, tmp_path):
    found = experiment.export(exports / "model.keras", tmp_path / "half.keras", format="keras")
    assert found == (tmp_path / "half.keras", None)
    assert experiment.find_blockers(exports / "model.keras", format="onnx") == []

import numpy as np
import pytest

from tests.exporters.served import family, write
from tests.synthesis.synthesizers import INSTANCES, LAYOUT, styled_synthesizer
from tfsynth.exporters.runtimes import open_runtime
from tfsynth.exporters.runtimes.saved_model import Runtime

INPUTS = {
    "labels": LAYOUT[None].astype("int32"),
    "instances": INSTANCES[None].astype("int32"),
    "seed": np.array([3], "int32"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path, model = tmp_path_factory.mktemp("written") / "1", styled_synthesizer()
    write(model, path)
    return path, model


def test_it_makes_the_pictures_of_the_synthesizer(written):
    path, model = written
    runtime = Runtime(path)
    assert runtime.description["format"] == "saved_model"
    assert list(runtime.description["inputs"]) == list(INPUTS)
    picture = runtime.run(INPUTS)
    np.testing.assert_array_equal(picture[0], model.synthesize(LAYOUT, INSTANCES, seed=3))
    # Integers of any type, as files hold them.
    same = runtime.run({"labels": LAYOUT[None], "instances": INSTANCES[None], "seed": [3]})
    np.testing.assert_array_equal(same, picture)


def test_more_rows_than_a_request_takes_are_made_in_several(tmp_path):
    model = family("noise")
    write(model, tmp_path / "1")
    labels, seeds = np.random.default_rng(0).integers(0, 3, (70, 8, 8)), np.arange(70)
    pictures = Runtime(tmp_path / "1").run({"labels": labels, "seed": seeds})
    assert pictures.shape == (70, 8, 8, 3)
    expected = model.synthesize(labels[66:], seed=seeds[66:])
    np.testing.assert_array_equal(pictures[66:], expected)


def test_what_the_model_refuses_is_a_sentence(written):
    path, _ = written
    runtime = Runtime(path)
    with pytest.raises(ValueError, match=r"1: labels holds 11; the ids of this model are 0..2\.$"):
        runtime.run(INPUTS | {"labels": INPUTS["labels"] + 9})
    with pytest.raises(ValueError, match=r"labels and instances need the same rows, height and"):
        runtime.run(INPUTS | {"labels": INPUTS["labels"][:, 1:]})
    two = {name: np.repeat(array, 2, 0) for name, array in INPUTS.items()}
    two["seed"][1] = -1
    with pytest.raises(ValueError, match=r"1: row 1: seed is -1; it must be 0 or more\.$"):
        runtime.run(two)
    with pytest.raises(ValueError, match=r"\['instances', 'labels', 'seed'\]. Received: \['labels"):
        runtime.run({"labels": INPUTS["labels"]})
    with pytest.raises(ValueError, match=r"labels has numbers that int32 does not hold"):
        runtime.run(INPUTS | {"labels": INPUTS["labels"] + 0.5})
    with pytest.raises(ValueError, match=r"labels has numbers that int32 does not hold"):
        runtime.run(INPUTS | {"labels": INPUTS["labels"].astype("int64") + 2**32})


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("saved_model.pb", None, "is no exported model. Name what `tfsynth export` wrote"),
        ("saved_model.pb", b"", "is damaged: "),
        ("saved_model.pb", b"nonsense", "is damaged: "),
        ("variables/variables.index", None, "is damaged: "),
        ("variables/variables.data-00000-of-00001", b"short", "is damaged: "),
        ("assets.extra/tfsynth.json", None, "tfsynth did not write it: assets.extra/tfsynth.json"),
        ("assets.extra/tfsynth.json", b"\xff", "tfsynth did not write it: assets.extra/tfsynth.j"),
        ("assets.extra/tfsynth.json", b"{}", "it holds no description that tfsynth wrote"),
    ],
)
def test_a_damaged_folder_is_a_sentence(written, tmp_path, file, content, message):
    path, _ = written
    for source in path.rglob("*"):
        if source.is_file():
            target = tmp_path / source.relative_to(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError) as caught:
        open_runtime(tmp_path)
    sentence = str(caught.value)
    assert message in sentence and str(tmp_path) in sentence
    assert "\n" not in sentence and len(sentence) < 500


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="it has no saved_model.pb"):
        Runtime(tmp_path)

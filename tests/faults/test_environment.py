"""What the user's environment says of Keras: its defaults, its backend."""

import filecmp
import json

import pytest

from tests.commands import program

OTHERS = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-3}
PHOTOGRAPH = """
import hashlib, keras, numpy as np, tfsynth
labels = np.arange(64 * 128).reshape(64, 128) // 700
before = keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name
picture = tfsynth.load_model("streets").synthesize(labels, labels, seed=1)
assert before == (
    keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name
)
print(before, hashlib.sha256(picture.tobytes()).hexdigest())
"""


@pytest.fixture
def home(tmp_path):
    """A home folder whose keras.json has other defaults."""
    (tmp_path / "home" / ".keras").mkdir(parents=True)
    (tmp_path / "home" / ".keras" / "keras.json").write_text(json.dumps(OTHERS))
    return tmp_path / "home"


def test_other_defaults_of_keras_change_nothing(home, tiny_config, tmp_path):
    text = tiny_config.read_text().replace("test: 1", "test: 2")
    text = text.replace("then: []", "then: [evaluate, export]")
    text += "evaluation:\n  {class: SegmenterProtocol, steps: 2, filters: [4, 4], blocks: [0, 0]}\n"
    (tmp_path / "mine.yaml").write_text(text)
    settings = {"HOME": str(home), "TFSYNTH_CACHE": str(tmp_path / "cache")}
    run = tmp_path / "run"
    code, out, err = program.run("train", tmp_path / "mine.yaml", "--run-dir", run, **settings)
    assert code == 0, err
    assert "mean IoU" in out and (run / "export" / "1").is_dir()
    code, out, err = program.run("evaluate", run, **settings)
    assert code == 0, err
    assert (
        json.loads(out)["synthesised"]
        == json.loads((run / "metrics.json").read_text())["synthesised"]
    )
    for name, environment in (("theirs", settings), ("ours", {})):
        words = ("synthesize", "--model", run, run / "layouts" / "labels", "-o", tmp_path / name)
        code, _, err = program.run(*words, **environment)
        assert code == 0, err
    names = sorted(path.name for path in (tmp_path / "ours").iterdir())
    assert names == ["test_00000.png"]
    assert filecmp.cmpfiles(tmp_path / "ours", tmp_path / "theirs", names, False)[0] == names


@pytest.mark.parametrize("text", ["[1]", "{", '{"floatx": "int8"}', '{"backend": "torch"}', "\0"])
def test_a_keras_json_that_is_damaged_is_not_read(home, text):
    (home / ".keras" / "keras.json").write_text(text)
    code, out, err = program.run("describe", "demo", HOME=str(home))
    assert (code, err) == (0, "")
    assert "64 x 128 pixels" in out
    assert (home / ".keras" / "keras.json").read_text() == text


def test_the_library_computes_the_same_and_leaves_the_callers_defaults(home):
    said = [program.python(PHOTOGRAPH, **more) for more in ({}, {"HOME": str(home)})]
    assert said[0].startswith("('float32', 'channels_last', 'float32')")
    assert said[1].startswith("('float16', 'channels_first', 'float16')")
    assert said[0].split()[-1] == said[1].split()[-1]


@pytest.mark.parametrize("backend", ["torch", "openvino", "tensorflwo"])
def test_another_backend_is_refused_by_name(backend):
    code, out, err = program.run("describe", "demo", KERAS_BACKEND=backend)
    assert (code, out) == (2, "")
    assert err.startswith(f"tfsynth: error: The environment variable KERAS_BACKEND is '{backend}'")
    assert "tensorflow or jax. Set it to one of these, or leave it out." in err


def test_an_empty_backend_is_none():
    code, _, err = program.run("describe", "demo", KERAS_BACKEND="")
    assert (code, err) == (0, "")

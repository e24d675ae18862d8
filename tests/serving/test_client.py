"""Our client against the test server, by REST and by gRPC: every signature, versions, errors."""

import contextlib
import io
import re
import shutil
import subprocess
import sys

import numpy as np
import png
import pytest
import yaml
from client import Client, ServingError
from malformed import CLEAN, answer_to, kinds
from PIL import Image

from tests.serving.running import ROOT, config_with, hosts, server
from tests.synthesis.synthesizers import INSTANCES, LAYOUT

pytestmark = pytest.mark.slow

SERVING = ROOT / "export" / "serving"


def grey(pixels, bits=8):
    """Returns a grey PNG file of a map of ids."""
    pixels = pixels.astype(">u2" if bits == 16 else "uint8")
    return png.grey_png(pixels.shape[1], [row.tobytes() for row in pixels], bits)


def pixels(file):
    return np.asarray(Image.open(io.BytesIO(file)))


@pytest.fixture(scope="module")
def ready(models, tmp_path_factory):
    """The server, with two versions: `canary` has been moved to the second."""
    # Without its warm-up requests, to save time.
    ignored = shutil.ignore_patterns("assets.extra")
    shutil.copytree(models / "tfsynth" / "1", models / "tfsynth" / "2", ignore=ignored)
    config = config_with("pictures")
    config = config.replace("versions: 1\n", "versions: 1 versions: 2\n")
    config = config.replace('"canary"\n      value: 1', '"canary"\n      value: 2')
    path = tmp_path_factory.mktemp("config") / "models.config"
    path.write_text(config)
    with server(models, "--config", path) as ready:
        yield ready


@pytest.fixture(scope="module", params=["rest", "grpc"])
def where(ready, request):
    return hosts(ready)[request.param]


@pytest.fixture
def client(where):
    return Client(**where)


def test_photographs_are_those_of_the_synthesizer(client, model):
    layouts, instances = [grey(LAYOUT), grey(LAYOUT[:, :9])], [grey(INSTANCES, 16), b""]
    first, second = client.photographs(layouts, instances, [5, 6])
    np.testing.assert_array_equal(pixels(first), model.synthesize(LAYOUT, INSTANCES, seed=5))
    # Without instances, the classes are the instances.
    expected = model.synthesize(LAYOUT[:, :9], LAYOUT[:, :9].astype("int32"), seed=6)
    np.testing.assert_array_equal(pixels(second), expected)


def test_a_photograph_as_jpeg(client):
    photo = client.photograph(grey(LAYOUT), seed=5, format="jpeg")
    assert (Image.open(io.BytesIO(photo)).format, pixels(photo).shape) == ("JPEG", (8, 12, 3))


def test_tensors_make_the_same_photographs(client, model):
    labels = np.stack([LAYOUT, LAYOUT[::-1]])
    made = client.synthesize(labels, np.stack([INSTANCES] * 2), [1, 2])
    assert (made.shape, made.dtype) == ((2, 8, 12, 3), np.uint8)
    np.testing.assert_array_equal(made[1], model.synthesize(LAYOUT[::-1], INSTANCES, seed=2))


def test_looks_are_read_from_a_photograph_and_drawn_again(client):
    photo = client.synthesize(LAYOUT[None], INSTANCES[None], [1])
    ids, styles = client.encode(photo, INSTANCES[None])
    assert styles.shape == (*ids.shape, 2)
    assert sorted(set(ids[0].tolist())) == sorted(set(INSTANCES.ravel().tolist()))
    made = client.synthesize(LAYOUT[None], INSTANCES[None], [1], ids, styles)
    assert made.shape == photo.shape
    # Given looks do not depend on the seed.
    again = client.synthesize(LAYOUT[None], INSTANCES[None], [2], ids, styles)
    np.testing.assert_array_equal(made, again)


def test_a_model_of_condition_pictures(where, picture_model):
    client = Client(**where, model="pictures")
    picture = np.random.default_rng(0).integers(0, 256, (9, 14, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    expected = picture_model.synthesize(picture)
    np.testing.assert_array_equal(pixels(client.photograph(file.getvalue())), expected)
    np.testing.assert_array_equal(client.synthesize(picture[None])[0], expected)
    assert client.describe()["label_set"] is None
    answers = {what: answer_to(send) for what, send in kinds(client).items()}
    assert not {what: said for what, said in answers.items() if said[0] not in CLEAN}


def test_the_model_describes_itself(client):
    described = client.describe()
    assert [one["name"] for one in described["label_set"]["classes"]] == ["sky", "road", "car"]
    assert described["styles"]["features"] == 2


def test_messages_above_the_default_limit_go_through(ready):
    # 6 MB there, and more back: gRPC's own limit is 4 MB.
    made = Client(**hosts(ready)["grpc"]).synthesize(np.zeros((1, 1000, 1500), "int32"))
    assert made.shape == (1, 1000, 1500, 3)


def test_versions_and_labels(where, client):
    assert client.states() == {1: "AVAILABLE", 2: "AVAILABLE"}
    assert Client(**where, label="stable").states() == {1: "AVAILABLE"}
    assert Client(**where, label="canary").states() == {2: "AVAILABLE"}
    assert len(Client(**where, version=1).photograph(grey(LAYOUT))) > 50
    with pytest.raises(ServingError, match="NOT_FOUND: Could not find version 7 of model"):
        Client(**where, version=7).states()
    with pytest.raises(ServingError, match="Unrecognized servable version label: newest"):
        Client(**where, label="newest").photograph(grey(LAYOUT))
    with pytest.raises(ServingError, match="NOT_FOUND"):
        Client(**where, model="other").describe()


def test_a_bad_request_is_an_error_with_the_sentence_of_the_model(client):
    with pytest.raises(ServingError) as caught:
        client.photograph(grey(LAYOUT + 90))
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "0" in str(caught.value) and len(str(caught.value)) < 300
    assert "\n" not in str(caught.value) and "node" not in str(caught.value)


def test_of_a_request_with_a_bad_row_the_good_ones_are_kept(client, model):
    with pytest.raises(ServingError) as caught:
        client.photographs([grey(LAYOUT), b"no picture"])
    error = caught.value
    assert (error.code, list(error.rows)) == ("INVALID_ARGUMENT", [1])
    assert error.rows[1] in str(error)
    good, bad = error.outputs["image_bytes"]
    expected = model.synthesize(LAYOUT, LAYOUT.astype("int32"), seed=0)
    np.testing.assert_array_equal(pixels(good), expected)
    assert bad == b""


def test_no_number_is_changed_on_the_way(client):
    labels, styles = LAYOUT[None].astype("int64"), np.zeros((1, 1, 2), "float32")
    for wrong in (
        {"layouts": labels + 0.5},
        {"layouts": labels + 2**32},
        {"layouts": labels, "instances": labels + 2**32},
        {"layouts": labels, "seed": [1.5]},
        {"layouts": labels, "style_ids": [[2**32]], "styles": styles},
    ):
        with pytest.raises(ValueError, match="has numbers that int32 does not hold"):
            client.synthesize(**wrong)
    with pytest.raises(ValueError, match="`image` has numbers that uint8 does not hold"):
        client.encode(np.full((1, 8, 12, 3), 0.5), labels)
    for half in ({"styles": styles}, {"style_ids": [[0]]}):
        with pytest.raises(ValueError, match="Give `style_ids` and `styles` together"):
            client.synthesize(labels, **half)


def test_what_the_model_does_not_read_is_not_sent(client):
    with pytest.raises(ValueError, match="reads `instances`, `labels`, `seed`; received `labels`"):
        client.predict("synthesize", {"labels": LAYOUT[None]})
    with pytest.raises(ValueError, match="no signature `synthesise`. It has `describe`, `enc"):
        client.predict("synthesise", {})
    with pytest.raises(ValueError, match="a version or a label, not both"):
        Client(version=1, label="stable")


def test_every_wrong_request_is_a_clean_error_and_the_next_right_one_is_served(client):
    before = client.photograph(grey(LAYOUT))
    answers = {what: answer_to(send) for what, send in kinds(client).items()}
    assert len(answers) > 35
    assert not {what: said for what, said in answers.items() if said[0] not in CLEAN}
    long = {what: said for what, (_, said) in answers.items() if not 10 < len(said) < 400}
    assert not long
    assert client.photograph(grey(LAYOUT)) == before


def run(*arguments):
    """Runs a program of export/serving; `-S`: without any installed package."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_command_line_needs_the_standard_library_only(ready, tmp_path, model):
    (tmp_path / "layout.png").write_bytes(grey(LAYOUT))
    host = ["--host", f"127.0.0.1:{ready['rest']}"]
    given = [tmp_path / "layout.png", "-o", tmp_path / "photo.png", "--seed", 4, *host]
    done = run("-S", SERVING / "client.py", *given)
    assert (done.returncode, done.stderr) == (0, "")
    expected = model.synthesize(LAYOUT, LAYOUT.astype("int32"), seed=4)
    np.testing.assert_array_equal(pixels((tmp_path / "photo.png").read_bytes()), expected)
    done = run("-S", SERVING / "client.py", __file__, "-o", tmp_path / "x.png", *host)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("client.py: INVALID_ARGUMENT: ")
    assert not (tmp_path / "x.png").exists()
    done = run("-S", SERVING / "client.py", "--describe", "--grpc", *host)
    assert done.returncode == 1
    assert "gRPC needs other packages: `pip install grpcio protobuf numpy`" in done.stderr


def test_the_curl_of_the_page_returns_a_photograph(ready, tmp_path, model):
    if not shutil.which("curl"):
        pytest.skip("Needs curl.")
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    (block,) = (text for text in re.findall(r"```bash\n(.*?)```", page, re.S) if "curl" in text)
    block = block.replace("localhost:8501", f"127.0.0.1:{ready['rest']}")
    (tmp_path / "layout.png").write_bytes(grey(LAYOUT))
    subprocess.run(["bash", "-c", block], cwd=tmp_path, check=True, timeout=60)
    expected = model.synthesize(LAYOUT, LAYOUT.astype("int32"), seed=7)
    np.testing.assert_array_equal(pixels((tmp_path / "photo.png").read_bytes()), expected)
    (tmp_path / "layout.png").write_bytes(b"no picture")
    done = subprocess.run(["bash", "-c", block], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "label_bytes is no PNG" in done.stderr) == (1, True)


def test_the_grpc_side_does_not_import_tensorflow(ready):
    code = (
        "import sys; sys.modules['tensorflow'] = None; from client import Client; "
        f"print(Client('127.0.0.1:{ready['grpc']}', grpc=True).describe()['format'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=SERVING, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "saved_model\n"), done.stderr


def test_the_smoke_test_passes(ready):
    done = run("-S", SERVING / "smoke_test.py", "--host", f"127.0.0.1:{ready['rest']}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OK: a photograph of 256 x 128")
    done = run("-S", SERVING / "smoke_test.py", "--host", "127.0.0.1:1", "--wait", "0.3")
    assert done.returncode == 1
    assert done.stderr.startswith("smoke_test.py: UNAVAILABLE")


def test_the_load_generator_counts(ready, tmp_path):
    host = ["--host", f"127.0.0.1:{ready['grpc']}", "--grpc", "--json", tmp_path / "figures.json"]
    done = run(SERVING / "load.py", *host, "--clients", 1, 3, "--seconds", 0.5, "--size", 8, 16)
    assert done.returncode == 0, done.stderr
    figures = yaml.safe_load((tmp_path / "figures.json").read_text())
    assert [one["clients"] for one in figures] == [1, 3]
    for one in figures:
        assert one["requests"] > 3 and one["errors"] == {}
        assert 0 < one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"]
    done = run(SERVING / "load.py", *host, "--malformed", 100, "--pid", ready["pid"])
    assert done.returncode == 0, done.stdout
    figures = yaml.safe_load((tmp_path / "figures.json").read_text())
    assert (figures["right_answers"], figures["not_clean"]) == (2, False)
    assert figures["memory_mb"]["after"] > 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "example.org:8501"], "example.org:8501 is not this machine. --allow-remote"),
        (["--seconds", "9999"], "--seconds must be at most 600. Received: 9999."),
        (["--clients", "1000"], "--clients must be at most 64. Received: 1000."),
    ],
)
def test_the_load_generator_is_bounded(arguments, message, capsys):
    import load

    with contextlib.suppress(SystemExit):
        load.main(arguments)
    assert message in capsys.readouterr().err


def test_the_health_check_of_the_compose_file(ready):
    service = yaml.safe_load((SERVING / "compose.yaml").read_text())["services"]["serving"]
    kind, *command = service["healthcheck"]["test"]
    assert (kind, command[:2]) == ("CMD", ["bash", "-c"])
    for port, code in ((ready["rest"], 0), (1, 1)):
        check = command[2].replace("8501", str(port))
        done = subprocess.run(["bash", "-c", check], capture_output=True, timeout=30)
        assert done.returncode == code, done.stderr

"""The test server's REST side against what is documented: golden cases.

Each case is one of https://www.tensorflow.org/tfx/serving/api_rest (the section is named), or of
the server's source where the page is silent: util/json_tensor.cc, model_servers/http_server.cc.
"""

import http.client
import json

import pytest
import tensorflow as tf

from tests.serving.conformance import configs, rest
from tests.serving.conformance.models import Models

pytestmark = pytest.mark.slow

CONFIG = """model_config_list {
  config { name: "half_plus_three" base_path: "/models/half" model_platform: "tensorflow"
    model_version_policy { specific { versions: 122 versions: 123 } }
    version_labels { key: "stable" value: 122 } }
  config { name: "tags" base_path: "/models/tags" model_platform: "tensorflow" }
}"""


class Half(tf.Module):
    """The model of the page's example."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def serve(self, x):
        return {"y": 0.5 * x + 3}


class Tags(tf.Module):
    """A model of several named tensors, as in the page's example of the row format."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "tag"),
            tf.TensorSpec([None, None], tf.int32, "signal"),
            tf.TensorSpec([None, None, None], tf.uint8, "sensor"),
        ]
    )
    def serve(self, tag, signal, sensor):
        total = tf.reduce_sum(tf.cast(sensor, tf.int32), [1, 2])
        return {"tag": tag, "tag_bytes": tag, "signal": 2 * signal, "total": total}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def echo(self, image_bytes):
        return {"image_bytes": image_bytes}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a server in this process: nothing here needs Keras to be out of reach."""
    folder = tmp_path_factory.mktemp("toys")
    half, tags = Half(), Tags()
    for version in ("122", "123"):
        tf.saved_model.save(half, folder / "half" / version, half.serve)
    signatures = {"serving_default": tags.serve, "echo": tags.echo}
    tf.saved_model.save(tags, folder / "tags" / "7", signatures)
    web, port = rest.serve(Models(configs.models(CONFIG), folder), 0)
    yield port
    web.shutdown()
    web.server_close()


@pytest.fixture
def ask(port):
    def ask(method, path, body=None):
        """Returns the status and the parsed answer."""
        connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=30)
        body = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, body)
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "application/json"
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    return ask


HALF = "/v1/models/half_plus_three"
TAGS = "/v1/models/tags"
ROWS = [
    {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
    {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]},
]
COLUMNS = {
    "tag": ["foo", "bar"],
    "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
    "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]],
}


def test_example_of_the_page(ask):
    # "Example": one named input and output, the names are left out.
    answer = ask("POST", f"{HALF}:predict", {"instances": [1.0, 2.0, 5.0]})
    assert answer == (200, {"predictions": [3.5, 4.0, 5.5]})


def test_status_of_a_model(ask):
    # "Model status API", and the answer of "Example". Numbers of 64 bits are strings in JSON.
    fine = {"error_code": "OK", "error_message": ""}
    states = [
        {"version": version, "state": "AVAILABLE", "status": fine} for version in ("122", "123")
    ]
    assert ask("GET", HALF) == (200, {"model_version_status": states})
    assert ask("GET", f"{HALF}/versions/123") == (200, {"model_version_status": states[1:]})
    assert ask("GET", f"{HALF}/labels/stable") == (200, {"model_version_status": states[:1]})


def test_metadata_of_a_model(ask):
    # "Model Metadata API": GetModelMetadataResponse; without a version, that of the newest.
    status, answer = ask("GET", f"{HALF}/metadata")
    assert (status, answer["model_spec"]["version"]) == (200, "123")
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert signature["inputs"]["x"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


@pytest.mark.parametrize("where", ["/versions/122", "/versions/123", "/labels/stable"])
def test_versions_and_labels_in_the_address(ask, where):
    # "Predict API", "URL".
    answer = ask("POST", f"{HALF}{where}:predict", {"instances": [1.0]})
    assert answer == (200, {"predictions": [3.5]})


def test_row_format_of_several_inputs(ask):
    # "Specifying input tensors in row format", "Response format", "Output of binary values".
    status, answer = ask("POST", f"{TAGS}:predict", {"instances": ROWS})
    assert status == 200
    assert answer["predictions"] == [
        {"signal": [2, 4, 6, 8, 10], "tag": "foo", "tag_bytes": {"b64": "Zm9v"}, "total": 10},
        {"signal": [6, 8, 2, 4, 10], "tag": "bar", "tag_bytes": {"b64": "YmFy"}, "total": 23},
    ]


def test_column_format_of_several_inputs(ask):
    # "Specifying input tensors in column format".
    status, answer = ask("POST", f"{TAGS}:predict", {"inputs": COLUMNS})
    assert status == 200
    assert answer["outputs"] == {
        "signal": [[2, 4, 6, 8, 10], [6, 8, 2, 4, 10]],
        "tag": ["foo", "bar"],
        "tag_bytes": [{"b64": "Zm9v"}, {"b64": "YmFy"}],
        "total": [10, 23],
    }


@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_binary_values_are_base64(ask, key):
    # "Encoding binary values": {"b64": ...} for any string; a plain string is its UTF-8 bytes.
    body = {"signature_name": "echo", key: [{"b64": "/wA="}, "\u00e9"]}
    status, answer = ask("POST", f"{TAGS}:predict", body)
    assert status == 200
    assert answer[{"instances": "predictions", "inputs": "outputs"}[key]] == [
        {"b64": "/wA="},
        {"b64": "w6k="},
    ]


def test_nan_and_infinity_are_numbers(ask):
    # "JSON conformance": these tokens are taken and given.
    body = b'{"instances": [NaN, -Infinity, 1e3]}'
    status, answer = ask("POST", f"{HALF}:predict", body)
    nan, low, high = answer["predictions"]
    assert (status, nan != nan, low, high) == (200, True, float("-inf"), 503.0)


ROW = ROWS[0]
WRONG = {
    "not json": (b"instances", "JSON Parse error"),
    "nothing": (b"", "JSON Parse error: The document is empty"),
    "no object": ([1.0], "not object"),
    "no inputs": ({}, "Missing 'inputs' or 'instances' key"),
    # "A request can have either of them but NOT both."
    "both": ({"instances": ROWS, "inputs": COLUMNS}, "expecting only one of 'inputs' or"),
    "no list": ({"instances": ROW}, "Excepting 'instances' to be an list/array"),
    "no rows": ({"instances": []}, "No values in 'instances' array"),
    "a plain list": ({"instances": ["foo"]}, "instances is a plain list, but expecting list of"),
    "a list of columns": ({"inputs": ["foo"]}, "inputs is a plain value/list, but expecting an"),
    "a missing key": ({"instances": [{"tag": "a"}]}, "keys must be equal to: sensor,signal,tag"),
    "a key too much": ({"instances": [{**ROW, "x": 1}]}, "keys must be equal to"),
    "a mixed list": ({"instances": [ROW, 3]}, "Expecting object but got list at item 1"),
    "a missing column": ({"inputs": {"tag": ["a"]}}, "Missing named input: s"),
    "rows of two shapes": (
        {"instances": [ROW, {**ROW, "signal": [1]}]},
        "Encountered list at unexpected size: 1 at level: 1 expected size: 5",
    ),
    "text for a number": ({"instances": [{**ROW, "signal": ["a"]}]}, "is not of expected type"),
    "a fraction for an integer": ({"instances": [{**ROW, "signal": [0.5]}]}, "0.5 is not of"),
    "true for an integer": ({"instances": [{**ROW, "signal": [True]}]}, "is not of expected"),
    "2**31": ({"instances": [{**ROW, "signal": [2**31]}]}, "is not of expected type: int32"),
    "a number for text": ({"instances": [{**ROW, "tag": 1}]}, "is not of expected type: string"),
    "wrong base64": ({"instances": [{**ROW, "tag": {"b64": "*"}}]}, "Unable to base64 decode"),
    "base64 and more": (
        {"instances": [{**ROW, "tag": {"b64": "aa==", "x": 1}}]},
        "not formatted correctly for base64 data",
    ),
    "an unknown signature": (
        {"signature_name": "x", "instances": ROWS},
        'Serving signature name: "x" not found in signature def',
    ),
    "a signature of 7": ({"signature_name": 7, "instances": ROWS}, "'signature_name' key must"),
}


@pytest.mark.parametrize(("body", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_body_is_a_400_with_a_sentence(ask, body, message):
    # "In case of error, all APIs will return a JSON object in the response body with `error`".
    status, answer = ask("POST", f"{TAGS}:predict", body)
    assert (status, list(answer)) == (400, ["error"])
    assert message in answer["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        # "Example": "Servable not found for request: Latest(half)", 404.
        ("POST", "/v1/models/half:predict", 404, "Servable not found for request: Latest(half)"),
        ("POST", f"{HALF}/versions/9:predict", 404, "request: Specific(half_plus_three, 9)"),
        ("POST", f"{HALF}/labels/new:predict", 400, "Unrecognized servable version label: new"),
        ("GET", "/v1/models/half", 404, "Could not find any versions of model half"),
        ("GET", f"{HALF}/versions/9", 404, "Could not find version 9 of model half_plus_three"),
        ("POST", f"{HALF}:draw", 400, "Malformed request: POST /v1/models/half_plus_three:draw"),
        ("GET", "/v2/models", 400, "Malformed request: GET /v2/models"),
    ],
)
def test_a_wrong_address_is_an_error(ask, method, path, status, message):
    body = {"instances": [1.0]} if method == "POST" else None
    found, answer = ask(method, path, body)
    assert found == status
    assert message in answer["error"]

"""What the client does while a server is not there, is slow, or says no."""

import contextlib
import http.server
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from calls import ServingError, patiently
from client import Client
from messages import CLASSES
from rpc import fill, value_of
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc, predict_pb2

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def answering(*answers):
    """Yields the host of a server that gives these (status, body) in turn, and the requests."""
    requests, left = [], list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(time.monotonic())
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


READY = (200, b'{"model_version_status": [{"version": "1", "state": "AVAILABLE"}]}')
LOADING = (503, b'{"error": "Servable not loaded yet"}')


def test_a_server_that_is_unavailable_is_asked_again_later():
    with answering(LOADING, LOADING, READY) as (host, requests):
        assert Client(host).states() == {1: "AVAILABLE"}
        first, second, third = requests
        # The wait doubles; up to half of it is left to chance.
        assert 0.05 <= second - first <= 0.6
        assert 0.1 <= third - second <= 0.7


def test_attempts_are_limited():
    with answering(LOADING) as (host, requests):
        with pytest.raises(ServingError, match="UNAVAILABLE: Servable not loaded yet"):
            Client(host, attempts=3).states()
        assert len(requests) == 3


@pytest.mark.parametrize("status", [400, 404, 429, 500, 504])
def test_what_was_refused_is_not_sent_again(status):
    with answering((status, b'{"error": "No."}')) as (host, requests):
        with pytest.raises(ServingError, match="No."):
            Client(host).states()
        assert len(requests) == 1


def test_the_time_limit_is_that_of_all_attempts():
    with answering(LOADING) as (host, _):
        start = time.monotonic()
        with pytest.raises(ServingError, match="UNAVAILABLE"):
            Client(host, timeout=0.5, attempts=1000).states()
        assert time.monotonic() - start < 1.5


@pytest.mark.parametrize("grpc_side", [False, True])
def test_a_server_that_does_not_answer_is_given_up(grpc_side):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(ServingError, match="DEADLINE_EXCEEDED|UNAVAILABLE"):
            Client(host, grpc=grpc_side, timeout=0.5).states()
        assert time.monotonic() - start < 2.0


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b""])
def test_a_drop_at_a_time_is_given_up(start):
    # Each read is quick, all of them together are not.
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            line, _ = listening.accept()
            with line, contextlib.suppress(OSError):
                line.recv(1000)
                line.sendall(start)
                for letter in b"HTTP/1.1 200 OK\r\nX: " + 80 * b"x":
                    line.sendall(bytes([letter]))
                    time.sleep(0.05)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(ServingError, match="DEADLINE_EXCEEDED: .* did not answer within 0.5 s"):
            Client(f"127.0.0.1:{listening.getsockname()[1]}", timeout=0.5).states()
        assert time.monotonic() - began < 2.0
        thread.join()


@pytest.mark.parametrize("grpc_side", [False, True])
def test_nobody_at_the_port(grpc_side):
    with pytest.raises(ServingError, match="UNAVAILABLE"):
        Client("127.0.0.1:1", grpc=grpc_side, timeout=0.5).states()


class Loaded(model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request, context):
        answer = get_model_status_pb2.GetModelStatusResponse()
        answer.model_version_status.add(version=4, state="AVAILABLE")
        return answer


def test_a_grpc_server_that_starts_later_is_asked_again():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = grpc.server(ThreadPoolExecutor(1))
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Loaded(), server)

    def start():
        server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()

    later = threading.Timer(0.4, start)
    later.start()
    client = Client(f"127.0.0.1:{port}", grpc=True, timeout=5.0)
    try:
        assert client.states() == {4: "AVAILABLE"}
    finally:
        client.close()
        later.join()
        server.stop(None)


@pytest.mark.parametrize("given", [[2**40], [1.5], ["7"], np.array([2**40]), np.array([2.5])])
def test_numbers_that_a_tensor_cannot_hold(given):
    with pytest.raises(ValueError, match="An input of int32 cannot hold these numbers"):
        fill(CLASSES["Tensor"](), given, "int32")


def test_names_cannot_change_the_address():
    with answering((404, b'{"error": "No."}')) as (host, requests):
        with pytest.raises(ServingError, match="NOT_FOUND: No."):
            Client(host, model="a b/../c").states()
        assert len(requests) == 1


def test_an_answer_that_is_not_json():
    with (
        answering((200, b"<html>A proxy</html>")) as (host, _),
        pytest.raises(ServingError, match="INTERNAL: The answer is not JSON: <html>A proxy"),
    ):
        Client(host).states()


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'{"model_version_status": [7]}'])
def test_an_answer_of_other_json(body):
    with answering((200, body)) as (host, _):
        with pytest.raises(ServingError, match="INTERNAL: The answer holds no versions"):
            Client(host).states()
        with pytest.raises(ServingError, match="INTERNAL: The answer holds no signatures"):
            Client(host).describe()
    with (
        answering((200, b"[" * 100_000)) as (host, _),
        pytest.raises(ServingError, match="INTERNAL: The answer is not JSON"),
    ):
        Client(host).states()


def test_waiting_until_a_model_is_loaded():
    missing = (404, b'{"error": "Could not find any versions of model tfsynth"}')
    loading = (200, READY[1].replace(b"AVAILABLE", b"LOADING"))
    with answering(missing, LOADING, loading, READY) as (host, requests):
        Client(host).wait_until_available(10.0)
        assert len(requests) == 4
    with (
        answering(loading) as (host, _),
        pytest.raises(ServingError, match="No version is available yet: {1: 'LOADING'}"),
    ):
        Client(host).wait_until_available(0.5)


def test_other_errors_end_the_calls_at_once():
    calls = []

    def call(seconds):
        calls.append(seconds)
        raise ServingError("INVALID_ARGUMENT", "assertion failed: [It\\'s no.]\n\t [[node]]")

    with pytest.raises(ServingError) as caught:
        patiently(call, 5.0, 5)
    # TensorFlow's frame around the sentence is taken off.
    assert str(caught.value) == "INVALID_ARGUMENT: It's no."
    assert len(calls) == 1
    with pytest.raises(ValueError, match="`attempts` must be at least 1. Received: 0."):
        patiently(call, 5.0, 0)


def test_our_messages_are_those_of_tensorflow_serving():
    request = CLASSES["PredictRequest"]()
    request.model_spec.name, request.model_spec.signature_name = "tfsynth", "synthesize"
    request.model_spec.version.value = 3
    fill(request.inputs["labels"], [[1, 2], [3, 400]], "int32")
    fill(request.inputs["styles"], [[0.5, -2.0]], "float32")
    fill(request.inputs["label_bytes"], [b"a\0b", b""], "string")
    theirs = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    assert theirs.model_spec.version.value == 3
    found = {name: tf.make_ndarray(tensor).tolist() for name, tensor in theirs.inputs.items()}
    assert found == {
        "labels": [[1, 2], [3, 400]],
        "styles": [[0.5, -2.0]],
        "label_bytes": [b"a\0b", b""],
    }
    # And back, in all ways in which numbers may be stored.
    answer = predict_pb2.PredictResponse()
    answer.outputs["content"].CopyFrom(tf.make_tensor_proto([[1, 2], [3, 4]], tf.uint8))
    answer.outputs["equal"].CopyFrom(tf.make_tensor_proto(7, tf.int32, shape=[2, 2]))
    answer.outputs["zeros"].CopyFrom(tf.make_tensor_proto(0.0, tf.float32, shape=[3]))
    answer.outputs["status"].CopyFrom(tf.make_tensor_proto(["", "No."]))
    ours = CLASSES["PredictResponse"].FromString(answer.SerializeToString()).outputs
    assert value_of(ours["content"], False).tolist() == [[1, 2], [3, 4]]
    assert value_of(ours["equal"], False).tolist() == [[7, 7], [7, 7]]
    assert value_of(ours["zeros"], False).tolist() == [0.0, 0.0, 0.0]
    assert value_of(ours["status"], False) == ["", "No."]

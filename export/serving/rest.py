"""TensorFlow Serving's REST side: https://www.tensorflow.org/tfx/serving/api_rest.

Only the standard library is needed.
"""

import base64
import contextlib
import http.client
import json
import socket
import threading
import time
from urllib.parse import quote

from calls import MOST_BYTES, ServingError

# HTTP's number -> gRPC's name, as the server maps them.
CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Rest:
    """One model of a server, by REST. Each call opens a connection: threads may share this.

    Args:
        host: "name:port".
        model: Its name on the server.
        version: Number, or None.
        label: Name of a version, or None.
        tls: Whether the server speaks HTTPS.
    """

    def __init__(self, host, model, version=None, label=None, tls=False):
        self.host, self.tls = host, tls
        self.path = f"/v1/models/{quote(model, safe='')}"
        if version is not None:
            self.path += f"/versions/{version}"
        if label is not None:
            self.path += f"/labels/{quote(label, safe='')}"

    def close(self):
        """Nothing is kept open."""

    def states(self, seconds):
        """Returns version -> state, such as {1: "AVAILABLE"}."""
        answer = self.send("GET", self.path, b"", seconds)
        with _expecting("versions"):
            return {int(one["version"]): one["state"] for one in answer["model_version_status"]}

    def signatures(self, seconds):
        """Returns signature -> (inputs, outputs): name -> dtype each."""
        answer = self.send("GET", f"{self.path}/metadata", b"", seconds)
        with _expecting("signatures"):
            found = answer["metadata"]["signature_def"]["signature_def"]
            return {
                name: (_dtypes(one.get("inputs", {})), _dtypes(one.get("outputs", {})))
                for name, one in found.items()
            }

    def predict(self, signature, inputs, dtypes, outputs, seconds):
        """Returns name -> value of each of `outputs`, as nested lists.

        Args:
            signature: Name.
            inputs: Name -> array or list; bytes where the dtype is "string".
            dtypes: Name -> dtype of each input.
            outputs: Names that the signature returns.
            seconds: Time limit.
        """
        ready = {name: _to_json(value, dtypes[name]) for name, value in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": ready}).encode()
        answer = self.post(body, seconds)
        with _expecting("outputs"):
            found = answer["outputs"]
            if len(outputs) == 1:
                found = {next(iter(outputs)): found}
            return {
                name: [base64.b64decode(one["b64"]) for one in found[name]]
                if name.endswith("_bytes")
                else found[name]
                for name in outputs
            }

    def post(self, body, seconds):
        """Sends the body of a prediction as it is; returns the parsed answer."""
        return self.send("POST", f"{self.path}:predict", body, seconds)

    def send(self, method, path, body, seconds):
        """Sends one request within the seconds; returns the parsed answer."""
        try:
            status, data = self._exchange(method, path, body, seconds)
        except TimeoutError as error:
            message = f"{self.host} did not answer within {seconds:.1f} s."
            raise ServingError("DEADLINE_EXCEEDED", message) from error
        except (OSError, http.client.HTTPException) as error:
            message = f"{self.host} cannot be reached ({error or type(error).__name__})."
            raise ServingError("UNAVAILABLE", message) from error
        code = CODES.get(status, f"HTTP_{status}")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            start = data[:80].decode(errors="replace")
            code = code if status != 200 else "INTERNAL"
            raise ServingError(code, f"The answer is not JSON: {start}") from error
        if status != 200:
            message = answer.get("error") if isinstance(answer, dict) else None
            raise ServingError(code, str(message or f"HTTP status {status}."))
        return answer

    def _exchange(self, method, path, body, seconds):
        deadline = time.monotonic() + seconds
        kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        connection = kind(self.host, timeout=seconds)
        # A timeout of a socket is that of one read, of which headers take many.
        watch = threading.Timer(seconds, lambda: _shut(connection))
        watch.daemon = True
        try:
            connection.connect()
            watch.start()
            line: socket.socket = connection.sock
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            parts, size = [], 0
            while part := response.read1(2**20):
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    message = f"The answer has more than {MOST_BYTES >> 20} MiB."
                    raise ServingError("RESOURCE_EXHAUSTED", message)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                line.settimeout(left)
            if time.monotonic() >= deadline:
                raise TimeoutError
            return response.status, b"".join(parts)
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() >= deadline:
                raise TimeoutError from error
            raise
        finally:
            watch.cancel()
            connection.close()


def _shut(connection):
    with contextlib.suppress(AttributeError, OSError):  # It has ended meanwhile.
        connection.sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _expecting(what):
    """Raises `ServingError` where an answer is JSON, but not that of the server's rules."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServingError("INTERNAL", f"The answer holds no {what} ({error!r}).") from error


def _dtypes(tensors):
    return {name: one["dtype"].removeprefix("DT_").lower() for name, one in tensors.items()}


def _to_json(value, dtype):
    value = value.tolist() if hasattr(value, "tolist") else value
    if dtype == "string":
        return [{"b64": base64.b64encode(one).decode("ascii")} for one in value]
    return value

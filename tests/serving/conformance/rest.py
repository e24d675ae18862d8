"""The REST side: https://www.tensorflow.org/tfx/serving/api_rest."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format

from tests.serving.conformance import tensors
from tests.serving.conformance.errors import Refused, invalid
from tests.serving.conformance.rpc import signature_map

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
PREDICT = re.compile(_MODEL + r":(?P<verb>classify|regress|predict)", re.I)
STATUS = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.I)
# As `ToHTTPStatusCode` of http_server.cc.
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
MOST_BYTES = 2**28


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    # A caller that says nothing is let go.
    timeout = 60
    models = None

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def log_message(self, *_):
        pass

    def _answer(self, method):
        try:
            status, answer = 200, method()
        except Refused as error:
            status, answer = STATUSES.get(error.code, 500), {"error": error.message}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _get(self):
        if self.path == "/conformance/batches":
            # Not of the real server: what the tests of batching ask for.
            return [[*key, count] for key, count in sorted(self.models.batches.items())]
        wanted = self._matched(STATUS)
        if wanted.pop("metadata"):
            number, version = self.models.find(**wanted)
            spec = {"name": wanted["name"], "signature_name": "", "version": str(number)}
            found = json_format.MessageToDict(
                signature_map(version),
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            return {"model_spec": spec, "metadata": {"signature_def": found}}
        fine = {"error_code": "OK", "error_message": ""}
        return {
            "model_version_status": [
                {"version": str(number), "state": "AVAILABLE", "status": fine}
                for number in self.models.numbers(**wanted)
            ]
        }

    def _post(self):
        size = int(self.headers.get("Content-Length") or 0)
        if size > MOST_BYTES:
            self.close_connection = True
            raise invalid(f"The body has {size} bytes.")
        body = self.rfile.read(size)
        wanted = self._matched(PREDICT)
        if wanted.pop("verb").lower() != "predict":
            raise Refused("UNIMPLEMENTED", "Only predict is here.")
        _, version = self.models.find(**wanted)
        signature, inputs, row_format = tensors.request(body, version)
        outputs = version.predict(signature, inputs)
        return tensors.answer(outputs, row_format)

    def _matched(self, pattern):
        match = pattern.fullmatch(self.path)
        if match is None:
            raise invalid(f"Malformed request: {self.command} {self.path}")
        wanted = match.groupdict()
        wanted["version"] = int(wanted["version"]) if wanted["version"] else None
        return wanted


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(models, port):
    """Starts the server on loopback; returns it and its port."""
    handler = type("Bound", (Handler,), {"models": models})
    server = Server(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_address[1]

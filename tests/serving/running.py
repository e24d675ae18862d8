"""Starts the server of tests/serving/conformance as a program of its own."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def config_with(*names):
    """Returns the shipped models.config with more models."""
    text = (ROOT / "export" / "serving" / "models.config").read_text(encoding="utf-8")
    more = [
        f'config {{ name: "{name}" base_path: "/models/{name}" model_platform: "tensorflow" }}'
        for name in names
    ]
    return "\n".join([text.rstrip().removesuffix("}"), *more, "}"])


@contextlib.contextmanager
def server(models, *arguments):
    """Yields the ports and the process id, once models are loaded and warmed up.

    Args:
        models: Folder that stands for `/models`.
        arguments: More of the command line.
    """
    command = [sys.executable, "-m", "tests.serving.conformance", "--models", models, *arguments]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as log:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, env=environment, text=True, **pipes
        )
        try:
            line = process.stdout.readline()
            if not line:
                log.seek(0)
                raise RuntimeError(f"The server did not start:\n{log.read()}")
            yield json.loads(line)
        finally:
            # It ends with its input.
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


def hosts(ready):
    """Returns the arguments of `Client` for both sides."""
    return {
        "rest": {"host": f"127.0.0.1:{ready['rest']}"},
        "grpc": {"host": f"127.0.0.1:{ready['grpc']}", "grpc": True},
    }

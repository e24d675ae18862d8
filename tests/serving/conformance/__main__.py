"""The program: `python -m tests.serving.conformance --models FOLDER`."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

# Whatever a SavedModel needs of these would be missing on a real server too.
for _name in ("keras", "tf_keras", "tfsynth"):
    sys.modules[_name] = None  # pyright: ignore
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
SERVING = Path(__file__).parents[3] / "export" / "serving"
sys.path.insert(0, str(SERVING))

from tests.serving.conformance import configs, rest, rpc  # noqa: E402
from tests.serving.conformance.models import Models  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="stands for /models")
    parser.add_argument("--config", type=Path, default=SERVING / "models.config")
    parser.add_argument("--batching", type=Path, help="merge requests by these parameters")
    parser.add_argument("--grpc-port", type=int, default=0)
    parser.add_argument("--rest-port", type=int, default=0)
    given = parser.parse_args()
    batching = configs.batching(given.batching.read_text()) if given.batching else None
    models = Models(configs.models(given.config.read_text()), given.models, batching)
    server, grpc_port = rpc.serve(models, given.grpc_port)
    web, rest_port = rest.serve(models, given.rest_port)
    ready = {"grpc": grpc_port, "rest": rest_port, "pid": os.getpid()}
    print(json.dumps(ready), flush=True)
    # Until it is told to end, or the process that started it is gone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.stdin.read()
    web.shutdown()
    server.stop(1.0)


if __name__ == "__main__":
    main()

"""Asks a running server for one photograph. Not run in our CI on the real server.

    python export/serving/smoke_test.py [--host localhost:8501] [--grpc]

It waits until the model is available, sends one layout and checks that a PNG comes back.
"""

import argparse
import struct
import sys

from client import Client, ServingError
from png import grey_png


def main(arguments=None):
    """Returns 0 if a photograph came back."""
    parser = argparse.ArgumentParser(description="Asks a running server for one photograph.")
    parser.add_argument("--host", default="localhost:8501")
    parser.add_argument("--model", default="tfsynth")
    parser.add_argument("--grpc", action="store_true")
    parser.add_argument("--wait", type=float, default=120.0, help="seconds for the model to load")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 256), help="height and width")
    given = parser.parse_args(arguments)
    height, width = given.size
    try:
        client = Client(given.host, given.model, given.grpc)
        client.wait_until_available(given.wait)
        photo = client.photograph(grey_png(width, [bytes(width)] * height))
    except ServingError as error:
        print(f"smoke_test.py: {error}", file=sys.stderr)
        return 1
    # A PNG begins with its signature, then the header with the size.
    found = struct.unpack(">II", photo[16:24]) if photo[:4] == b"\x89PNG" else None
    if found != (width, height):
        print(f"smoke_test.py: expected a PNG of {width} x {height}, got {found}.", file=sys.stderr)
        return 1
    print(f"OK: a photograph of {width} x {height} in {len(photo):,} bytes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A client of tfsynth's models on TensorFlow Serving, by REST or gRPC.

    python export/serving/client.py layout.png -o photo.png --host localhost:8501

REST (port 8501) needs the standard library only; calls with arrays need NumPy. gRPC (port 8500)
needs `pip install grpcio protobuf numpy`. Neither tfsynth nor TensorFlow is
needed. docs/serving.md describes the signatures.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from calls import ServingError, patiently
from rest import Rest

__all__ = ["Client", "ServingError", "main"]


class Client:
    """Asks one model of a server for photographs. Threads may share a client.

    Args:
        host: "name:port".
        model: Its name on the server.
        grpc: Whether the port speaks gRPC, not REST.
        version: Number of a version, or None: the newest.
        label: Name of a version, such as "stable", or None.
        tls: Whether the connection is encrypted.
        timeout: Seconds for one call, all its attempts together.
        attempts: How often a call is tried at most while the server is unavailable.

    All methods raise `ServingError` if the server's answer is an error or there is none, and if
    a row of the request could not be made: then the error has the server's sentence, and in
    `rows` and `outputs` what became of the other rows. They raise `ValueError` if an input is
    missing or is not one that the model reads.
    """

    def __init__(
        self,
        host="localhost:8501",
        model="tfsynth",
        grpc=False,
        version=None,
        label=None,
        tls=False,
        timeout=60.0,
        attempts=5,
    ):
        if version is not None and label is not None:
            raise ValueError("Give a version or a label, not both.")
        if grpc:
            try:
                from rpc import Rpc
            except ImportError as error:
                needed = "gRPC needs other packages: `pip install grpcio protobuf numpy`"
                raise ImportError(f"{needed}; or use REST. ({error})") from error
            self.server = Rpc(host, model, version, label, tls)
        else:
            self.server = Rest(host, model, version, label, tls)
        self.timeout, self.attempts = timeout, attempts
        self._signatures = None

    def close(self):
        """Closes the connection, if one is kept: gRPC's."""
        self.server.close()

    def states(self):
        """Returns version -> state, such as {1: "AVAILABLE"}."""
        return patiently(self.server.states, self.timeout, self.attempts)

    def wait_until_available(self, seconds=60.0):
        """Returns when a version of the model is available; `ServingError` if none is in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                states = self.server.states(max(deadline - time.monotonic(), 0.1))
                if "AVAILABLE" in states.values():
                    return
                error = ServingError("UNAVAILABLE", f"No version is available yet: {states}.")
            except ServingError as caught:
                # A server says "not found" until it begins to load the model.
                if caught.code not in ("UNAVAILABLE", "NOT_FOUND", "DEADLINE_EXCEEDED"):
                    raise
                error = caught
            if time.monotonic() + 0.2 > deadline:
                raise error
            time.sleep(0.2)

    def signatures(self):
        """Returns signature -> (inputs, outputs), name -> dtype each; asks the server once."""
        if self._signatures is None:
            self._signatures = patiently(self.server.signatures, self.timeout, self.attempts)
        return self._signatures

    def describe(self):
        """Returns what the model says of itself: names and colours of the classes, sizes ..."""
        return json.loads(self.predict("describe", {"request": [b""]})["description"][0])

    def photographs(self, layouts, instances=None, seeds=None, format="png"):
        """Makes photographs of layouts that are encoded pictures.

        Args:
            layouts: List of PNG files as bytes: ids or colours of the classes; for a model of
                condition pictures, PNG or JPEG.
            instances: List of 8- or 16-bit grey PNG files as bytes, b"" for none. Default: the
                classes are the instances.
            seeds: List of int32. Default: 0.
            format: "png" or "jpeg".

        Returns:
            List of encoded photographs as bytes, each of the size of its layout.
        """
        rows, reads = len(layouts), self._reads("serving_default")
        layout = "condition_bytes" if "condition_bytes" in reads else "label_bytes"
        inputs = {layout: layouts, "format": [format.encode()] * rows}
        # A model that draws nothing reads no seed; REST wants all others to be there.
        for name, value, default in (
            ("instance_bytes", instances, b""),
            ("seed", seeds, 0),
        ):
            if value is not None or name in reads:
                inputs[name] = [default] * rows if value is None else value
        return self.predict("serving_default", inputs)["image_bytes"]

    def photograph(self, layout, instances=b"", seed=0, format="png"):
        """Makes the photograph of one layout: `photographs` for bytes in place of lists."""
        given = [instances] if instances else None
        return self.photographs([layout], given, [seed], format)[0]

    def synthesize(self, layouts, instances=None, seed=None, style_ids=None, styles=None):
        """Makes photographs of layouts that are arrays.

        Args:
            layouts: int32 ids (batch, height, width), or uint8 condition pictures
                (batch, height, width, channels).
            instances: int32 (batch, height, width) of any ids. Default: the classes are the
                instances.
            seed: int32 (batch,). Default: 0.
            style_ids: int32 (batch, n), ascending: instances whose looks are given. With them the
                signature `synthesize_styled` is called.
            styles: float32 (batch, n, features), the look of each.

        Returns:
            uint8 array (batch, height, width, channels).
        """
        import numpy as np

        if (style_ids is None) != (styles is None):
            raise ValueError(
                "Give `style_ids` and `styles` together: the ids whose looks they are."
            )
        layouts = np.asarray(layouts)
        signature = "synthesize" if style_ids is None else "synthesize_styled"
        reads = self._reads(signature)
        name = "condition" if "condition" in reads else "labels"
        inputs = {name: _as_type(name, layouts, reads.get(name, "int32"))}
        if instances is not None or "instances" in reads:
            # Of a condition picture, all is one instance.
            default = layouts if name == "labels" else np.zeros(layouts.shape[:3])
            chosen = default if instances is None else instances
            inputs["instances"] = _as_type("instances", chosen, "int32")
        if seed is not None or "seed" in reads:
            zero = np.zeros(len(layouts), "int32")
            inputs["seed"] = zero if seed is None else _as_type("seed", seed, "int32")
        if style_ids is not None:
            inputs["style_ids"] = _as_type("style_ids", style_ids, "int32")
            inputs["styles"] = np.asarray(styles, "float32")
        return np.asarray(self.predict(signature, inputs)["image"], "uint8")

    def encode(self, images, regions):
        """Reads the looks of the instances in photographs.

        Args:
            images: uint8 (batch, height, width, channels).
            regions: int32 (batch, height, width), instances; ids of classes for a model that has
                one look per class.

        Returns:
            style_ids, int32 (batch, n), ascending, and styles, float32 (batch, n, features): what
            `synthesize` takes. Rows that are not needed repeat the first.
        """
        import numpy as np

        name = "labels" if "labels" in self._reads("encode") else "instances"
        inputs = {
            "image": _as_type("image", images, "uint8"),
            name: _as_type(name, regions, "int32"),
        }
        found = self.predict("encode", inputs)
        return np.asarray(found["style_ids"], "int32"), np.asarray(found["styles"], "float32")

    def predict(self, signature, inputs):
        """Calls a signature; returns name -> output: arrays or nested lists, and lists of strings.

        Args:
            signature: Name.
            inputs: Name -> array, or list of bytes or numbers, the batch first.
        """
        reads = self._reads(signature)
        if wrong := set(inputs) ^ set(reads):
            raise ValueError(
                f"The signature `{signature}` of this model reads {_listed(reads)}; "
                f"received {_listed(inputs)}. Missing or too much: {_listed(wrong)}."
            )
        writes = self.signatures()[signature][1]
        outputs = patiently(
            lambda seconds: self.server.predict(signature, inputs, reads, writes, seconds),
            self.timeout,
            self.attempts,
        )
        rows = {row: text for row, text in enumerate(outputs.get("status", [])) if text}
        if rows:
            raise ServingError("INVALID_ARGUMENT", next(iter(rows.values())), rows, outputs)
        return outputs

    def _reads(self, signature):
        found = self.signatures()
        if signature not in found:
            # The loader adds one for its own use.
            known = [name for name in found if not name.startswith("_")]
            raise ValueError(f"The model has no signature `{signature}`. It has {_listed(known)}.")
        return found[signature][0]


def _as_type(name, value, dtype):
    """Returns an array of integers of some type; `ValueError` if that would change numbers."""
    import numpy as np

    array = np.asarray(value)
    # A float that is no number of the type is compared below.
    with np.errstate(invalid="ignore"):
        same = array.astype(dtype)
    if not np.array_equal(same, array):
        raise ValueError(f"`{name}` has numbers that {dtype} does not hold.")
    return same


def _listed(names):
    return ", ".join(f"`{name}`" for name in sorted(names)) or "nothing"


def main(arguments=None):
    """The command line: returns the exit code."""
    parser = argparse.ArgumentParser(description="Photograph of a layout, from TensorFlow Serving.")
    parser.add_argument("layout", nargs="?", type=Path, help="PNG: ids or colours of the classes")
    parser.add_argument("-o", "--output", type=Path, help="file to write (.png, .jpg)")
    parser.add_argument("--instances", type=Path, help="PNG: ids of the instances, 8 or 16 bits")
    parser.add_argument("--seed", type=int, default=0, help="draws looks and noise (default: 0)")
    parser.add_argument("--describe", action="store_true", help="print what the model says")
    parser.add_argument("--host", default="localhost:8501", help="name:port (default: %(default)s)")
    parser.add_argument("--model", default="tfsynth", help="name on the server (%(default)s)")
    parser.add_argument("--grpc", action="store_true", help="the port speaks gRPC, as 8500 does")
    parser.add_argument("--tls", action="store_true", help="the connection is encrypted")
    parser.add_argument("--version", type=int, help="number of a version (default: the newest)")
    parser.add_argument("--label", help="name of a version, such as stable")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds (default: 60)")
    given = parser.parse_args(arguments)
    if not given.describe and not (given.layout and given.output):
        parser.error("Give a layout and -o FILE, or --describe.")
    try:
        settings = (given.grpc, given.version, given.label, given.tls, given.timeout)
        client = Client(given.host, given.model, *settings)
        if given.describe:
            print(json.dumps(client.describe(), indent=1))
            return 0
        instances = given.instances.read_bytes() if given.instances else b""
        format = "jpeg" if given.output.suffix.lower() in (".jpg", ".jpeg") else "png"
        photo = client.photograph(given.layout.read_bytes(), instances, given.seed, format)
        given.output.write_bytes(photo)
    except (OSError, ValueError, ServingError, ImportError) as error:
        print(f"client.py: {error}", file=sys.stderr)
        return 1
    print(f"{given.output}: {len(photo):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

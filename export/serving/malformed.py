"""Wrong requests: each must be answered with a clean error, by any server of a tfsynth model.

`kinds(client)` returns functions that send one wrong request each. They go round the checks of
`Client`, which would not let most of them out.
"""

import functools
import json
import zlib

import png
from calls import ServingError

SECONDS = 60.0
# What is the caller's fault. Anything else ("INTERNAL", "UNAVAILABLE", no answer) is the server's.
CLEAN = {
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "NOT_FOUND",
    "UNIMPLEMENTED",
    "RESOURCE_EXHAUSTED",
}

# What a model may call its layouts.
LAYOUTS = ("label_bytes", "condition_bytes")


def answer_to(send):
    """Sends a wrong request; returns the status of the answer and its sentence.

    Returns:
        ("INVALID_ARGUMENT", "Row 0: ...") and the like; ("OK", "") if the request was answered as
        if it were right.
    """
    try:
        outputs = send()
    except ServingError as error:
        return error.code, str(error)
    # Where requests of several callers are run together, the error is that of the row.
    said = [text for text in (outputs or {}).get("status", []) if text]
    return ("INVALID_ARGUMENT", said[0]) if said else ("OK", "")


def kinds(client, height=64, width=64):
    """Returns what is wrong -> function that sends it.

    Args:
        client: A `Client`. What its model or its protocol cannot be sent is left out.
        height, width: Of the layouts.
    """
    reads = _reads(client)
    found = {**_pictures(client, reads, height, width), **_requests(client, reads, height, width)}
    found.update(_tensors(client, height, width))
    raw = _raw_grpc if hasattr(client.server, "channel") else _raw_rest
    found.update(raw(client, png.grey_png(width, [bytes(width)] * height)))
    return found


def _reads(client):
    return client.signatures()["serving_default"][0]


def _send(client, signature, changed, base, dtypes=None):
    """Sends `base` with changes; an input that is changed to None is left out."""
    reads, writes = client.signatures()[signature]
    inputs = {name: value for name, value in {**base, **changed}.items() if value is not None}
    return client.server.predict(signature, inputs, {**reads, **(dtypes or {})}, writes, SECONDS)


@functools.cache
def _bomb():
    """A PNG file of 0.4 MB that is 20,000 x 20,000 pixels large."""
    packer, row = zlib.compressobj(9), bytes(20001)
    data = b"".join([*(packer.compress(row) for _ in range(20000)), packer.flush()])
    return png.SIGNATURE + png.header(20000, 20000) + png.chunk(b"IDAT", data) + _END


_END = png.chunk(b"IEND", b"")


def _base(reads, layout):
    values = {"instance_bytes": b"", "seed": 0, "format": b"png"}
    return {name: [values.get(name, layout)] for name in reads}


def _pictures(client, reads, height, width):
    good = png.grey_png(width, [bytes(width)] * height)
    data = zlib.compress(bytes(8 * 9))
    start = good.index(b"IDAT") + 6
    layouts = {
        "truncated PNG": good[: len(good) * 2 // 3],
        "header of a PNG only": good[:33],
        "no picture": b"This is a text, and no picture at all. " * 3,
        "empty file": b"",
        "header of 20000 x 20000": b"".join(
            (png.SIGNATURE, png.header(20000, 20000), png.chunk(b"IDAT", data), _END)
        ),
        "20000 x 20000 pixels": _bomb(),
        "size of 2**31 - 1": b"".join(
            (png.SIGNATURE, png.header(2**31 - 1, 2**31 - 1), png.chunk(b"IDAT", data), _END)
        ),
        "size of 0 x 0": png.SIGNATURE + png.header(0, 0) + png.chunk(b"IDAT", data) + _END,
        "fewer rows than the header says": b"".join(
            (png.SIGNATURE, png.header(width, height), png.chunk(b"IDAT", data), _END)
        ),
        "damaged PNG": good[:start] + bytes([good[start] ^ 255]) + good[start + 1 :],
        "JPEG header": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(64),
    }
    name = next(name for name in reads if name in LAYOUTS)
    if name == "label_bytes":
        layouts["ids out of range"] = png.grey_png(width, [b"\xfe" * width] * height)
    small = png.grey_png(8, [bytes(8)] * 8)
    changes = {what: {name: [layout]} for what, layout in layouts.items()}
    # A model that reads no instances does not look at them.
    if "instances" in client.signatures()["synthesize"][0]:
        changes["instances of another size"] = {"instance_bytes": [small]}
        changes["truncated instances"] = {"instance_bytes": [good[:-20]]}
    if "format" in reads:
        changes["unknown format"] = {"format": [b"gif"]}
    base = _base(reads, good)
    return {
        what: functools.partial(_send, client, "serving_default", change, base)
        for what, change in changes.items()
    }


def _requests(client, reads, height, width):
    base = _base(reads, png.grey_png(width, [bytes(width)] * height))
    call = functools.partial(_send, client, "serving_default", base=base)
    name = next(name for name in reads if name in LAYOUTS)

    def unknown_signature():
        dtypes = {name: "string"}
        client.server.predict("no_such", {name: [b""]}, dtypes, ["image_bytes"], SECONDS)

    found = {
        "no rows": functools.partial(call, {one: [] for one in reads}),
        "1000 rows": functools.partial(call, {one: base[one] * 1000 for one in reads}),
        "missing layout": functools.partial(call, {name: None}),
        "unknown signature": unknown_signature,
    }
    if "seed" in reads:
        text = {"seed": "string"}
        found["text for a seed"] = functools.partial(call, {"seed": [b"seven"]}, dtypes=text)
        found["two layouts, one seed"] = functools.partial(call, {name: base[name] * 2})
    return found


def _tensors(client, height, width):
    try:
        import numpy as np
    except ImportError:
        return {}
    signatures = client.signatures()
    reads = signatures["synthesize"][0]
    name = "labels" if "labels" in reads else "condition"
    shape = (1, height, width) if name == "labels" else (1, height, width, 3)
    base = {
        one: np.zeros({name: shape, "seed": (1,)}.get(one, shape[:3]), dtype)
        for one, dtype in reads.items()
    }
    changes: dict[str, dict] = {
        "two dimensions": {name: base[name][0]},
        "no pixels": {one: base[one][:, :0] if one != "seed" else base[one] for one in base},
    }
    if name == "labels":
        changes["label of 99"] = {name: base[name] + 99}
        changes["label of -1"] = {name: base[name] - 1}
        changes["label of 2**31 - 1"] = {name: base[name] + (2**31 - 1)}
    if "instances" in base:
        changes["instances of another shape"] = {"instances": base["instances"][:, :-1]}
    if hasattr(client.server, "channel"):
        # In JSON this one is larger than what servers take.
        many = {one: np.zeros((1, 2**11, 2**11 + 1), "int32") for one in ("labels", "instances")}
        if name == "labels":
            changes["too many pixels"] = {k: v for k, v in many.items() if k in base}
    found = {
        what: functools.partial(_send, client, "synthesize", change, base)
        for what, change in changes.items()
    }
    floats = {name: base[name] + np.float32(0.5)}
    dtypes = {name: "float32"}
    found["floats for integers"] = functools.partial(
        _send, client, "synthesize", floats, base, dtypes
    )
    if "synthesize_styled" in signatures:
        features = client.describe()["styles"]["features"]
        styled = {**base, "style_ids": np.zeros((1, 1), "int32")}
        styles = np.zeros((1, 1, features), "float32")
        wrong = {
            "NaN styles": styles + np.float32("nan"),
            "infinite styles": styles + np.float32("inf"),
            "styles of another width": np.zeros((1, 1, features + 1), "float32"),
            "more styles than ids": np.zeros((1, 2, features), "float32"),
        }
        for what, value in wrong.items():
            change = {"styles": value}
            found[what] = functools.partial(_send, client, "synthesize_styled", change, styled)
    return found


def _raw_rest(client, good):
    row = {name: value[0] for name, value in _base(_reads(client), good).items()}
    row = {n: v.decode("latin-1") if isinstance(v, bytes) else v for n, v in row.items()}
    wrong = {**row, next(n for n in row if n in LAYOUTS): {"b64": "*"}}
    bodies = {
        "empty body": b"",
        "no JSON": b"layout",
        "a list": b"[]",
        "lists in lists": b'{"inputs": ' + b"[" * 100_000,
        "no inputs": b"{}",
        "empty inputs": b'{"inputs": {}}',
        "inputs and instances": b'{"inputs": {}, "instances": []}',
        "rows of nothing": b'{"instances": [{}]}',
        "wrong base64": json.dumps({"instances": [wrong]}).encode(),
        "number for a signature": b'{"signature_name": 7, "instances": [{}]}',
    }
    return {
        what: functools.partial(client.server.post, body, SECONDS) for what, body in bodies.items()
    }


def _raw_grpc(client, good):
    from messages import CLASSES
    from rpc import fill

    reads = _reads(client)

    def changed(change):
        request = CLASSES["PredictRequest"]()
        request.model_spec.name = client.server.model
        for name, value in _base(reads, good).items():
            fill(request.inputs[name], value, reads[name])
        change(request)
        client.server.send(request, SECONDS)

    def extra(request):
        fill(request.inputs["colour"], [1], "int32")

    def short(request):
        request.inputs["seed"].tensor_content = b"\1\2"

    def kind(request):
        request.inputs["seed"].dtype = 99

    def huge(request):
        request.inputs["seed"].tensor_shape.dim[0].size = 2**62

    def negative(request):
        request.inputs["seed"].tensor_shape.dim[0].size = -1

    def nameless(request):
        request.model_spec.name = ""

    def version(request):
        request.model_spec.version.value = 999

    changes = {
        "unknown input": extra,
        "fewer bytes than the shape says": short,
        "unknown type": kind,
        "shape of 2**62": huge,
        "shape of -1": negative,
        "no model": nameless,
        "unknown version": version,
    }
    return {what: functools.partial(changed, change) for what, change in changes.items()}

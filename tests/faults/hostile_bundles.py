"""Hostile `.keras` files: settings, classes, weights and archives."""

import base64
import copy
import io
import json
import marshal
import zipfile

import h5py
import numpy as np

from tests.faults.hostile import SHELL, Hostile, archive, content, inflating
from tests.faults.specimens import GOLDENS

HUGE = 3 << 30
MILLION = 10**6


def _parts():
    with zipfile.ZipFile(GOLDENS / "synthesizer_format_2.keras") as file:
        config = json.loads(file.read("config.json"))
        return config, file.read("model.weights.h5"), file.read("metadata.json")


CONFIG, WEIGHTS, METADATA = _parts()


def bundle(config=None, weights=WEIGHTS, more=(), bomb=None):
    """Returns a `.keras` file of the golden one's parts, or of others in their place."""
    text = config
    if not isinstance(config, bytes):
        text = json.dumps(CONFIG if config is None else config).encode()
    members = [("metadata.json", METADATA), ("config.json", text), ("model.weights.h5", weights)]
    taken = bomb[0] if bomb else None
    return archive([m for m in members if m[0] != taken] + list(more), bomb)


def changed(*path, value):
    """Returns the golden config with one value changed."""
    config = copy.deepcopy(CONFIG)
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return config


def generator(**settings):
    """Returns the golden config with other settings of the generator."""
    config = copy.deepcopy(CONFIG)
    config["config"]["generator"]["config"].update(settings)
    return config


def keras_object(module, name, config, registered=None):
    """Returns a node in Keras's format."""
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered or name,
    }


def _lambda():
    code = compile(f"__import__('os').system({SHELL!r})", "x", "eval")
    packed = base64.b64encode(marshal.dumps(code)).decode()
    function = {
        "class_name": "__lambda__",
        "config": {"code": packed, "defaults": None, "closure": None},
    }
    return keras_object("keras.layers", "Lambda", {"name": "l", "function": function})


def _sequential(*layers):
    start = keras_object("keras.layers", "InputLayer", {"batch_shape": [None, 4], "name": "i"})
    return keras_object("keras", "Sequential", {"name": "s", "layers": [start, *layers]})


def _nested(levels):
    node = {}
    for _ in range(levels):
        node = {"a": node}
    return changed("config", "provenance", value=node)


EXTERNAL = {"filepath": "/etc", "call_endpoint": "serve", "name": "t"}
LOOKUP = {"vocabulary": "/etc/passwd", "name": "v", "max_tokens": None}
SYSTEM = keras_object("os", "system", SHELL)
FUNCTION = {"module": "builtins", "class_name": "function", "config": "exec"}
CONFIGS = {
    "a million blocks": generator(num_blocks=MILLION),
    "a million filters": generator(filters=MILLION),
    "a million downsamplings": generator(num_downsamples=MILLION),
    "10**9 input channels": generator(input_channels=10**9),
    "10**9 output channels": generator(output_channels=10**9),
    "endless filters": generator(filters=1e308),
    "filters that are no number": generator(filters=float("nan")),
    "filters of 5,000 digits": generator(filters=int("9" * 4000)),
    "negative filters": generator(filters=-4),
    "text as filters": generator(filters="4" * MILLION),
    "a million instances": changed("config", "encoder", "config", "max_instances", value=10**12),
    "a million classes": changed("config", "conditioning", "config", "num_classes", value=10**12),
    "U-Net of depth 10**6": changed(
        *("config", "generator"),
        value=keras_object(
            *("tfsynth.networks.pix2pix", "UNetGenerator"),
            {"input_channels": 6, "depth": MILLION},
            "tfsynth>UNetGenerator",
        ),
    ),
    "settings nested 900 deep": _nested(900),
    "a Lambda as generator": changed("config", "generator", value=_lambda()),
    "a Lambda in a Sequential": _sequential(_lambda()),
    "a TFSMLayer": _sequential(keras_object("keras.layers", "TFSMLayer", EXTERNAL)),
    "a TFSMLayer as generator": changed(
        "config", "generator", value=keras_object("keras.layers", "TFSMLayer", EXTERNAL)
    ),
    "a StringLookup of a file": _sequential(keras_object("keras.layers", "StringLookup", LOOKUP)),
    "os.system as model": SYSTEM,
    "os.system as generator": changed("config", "generator", value=SYSTEM),
    "os.system in the origin": changed("config", "provenance", value={"a": SYSTEM}),
    "os.system in the labels": changed("config", "label_set", value=SYSTEM),
    "subprocess.Popen as generator": changed(
        *("config", "generator"),
        value=keras_object("subprocess", "Popen", {"args": SHELL, "shell": True}),
    ),
    "exec as conditioning": changed("config", "conditioning", value=FUNCTION),
    "keras.utils.get_file": changed(
        *("config", "generator"),
        value=keras_object("keras.utils", "get_file", {"origin": "file:///etc/passwd"}),
    ),
    "a dtype that is an object": changed("config", "dtype", value=SYSTEM),
    "a compiled loss that is a function": changed(
        "compile_config", value={"loss": FUNCTION, "optimizer": SYSTEM}
    ),
    "a shape of 10**9 to build": changed(
        *("config", "generator", "build_config"), value={"input_shape": [1, 10**5, 10**5, 6]}
    ),
    "a module that is imported": changed("module", value="antigravity"),
    "a million styles": changed(
        *("config", "styles"), value={"2": {"centres": [[0.0] * 2] * MILLION, "counts": [1]}}
    ),
    "styles that are no numbers": changed(
        *("config", "styles"),
        value={"2": {"centres": [[float("nan")] * 2], "counts": [1]}},
    ),
    "a format of the future": changed("config", "format_version", value=10**9),
}


def _edited(edit):
    file = io.BytesIO(WEIGHTS)
    with h5py.File(file, "r+") as weights:
        names = []
        weights.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
        biggest = max(names, key=lambda n: weights[n].size)
        edit(weights, biggest)
    return file.getvalue()


def _put(make):
    def edit(weights, name):
        array = weights[name][()]
        del weights[name]
        make(weights, name, array)

    return _edited(edit)


def _fill(value):
    return _put(lambda w, n, a: w.create_dataset(n, data=np.full_like(a, value)))


def _virtual(weights, name, array):
    layout = h5py.VirtualLayout(array.shape, array.dtype)
    layout[...] = h5py.VirtualSource("/etc/secret.h5", "a", array.shape)
    weights.create_virtual_dataset(name, layout)


def _external(weights, name, array):
    weights.create_dataset(
        name, array.shape, array.dtype, external=[("/etc/passwd", 0, array.nbytes)]
    )


def _inflated(weights, name, array):
    whole = (1 << 30, 4)
    weights.create_dataset(name, whole, "f4", chunks=(1 << 20, 4), compression="gzip")


def _many(weights, name, array):
    weights.create_dataset(name, data=array)
    for i in range(20_000):
        weights.create_group(f"more/{i}")


def _deep(weights, name, array):
    weights.create_dataset(name, data=array)
    weights.create_group("/".join("d" * 3000))


def _link(make):
    def put(weights, name, array):
        weights[name] = make(name)

    return _put(put)


OBJECTS = h5py.special_dtype(vlen=str)
H5 = {
    "NaN weights": _fill(np.nan),
    "infinite weights": _fill(np.inf),
    "a virtual dataset": _put(_virtual),
    "external storage": _put(_external),
    "an external link": _link(lambda n: h5py.ExternalLink("/etc/secret.h5", "/a")),
    "a soft link in a circle": _link(lambda n: h5py.SoftLink(f"/{n}")),
    "a soft link to nothing": _link(lambda n: h5py.SoftLink("/nothing")),
    "a dataset of 16 GB": _put(_inflated),
    "20,000 groups": _put(_many),
    "3,000 groups in one another": _put(_deep),
    "texts as weights": _put(
        lambda w, n, a: w.create_dataset(n, data=np.array(["x"] * 3, object), dtype=OBJECTS)
    ),
    "another shape": _put(lambda w, n, a: w.create_dataset(n, data=a.ravel())),
    "no weights": b"",
    "weights that are no HDF5": b"\x89HDF\r\n\x1a\n" + b"\xff" * 5000,
}
HARMLESS = {"20,000 groups", "3,000 groups in one another", "os.system in the origin"}
# Settings that nothing is made of while a file is read.
HARMLESS |= {"a dtype that is an object", "a shape of 10**9 to build", "a module that is imported"}
HARMLESS |= {"a million instances", "metadata.json of 3 GB", "a claimed length of 4 GB"}
HARMLESS |= {"a compiled loss that is a function", "settings nested 900 deep"}


def _encrypted(data):
    """Sets the flag of encryption in all headers."""
    data = bytearray(data)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def _link_member():
    info = zipfile.ZipInfo("config.json")
    info.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("metadata.json", METADATA)
        out.writestr(info, b"/etc/passwd")
    return file.getvalue()


def _bomb(name, end):
    return lambda: bundle(bomb=(name, *inflating(HUGE, end)))


def _archives():
    text = json.dumps(CONFIG).encode()
    members = [("metadata.json", METADATA), ("config.json", text), ("model.weights.h5", WEIGHTS)]
    for name, end in (
        ("config.json", text),
        ("metadata.json", METADATA),
        ("model.weights.h5", WEIGHTS),
    ):
        yield f"{name} of 3 GB", _bomb(name, end)
    yield "another member of 3 GB", _bomb("more.bin", b"")
    yield "deep JSON", bundle(b"[" * MILLION)
    yield "deep JSON objects", bundle(b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
    yield "a name above the folder", bundle(more=[("../../above.txt", b"x")])
    yield "an absolute name", bundle(more=[("/tmp/written-by-a-hostile-bundle", b"x")])
    yield "60,000 members", bundle(more=[(f"m{i}", b"") for i in range(60_000)])
    yield "a member twice", bundle(more=[("config.json", json.dumps(SYSTEM).encode())])
    yield "encrypted members", _encrypted(bundle())
    yield "a link as member", _link_member()
    yield "no config", archive([m for m in members if m[0] != "config.json"])
    yield "no weights at all", archive(members[:2])
    yield "an end without a beginning", bundle()[-200:]
    yield "a claimed length of 4 GB", _claimed(bundle())
    yield "an archive in an archive", archive([("a.keras", bundle())])


def _claimed(data):
    """Lets the directory claim that each member is of 4 GB."""
    data = bytearray(data)
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 24 : at + 28] = b"\xfe\xff\xff\xff"
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


MAY_LOAD = {"another member of 3 GB", "a name above the folder", "an absolute name"}
MAY_LOAD |= {"60,000 members", *HARMLESS}


def bundles():
    """Yields each `Hostile` bundle."""
    contents = {name: (lambda c=config: bundle(c)) for name, config in CONFIGS.items()}
    contents |= {name: (lambda w=weights: bundle(weights=w)) for name, weights in H5.items()}
    for name, data in (*contents.items(), *_archives()):
        words = ("describe", "evil.keras")
        if name == "NaN weights":
            words = ("export", "evil.keras", "-o", "out/1")
        yield Hostile(f"bundle: {name}", "evil.keras", content(data), words, name in MAY_LOAD)

"""`.keras` files of strangers: what is in them decides, and nothing is built that is too large."""

import io
import json
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import tfsynth
from tests.models import bundles
from tfsynth import models
from tfsynth.files import sha256_of
from tfsynth.layers import Conditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.networks import FeatureNetwork, LayoutDecoder, ProjectedDiscriminator
from tfsynth.registry import register
from tfsynth.synthesis.synthesizer import Synthesizer

GOLDENS = Path(__file__).parents[1] / "goldens"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The file of a tiny model."""
    path = tmp_path_factory.mktemp("good") / "good.keras"
    bundles.synthesizer().save(path)
    return path


def refused(path):
    """Returns the message by which a file is refused, which names it."""
    with pytest.raises(ValueError) as caught:
        tfsynth.load_model(path)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be loaded: "), message
    assert message.endswith("Name a .keras file that training wrote.")
    return message


def test_good_files_load_with_equal_numbers(good):
    loaded, plain = tfsynth.load_model(good), keras.saving.load_model(good)
    for ours, theirs in zip(loaded.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.generator.filters == 4


def test_old_formats_load_with_equal_numbers():
    for path in sorted(GOLDENS.glob("synthesizer_format_*.keras")):
        loaded, plain = tfsynth.load_model(path), keras.saving.load_model(path)
        for ours, theirs in zip(loaded.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 10**6}, "`filters` must be at most 8192. Received: 1000000"),
        ({"num_blocks": 10**6}, "`num_blocks` must be at most 128"),
        ({"num_downsamples": 10**6}, "`num_downsamples` must be at most 12"),
        ({"num_downsamples": 12, "filters": 8}, "the widest would have 32768"),
        ({"filters": 512}, r"describes a model of [0-9,]{9,} numbers, and its model.weights.h5"),
        ({"filters": 5}, r"describes a model of [0-9,]{5} numbers, and its model.weights.h5"),
        ({"filters": "4"}, "`filters` must be a whole number"),
        ({"input_channels": 10**12}, "`input_channels` must be at most 8192"),
    ],
)
def test_a_config_of_another_size_is_refused(good, tmp_path, arguments, message):
    path = bundles.with_arguments(good, tmp_path / "large.keras", **arguments)
    assert pytest.raises(ValueError, tfsynth.load_model, path).match(message)
    refused(path)


def test_a_deep_generator_is_refused(tmp_path):
    bundles.synthesizer(noise=True).save(tmp_path / "noise.keras")
    path = bundles.with_arguments(tmp_path / "noise.keras", tmp_path / "deep.keras", depth=10**6)
    assert "`depth` must be at most 16. Received: 1000000" in refused(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": [4] * 64, "num_layers": 16}, "at most 13. Received: 64 of them"),
        ({"widths": [10**6, 4]}, "`widths` has one number per part, a whole one from 1 to 16384"),
        ({"widths": "wide"}, "`widths` has one number per part"),
        ({"num_layers": 10**6}, "`num_layers` must be at most 16"),
        ({"num_layers": 2.5}, "`num_layers` must be a whole number"),
        ({"noise_channels": 10**6}, "`noise_channels` must be at most 8192"),
        ({"widths": [16384] * 13}, "describes a model of [0-9,]{9,} numbers"),
        ({"widths": [4] * 13, "num_layers": 16}, "describes a model of [0-9,]{4,} numbers"),
    ],
)
def test_a_layout_decoder_of_another_size_is_refused(tmp_path, arguments, message):
    label_set = LabelSet(["sky", "road"], [(70, 130, 180), (128, 64, 128)])
    model = Synthesizer(LayoutDecoder(3, widths=(4, 4)), Conditioning(2), label_set)
    model.save(tmp_path / "decoder.keras")
    path = bundles.with_arguments(tmp_path / "decoder.keras", tmp_path / "large.keras", **arguments)
    assert re.search(message, refused(path))


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        ("features", {"filters": [4] * 64}, "at most 13. Received: 64 of them"),
        ("features", {"filters": [10**6]}, "a whole one from 1 to 16384"),
        ("features", {"num_classes": 10**6}, "`num_classes` must be at most 8192"),
        ("features", {"filters": [16384] * 13}, "describes a model of [0-9,]{9,} numbers"),
        ("judge", {"feature_channels": [4] * 64}, "at most 13. Received: 64 of them"),
        ("judge", {"condition_channels": 10**6}, "`condition_channels` must be at most 8192"),
        ("judge", {"mixed_channels": 10**6}, "`mixed_channels` must be at most 8192"),
        ("judge", {"filters": 10**6}, "`filters` must be at most 8192"),
        ("judge", {"mixed_channels": 8192}, "describes a model of [0-9,]{5,} numbers"),
    ],
)
def test_networks_on_features_of_another_size_are_refused(tmp_path, network, arguments, message):
    made = {
        "features": lambda: FeatureNetwork(3, (4, 4)),
        "judge": lambda: ProjectedDiscriminator(3, (4, 4), mixed_channels=4, filters=4),
    }
    made[network]().save(tmp_path / "small.keras")
    path = bundles.with_config(
        tmp_path / "small.keras",
        tmp_path / "large.keras",
        lambda config: config["config"].update(arguments),
    )
    with pytest.raises(ValueError, match=message):
        models.read_model(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (bundles.not_a_number, "numbers that are not finite"),
        (bundles.replaced(chunks=True), "virtual, chunked, compressed or in another file"),
        (bundles.replaced(compression="gzip"), "virtual, chunked, compressed"),
        (lambda f: f.__setitem__("other", h5py.SoftLink("/generator")), "another place or file"),
        (lambda f: f.__setitem__("other", h5py.ExternalLink("/etc/x", "/")), "place or file"),
        (lambda f: f.__setitem__("other", f["generator"]), "name one object twice"),
        (lambda f: f["generator"].__setitem__("up", f["/generator"]), "name one object twice"),
        (lambda f: f.__setitem__("type", np.dtype("f4")), "something else than arrays"),
        (lambda f: f.__setitem__("text", "words"), "other values than whole and floating"),
        (lambda f: f.__setitem__("pair", np.zeros(3, "f4,i4")), "other values than whole"),
        (lambda f: f.create_dataset("none", (10**12,), "f4"), "and no numbers"),
        (lambda f: f.create_dataset("empty", dtype="f4", data=h5py.Empty("f4")), "has no shape"),
        (lambda f: f.create_group("/".join("g" * 40)), "levels of them"),
        (lambda f: [f.create_group(str(i)) for i in range(20_001)], "20000 groups and arrays"),
    ],
)
def test_weights_are_plain_arrays_of_finite_numbers(good, tmp_path, change, message):
    assert message in refused(bundles.with_weights(good, tmp_path / "odd.keras", change))


def test_weights_in_other_files_are_not_read(good, tmp_path):
    np.full(1000, 7, "f4").tofile(tmp_path / "other.bin")
    external = bundles.replaced(external=[(str(tmp_path / "other.bin"), 0, 4000)])
    path = bundles.with_weights(good, tmp_path / "external.keras", external)
    assert "in another file" in refused(path)

    def virtual(weights):
        name = bundles.first_kernel(weights)
        shape = weights[name].shape
        del weights[name]
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", shape)
        weights.create_virtual_dataset(name, layout, fillvalue=1.0)

    path = bundles.with_weights(good, tmp_path / "virtual.keras", virtual)
    assert "virtual, chunked, compressed or in another file" in refused(path)


def test_arrays_share_no_bytes(good, tmp_path):
    parts = bundles.contents(good)
    data = parts["model.weights.h5"]
    with h5py.File(io.BytesIO(data)) as weights:
        places = []
        weights.visititems(
            lambda _, one: places.append(one.id.get_offset()) if hasattr(one, "shape") else None
        )
    first, second = sorted(places)[:2]
    assert data.count(struct.pack("<Q", second)) == 1
    parts["model.weights.h5"] = data.replace(struct.pack("<Q", second), struct.pack("<Q", first))
    path = bundles.write(tmp_path / "shared.keras", parts)
    assert "lies where another one lies" in refused(path)


def test_only_what_keras_stores_is_in_the_archive(good, tmp_path):
    parts = bundles.contents(good)
    path = tmp_path / "odd.keras"
    large = {**parts, "config.json": parts["config.json"] + b" " * 50_000_000}
    bundles.write(path, large, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    assert "config.json is compressed" in refused(path).replace("metadata.json", "config.json")
    assert "at most 8,388,608 are read" in refused(bundles.write(path, large))
    with pytest.warns(UserWarning, match="Duplicate name"):
        bundles.write(path, [("config.json", b"{}"), *list(parts.items())[:2]])
    assert "it holds config.json twice" in refused(path)
    for members, message in (
        ([*parts.items(), ("assets/x", b"")], "it holds assets/x"),
        (
            [*list(parts.items())[:2], ("w.npz", b"")],
            "lacks model.weights.h5 and holds w.npz",
        ),
        (list(parts.items())[:2], "it lacks model.weights.h5"),
    ):
        assert message in refused(bundles.write(path, members))
    whole = good.read_bytes()
    for data, message in (
        (whole + b"\0", "no .keras file, or a damaged one"),
        (b"#!/bin/sh\n" + whole, "directory is damaged"),
        (whole[:-1], "no .keras file, or a damaged one"),
        (b"", "no .keras file, or a damaged one"),
        (whole.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\x01\0"), "encr"),
    ):
        path.write_bytes(data)
        assert message in refused(path)


def test_members_lie_behind_one_another(good, tmp_path):
    data = bytearray(good.read_bytes())
    (offset,) = struct.unpack("<I", data[-6:-2])
    # The place of the second member's header is that of the first one.
    second = data.index(b"PK\x01\x02", offset + 4)
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    path = tmp_path / "overlap.keras"
    path.write_bytes(data)
    assert "is not where its directory says" in refused(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "more than 64 levels"),
        ('{"class_name":' * 1000, "more than 64 levels"),
        ('{"class_name": NaN}', "no finite number"),
        ('{"class_name": -Infinity}', "no finite number"),
        ('{"class_name": 1e999}', "no finite number"),
        ('{"class_name": 1%s}' % ("0" * 5000), "too large"),
        ("[1, 2]", "describes no model"),
        ("{", "is no JSON"),
        ("\xff\xfe", "is no JSON"),
    ],
)
def test_the_text_of_a_config_is_bounded(good, tmp_path, text, message):
    parts = {**bundles.contents(good), "config.json": text.encode("latin-1")}
    assert message in refused(bundles.write(tmp_path / "odd.keras", parts))


def node(home, name, registered=None, **config):
    """Returns Keras's form of an object."""
    return {"module": home, "class_name": name, "config": config, "registered_name": registered}


@pytest.mark.parametrize(
    "other",
    [
        node("keras.layers", "Lambda", function="print"),
        node("keras.layers", "TFSMLayer", filepath="/tmp/x"),
        node("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
        node("keras.layers", "TorchModuleWrapper", module="x"),
        node("os", "system", command="true"),
        node("builtins", "function", registered="eval"),
        node("keras.utils", "get_file", origin="http://localhost"),
        node("keras.src.layers", "Dense", units=1),
        node("tfsynth.networks", "GlobalGenerator", registered="tfsynth>Unknown"),
        node(None, "GlobalGenerator"),
        node("keras.initializers", "deserialize", identifier="x"),
        {"class_name": "__lambda__", "config": {"value": "x"}},
        {"class_name": "function", "config": "eval", "module": "builtins"},
        {"class_name": "__numpy__", "config": {"value": [1], "dtype": "f4"}},
    ],
)
def test_classes_are_those_of_a_list(good, tmp_path, other):
    def change(config):
        config["config"]["conditioning"] = other

    message = refused(bundles.with_config(good, tmp_path / "odd.keras", change))
    assert "its config.json " in message
    assert "names the class" in message or "describes no class" in message
    # Wherever it stands.
    other = {**other, "config": {"deep": [{"er": other}]}}
    message = refused(bundles.with_config(good, tmp_path / "odd.keras", lambda _: other))
    assert "its config.json " in message


def test_a_registered_class_of_the_user_loads(tmp_path):
    @register
    class OfTheUser(keras.Model):
        """A network with a weight that begins with given values."""

        def __init__(self, filters=2, **kwargs):
            image = keras.Input((None, None, 3))
            super().__init__(image, keras.layers.Conv2D(filters, 1)(image), **kwargs)
            self.filters = filters
            self.scale = keras.Variable(np.arange(2, dtype="float32"), name="scale")

        def get_config(self):
            return {"filters": self.filters}

    network = OfTheUser(3)
    network.scale.assign([5.0, 6.0])
    network.save(tmp_path / "mine.keras")
    loaded = tfsynth.load_model(tmp_path / "mine.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], network.get_weights()[0])
    del keras.saving.get_custom_objects()["tfsynth>OfTheUser"]
    message = refused(tmp_path / "mine.keras")
    assert "the class 'tfsynth>OfTheUser', which is not registered here" in message


@pytest.mark.parametrize(("count", "message"), [(1, "more than 3 deep"), (40, "more than 16 of")])
def test_files_that_a_file_names_are_few(good, tmp_path, count, message):
    @register
    class Reads(keras.Model):
        """A network that reads others, as losses do."""

        def __init__(self, paths=(), **kwargs):
            image = keras.Input((None, None, 3))
            super().__init__(image, keras.layers.Conv2D(2, 1)(image), **kwargs)
            self.paths = list(paths)
            self.read = [(models.read_model(Path(path)),) for path in paths]

        def get_config(self):
            return {"paths": self.paths}

    Reads().save(tmp_path / "alone.keras")
    path = tmp_path / "names.keras"
    named = path if count == 1 else tmp_path / "alone.keras"

    def change(config):
        config["config"]["paths"] = [str(named)] * count

    assert message in refused(bundles.with_config(tmp_path / "alone.keras", path, change))
    del keras.saving.get_custom_objects()["tfsynth>Reads"]


def test_a_model_that_keras_put_together_loads(tmp_path):
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(image)
    x = keras.layers.Add()([x, keras.layers.BatchNormalization()(x)])
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    model.save(tmp_path / "plain.keras")
    loaded = tfsynth.load_model(tmp_path / "plain.keras")
    pixels = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(loaded(pixels), model(pixels))


def test_damage_is_never_read_as_something_else(good, tmp_path):
    expected = tfsynth.load_model(good).get_weights()
    whole, random = good.read_bytes(), np.random.default_rng(7)
    path, read = tmp_path / "damaged.keras", 0
    for trial in range(60):
        data = bytearray(whole)
        if trial % 3 == 0:
            data = data[: random.integers(len(data))]
        else:
            # The ends, with the directory and the config, as often as the weights.
            place = random.integers(len(data)) if trial % 3 == 1 else -random.integers(1, 400)
            data[place] ^= 1 << random.integers(8)
        path.write_bytes(data)
        try:
            found = tfsynth.load_model(path).get_weights()
        except ValueError as error:
            assert str(error).startswith(f"{path} cannot be loaded: ")
            continue
        read += 1  # A bit of a date.
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert read < 30


def test_nothing_remains_of_what_was_not_built(good, tmp_path):
    for filters in (400, 500):
        refused(bundles.with_arguments(good, tmp_path / "large.keras", filters=filters))
    # Keras allocates what a scope left over when the next one ends.
    with keras.StatelessScope():
        pass
    assert tfsynth.load_model(good).generator.filters == 4


def test_a_shipped_model_has_the_published_checksum(tmp_path, monkeypatch, good):
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    (tmp_path / "town.keras").write_bytes(good.read_bytes())
    (tmp_path / "sha256.json").write_text(json.dumps({"town.keras": "0" * 64}))
    monkeypatch.chdir(tmp_path / "..")
    with pytest.raises(ValueError, match="is not the model that ships .* SHA-256 is [0-9a-f]{64}"):
        tfsynth.load_model("town")
    checksum = sha256_of(tmp_path / "town.keras")
    (tmp_path / "sha256.json").write_text(json.dumps({"town.keras": checksum}))
    assert tfsynth.load_model("town").generator.filters == 4


def test_every_shipped_model_is_in_the_published_list():
    folder = Path(models.__file__).parent
    listed = json.loads((folder / "sha256.json").read_text())
    for name in models.model_names():
        assert listed[f"{name}.keras"] == sha256_of(folder / f"{name}.keras")
    assert sorted(listed) == [f"{name}.keras" for name in models.model_names()]


MEASURE = """
import json, resource, sys, time
import keras
import tfsynth
from tfsynth import registry
registry.import_registered_classes()
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # GB
idle, worst = peak(), 0.0  # Seconds of the processor: the clock is that of a busy machine.
for path in sys.argv[1:]:
    start = time.process_time()
    try:
        tfsynth.load_model(path)
        sys.exit(f"{path} was loaded")
    except ValueError:
        worst = max(worst, time.process_time() - start)
print(json.dumps([peak() - idle, worst]))
"""


def test_hostile_files_take_little_time_and_memory(good, tmp_path):
    if sys.platform != "linux":
        pytest.skip("Units of ru_maxrss are those of Linux.")
    bundles.synthesizer(noise=True).save(tmp_path / "noise.keras")
    paths = [
        bundles.with_arguments(good, tmp_path / "filters.keras", filters=10**6),
        bundles.with_arguments(good, tmp_path / "wide.keras", filters=8192),
        bundles.with_arguments(good, tmp_path / "blocks.keras", num_blocks=128, filters=4096),
        bundles.with_arguments(tmp_path / "noise.keras", tmp_path / "depth.keras", depth=10**6),
        bundles.with_weights(
            good, tmp_path / "zip.keras", bundles.replaced(compression="gzip", chunks=True)
        ),
        bundles.with_weights(
            good, tmp_path / "many.keras", lambda f: [f.create_group(str(i)) for i in range(50_000)]
        ),
    ]
    parts = bundles.contents(good)
    for name, text in (
        ("lists", b"[" + b"[]," * 2_700_000 + b"[]]"),
        ("objects", b'{"class_name":[' + b'{"class_name":1},' * 480_000 + b"0]}"),
        ("text", b'{"class_name":"' + b"\\u0000" * 1_300_000 + b'"}'),
    ):
        paths.append(bundles.write(tmp_path / f"{name}.keras", {**parts, "config.json": text}))
    inflated = {**parts, "config.json": b" " * 300_000_000}
    paths.append(bundles.write(tmp_path / "inflated.keras", inflated, zipfile.ZIP_DEFLATED))
    root = Path(tfsynth.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    gigabytes, seconds = json.loads(done.stdout)
    assert gigabytes < 1.0 and seconds < 10.0


@register
class Large(keras.layers.Layer):
    """A layer for which there is no memory when it is read."""

    def call(self, inputs):
        return inputs

    @classmethod
    def from_config(cls, config):
        raise MemoryError


def test_too_little_memory_is_no_damage(tmp_path):
    path = tmp_path / "large.keras"
    keras.Sequential([keras.Input((4,)), Large()]).save(path)
    with pytest.raises(MemoryError):
        models.read_model(path)

"""Preset folders of strangers: sums first, then the rules of every other model file."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import tfsynth
from tests.models import bundles, preset_folders
from tfsynth import models
from tfsynth.__main__ import main
from tfsynth.models import presets
from tfsynth.registry import register


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The preset of a tiny model."""
    path = tmp_path_factory.mktemp("good") / "good"
    bundles.synthesizer().save_to_preset(path)
    return path


@pytest.fixture
def copy(good, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(good, tmp_path / "copy")


def refused(path):
    """Returns the one sentence, and the remedy, by which a preset is refused."""
    with pytest.raises(ValueError) as caught:
        tfsynth.from_preset(path)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be loaded: "), message
    assert message.endswith(". Write or download the preset again."), message
    assert "\n" not in message
    return message


def test_a_preset_is_a_folder_of_plain_files(good):
    names = ["README.md", "config.json", "metadata.json", "model.weights.h5", "sha256.json"]
    assert sorted(path.name for path in good.iterdir()) == names
    metadata = json.loads((good / "metadata.json").read_text())
    assert metadata == {
        "preset_version": 1,
        "tfsynth_version": tfsynth.__version__,
        "keras_version": keras.__version__,
    }
    before = {path.name: path.read_bytes() for path in good.iterdir()}
    assert preset_folders.sums_of(good)  # Computed here, in another way.
    sums = json.loads(before["sha256.json"])
    assert sums == json.loads((good / "sha256.json").read_text())
    assert sorted(sums) == names[:-1]


def test_all_that_loads_a_model_loads_a_preset(good):
    expected = bundles.synthesizer().get_config()["generator"]["config"]["filters"]
    for load in (tfsynth.from_preset, tfsynth.load_model):
        for path in (good, str(good)):
            assert load(path).generator.filters == expected
    assert models.find_model(good) == good == models.bundle_of(good)


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_byte_is_found_before_anything_is_read(copy, name, place):
    data = bytearray((copy / name).read_bytes())
    data[place] ^= 1
    (copy / name).write_bytes(data)
    message = refused(copy)
    assert f"its {name} has the SHA-256 " in message
    assert "its sha256.json says " in message and "was changed or damaged" in message


def test_a_file_cut_short_is_found(copy):
    data = (copy / "model.weights.h5").read_bytes()
    (copy / "model.weights.h5").write_bytes(data[:-100])
    assert "its model.weights.h5 has the SHA-256 " in refused(copy)


def test_the_card_may_be_edited(copy):
    with (copy / "README.md").open("a") as card:
        card.write("More about it.\n")
    assert tfsynth.from_preset(copy).generator.filters == 4


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_missing_or_renamed_file_is_named(copy, name):
    (copy / name).rename(copy / f"my.{name}")
    assert f"; it lacks {name} and holds my.{name}" in refused(copy)
    (copy / f"my.{name}").unlink()
    assert refused(copy).count(f"; it lacks {name}. ") == 1


def test_files_are_those_that_have_a_sum(copy):
    (copy / "README.md").unlink()
    assert "it lacks README.md, of which its sha256.json has a sum" in refused(copy)
    preset_folders.sums_of(copy)
    (copy / "preview.png").write_bytes(b"none")
    assert "its sha256.json has no sum of preview.png" in refused(copy)
    (copy / "preview.png").unlink()
    (copy / "sha256.json").unlink()
    assert "; it lacks sha256.json. " in refused(copy)


def test_other_files_are_refused_but_those_of_programs_for_versions(copy):
    (copy / ".gitattributes").write_text("*.h5 filter=lfs\n")
    (copy / ".git").mkdir()
    assert tfsynth.from_preset(copy).generator.filters == 4
    (copy / "model.py").write_text("raise SystemExit")
    preset_folders.sums_of(shutil.copytree(copy, copy.with_name("listed"), ignore=_hidden))
    for path in (copy, copy.with_name("listed")):
        assert "; it holds model.py" in refused(path)


def _hidden(folder, names):
    return [name for name in names if name.startswith(".")]


def test_many_files_are_not_counted_to_the_end(copy):
    for number in range(1200):
        (copy / f"a{number:04}").touch()
    assert "; it " in refused(copy) and len(refused(copy)) < 1000


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "README.md", "sha256.json"])
def test_links_are_not_followed(copy, name):
    away = (copy / name).rename(copy.parent / "away")
    for target in (away, "../away", "/dev/zero", "nowhere", "../../blobs/" + "a" * 40):
        (copy / name).symlink_to(target)
        assert f"its {name} is a link, and a preset holds its files themselves" in refused(copy)
        (copy / name).unlink()


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "README.md", "sha256.json"])
def test_what_is_no_file_is_not_opened(copy, name):
    if not hasattr(os, "mkfifo"):
        pytest.skip("This system has no pipes with names.")
    (copy / name).unlink()
    (copy / name).mkdir()
    assert f"its {name} is no file, but a folder, a pipe or a device" in refused(copy)
    (copy / name).rmdir()
    os.mkfifo(copy / name)  # Reading it would wait for ever.
    assert f"its {name} is no file, but a folder, a pipe or a device" in refused(copy)


def test_a_link_to_the_folder_itself_is_the_callers(good, tmp_path):
    (tmp_path / "mine").symlink_to(good)
    assert tfsynth.from_preset(tmp_path / "mine").generator.filters == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON: "),
        ("{", "is no JSON: "),
        ("[]", "is no JSON object"),
        ("null", "is no JSON object"),
        ('{"a": "b", "a": "c"}', "is no JSON: a key comes twice"),
        ("[" * 60_000, "is no JSON: "),
        ("\ufeff{}", "is no JSON: "),
        ("{" + " " * 70_000 + "}", "has more than 65,536 bytes, the most that are read"),
    ],
)
@pytest.mark.parametrize("name", ["metadata.json", "sha256.json"])
def test_small_files_are_plain_json(copy, name, text, message):
    (copy / name).write_text(text)
    if name != "sha256.json":
        preset_folders.sums_of(copy)
    assert f"its {name} {message}" in refused(copy)


@pytest.mark.parametrize("value", [None, 7, "", "ab", "A" * 64, "g" * 64, ["a" * 64], "a" * 65])
def test_a_sum_is_one(copy, value):
    sums = json.loads((copy / "sha256.json").read_text())
    (copy / "sha256.json").write_text(json.dumps({**sums, "config.json": value}))
    assert "sha256.json gives 'config.json' no SHA-256 of 64 hexadecimal digits" in refused(copy)


def test_a_sum_leads_nowhere_else(copy):
    sums = json.loads((copy / "sha256.json").read_text())
    (copy / "sha256.json").write_text(json.dumps({**sums, "../other": "a" * 64}))
    assert "it lacks ../other, of which its sha256.json has a sum" in refused(copy)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (2, "a preset of version 2, and this tfsynth reads versions up to 1: upgrade tfsynth"),
        (0, "no whole number `preset_version`"),
        ("1", "no whole number `preset_version`"),
        (True, "no whole number `preset_version`"),
        (None, "no whole number `preset_version`"),
    ],
)
def test_a_later_version_is_named(copy, version, message):
    (copy / "metadata.json").write_text(json.dumps({"preset_version": version}))
    assert message in refused(preset_folders.sums_of(copy))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: [], "its config.json describes no model of Keras"),
        (
            lambda c: c.update(module="os", class_name="system", registered_name=None),
            "its config.json names the class os.system, which is none of tfsynth",
        ),
        (lambda c: c["config"].update(generator={"class_name": "function"}), "describes no class"),
        (lambda c: c["config"].update(fliters=3), "fliters"),
        (lambda c: c["config"]["generator"]["config"].update(filters=10**6), "must be at most"),
        (lambda c: c["config"]["generator"]["config"].update(filters=512), "not of one model"),
        (lambda c: c["config"]["generator"]["config"].update(filters=3), "cannot be loaded"),
        (lambda c: c["config"].update(format_version=99), "has format version 99"),
        (lambda c: c["config"].update(format_version=float("nan")), "which is no finite number"),
        (lambda c: c["config"].update(label_set={"classes": 3}), "cannot be loaded"),
        (lambda c: c["config"].update(conditioning=None), "cannot be loaded"),
    ],
)
def test_a_config_that_has_its_sum_keeps_to_all_rules(good, tmp_path, change, message):
    path = preset_folders.with_config(good, tmp_path / "odd", change)
    with pytest.raises(ValueError, match=message):
        tfsynth.from_preset(path)


def hostile_lambda(config):
    """Puts a layer of code in place of the generator."""
    code = "__import__('pathlib').Path('ran-by-hostile-code').touch()"
    value = {"class_name": "__lambda__", "config": {"code": code, "defaults": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    config["config"]["generator"] = {**layer, "config": {"name": "l", "function": value}}


def other_program(config):
    """Names a class of a program that lies in the folder."""
    node = {"module": "evil", "class_name": "Net", "registered_name": "tfsynth>Net", "config": {}}
    config["config"]["generator"] = node


@pytest.mark.parametrize("change", [hostile_lambda, other_program])
def test_nothing_of_a_preset_runs(good, tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    message = refused(preset_folders.with_config(good, tmp_path / "odd", change))
    assert "its config.json names the class" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.py", "odd"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (bundles.not_a_number, "numbers that are not finite"),
        (bundles.replaced(compression="gzip"), "virtual, chunked, compressed"),
        (lambda f: f.__setitem__("o", h5py.ExternalLink("/etc/x", "/")), "place or file"),
        (lambda f: f.create_dataset("none", (10**12,), "f4"), "and no numbers"),
    ],
)
def test_weights_that_have_their_sum_keep_to_all_rules(good, tmp_path, change, message):
    assert message in refused(preset_folders.with_weights(good, tmp_path / "odd", change))


def test_a_huge_file_is_refused_by_its_size(copy):
    with (copy / "model.weights.h5").open("r+b") as file:
        file.truncate(1 << 40)  # All of it zeros that take no place on the disk.
    message = refused(copy)
    assert "has 1,099,511,627,776 bytes, and the model that its config.json describes" in message
    with (copy / "config.json").open("r+b") as file:
        file.truncate(1 << 40)
    assert "its config.json has more than 8,388,608 bytes" in refused(copy)


def test_a_full_disk_is_no_damage(good, tmp_path, monkeypatch, capsys):
    room = types.SimpleNamespace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: room)
    with pytest.raises(OSError) as caught:
        tfsynth.from_preset(good)
    assert caught.value.errno == errno.ENOSPC
    assert main(["describe", str(good)]) == 2
    said = f"tfsynth: error: No space left on device: {tempfile.gettempdir()}. Make room and give"
    assert capsys.readouterr().err.startswith(said)


def test_names_of_strangers_are_shown_without_control_characters(copy):
    (copy / "a\x1b[31m\nb").touch()
    message = refused(copy)
    assert "; it holds a\\x1b[31m\\nb. " in message and message.isprintable()


def test_damage_is_never_read_as_something_else(copy):
    expected = tfsynth.from_preset(copy).get_weights()
    random, read = np.random.default_rng(7), 0
    for trial in range(40):
        path = copy / ("model.weights.h5", "config.json", "sha256.json")[trial % 3]
        whole = path.read_bytes()
        data = bytearray(whole)
        if trial % 2:
            data = data[: random.integers(len(data))]
        else:
            data[random.integers(len(data))] ^= 1 << random.integers(8)
        path.write_bytes(data)
        try:
            found = tfsynth.from_preset(copy).get_weights()
        except ValueError as error:
            assert str(error).startswith(f"{copy} cannot be loaded: ")
        else:
            read += 1  # The sum of the card.
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
        path.write_bytes(whole)
    assert read < 8


def test_a_model_of_the_users_own_class_loads(tmp_path):
    @register
    class OwnWeights(keras.Model):
        """A network with a weight that begins with given values."""

        def __init__(self, **kwargs):
            image = keras.Input((None, None, 3))
            super().__init__(image, keras.layers.Conv2D(2, 1)(image), **kwargs)
            self.scale = keras.Variable(np.arange(2, dtype="float32"), name="scale")
            self.size_multiple, self.minimum_size = 1, 1
            self.input_channels, self.output_channels = 3, 3

        def get_config(self):
            return {}

    network = OwnWeights()
    model = bundles.synthesizer()
    config = {**model.get_config(), "generator": keras.saving.serialize_keras_object(network)}
    type(model).from_config(config).save_to_preset(tmp_path / "own")
    loaded = tfsynth.from_preset(tmp_path / "own")
    assert type(loaded.generator).__name__ == "OwnWeights"
    del keras.saving.get_custom_objects()["tfsynth>OwnWeights"]
    assert "'tfsynth>OwnWeights', which is not registered here" in refused(tmp_path / "own")


def test_only_a_synthesizer_comes_from_a_preset(tmp_path):
    bundles.synthesizer().generator.save(tmp_path / "network.keras")
    (tmp_path / "generator").mkdir()
    presets.write_members(tmp_path / "network.keras", tmp_path / "generator", {})
    presets.write_sums(tmp_path / "generator")
    assert type(tfsynth.load_model(tmp_path / "generator")).__name__ == "GlobalGenerator"
    with pytest.raises(ValueError, match="generator holds a GlobalGenerator, not a Synthesizer"):
        tfsynth.from_preset(tmp_path / "generator")


def test_what_is_neither_is_said_to_be(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="No synthesizer at .*empty/synthesizer.keras"):
        tfsynth.from_preset(tmp_path / "empty")
    with pytest.raises(
        FileNotFoundError, match="No model at .*none.*, a preset folder, or a model"
    ):
        tfsynth.from_preset(tmp_path / "none")


def test_models_that_ship_files_and_runs_come_from_it_too(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "FOLDER", tmp_path / "models")
    (tmp_path / "models").mkdir()
    (tmp_path / "run").mkdir()
    for path in (tmp_path / "models" / "town.keras", tmp_path / "run" / "synthesizer.keras"):
        bundles.synthesizer().save(path)
        assert tfsynth.from_preset(path).generator.filters == 4
    assert tfsynth.from_preset("town").generator.filters == 4
    # A run's folder may hold what it likes.
    (tmp_path / "run" / "config.json").write_text("{}")
    assert tfsynth.from_preset(tmp_path / "run").generator.filters == 4


def test_nothing_is_left_in_the_folder_for_temporary_files(copy, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    tfsynth.from_preset(copy)
    (copy / "model.weights.h5").write_bytes(b"no")
    refused(copy)
    assert not list((tmp_path / "temporary").iterdir())


SWAP = """
import os
import sys
from pathlib import Path
import tfsynth
folder, other = map(Path, sys.argv[1:])
swapped = []
def watch(event, arguments):
    # As soon as the sums were compared and reading begins, somebody puts other weights there.
    if event == "open" and str(arguments[0]).endswith(".keras"):
        if not arguments[2] & (os.O_WRONLY | os.O_RDWR) and not swapped:
            swapped.append(arguments[0])
            (folder / "model.weights.h5").write_bytes((other / "model.weights.h5").read_bytes())
sys.addaudithook(watch)
weights = tfsynth.from_preset(folder).get_weights()
print(len(swapped), sum(abs(float(weight.sum())) for weight in weights))
"""


def test_what_was_compared_is_what_is_read(copy, tmp_path):
    bundles.synthesizer().save_to_preset(tmp_path / "other")
    sizes = {(path / "model.weights.h5").stat().st_size for path in (copy, tmp_path / "other")}
    assert len(sizes) == 1
    expected = sum(abs(float(w.sum())) for w in tfsynth.from_preset(copy).get_weights())
    words = [sys.executable, "-c", SWAP, str(copy), str(tmp_path / "other")]
    root = Path(tfsynth.__file__).parents[1]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=root)
    assert done.returncode == 0, done.stderr
    count, found = done.stdout.split()[-2:]
    assert count == "1" and float(found) == pytest.approx(expected, rel=1e-6)
    assert "its model.weights.h5 has the SHA-256" in refused(copy)

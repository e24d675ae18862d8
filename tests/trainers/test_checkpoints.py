"""Checkpoints: what their folder holds decides, whatever happens to its files."""

import json
import shutil
import subprocess
import sys
import warnings
import zipfile

import keras
import numpy as np
import pytest

from tests.models import bundles
from tests.trainers import games
from tfsynth.trainers import Checkpoints


def test_a_saved_trainer_goes_on_to_the_last_bit(tmp_path):
    trainer = games.trainer()
    trainer.fit(games.data(5), verbose=0)
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.saving.load_model(tmp_path / "trainer.keras")
    assert loaded.step == 5
    histories = [t.fit(games.data(5), verbose=0).history for t in (trainer, loaded)]
    assert histories[0] == histories[1]
    for mine, other in zip(trainer.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_latest_gives_the_newest_and_its_state(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    assert checkpoints.latest() is None
    trainer = games.trainer()
    for seconds in (1.0, 2.0, 3.0):
        trainer.fit(games.data(1), verbose=0)
        checkpoints.save(trainer, seconds=seconds)
    loaded, state = checkpoints.latest()
    assert (loaded.step, state["step"], state["seconds"]) == (3, 3, 3.0)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.keras"))
    assert kept == ["step-0000002.keras", "step-0000003.keras"]


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    trainer = games.trainer()
    for _ in range(2):
        trainer.fit(games.data(1), verbose=0)
        newest = checkpoints.save(trainer)
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match="step-0000002.keras is damaged"):
        _, state = checkpoints.latest()
    assert state["step"] == 1


def test_all_damaged_is_an_error_that_says_what_to_do(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(games.trainer()).unlink()
    with (
        pytest.warns(UserWarning, match="damaged or gone"),
        pytest.raises(ValueError, match="None of the 1 checkpoints .* Remove the folder"),
    ):
        checkpoints.latest()


def test_a_failed_save_leaves_the_checkpoints_before_it(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    trainer = games.trainer()
    checkpoints.save(trainer)
    trainer.fit(games.data(1), verbose=0)
    # A folder stands where the next checkpoint belongs: the rename must fail.
    (tmp_path / "step-0000001.keras" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError):
        checkpoints.save(trainer)
    assert checkpoints.latest()[1]["step"] == 0
    assert not list(tmp_path.glob(".working*"))


MANIFESTS = {
    "gone": None,
    "empty": "",
    "cut": '[\n {\n  "file": "step-00',
    "a mapping": "{}",
    "a list of numbers": "[1]",
    "no seconds": '[{"file": "step-0000002.keras", "sha256": "0", "step": 2, "seconds": null}]',
    "another step": '[{"file": "step-0000002.keras", "sha256": "0", "step": 7, "seconds": 1.0}]',
    "a wrong sum": '[{"file": "step-0000002.keras", "sha256": "0", "step": 2, "seconds": 9.0}]',
    "deep": "[" * 100_000,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder, trainer = tmp_path_factory.mktemp("saved"), games.trainer()
    for seconds in (1.0, 2.0):
        trainer.fit(games.data(1), verbose=0)
        Checkpoints(folder).save(trainer, seconds=seconds)
    return folder


@pytest.fixture
def two(saved, tmp_path):
    """A folder with the checkpoints of steps 1 and 2, after 1 and 2 seconds."""
    return shutil.copytree(saved, tmp_path / "two")


@pytest.mark.parametrize("content", MANIFESTS.values(), ids=list(MANIFESTS))
def test_without_its_manifest_the_files_say_where_training_stopped(two, content):
    (two / "checkpoints.json").unlink()
    if content is not None:
        (two / "checkpoints.json").write_text(content)
    trainer, state = Checkpoints(two).latest()
    assert trainer.step == state["step"] == 2
    assert state["seconds"] == 2.0
    trainer.fit(games.data(1), verbose=0)
    Checkpoints(two).save(trainer, seconds=3.0)
    listed = json.loads((two / "checkpoints.json").read_text())
    assert [entry["step"] for entry in listed] == [2, 3]


def test_a_checkpoint_that_no_manifest_lists_is_one(two):
    """A kill between the renaming and the manifest."""
    manifest = two / "checkpoints.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text())[:1]))
    assert Checkpoints(two).latest()[1]["step"] == 2


def test_a_manifest_cannot_reach_outside_its_folder(two):
    thesis = two.parent.parent / "thesis.keras"
    names = ["../../thesis.keras", str(thesis), "../../step-0000001.keras", "step-0000001.keras/.."]
    thesis.write_text("mine")
    outside = two.parent.parent / "step-0000001.keras"
    outside.write_text("mine")
    entries = [{"file": n, "sha256": "0", "step": 1, "seconds": 0.0} for n in names]
    manifest = two / "checkpoints.json"
    manifest.write_text(json.dumps(entries + json.loads(manifest.read_text())))
    store = Checkpoints(two)
    trainer, state = store.latest()
    assert state["step"] == 2
    for _ in range(3):
        trainer.fit(games.data(1), verbose=0)
        store.save(trainer, seconds=3.0)
    assert thesis.read_text() == outside.read_text() == "mine"


def test_a_damaged_checkpoint_does_not_count_among_those_kept(two):
    content = bytearray((two / "step-0000002.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (two / "step-0000002.keras").write_bytes(content)
    store = Checkpoints(two, keep=2)
    with pytest.warns(UserWarning, match="step-0000002.keras is damaged"):
        trainer, _ = store.latest()
    assert trainer.step == 1
    trainer.fit(games.data(2), verbose=0)
    store.save(trainer, seconds=3.0)
    kept = sorted(path.name for path in two.glob("*.keras"))
    assert kept == ["step-0000001.keras", "step-0000003.keras"]


def test_every_flipped_byte_of_a_checkpoint_is_noticed(two):
    path = two / "step-0000002.keras"
    sound = path.read_bytes()
    expected = Checkpoints(two).latest()[0].get_weights()
    random = np.random.default_rng(0)
    (
        two / "checkpoints.json"
    ).unlink()  # Without the SHA-256, the file's own sums are all there is.
    noticed = 0
    for place in random.integers(0, len(sound), 16):
        flipped = bytearray(sound)
        flipped[place] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            trainer, state = Checkpoints(two).latest()
        if state["step"] == 1:
            noticed += 1
            assert any("step-0000002.keras" in str(warning.message) for warning in said)
            continue
        # A date or the like in the archive's lists: the content is the same.
        for mine, other in zip(expected, trainer.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other)
    assert noticed >= 11


def test_a_fresh_process_knows_our_classes(two):
    program = (
        "import sys\n"
        "from tfsynth.trainers import Checkpoints\n"
        "print(Checkpoints(sys.argv[1]).latest()[0].step)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, two], capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ["2"], done.stderr


def test_the_state_is_in_the_file_itself(two):
    with zipfile.ZipFile(two / "step-0000002.keras") as file:
        assert json.loads(file.read("state.json")) == {"step": 2, "seconds": 2.0}


def test_a_checkpoint_of_another_owner_is_refused(tmp_path):
    Checkpoints(tmp_path / "others", owner="others").save(games.trainer())
    shutil.copytree(tmp_path / "others", tmp_path / "own")
    (tmp_path / "own" / "checkpoints.json").unlink()
    own = Checkpoints(tmp_path / "own", owner="own")
    for read in (own.latest, own.newest):
        with pytest.raises(ValueError, match="step-0000000.keras is a checkpoint of another run"):
            read()
    assert list(own.states()) == []
    # One that names no owner is of an earlier version.
    Checkpoints(tmp_path / "earlier").save(games.trainer())
    assert Checkpoints(tmp_path / "earlier", owner="own").newest()["step"] == 0


@pytest.mark.parametrize(
    "damage",
    [{"file": f"step-{'9' * 5000}.keras"}, {"seconds": 10**400}, {"data": [1]}, {"data": {}}],
    ids=["long name", "large number", "list", "mapping"],
)
def test_entries_that_no_save_writes_are_read_from_the_file(tmp_path, damage):
    path = Checkpoints(tmp_path).save(games.trainer(), seconds=2.5, data="digest")
    manifest = tmp_path / "checkpoints.json"
    entry = json.loads(manifest.read_text())[0]
    sys.set_int_max_str_digits(0)
    try:
        manifest.write_text(json.dumps([{**entry, **damage}]))
    finally:
        sys.set_int_max_str_digits(4300)
    assert Checkpoints(tmp_path).newest() == entry
    assert path.is_file()


def test_intact_checkpoints_that_cannot_be_read_are_not_called_damaged(tmp_path):
    path = Checkpoints(tmp_path).save(games.trainer())

    def rename(config):
        config["registered_name"] = "tfsynth>NotHere"

    bundles.with_config(path, path, rename)
    with (
        pytest.warns(UserWarning, match="NotHere"),
        pytest.raises(ValueError, match="can be read: .*'tfsynth>NotHere'") as caught,
    ):
        Checkpoints(tmp_path).latest()
    assert "Remove the folder" not in str(caught.value)


def test_what_a_kill_left_of_the_list_is_tidied(two):
    manifest = two / "checkpoints.json"
    whole = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(whole[:1]))  # Killed before the second was listed.
    shutil.copy(two / "step-0000001.keras", two / "step-0000000.keras")  # Damaged: another step.
    store = Checkpoints(two)
    _, state = store.latest()
    store.tidy(state["step"])
    assert json.loads(manifest.read_text()) == whole
    assert sorted(path.name for path in two.glob("*.keras")) == [e["file"] for e in whole]
    before = manifest.stat().st_mtime_ns
    Checkpoints(two).tidy(state["step"])
    assert manifest.stat().st_mtime_ns == before


def test_tidying_leaves_what_is_of_a_later_step(two):
    later = two / "step-0000009.keras"
    later.write_bytes(b"of a newer version, say")
    Checkpoints(two).tidy(2)
    assert later.is_file()

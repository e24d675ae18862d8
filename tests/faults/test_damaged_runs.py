"""Damage inside the folders that the program keeps: a run's, and those of its cache."""

import json
import re
import shutil

import numpy as np
import pytest

from tests.faults import settings, trees
from tests.faults.damage import WAYS
from tests.faults.program import Sandbox, Zygote, alone, when
from tests.faults.scenarios import SCENARIOS, Stage

CHECKPOINTS = "run/checkpoints/checkpoints.json"
# Step of the first checkpoint and of the one that the run is stopped after.
FIRST, SECOND = 4, 8


class Stopped(Stage):
    """The training of three epochs, stopped after the second."""

    def __init__(self, folder, zygote):
        super().__init__(SCENARIOS[0], folder, zygote)
        manifest = self.sandbox.work / CHECKPOINTS

        def both():
            if not manifest.is_file():
                return False
            return [e["step"] for e in json.loads(manifest.read_text())][-1:] == [SECOND]

        for _ in range(9):
            self.reset()
            self.run(when(both))
            if both():
                break
        for left in self.sandbox.work.rglob(".w*"):
            shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(self._before)
        shutil.copytree(self._site, self._before)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, zygote):
    return Stopped(tmp_path_factory.mktemp("stopped"), zygote)


def _edit(change):
    def write(path, rng):
        entries = json.loads(path.read_text())
        changed = change(entries)
        path.write_text(json.dumps(entries if changed is None else changed))

    return write


def _entry(**keys):
    return _edit(lambda entries: entries[-1].update(keys))


def _text(text):
    return lambda path, rng: path.write_text(text)


MANIFESTS = {
    "missing": lambda path, rng: path.unlink(),
    "empty": _text(""),
    "object": _text("{}"),
    "numbers": _text("[1]"),
    "no entries": _text("[]"),
    "null": _text("null"),
    "text": _text('["step-0000008.keras"]'),
    "deep": _text("[" * 100_000),
    "binary": lambda path, rng: path.write_bytes(bytes(range(256))),
    "no seconds": _edit(lambda entries: [e.pop("seconds") for e in entries] and None),
    "no step": _edit(lambda entries: entries[-1].pop("step") and None),
    "no file": _edit(lambda entries: entries[-1].pop("file") and None),
    "no sum": _edit(lambda entries: entries[-1].pop("sha256") and None),
    "number as file": _entry(file=8),
    "list as file": _entry(file=["a"]),
    "file above": _edit(lambda entries: entries[:0] + [_above(entries[0])] * 4 + entries),
    "absolute file": _edit(lambda entries: [entries[0] | {"file": "/etc/hostname"}] + entries),
    "NUL in file": _entry(file="step\0.keras"),
    "other sum": _entry(sha256="0" * 64),
    "text as step": _entry(step="8"),
    "NaN as seconds": _entry(seconds=float("nan")),
    "endless seconds": _entry(seconds=1e308),
    "text as seconds": _entry(seconds="long"),
    "negative step": _entry(step=-1),
    "twice": _edit(lambda entries: entries + entries),
    "reversed": _edit(lambda entries: entries[::-1]),
    "future step": _entry(step=10**9),
}


def _above(entry):
    return entry | {"file": "../../victim", "sha256": "0" * 64}


def judged(stage, end, newest):
    """Returns what is wrong: it must go on as undisturbed, or refuse with one sentence."""
    if end.code == 2:
        found = end.faults(["run", "tiny.yaml", "checkpoint"])
    else:
        found = stage.lost(end, newest)
    victim = stage.sandbox.work / "victim"
    if not victim.is_file() or victim.read_text() != "kept":
        found.append("a file outside the run's folder was removed or changed")
    return found


def _put_victim(stage):
    stage.reset()
    (stage.sandbox.work / "victim").write_text("kept")


def test_damaged_lists_of_checkpoints(stopped, counted):
    row = counted("damaged lists of checkpoints, then `train`")
    chosen = [name for name in MANIFESTS if settings.chosen(f"manifest:{name}")]
    if settings.SHARE < 1 and not settings.ONLY:
        chosen = settings.generator("manifest").sample(chosen, max(2, int(27 * settings.SHARE)))
    refused = 0
    for name in chosen:
        _put_victim(stopped)
        MANIFESTS[name](stopped.sandbox.work / CHECKPOINTS, None)
        end = stopped.run()
        refused += end.code == 2
        found = [t for t in judged(stopped, end, FIRST) if "work/victim" not in t]
        row.count(f"manifest:{name}", found)
    row.notes = f"{refused} refused"


# What is damaged in a stopped run -> the step from which it must go on at least, 0 if from none.
PARTS = {
    "run/checkpoints/step-0000008.keras": FIRST,
    "run/checkpoints/step-0000004.keras": SECOND,
    "run/checkpoints/checkpoints.json": FIRST,
    "run/config.yaml": SECOND,
    "tiny.yaml": SECOND,
}


def test_damaged_parts_of_a_run(stopped, counted):
    row = counted("flipped, cut and zeroed: parts of a stopped run, then `train`")
    refused = 0
    for name, rng in settings.tries("part of a run", 40):
        part, way = rng.choice(list(PARTS)), rng.choice(list(WAYS))
        _put_victim(stopped)
        path = stopped.sandbox.work / part
        path.write_bytes(WAYS[way](path.read_bytes(), rng))
        end = stopped.run()
        refused += end.code == 2
        found = [t for t in judged(stopped, end, PARTS[part]) if "work/victim" not in t]
        if end.code == 0 and path.suffix == ".yaml":
            found = [t for t in found if "other than undisturbed: work/" not in t]
        row.count(name, [f"({way}, {part}) {text}" for text in found])
    row.notes = f"{refused} refused"


def test_damaged_results_of_a_finished_run(stopped, counted):
    row = counted("flipped, cut and zeroed: results and cache of a finished run, then a command")
    commands = {
        "work/run/metrics.json": ["train", "tiny.yaml", "--run-dir", "run"],
        "work/run/synthesizer.keras": ["train", "tiny.yaml", "--run-dir", "run"],
        "cache/segmenters": ["evaluate", "run"],
        "cache/tfds": ["evaluate", "run"],
        "cache/checks": ["train", "tiny.yaml", "--run-dir", "run"],
    }
    stopped.reset()
    assert stopped.run().code == 0
    whole = stopped.sandbox.folder.parent / "whole"
    shutil.copytree(stopped.sandbox.folder, whole, dirs_exist_ok=True)
    for name, rng in settings.tries("finished run", 40):
        shutil.rmtree(stopped.sandbox.folder)
        shutil.copytree(whole, stopped.sandbox.folder)
        part, way = rng.choice(list(commands)), rng.choice(list(WAYS))
        path = stopped.sandbox.folder / part
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.stat().st_size)
        path = rng.choice(files) if files else path
        if not path.is_file():
            continue
        path.write_bytes(WAYS[way](path.read_bytes(), rng))
        end = stopped.zygote.run(stopped.sandbox, commands[part])
        found = end.faults([path.name, path.parent.name, str(path.parents[1])])
        if end.code == 0 and part.startswith("cache") and _scores(stopped) != _metrics(stopped):
            found.append("scored otherwise")
        where = path.relative_to(stopped.sandbox.folder)
        row.count(name, [f"({way}, {where}) {text}" for text in found])
    shutil.rmtree(whole)


def _scores(stage):
    return trees.digest(stage.sandbox.work / "run" / "metrics.json")


def _metrics(stage):
    return stage.expected["work/run/metrics.json"]


_OTHER_SPLIT = re.compile("-(test|validation)[.]")
STREETS = {"tensorflow": "data/synth_streets", "jax": "data/drawn_streets"}


@pytest.mark.parametrize("backend", STREETS)
def test_damaged_stores_of_drawn_streets(backend, zygote, tmp_path, counted):
    pytest.importorskip(backend)
    row = counted(f"flipped, cut and zeroed: drawn streets' store ({backend})")
    own = zygote if backend == "tensorflow" else Zygote(backend)
    sandbox = Sandbox(tmp_path, backend)
    words = ["read", "streets", "data/x"]

    def read():
        return own.run(sandbox, words, module="tests.faults.reader")

    first = read()
    assert first.code == 0, first.stderr
    store = sandbox.work / "data"
    shutil.copytree(store, tmp_path / "whole")
    redrawn = 0
    try:
        for name, rng in settings.tries(f"streets {backend}", 40):
            shutil.rmtree(store)
            shutil.copytree(tmp_path / "whole", store)
            # The training split is what is read.
            files = sorted(p for p in store.rglob("*") if p.is_file() and p.stat().st_size)
            path = rng.choice([p for p in files if not _OTHER_SPLIT.search(p.name)])
            way = rng.choice(list(WAYS))
            path.write_bytes(WAYS[way](path.read_bytes(), rng))
            end = read()
            redrawn += "drawing" in end.stderr.lower()
            found = end.faults([path.name, path.parent.name, "data"])
            if end.code == 0 and end.stdout.splitlines()[-1:] != first.stdout.splitlines()[-1:]:
                found.append("read with other values")
            row.count(name, [f"({way}, {path.name}) {text}" for text in found])
    finally:
        if own is not zygote:
            own.close()
    row.notes = f"{redrawn} drawn again"


SETTINGS = {
    "empty": "",
    "cut": '{"floatx": "flo',
    "list": "[1]",
    "number": "7",
    "channels first": '{"image_data_format": "channels_first"}',
    "half": '{"floatx": "float16"}',
    "unknown backend": '{"backend": "abacus"}',
    "wrong kind": '{"floatx": 3, "epsilon": "small"}',
    "binary": "\x00\x01\x02",
}


def test_kerass_own_settings(tmp_path, counted):
    row = counted("`~/.keras/keras.json` of other settings, or damaged")
    chosen = [name for name in SETTINGS if settings.chosen(f"keras.json:{name}")]
    if settings.SHARE < 1 and not settings.ONLY:
        chosen = settings.generator("keras.json").sample(chosen, 1)
    photographs = {}
    for name in ["", *chosen]:
        sandbox = Sandbox(tmp_path / (name or "none"))
        if name:
            (sandbox.home / ".keras").mkdir()
            (sandbox.home / ".keras" / "keras.json").write_text(SETTINGS[name])
        end = alone(sandbox, ["synthesize", "--model", "streets", "-o", "out"])
        found = end.faults(["keras.json"])
        pictures = sorted((sandbox.work / "out").glob("*.png"))
        photographs[name] = [np.frombuffer(p.read_bytes(), "uint8").sum() for p in pictures]
        if name:
            if end.code == 0 and photographs[name] != photographs[""]:
                found.append("other photographs")
            row.count(f"keras.json:{name}", found)

"""Commands of the program, what they need, and what an undisturbed run of them leaves behind."""

import copy
import dataclasses
import json
import re
import shutil
import time
import zipfile
from collections.abc import Callable

import yaml

from tests import tiny
from tests.faults import trees
from tests.faults.program import ROOT, Sandbox

GOLDENS = ROOT / "tests" / "goldens"
ENCODER = {"class": "FeatureEncoder", "filters": 2, "num_downsamples": 2, "max_instances": 256}
PHASES = {"first": {"schedule.decay_epochs": 0}, "second": {}}


@dataclasses.dataclass
class Scenario:
    """A command that is to be disturbed.

    Attributes:
        name: What it is called in the table.
        argv: The words after `tfsynth`.
        build: Callable that gets sandbox and zygote and makes what the command needs.
        tries: Number of kills in the whole.
        refuses_finished: Whether the command refuses to write over a result that is complete.
        always: Path of an export that must be complete at any moment, relative to the work folder.
        trains: Path of its run folder, relative to the work folder; empty: it trains nothing.
    """

    name: str
    argv: list
    build: Callable
    tries: int
    refuses_finished: bool = False
    always: str = ""
    trains: str = ""


def tree(sandbox, then=("evaluate", "export")):
    """Returns the config of the smallest run, its streets in the sandbox's cache."""
    config = tiny.tree(str(sandbox.cache / "tfds"))
    config["evaluation"] = tiny.PROTOCOL
    config["train"]["then"] = list(then)
    return config


def _write(sandbox, config):
    text = yaml.safe_dump(config, sort_keys=False)
    (sandbox.work / f"{config['name']}.yaml").write_text(text, encoding="utf-8")


def _trained(sandbox, zygote, encoder=True, name="base", seed=0):
    """Trains a run in a folder of its name, of one epoch."""
    config = tree(sandbox, ())
    config.update(name=name, seed=seed)
    config["schedule"]["decay_epochs"] = 0
    if encoder:
        config["game"]["generator"]["input_channels"] += 3
        config["game"]["encoder"] = ENCODER
    _write(sandbox, config)
    end = zygote.run(sandbox, ["train", f"{name}.yaml", "--run-dir", name])
    if end.code:
        raise AssertionError(end.stderr)
    return config


def _plain(sandbox, zygote):
    _write(sandbox, tree(sandbox))


def _from_other_weights(sandbox, zygote):
    config = _trained(sandbox, zygote, encoder=False)
    config = copy.deepcopy(config) | {"name": "tiny", "init_from": "base", "seed": 5}
    config["schedule"]["decay_epochs"] = 1
    _write(sandbox, config)


def _in_phases(sandbox, zygote):
    _write(sandbox, tree(sandbox, ["export"]) | {"phases": PHASES})


def _with_encoder(sandbox, zygote):
    config = tree(sandbox, ["export"])
    config["game"]["generator"]["input_channels"] += 3
    config["game"]["encoder"] = ENCODER
    config["schedule"]["decay_epochs"] = 1
    _write(sandbox, config)


def _exported(*words):
    def build(sandbox, zygote):
        # Of another model, so that a mixture of the two would be seen.
        _trained(sandbox, zygote, name="other", seed=9)
        end = zygote.run(sandbox, ["export", "other", *words])
        if end.code:
            raise AssertionError(end.stderr)
        _trained(sandbox, zygote)

    return build


def _evaluable(sandbox, zygote):
    _trained(sandbox, zygote)
    shutil.rmtree(sandbox.cache / "segmenters", ignore_errors=True)


TRAIN = ["train", "tiny.yaml", "--run-dir", "run"]
NETWORKS = [str(GOLDENS / f"torch_{role}.pth") for role in "GD"]
LAYOUTS = ["base/layouts/labels", "--instances", "base/layouts/instances"]
PRESET = ["-o", "my-preset", "--format", "preset"]
PTH = ["-o", "pth/my", "--format", "pix2pixhd"]
SCENARIOS = [
    Scenario("train", TRAIN, _plain, 40, trains="run"),
    Scenario("train with init_from", TRAIN, _from_other_weights, 30, trains="run"),
    Scenario("train in phases", TRAIN, _in_phases, 15, trains="run"),
    Scenario("train with an encoder", TRAIN, _with_encoder, 15, trains="run"),
    Scenario(
        *("export", ["export", "base", "-o", "served/1", "--overwrite"]),
        *(_exported("-o", "served/1"), 20),
        always="served/1",
    ),
    Scenario(
        *("export keras", ["export", "base", "-o", "a.keras", "--format", "keras", "--overwrite"]),
        *(_exported("-o", "a.keras", "--format", "keras"), 15),
        always="a.keras",
    ),
    Scenario(
        *("export pix2pixhd", ["export", "base", *PTH, "--overwrite"]),
        *(_exported(*PTH), 15),
        always="pth/my",
    ),
    Scenario(
        *("export preset", ["export", "base", *PRESET, "--overwrite"]),
        *(_exported(*PRESET), 15),
        always="my-preset",
    ),
    *(
        Scenario(
            *(f"export {format}", ["export", "base", "-o", "a", "--format", format, "--overwrite"]),
            *(_exported("-o", "a", "--format", format), 8),
            always="a",
        )
        for format in ("tflite", "onnx")
    ),
    Scenario(
        *("import", ["import", "pix2pixhd", *NETWORKS, "-o", "imported"]),
        *(lambda sandbox, zygote: None, 15),
        refuses_finished=True,
    ),
    Scenario(
        "synthesize",
        ["synthesize", "--model", "base", *LAYOUTS, "--samples", "4", "--overwrite", "-o", "out"],
        _trained,
        15,
    ),
    Scenario("styles", ["styles", "base", "--clusters", "3"], _trained, 10),
    Scenario("evaluate", ["evaluate", "base"], _evaluable, 10),
]


class Stage:
    """A scenario with its sandbox, which can be set back to the state before the command.

    Args:
        scenario: The `Scenario`.
        folder: `pathlib.Path` for all of it.
        zygote: The `Zygote`.
        site: Folder, there already, in which the command works; `None` makes one.
    """

    def __init__(self, scenario, folder, zygote, site=None):
        self.scenario, self.zygote = scenario, zygote
        self._site, self._before = site or folder / "site", folder / "before"
        folder.mkdir(exist_ok=True)
        self.sandbox = Sandbox(self._site, output=folder / "output")
        scenario.build(self.sandbox, zygote)
        shutil.copytree(self._site, self._before, symlinks=True)
        self.names_before = set(trees.paths_in(*self.folders))
        self.contents_before = trees.contents(*self.folders)
        start = time.monotonic()
        end = zygote.run(self.sandbox, scenario.argv)
        self.seconds = time.monotonic() - start
        if end.code:
            raise AssertionError(f"{scenario.name}: {end.stderr}")
        self.expected = trees.contents(*self.folders)

    @property
    def folders(self):
        """The folders in which the command works, and its cache."""
        return (self.sandbox.work, self.sandbox.cache)

    def reset(self):
        """Sets all back to the state before the command; the folder itself stays."""
        for inside in self._site.iterdir():
            shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
        shutil.copytree(self._before, self._site, symlinks=True, dirs_exist_ok=True)

    def run(self, kill=None):
        """Runs the command; see `Zygote.run`."""
        return self.zygote.run(self.sandbox, self.scenario.argv, kill=kill)

    def newest_checkpoint(self):
        """Returns the step of the newest checkpoint that is complete, whoever lists it."""
        folder = self.sandbox.work / self.scenario.trains / "checkpoints"
        steps = {}
        for path in folder.rglob("step-*.keras"):
            if zipfile.is_zipfile(path) and path.parent.name[0] != ".":
                with zipfile.ZipFile(path) as archive:
                    if archive.testzip() is None:
                        steps.setdefault(path.parent.name, []).append(int(path.stem[5:]))
        return max(steps.get(max(steps), [0])) if steps else 0

    def lost_at_once(self):
        """Returns what is wrong right after a kill, before the next command."""
        found = [f"torn: {name}" for name in trees.torn(*self.folders)]
        if self.scenario.always:
            found += self._not_whole()
        return found

    def _not_whole(self):
        old, new, there = (
            {n: d for n, d in found.items() if n.startswith(f"work/{self.scenario.always}")}
            for found in (self.contents_before, self.expected, trees.contents(*self.folders))
        )
        return [] if there in (old, new) else [f"{self.scenario.always} was not a whole export"]

    def lost(self, end, newest=0):
        """Returns what is wrong after the command was given again and came to its end.

        Args:
            end: Its `End`.
            newest: Step of the newest complete checkpoint before it.
        """
        refused = self.scenario.refuses_finished and end.code == 2 and "exist" in end.stderr
        found = end.faults()
        if end.code and not refused and not found:
            found = [f"the next command was refused: {end.sentence[:200]}"]
        if newest:
            resumed = re.search(r"at step (\d+)", end.stdout)
            if int(resumed[1]) < newest if resumed else True:
                at = resumed[1] if resumed else "0, without a word"
                found.append(f"resumed at step {at} beside a complete checkpoint of step {newest}")
        return found + self._differences()

    def _differences(self):
        now = trees.contents(*self.folders)
        left = trees.unfinished(*self.folders)
        found = [f"left behind: {', '.join(left[:4])}"] if left else []
        kept = re.compile(r"checkpoints/.*step-\d+\.keras$")
        expected = {n: d for n, d in self.expected.items() if not kept.search(n)}
        more = sorted(n for n in now.keys() - expected if not kept.search(n))
        if more:
            found.append(f"left behind: {', '.join(more[:4])}")
        if gone := sorted(expected.keys() - now):
            found.append(f"lost: {', '.join(gone[:4])}")
        if other := sorted(n for n in expected.keys() & now if expected[n] != now[n]):
            found.append(f"other than undisturbed: {', '.join(other[:4])}")
        return found + self._unlisted()

    def _unlisted(self):
        """Returns checkpoints that no manifest lists, and entries without a file."""
        found = []
        for manifest in self.sandbox.work.rglob("checkpoints.json"):
            try:
                listed = {entry["file"] for entry in json.loads(manifest.read_text())}
            except (ValueError, TypeError, KeyError) as error:
                found.append(f"{manifest.name} cannot be read ({type(error).__name__})")
                continue
            there = {path.name for path in manifest.parent.glob("step-*.keras")}
            if listed != there:
                found.append(f"left behind: {sorted(listed ^ there)} in {manifest.parent.name}")
        return found

"""The disk fills at a random moment: one sentence; with room again the same command works."""

import contextlib
import os
import subprocess
import sys

import pytest

from tests.faults import settings
from tests.faults.scenarios import SCENARIOS, Stage

SIZE = 64 << 20
# What is left free when the disk is filled.
MOST_FREE = 96 << 10
NAMES = ("train", "train with init_from", "export", "export keras", "import", "synthesize")
CHOSEN = [scenario for scenario in SCENARIOS if scenario.name in (*NAMES, "evaluate")]


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 64 MiB, which needs the rights to mount one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("Needs root, to mount a small disk.")
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("Needs root that may mount a small disk.")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder, free):
    """Writes a file that leaves so many bytes of the disk free."""
    while True:
        room = os.statvfs(folder)
        size = room.f_bavail * room.f_frsize - free
        if size <= 0:
            return
        # The command may take what was free a moment ago.
        with contextlib.suppress(OSError), open(folder / "filler", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            return


def filling(stage, disk, rng):
    """Returns a `kill` for `Zygote.run` that fills the disk at a random moment, or before it."""
    seconds = rng.choice([0.0, rng.uniform(0, stage.seconds)])
    free = rng.choice([0, rng.randrange(MOST_FREE)])

    def kill(child):
        child.wait(seconds)
        fill(disk, free)

    kill.text = f"({free} bytes free after {seconds:.2f} s)"
    return kill


@pytest.mark.parametrize("scenario", settings.some(CHOSEN, 2), ids=lambda scenario: scenario.name)
def test_a_full_disk_loses_nothing(scenario, zygote, tmp_path, small_disk, counted):
    row = counted(f"full disk in {scenario.name}")
    chosen = list(settings.tries(f"full {scenario.name}", 10))
    if not chosen:
        return
    stage = Stage(scenario, tmp_path / "stage", zygote, small_disk)
    failed = 0
    for name, rng in chosen:
        stage.reset()
        kill = filling(stage, small_disk, rng)
        end = stage.run(kill)
        found = end.faults()
        if end.code == 2 and "space" not in end.sentence and "MiB" not in end.sentence:
            found.append(f"does not say that the disk is full: {end.sentence[:200]!r}")
        failed += end.code != 0
        found += stage.lost_at_once()
        (small_disk / "filler").unlink(missing_ok=True)
        newest = stage.newest_checkpoint() if scenario.trains else 0
        found += stage.lost(stage.run(), newest)
        row.count(name, [f"{kill.text} {text}" for text in found])
    row.notes = f"{failed} refused"

"""Files that were made to harm: no code, no write, bounded time and memory, one sentence."""

import shutil

import pytest

from tests.faults import settings
from tests.faults.hostile import MARK, OUTSIDE, fake_programs
from tests.faults.hostile_bundles import bundles
from tests.faults.hostile_pickles import pickles
from tests.faults.hostile_pictures import pictures
from tests.faults.hostile_texts import texts
from tests.faults.program import GIB, Sandbox

SECONDS, PATIENCE = 10.0, 25.0
# More is not given to a command, so that the machine of the tests survives.
LIMIT = 8 * GIB
KINDS = {"bundles": bundles, "pickles and arrays": pickles, "YAML": texts, "pictures": pictures}
# What a command may write: its output, and the folders that a config names.
OUTPUT = ("work/out", "work/imported", "work/data", "work/runs/tiny")


def files_in(sandbox):
    """Returns relative path -> size of all that lies in the sandbox, but the program's words."""
    found = {}
    for path in sandbox.folder.rglob("*"):
        name = str(path.relative_to(sandbox.folder))
        if not name.startswith(("output", "cache")):
            found[name] = path.lstat().st_size if path.is_file() else None
    return found


def judged(hostile, end, before, after, started):
    """Returns what a hostile file achieved."""
    found = end.faults()
    if end.code == -9:
        found = [f"no end in {PATIENCE:.0f} s"]
    elif end.code == 0 and not hostile.harmless:
        found.append("was read as if nothing were wrong")
    # Of the processor: what other programs do meanwhile is no fault of the file.
    if end.cpu > SECONDS and end.code != -9:
        found.append(f"took {end.cpu:.0f} s")
    if end.above_idle > GIB:
        found.append(f"took {end.above_idle / GIB:.1f} GiB")
    new = [name for name in after if after[name] != before.get(name, "absent")]
    new = [name for name in new if not name.startswith(OUTPUT) and name != "work/runs"]
    if OUTSIDE.exists():
        new.append(str(OUTSIDE))
    if MARK in " ".join(new) or started:
        found.append(f"ran code: {started or MARK}")
    elif new:
        found.append(f"wrote {', '.join(sorted(new)[:3])}")
    if gone := before.keys() - after:
        found.append(f"removed {', '.join(sorted(gone)[:3])}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_file_does_no_harm(kind, zygote, tmp_path, counted):
    row = counted(f"hostile {kind}")
    chosen = [hostile for hostile in KINDS[kind]() if settings.chosen(hostile.name)]
    if settings.SHARE < 1 and not settings.ONLY:
        count = max(2, round(len(chosen) * settings.SHARE))
        chosen = settings.generator(f"hostile {kind}").sample(chosen, count)
    slowest = most = 0.0
    programs = fake_programs(tmp_path / "programs")
    for number, hostile in enumerate(chosen):
        sandbox = Sandbox(tmp_path / str(number), first_in_path=programs)
        path = sandbox.work / hostile.file
        hostile.write(path)
        before = files_in(sandbox)
        end = zygote.run(sandbox, hostile.argv, memory=LIMIT, patience=PATIENCE)
        mark = programs.with_name("programs.started")
        started = mark.read_text().strip() if mark.exists() else ""
        mark.unlink(missing_ok=True)
        row.count(hostile.name, judged(hostile, end, before, files_in(sandbox), started))
        slowest, most = max(slowest, end.cpu), max(most, end.above_idle)
        path.unlink()
        shutil.rmtree(OUTSIDE, ignore_errors=True)
    row.notes = f"at most {slowest:.1f} s and {most / GIB:.2f} GiB above idle"

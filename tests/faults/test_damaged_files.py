"""Files that a disk or a copy has damaged: refused with a sentence, or read as they were."""

import shutil

import pytest

from tests.faults import settings
from tests.faults.damage import WAYS
from tests.faults.program import Sandbox
from tests.faults.specimens import KINDS


def read(zygote, sandbox, kind):
    """Reads the specimen; returns its `End`."""
    words = ["read", kind.reads, kind.file]
    return zygote.run(sandbox, words, module="tests.faults.reader", memory=8 << 30)


def judged(end, whole, kind, way):
    """Returns (faults of one read, whether other values were read that no sum could find)."""
    # Whoever wrote a text is told where it breaks; other files can only be replaced.
    found = end.faults([kind.file], remedy=kind.sums or kind.length)
    if end.code != 0 or end.stdout == whole.stdout:
        return found, False
    detectable = kind.sums or (way == "cut" and kind.length)
    return (found + ["read with other values"], False) if detectable else (found, True)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_damaged_file_is_refused_or_read_right(kind, zygote, tmp_path, counted):
    row = counted(f"flipped, cut and zeroed: {kind.name}")
    sandbox = Sandbox(tmp_path)
    path = sandbox.work / kind.file
    kind.make(path)
    data, whole = path.read_bytes(), read(zygote, sandbox, kind)
    assert whole.code == 0, whole.stderr
    refused = unseen = 0
    for number, (name, rng) in enumerate(settings.tries(kind.name, kind.tries)):
        way = rng.choice(list(WAYS))
        path.write_bytes(WAYS[way](data, rng))
        end = read(zygote, sandbox, kind)
        found, other = judged(end, whole, kind, way)
        refused += end.code == 2
        unseen += other
        if kind.program and number % 5 == 0:
            found += zygote.run(sandbox, kind.program).faults([kind.file])
            shutil.rmtree(sandbox.work / "imported", ignore_errors=True)
        row.count(name, [f"({way}) {text}" for text in found])
    more = f", {unseen} read with other values: the format has no sums" if unseen else ""
    row.notes = f"{refused} refused{more}"

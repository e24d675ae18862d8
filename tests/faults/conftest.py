"""One process that runs the commands, one table of all that was tried."""

import os
import time
from pathlib import Path

import pytest

from tests.faults import settings
from tests.faults.program import Sandbox, Zygote
from tests.faults.tally import Tally

REPORT = Path(os.environ.get("FAULTS_REPORT") or Path(__file__).parents[2] / "faults")
TALLY = Tally()


def pytest_collection_modifyitems(items):
    """Marks all tests of this folder as slow: plain `make test` leaves them out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter):
    """Prints the table, and writes it into `faults/`."""
    if TALLY.rows:
        TALLY.write(REPORT)
        terminalreporter.section("faults")
        terminalreporter.write_line(TALLY.markdown())
        terminalreporter.write_line(f"The same in {REPORT}/report.md and report.json.")


@pytest.fixture(scope="session")
def zygote(tmp_path_factory):
    """Runs commands under TensorFlow."""
    made = Zygote("tensorflow")
    made.measure_idle(Sandbox(tmp_path_factory.mktemp("idle")))
    yield made
    made.close()


@pytest.fixture
def counted():
    """Returns a function: the row of that name, timed until the test's end, which fails if any."""
    rows, start = [], time.monotonic()

    def row(what):
        rows.append(TALLY.row(what))
        return rows[-1]

    yield row
    for each in rows:
        each.seconds += (time.monotonic() - start) / len(rows)
    TALLY.write(REPORT)  # Nothing is lost if the rest is interrupted.
    failed = [f"{name} {text}" for each in rows for name, text in each.failed]
    if failed:
        more = f"FAULTS_SEED={settings.SEED} FAULTS_ONLY=NAME repeats one."
        pytest.fail(f"{len(failed)} faults. {more}\n" + "\n".join(failed), pytrace=False)

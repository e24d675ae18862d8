"""`kill -9` at random moments: nothing is lost, and the next command leaves nothing behind."""

import signal
import time

import pytest

from tests.faults import settings, trees
from tests.faults.scenarios import SCENARIOS, Stage

# Names that appear while a command works, beyond those that stay.
PASSING_NAMES = 12


def moment(stage, rng, number=signal.SIGKILL):
    """Returns a `kill` for `Zygote.run`, at a time, or when so many new names have appeared.

    An export that must be whole at any moment is looked at all the while; `kill.missing` counts
    the looks at which it was not.
    """
    by_time = rng.random() < 0.5
    seconds = rng.uniform(0, stage.seconds)
    names = rng.randint(1, max(1, len(stage.expected) - len(stage.names_before)) + PASSING_NAMES)
    later = rng.choice([0.0, rng.uniform(0, 0.03)])

    def kill(child):
        start, known = time.monotonic(), set(stage.names_before)
        while not child.wait(0):
            if stage.scenario.always:
                kill.missing += not (stage.sandbox.work / stage.scenario.always).exists()
            if by_time and time.monotonic() - start >= seconds:
                break
            if not by_time:
                known |= _names(stage)
                if len(known) - len(stage.names_before) >= names:
                    child.wait(later)
                    break
                child.wait(0.001)
            else:
                child.wait(0.0005)
        child.send(number)

    kill.missing = 0
    return kill


def _names(stage):
    try:
        return set(trees.paths_in(*stage.folders))
    except OSError:  # A folder that went while it was read.
        return set()


@pytest.mark.parametrize(
    "scenario", settings.some(SCENARIOS, 4), ids=lambda scenario: scenario.name
)
def test_a_killed_command_loses_nothing(scenario, zygote, tmp_path, counted):
    row = counted(f"`kill -9` in {scenario.name}")
    chosen = list(settings.tries(scenario.name, scenario.tries))
    if not chosen:
        return
    stage, missed = Stage(scenario, tmp_path, zygote), 0
    for name, rng in chosen:
        for _ in range(8):
            stage.reset()
            kill = moment(stage, rng)
            killed = stage.run(kill).code == -signal.SIGKILL
            missed += not killed
            if killed:
                break
        if not killed:
            continue
        found = [f"absent at {kill.missing} looks"] if kill.missing else []
        found += stage.lost_at_once()
        # Now and then the next command is killed too.
        if rng.random() < 0.2 and stage.run(moment(stage, rng)).code == -signal.SIGKILL:
            found += stage.lost_at_once()
            row.count(f"{name} again", [])
        newest = stage.newest_checkpoint() if scenario.trains else 0
        found += stage.lost(stage.run(), newest)
        row.count(name, found)
    _require_tries(row)
    row.notes = f"{missed} more ended before the kill" if missed else ""


def _require_tries(row):
    """Counts a fault if no command was stopped at all: nothing was shown then."""
    if not row.tries:
        row.count("all", ["every command ended before it was stopped"])


# The exit code that says so; a process that the signal found before its handler ends by it.
SIGNALS = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


@pytest.mark.parametrize("number", settings.some(SIGNALS, 1), ids=lambda number: number.name)
def test_a_signal_saves_the_state(number, zygote, tmp_path, counted):
    row = counted(f"{number.name} in train")
    chosen = list(settings.tries(number.name, 15))
    if not chosen:
        return
    stage = Stage(SCENARIOS[0], tmp_path, zygote)
    for name, rng in chosen:
        for _ in range(8):
            stage.reset()
            end = stage.run(moment(stage, rng, number))
            if end.code:
                break
        else:
            continue
        found = []
        if end.code not in (SIGNALS[number], -number):
            found.append(f"exit code {end.code}: {end.stderr[-160:]!r}")
        elif end.code > 0:
            found += end.faults()
        found += stage.lost_at_once()
        newest = stage.newest_checkpoint()
        found += stage.lost(stage.run(), newest)
        row.count(name, found)
    _require_tries(row)

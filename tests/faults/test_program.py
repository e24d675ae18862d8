"""The process that forks gives what a process of its own would give, only sooner."""

import pytest

from tests.faults.program import Sandbox, alone

COMMANDS = {
    "done": ["--version"],
    "refused": ["describe", "nothing.keras"],
    "unknown": ["frobnicate"],
    "described": ["describe", "streets"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_forked_command_ends_as_one_of_its_own(name, zygote, tmp_path):
    sandbox = Sandbox(tmp_path)
    forked, own = zygote.run(sandbox, COMMANDS[name]), alone(sandbox, COMMANDS[name])
    assert (forked.code, forked.stdout, forked.stderr) == (own.code, own.stdout, own.stderr)
    assert forked.above_idle < 2**30

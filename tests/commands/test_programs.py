"""Commands that the program prints can be typed where the person is."""

import os
import sys

import pytest

from tfsynth.commands.programs import program


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A virtual environment in the working directory, whose programs the shell does not find."""
    folder = tmp_path / "work" / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "tfsynth", "tensorboard"):
        (folder / name).touch(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path / "work")
    return folder


def test_outside_of_the_path_it_is_named_by_its_place(environment, tmp_path, monkeypatch):
    assert program("tfsynth") == ".venv/bin/tfsynth"
    assert program("tensorboard") == ".venv/bin/tensorboard"
    monkeypatch.chdir(tmp_path / "work" / ".venv")
    assert program("tfsynth") == "bin/tfsynth"
    monkeypatch.chdir(environment)
    assert program("tfsynth") == "./tfsynth"
    (tmp_path / "else where").mkdir()
    monkeypatch.chdir(tmp_path / "else where")
    assert program("tfsynth") == str(environment / "tfsynth")


def test_on_the_path_its_name_is_enough(environment, monkeypatch):
    monkeypatch.setenv("PATH", f"{environment}{os.pathsep}/usr/bin")
    assert program("tfsynth") == "tfsynth"


def test_another_one_on_the_path_is_not_taken_for_it(environment, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "tfsynth").touch(0o755)
    monkeypatch.setenv("PATH", str(other))
    assert program("tfsynth") == ".venv/bin/tfsynth"


def test_a_bare_checkout_is_run_as_a_module(environment):
    (environment / "tfsynth").unlink()
    (environment / "tensorboard").unlink()
    assert program("tfsynth") == ".venv/bin/python -m tfsynth"
    assert program("tensorboard") == "tensorboard"


def test_blanks_in_a_place_are_quoted(environment, tmp_path, monkeypatch):
    folder = tmp_path / "work" / "my venv"
    folder.mkdir()
    (folder / "tfsynth").touch(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert program("tfsynth") == "'my venv/tfsynth'"

"""Skips for want of a tool fail where it is asked for; others stay skips."""

import re
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

def test_passes():
    pass

@pytest.mark.skipif(True, reason="JAX is not installed.")
def test_marked():
    pass

def test_imports():
    pytest.importorskip("no_such_package_anywhere")

def test_photographs():
    pytest.skip("No real photographs at ../data; TFSYNTH_SHARED can name their parent.")

@pytest.fixture
def setuptools():
    pytest.skip("Needs setuptools 77 or newer.")

def test_fixture(setuptools):
    pass

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False
"""
WHOLE_FILE = "import pytest\nnothing = pytest.importorskip('no_such_package_anywhere')\n"


def counts(folder, *options):
    """Runs the tests in a folder; returns the number of each outcome, and what was said."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*words, "-p", "tests.strict_skips", *options, str(folder), "--rootdir", str(folder)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    last = done.stdout.strip().splitlines()[-1]
    return {kind: int(n) for n, kind in re.findall(r"(\d+) (\w+)", last.split(" in ")[0])}, done


def test_skips_for_want_of_a_tool_fail(tmp_path):
    (tmp_path / "test_some.py").write_text(TESTS)
    found, done = counts(tmp_path, "--strict-skips")
    # A mark and a fixture skip before the test itself: pytest counts that as an error.
    assert found == {"failed": 1, "passed": 1, "skipped": 1, "xfailed": 1, "errors": 2}
    assert done.returncode == 1
    assert "does not allow here: JAX is not installed." in done.stdout
    assert "does not allow here: could not import 'no_such_package_anywhere'" in done.stdout
    assert "does not allow here: Needs setuptools 77" in done.stdout


def test_without_the_option_they_are_skips(tmp_path):
    (tmp_path / "test_some.py").write_text(TESTS)
    found, done = counts(tmp_path)
    assert found == {"passed": 1, "skipped": 4, "xfailed": 1}
    assert done.returncode == 0


def test_a_file_that_is_skipped_as_a_whole_is_an_error(tmp_path):
    (tmp_path / "test_whole.py").write_text(WHOLE_FILE)
    assert counts(tmp_path)[0] == {"skipped": 1}
    found, done = counts(tmp_path, "--strict-skips")
    assert found == {"error": 1}
    assert done.returncode != 0

"""A release: one version everywhere, a source distribution with all that is in the tree, sums."""

import importlib.util
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import tfsynth
from tests.source_tree import files_of_the_tree
from tfsynth import experiment
from tfsynth.config import load_config

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def release():
    """The program of `make release`, as a module."""
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copies(tmp_path):
    """A folder with the three files that name the version."""
    (tmp_path / "tfsynth").mkdir()
    for name in ("tfsynth/__init__.py", "CHANGELOG.md", "CITATION.cff"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_this_tree_names_one_version(release):
    assert release.agreed_version(ROOT) == tfsynth.__version__


@pytest.mark.parametrize(
    ("name", "pattern", "changed", "message"),
    [
        ("CITATION.cff", r"(?m)^version: .*$", "version: 9.8.7", "CITATION.cff: 9.8.7"),
        ("CHANGELOG.md", r"## \[[^\]]*\]", "## [9.8.7]", "CHANGELOG.md: 9.8.7"),
        ("CHANGELOG.md", r"## \[", "## ", "CHANGELOG.md: None"),
        ("tfsynth/__init__.py", "__version__ = .*", '__version__ = "9.8.7"', "init__.py: 9.8.7"),
    ],
)
def test_versions_that_differ_are_refused(release, copies, name, pattern, changed, message):
    text = (copies / name).read_text(encoding="utf-8")
    (copies / name).write_text(re.sub(pattern, changed, text, count=0), encoding="utf-8")
    with pytest.raises(ValueError, match=f"They name .*{message}.*Make them agree"):
        release.agreed_version(copies)


def test_a_date_is_a_date(release, tmp_path):
    for heading, dated in (("2026-12-01", True), ("Unreleased", False), ("soon", False)):
        (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [1.2.0] - {heading}\n")
        assert release.is_dated(tmp_path, "1.2.0") is dated
        assert not release.is_dated(tmp_path, "1.2")


def test_the_config_that_the_wheel_is_tried_with_can_be_built():
    told = experiment.describe(load_config(ROOT / ".ci" / "wheel.yaml"))
    assert "wheel: 32 x 64 pixels, 15 condition channels" in told
    assert "encoder FeatureEncoder" in told


def test_sums_are_read_by_sha256sum(release, tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    (tmp_path / "SHA256SUMS").write_text(release.sums({"abc": tmp_path / "abc"}))
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (tmp_path / "SHA256SUMS").read_text() == f"{digest}  abc\n"
    words = ["sha256sum", "-c", "SHA256SUMS"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "abc: OK\n"


def test_the_floors_run_on_a_python_that_is_there(release, monkeypatch):
    assert release.python_of("newest", sys.executable) == (sys.executable, None)
    monkeypatch.setattr(release, "FLOOR_PYTHONS", ("no-such-python", sys.executable))
    assert release.python_of("floors", "python3") == (sys.executable, None)
    monkeypatch.setattr(release, "FLOOR_PYTHONS", ("no-such-python",))
    python, remark = release.python_of("floors", "python3")
    assert python == "python3"
    assert remark == "No no-such-python is here: the floors run on python3."


def test_the_source_distribution_has_the_tree_and_the_wheel_is_built_from_it(release, tmp_path):
    sdist, wheel = release.build(ROOT, tmp_path)
    name = f"tfsynth-{tfsynth.__version__}"
    assert (sdist.name, wheel.name) == (f"{name}.tar.gz", f"{name}-py3-none-any.whl")
    with tarfile.open(sdist) as archive:
        files = {m.name.removeprefix(f"{name}/") for m in archive.getmembers() if m.isfile()}
    tree = {path.relative_to(ROOT).as_posix() for path in files_of_the_tree()}
    made = {f for f in files if f.startswith("tfsynth.egg-info/") or f in ("PKG-INFO", "setup.cfg")}
    assert files - made == tree
    with zipfile.ZipFile(wheel) as archive:
        assert "tfsynth/models/streets.keras" in archive.namelist()
        assert not [n for n in archive.namelist() if n.startswith(("tests/", "docs/"))]

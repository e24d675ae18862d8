"""Builds what a release consists of into `dist/`, tries it, and writes its sums: `make release`.

The source distribution is built from this tree, the wheel from the source distribution, so that
neither lacks what the other has. Each lane then installs the wheel into an empty environment and
uses it (`.ci/check_wheel`). `dist/SHA256SUMS` comes last: where it is, all of this went well.
"""

import argparse
import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LANES = {"newest": "constraints.txt", "floors": "constraints-colab.txt"}
# The floors are those of Python 3.13; 3.12 has packages of all of them too.
FLOOR_PYTHONS = ("python3.13", "python3.12")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
# At the root of the tree, and anywhere; `tfsynth/runs` is ours.
LEFT_OUT_AT_ROOT = {".git", ".venv", "runs", "build", "dist", "data", "weights"}
LEFT_OUT = shutil.ignore_patterns("*.egg-info", "__pycache__", ".*_cache")


def agreed_version(root):
    """Returns the version that code, changelog and citation agree on.

    Raises:
        ValueError: If they do not; says who says what.
    """
    found = {"tfsynth/__init__.py": _version_of_the_code(root)}
    for name, pattern in (
        ("CHANGELOG.md", r"^## \[([^\]]+)\]"),
        ("CITATION.cff", r"^version: *(\S+)"),
    ):
        match = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE)
        found[name] = match[1] if match else None
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name}: {version}" for name, version in found.items())
        raise ValueError(f"These name one version, the newest. They name {said}. Make them agree.")
    return found["tfsynth/__init__.py"]


def is_dated(root, version):
    """Returns whether the changelog has a date for a version."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    return re.search(heading, text, re.MULTILINE) is not None


def build(root, target):
    """Builds source distribution and wheel into a folder, offline; returns their paths."""
    with tempfile.TemporaryDirectory() as folder:
        # A build writes into its source folder, so it gets a copy.
        source = Path(folder) / "source"
        shutil.copytree(root, source, ignore=_left_out(root))
        # Quiet: each file is listed, and each pattern of MANIFEST.in that leaves nothing out.
        _run([sys.executable, "-c", BUILD, str(target)], cwd=source, capture_output=True)
        (sdist,) = target.glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        unpacked = Path(folder) / sdist.name.removesuffix(".tar.gz")
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
        offline = ["--no-deps", "--no-build-isolation", "--no-index"]
        _run([*pip, *offline, "-w", str(target), str(unpacked)])
    (wheel,) = target.glob("*.whl")
    return sdist, wheel


def sums(files):
    """Returns the lines of SHA256SUMS.

    Args:
        files: Dict of the name in the list -> path.
    """
    lines = []
    for name, path in files.items():
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n")
    return "".join(lines)


def python_of(lane, given):
    """Returns the interpreter of a lane, and a remark if it is not the one that fits."""
    if lane != "floors":
        return given, None
    for name in FLOOR_PYTHONS:
        if _makes_environments(name):
            return name, None
    return given, f"No {' or '.join(FLOOR_PYTHONS)} is here: the floors run on {given}."


def main(argv=None):
    """Does all of it, and says how long each part took."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--python", default="python3", help="the interpreter to try the wheel on")
    parser.add_argument(
        "--lanes",
        nargs="*",
        choices=LANES,
        default=list(LANES),
        help="sets of versions to try the wheel with (default: both); without one of them there "
        "are no sums",
    )
    arguments = parser.parse_args(argv)
    version = agreed_version(ROOT)
    print(f"tfsynth {version}: code, changelog and citation agree.", flush=True)
    if not is_dated(ROOT, version):
        print(f"CHANGELOG.md has no date for {version} yet: write it before you publish.")
    if changed := _changed_files():
        print(f"This is not what is committed: {changed} files differ.")
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    built = build(ROOT, dist)
    print(f"Built: {', '.join(path.name for path in built)}", flush=True)
    for lane in arguments.lanes:
        _try_wheel(lane, built[1], arguments.python)
    if set(arguments.lanes) != set(LANES):
        print("Not all lanes were tried: no SHA256SUMS.")
        return
    models = sorted((ROOT / "tfsynth" / "models").glob("*.keras"))
    files = {path.name: path for path in built}
    # As they lie in the installed package; `sha256sum --ignore-missing -c` takes what is there.
    files |= {path.relative_to(ROOT).as_posix(): path for path in models}
    (dist / "SHA256SUMS").write_text(sums(files), encoding="utf-8")
    print(f"Written: dist/SHA256SUMS, of {len(files)} files.")


def _left_out(root):
    def left_out(folder, names):
        at_root = LEFT_OUT_AT_ROOT & set(names) if Path(folder) == root else set()
        return LEFT_OUT(folder, names) | at_root

    return left_out


def _try_wheel(lane, wheel, given):
    python, remark = python_of(lane, given)
    print(f"Lane {lane}: {LANES[lane]} on {python}. {remark or ''}".rstrip(), flush=True)
    start = time.monotonic()
    names = {"PYTHON": python, "CONSTRAINTS": LANES[lane], "WHEEL": str(wheel)}
    _run([str(ROOT / ".ci" / "check_wheel")], env={**os.environ, **names})
    print(f"Lane {lane} took {time.monotonic() - start:.0f} s.", flush=True)


def _makes_environments(python):
    """Whether an interpreter is there, and not only a name of one."""
    try:
        words = [python, "-c", "import ensurepip, venv"]
        return subprocess.run(words, capture_output=True).returncode == 0
    except OSError:
        return False


def _changed_files():
    """Returns how many files differ from what is committed; 0 without git."""
    words = ["git", "-C", str(ROOT), "status", "--porcelain"]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError:
        return 0
    return len(done.stdout.splitlines())


def _version_of_the_code(root):
    return runpy.run_path(str(root / "tfsynth" / "__init__.py"))["__version__"]


def _run(words, **options):
    done = subprocess.run(words, **options)
    if done.returncode:
        said = (done.stderr or b"").decode(errors="replace")
        sys.exit(f"{said}Failed with {done.returncode}: {' '.join(words)}")


if __name__ == "__main__":
    try:
        main()
    except ValueError as refused:
        sys.exit(str(refused))

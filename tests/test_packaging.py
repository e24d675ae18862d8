"""The wheel holds all that the program reads, and says what it needs."""

import ast
import email
import importlib.metadata
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tfsynth
from tests.source_tree import SOURCES

ROOT = Path(__file__).parents[1]
NOT_SHIPPED = ("__pycache__", ".ipynb_checkpoints")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree, built with what is installed: nothing is downloaded."""
    if int(importlib.metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("Needs setuptools 77 or newer; `make test` brings it.")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    # A build writes into its source folder, so it gets a view of this tree.
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "tfsynth", "configs"):
        (source / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--no-index", "-w", str(folder), str(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("tfsynth-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def files_below(folder):
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not set(path.parts) & set(NOT_SHIPPED)
    }


def test_wheel_holds_the_configs_and_the_package(wheel):
    configs = {f"tfsynth/configs/{name}" for name in files_below(ROOT / "configs")}
    package = {f"tfsynth/{name}" for name in files_below(ROOT / "tfsynth")}
    assert "tfsynth/configs/demo.yaml" in configs
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == configs | package


def test_wheel_states_version_licence_and_entry_point(wheel):
    info = f"tfsynth-{tfsynth.__version__}.dist-info"
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
    assert metadata["Version"] == tfsynth.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert "tfsynth = tfsynth.__main__:main" in wheel.read(f"{info}/entry_points.txt").decode()


def test_constraints_pin_every_dependency(wheel):
    info = f"tfsynth-{tfsynth.__version__}.dist-info"
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonical(line.partition("==")[0]) for line in lines if not line.startswith("#")}
    needed = {
        canonical(requirement.replace("[", ">").replace(";", ">").partition(">")[0])
        for requirement in metadata.get_all("Requires-Dist", [])
    }
    assert "tensorflow" in needed
    assert needed <= pinned


def imported_packages():
    """Returns the packages that the sources import, at their beginning or on use."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"tfsynth"}


def test_a_plain_install_brings_what_is_imported(wheel):
    info = f"tfsynth-{tfsynth.__version__}.dist-info"
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
    lines = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    plain = {canonical(re.match(r"[\w-]+", line)[0]) for line in lines}
    imported = imported_packages()
    assert {"sklearn", "scipy", "PIL"} <= imported
    called = {"sklearn": "scikit-learn", "PIL": "pillow", "yaml": "pyyaml", "google": "protobuf"}
    # Where one of these is missing, the commands say which extra brings it.
    optional = {
        **{"jax": "jax", "matplotlib": "charts", "huggingface-hub": "hub"},
        **{"ai-edge-litert": "litert", "ai-edge-quantizer": "litert"},
        **{"tf2onnx": "onnx", "onnx": "onnx", "onnxruntime": "onnx"},
    }
    for package, extra in optional.items():
        assert any(
            re.fullmatch(rf"{package.replace('-', '[-_]')}\b.*extra == .{extra}.", line)
            for line in metadata.get_all("Requires-Dist", [])
        ), package
    # Google's protobuf comes with TensorFlow, and with ONNX, which reads its files by it.
    needed = {canonical(called.get(name, name)) for name in imported} - {*optional, "protobuf"}
    assert needed - plain == set()
    # What TensorFlow Datasets imports without saying so.
    assert plain - needed == {"importlib-resources"}


def canonical(name):
    return name.strip().lower().replace("_", "-")

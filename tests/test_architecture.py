"""The import rules of docs/architecture.md, section 3, checked in the source."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tfsynth"

# What each part may import of tfsynth besides itself, the registry and the version.
MAY_IMPORT = {
    "__init__": {"models", "registry"},
    "__main__": {"commands"},
    "commands": {
        *("config", "experiment", "importers", "labels", "load_model", "models", "reproduction"),
        *("tables", "trainers"),
    },
    "reproduction": {
        *("config", "experiment", "files", "measurement", "phases", "report", "run_folder"),
        *("tables", "trainers"),
    },
    "report": {"charts", "comparison", "files", "sheets", "tables"},
    "comparison": {"tables"},
    "tables": {"config"},
    "measurement": {"data", "metrics"},
    "charts": set(),
    "experiment": {
        *("config", "cost", "data", "deployment", "evaluation", "files", "models", "phases"),
        *("preparation", "results", "run_folder", "styles", "trainers", "training"),
    },
    "training": {"data", "preparation", "results", "sheets", "trainers"},
    "results": {
        *("data", "deployment", "evaluation", "exporters", "files", "layout_files", "sheets"),
        *("styles", "synthesizer"),
    },
    "preparation": {
        *("config", "data", "files", "models", "phases", "run_folder", "styles", "trainers"),
    },
    "phases": {"config"},
    "evaluation": {"config", "data", "deployment", "files", "metrics", "models", "run_folder"},
    "deployment": {
        *("data", "exporters", "files", "layout_files", "models", "regions", "run_folder"),
        *("synthesis_files", "synthesizer"),
    },
    "synthesis_files": {"data"},
    "layout_files": {"data", "files", "streets"},
    "run_folder": {"config"},
    "files": set(),
    "models": set(),
    "config": set(),
    "cost": set(),
    "registry": set(),
    "labels": set(),
    "layout": {"labels", "regions"},
    "regions": set(),
    "storage": set(),
    "style_table": set(),
    "styles": {"style_table"},
    "synthesizer_checks": {"regions"},
    "sheets": {"files", "labels"},
    "synthesizer": {
        *("exporters", "labels", "layers", "storage", "styles", "synthesizer_checks"),
    },
    "layers": set(),
    "networks": {"layers"},
    "losses": set(),
    "metrics": {"files", "labels", "networks"},
    "trainers": {"files", "layers"},
    "data": {"config", "labels", "regions", "streets"},
    "streets": set(),
    "importers": {"files", "labels", "layers", "networks", "styles", "synthesizer"},
    "exporters": {"files", "synthesizer"},
}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imported_parts(path):
    """Yields the part of tfsynth that each import in the file names, `tfsynth` itself left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"Line {node.lineno}: write `from tfsynth...`, not a dot."
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "tfsynth" and rest:
                yield rest.partition(".")[0]


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_rules(path):
    part = part_of(path)
    assert part in MAY_IMPORT, f"State in MAY_IMPORT what `{part}` may import."
    forbidden = set(imported_parts(path)) - MAY_IMPORT[part] - {part, "registry", "__version__"}
    assert not forbidden, f"`{part}` may not import {sorted(forbidden)}."


def test_the_source_is_found():
    assert {"__init__", "__main__", "commands"} <= {part_of(path) for path in SOURCES}

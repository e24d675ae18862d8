"""The import rules of docs/architecture.md, checked in the source.

The page is where the rules are said: the block below "Who may import whom" is read here.
"""

import ast
import re

import pytest

from tests.source_tree import PACKAGE, ROOT, SOURCES

# What any part may import.
COMMON = {"hints", "registry", "__version__"}


def rules():
    """Returns part -> the set of parts that it may import, as the page says."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("## Who may import whom", 1)[1].split("\n## ", 1)[0]
    found = {}
    for line in section.split("```")[1].strip().splitlines():
        parts, _, imported = line.partition("->")
        for part in re.findall(r"\w+", parts):
            assert part not in found, f"docs/architecture.md says twice what `{part}` may import."
            found[part] = set(re.findall(r"\w+", imported)) - {"nothing"}
    return found


MAY_IMPORT = rules()


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
    assert part in MAY_IMPORT, f"Say in docs/architecture.md what `{part}` may import."
    forbidden = set(imported_parts(path)) - MAY_IMPORT[part] - {part} - COMMON
    assert not forbidden, f"`{part}` may not import {sorted(forbidden)}."


def test_rules_and_source_name_the_same_parts():
    assert set(MAY_IMPORT) == {part_of(path) for path in SOURCES}


def test_no_part_imports_another_that_imports_it():
    parts = {part_of(path) for path in SOURCES}
    below = {part: set() for part in parts}
    for path in SOURCES:
        below[part_of(path)] |= set(imported_parts(path)) & parts - {part_of(path)}
    floors, left = {}, dict(below)
    while left:
        free = {part for part, imported in left.items() if imported <= set(floors)}
        assert free, f"These import each other: {sorted(left)}."
        floors |= {p: 1 + max((floors[b] for b in below[p]), default=0) for p in free}
        left = {part: imported for part, imported in left.items() if part not in free}
    # More of either is a house that nobody finds through.
    assert max(floors.values()) <= 9
    assert len(floors) <= 25


def test_tests_go_through_what_is_public():
    ours = re.compile(r"(tfsynth|tests)\b")
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and ours.match(node.module):
                names = [*node.module.split("."), *(alias.name for alias in node.names)]
                where = f"{path.relative_to(ROOT)}, line {node.lineno}"
                assert not any(re.match("_[a-z]", n) for n in names), f"{where}: private."
                assert not any(n.startswith("test_") for n in names), f"{where}: a file of tests."
            elif isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
                # A test's own class may have what it likes.
                own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                assert own, f"{path.relative_to(ROOT)}, line {node.lineno}: `.{node.attr}`."

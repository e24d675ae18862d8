"""The documents: what they link to and the tests that they name are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert not [link for link in local if not (page.parent / link).exists()]


def test_the_tests_that_a_page_names_exist():
    text = (ROOT / "docs" / "coming_from_pix2pixhd.md").read_text(encoding="utf-8")
    path, named = None, []
    # `path::test`, and `::another` of the same file after it.
    for file, test in re.findall(r"`([\w/]+\.py)?::(test_\w+)`", text):
        path = file or path
        named.append((path, test))
    assert len(named) > 20
    for path, test in named:
        assert f"def {test}(" in (ROOT / "tests" / path).read_text(encoding="utf-8"), test

"""The documents: what they link to and the tests that they name are there."""

import re
from pathlib import Path

import pytest

from tfsynth.data import picture_formats
from tfsynth.models import archive, weights
from tfsynth.plain import reader
from tfsynth.registry.building import MOST_OF_A_NETWORK

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


BOUNDS = [
    (f"{reader.MOST_BYTES:,} bytes, {reader.MOST_NODES:,} nodes", "of YAML"),
    (
        f"{reader.MOST_LEVELS} levels; whole numbers of a network {MOST_OF_A_NETWORK:,}",
        "of configs",
    ),
    (f"{picture_formats.MOST_BYTES >> 20} MiB; 8192 x 8192 pixels (WebP half", "of pictures"),
    (f"compressed BMP {picture_formats.MOST_SLOW_PIXELS // 10**6} million)", "of slow pictures"),
    (f"{picture_formats.MOST_CHUNKS:,} chunks of a PNG", "of a PNG"),
    (f"{picture_formats.MOST_TAGS} tags of a TIFF", "of a TIFF"),
    (f"{archive.MOST_CONFIG_BYTES >> 20} MiB of config", "of a model's config"),
    (f"{archive.MOST_WEIGHT_BYTES >> 30} GiB of weights", "of a model's weights"),
    (f"in {weights.MOST_OBJECTS:,} arrays", "of arrays"),
]


@pytest.mark.parametrize(("said", "what"), BOUNDS, ids=[what for _, what in BOUNDS])
def test_security_names_the_bounds_that_are_kept(said, what):
    text = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
    assert said in text
    assert picture_formats.MOST_PIXELS == 8192**2 == 2 * picture_formats.MOST_WEBP_PIXELS

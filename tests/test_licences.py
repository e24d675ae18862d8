"""Every file that is not text has its origin and licence in LICENSES.md."""

import fnmatch
import re

from tests.source_tree import ROOT, files_of_the_tree


def is_text(path):
    content = path.read_bytes()
    try:
        content.decode("utf-8")
        return b"\0" not in content
    except UnicodeDecodeError:
        return False


def rows():
    """Returns the rows of the table: (patterns of files, origin, licence)."""
    found = []
    for line in (ROOT / "LICENSES.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and "`" in cells[0]:
            found.append((re.findall(r"`([^`]+)`", cells[0]), *cells[1:]))
    return found


def test_every_binary_file_has_a_row_and_every_row_its_files():
    binary = {p.relative_to(ROOT).as_posix() for p in files_of_the_tree() if not is_text(p)}
    assert "tests/goldens/torch_zip.pth" in binary
    patterns = [pattern for row in rows() for pattern in row[0]]
    unlisted = [b for b in binary if not any(fnmatch.fnmatch(b, one) for one in patterns)]
    assert not unlisted, f"Say in LICENSES.md where they come from: {sorted(unlisted)}."
    gone = [pattern for pattern in patterns if not fnmatch.filter(binary, pattern)]
    assert not gone, f"LICENSES.md lists what is not there: {gone}."


def test_every_row_says_origin_and_licence():
    assert len(rows()) >= 5
    for row in rows():
        assert len(row) == 3
        assert len(row[1]) > 10, row
        # Others may come later, each with its text; none that forbids commercial use.
        assert row[2] in ("Apache-2.0",), row


def test_the_licence_of_the_package_is_the_one_that_the_table_names():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert 'license="Apache-2.0"' in (ROOT / "setup.py").read_text(encoding="utf-8")

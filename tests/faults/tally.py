"""What was tried, and what fell: the table of the tests of faults."""

import dataclasses
import json
import platform
import time
from pathlib import Path

from tests.faults import settings


@dataclasses.dataclass
class Row:
    """One line of the table.

    Attributes:
        what: What was done.
        tries: How often.
        failed: (name, text) of what was lost or broken; a try may be there several times.
        notes: Figures beside, as text.
        seconds: Wall time of all tries.
    """

    what: str
    tries: int = 0
    failed: list = dataclasses.field(default_factory=list)
    notes: str = ""
    seconds: float = 0.0

    def count(self, name, found):
        """Counts a try, and what was wrong with it, a list of texts."""
        self.tries += 1
        self.failed += [(name, text) for text in found]


class Tally:
    """The rows of a session."""

    def __init__(self):
        self.rows = {}

    def row(self, what):
        """Returns the row of that name, a new one if there is none."""
        return self.rows.setdefault(what, Row(what))

    def markdown(self):
        """Returns the table, and below it each failure."""
        lines = [
            f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, Python "
            f"{platform.python_version()}, seed {settings.SEED}, share {settings.SHARE:g}",
            "",
            "| what | tries | lost or failed | seconds | |",
            "|---|---|---|---|---|",
        ]
        for row in self.rows.values():
            failed = len({name for name, _ in row.failed})
            figures = f"{row.tries} | {failed} | {row.seconds:.0f} | {row.notes}"
            lines.append(f"| {row.what} | {figures} |")
        tried = sum(row.tries for row in self.rows.values())
        tracebacks = sum(
            "traceback" in text for row in self.rows.values() for _, text in row.failed
        )
        lines.append(f"| tracebacks in all of it | {tried} | {tracebacks} | | |")
        for row in self.rows.values():
            if row.failed:
                lines += [
                    "",
                    f"{row.what}:",
                    "",
                    *(f"- {name} {text}" for name, text in row.failed),
                ]
        return "\n".join(lines) + "\n"

    def write(self, folder):
        """Writes `report.json` and `report.md` into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [dataclasses.asdict(row) for row in self.rows.values()]
        whole = {"seed": settings.SEED, "share": settings.SHARE, "rows": rows}
        (folder / "report.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
        (folder / "report.md").write_text(self.markdown(), encoding="utf-8")

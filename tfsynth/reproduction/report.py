"""A compared table as Markdown, JSON and a picture."""

import dataclasses
import json

from tfsynth import sheets
from tfsynth.files import write_text
from tfsynth.reproduction import comparison
from tfsynth.reproduction.charts import Panel, draw_bars
from tfsynth.reproduction.comparison import AS_PUBLISHED, REVERSED, UNDECIDED
from tfsynth.reproduction.tables import MEASURES

_REFERENCES = {
    "oracle": "real photographs (oracle)",
    "flat": "each class in its mean colour (flat)",
    "floor": "real photographs of other layouts (floor)",
}
# In Markdown, and drawn: the font of the picture has no dagger.
_RECALLED, _RECALLED_DRAWN = "†", "*"


def write(page, table, dataset, results, folders, changes=None):
    """Writes a table as `page`, a Markdown file, and as JSON and PNG of the same name.

    Args:
        page: `pathlib.Path` ending in `.md`; its folder must exist.
        table: A `Table`.
        dataset: Name of the data set.
        results: Dict of row -> dict of seed -> result, see `reproduction`; not empty.
        folders: Dict of row -> the folder of its runs, without the seed.
        changes: Dict of dotted key -> value: what was changed in all rows.

    Raises:
        OSError: If a file cannot be written.
    """
    compared = compare(table, dataset, results, folders, changes)
    write_text(page.with_suffix(".json"), json.dumps(compared, indent=1) + "\n")
    sheets.write_sheet(page.with_suffix(".png"), draw(table, dataset, compared))
    write_text(page, markdown(table, compared, page.with_suffix(".png").name))


def compare(table, dataset, results, folders, changes=None):
    """Returns all that a table says, as plain data."""
    summaries = {name: comparison.summarise(results, name) for name in table.measures}
    verdicts = comparison.verdicts(summaries[table.measures[0]], table.measures[0])
    any_result = next(iter(next(iter(results.values())).values()))
    return {
        "table": table.name,
        "dataset": dataset,
        "protocol": any_result["protocol"],
        "examples": any_result["examples"],
        "changes": dict(changes or {}),
        "decides": table.measures[0],
        "rows": {
            row: {
                "title": table.rows[row],
                "runs": folders[row],
                "verdict": verdicts.get(row),
                "measures": {
                    name: _numbers(summary[row])
                    for name, summary in summaries.items()
                    if row in summary
                },
                "training": _training(results.get(row, {})),
            }
            for row in table.datasets[dataset]
        },
        "references": any_result["references"],
        "published": [_published(column, results, table.measures) for column in table.published],
    }


def markdown(table, compared, picture):
    """Returns a table as Markdown.

    Args:
        table: A `Table`.
        compared: What `compare` returned.
        picture: File name of the picture.
    """
    columns = compared["published"]
    headings = ["row", "seeds", *(MEASURES[name].title for name in table.measures), "verdict"]
    headings += [f"published: {_column_title(c)} ({i})" for i, c in enumerate(columns, start=1)]
    lines = [f"# {table.title}: {compared['dataset']}", "", table.question, ""]
    lines += [_line(headings), _line(["---"] * len(headings))]
    for name, row in compared["rows"].items():
        lines.append(_line(_cells(table, columns, name, row)))
    for name, title in _REFERENCES.items():
        lines.append(_line(_reference_cells(table, columns, name, title, compared)))
    lines += [
        "",
        f"Mean over the seeds, and ± half of the largest minus the smallest. The verdict goes by "
        f"{MEASURES[table.measures[0]].title}: a row whose gap to the best one is within that "
        "spread is undecided, and so is a single seed. Published figures are of other data, "
        "networks and segmenters: only the order of rows can be compared.",
        "",
        "## The order of rows",
        "",
        *_order(table, columns),
        "",
        *_provenance(columns),
        "",
        "## How it was made",
        "",
        f"Protocol {compared['protocol']}, {compared['examples']} test pictures."
        + "".join(
            f" `{key}` is {value} in all rows." for key, value in compared["changes"].items()
        ),
        "",
        *_training_table(compared["rows"]),
        "",
        f"![The table as bars]({picture})",
    ]
    return "\n".join(lines) + "\n"


def draw(table, dataset, compared):
    """Returns a table as a picture, uint8 (height, width, 3)."""
    rows = {name: row["title"] for name, row in compared["rows"].items()}
    panels = []
    for name in table.measures:
        found = {r: row["measures"].get(name) for r, row in compared["rows"].items()}
        values = {r: (n["mean"], n["least"], n["most"]) for r, n in found.items() if n}
        measure = MEASURES[name]
        way = "measured here" + ("" if measure.higher_is_better else ", less is better")
        panels.append(Panel(f"{measure.title}\n{way}", "measured", values, digits=measure.digits))
    for number, column in enumerate(compared["published"], start=1):
        values = {r: (v, v, v) for r, v in column["values"].items() if r in rows}
        marks = {r: f" {_RECALLED_DRAWN}" for r in column["recalled"]}
        title = f"{_column_title(column)}\npublished ({number})"
        panels.append(Panel(title, "published", values, marks, digits=None))
    footer = "Black lines: least to most over seeds."
    if any(column["recalled"] for column in compared["published"]):
        footer += f"  {_RECALLED_DRAWN} recalled, not read again in the paper."
    return draw_bars(f"{table.title}: {dataset}", rows, panels, footer)


def _numbers(summary):
    values = list(summary.values.values())
    return {
        "mean": summary.mean,
        "spread": summary.spread if len(values) > 1 else None,
        "least": min(values),
        "most": max(values),
        "by_seed": summary.values,
    }


def _training(by_seed):
    keys = ("steps", "minutes", "images_per_second", "precision", "machine", "version")
    return {seed: {key: result[key] for key in keys} for seed, result in by_seed.items()}


def _published(column, results, measures):
    pairs = comparison.compare_order(column, results, measures)
    return {
        "measure": column.measure,
        "preferred": column.preferred,
        "where": column.where,
        "note": column.note,
        "values": column.values,
        "recalled": sorted(column.recalled),
        "order": [dataclasses.asdict(pair) for pair in pairs],
    }


def _column_title(column):
    if column["measure"] == "preference":
        return f"people prefer {column['preferred']}, %"
    return MEASURES[column["measure"]].title


def _cells(table, columns, name, row):
    cells = [row["title"], str(len(row["training"]))]
    for measure in table.measures:
        cells.append(_cell(row["measures"].get(measure), MEASURES[measure].digits))
    cells.append(row["verdict"] or "not trained")
    return cells + [_figure(column, name) for column in columns]


def _cell(numbers, digits):
    if numbers is None:
        return "–"
    text = f"{numbers['mean']:.{digits}f}"
    if numbers["spread"] is None:
        return text
    return f"{text} ± {numbers['spread'] / 2:.{digits}f}"


def _reference_cells(table, columns, name, title, compared):
    values = [compared["references"][name].get(measure) for measure in table.measures]
    digits = [MEASURES[measure].digits for measure in table.measures]
    cells = ["–" if v is None else f"{v:.{d}f}" for v, d in zip(values, digits, strict=True)]
    return [title, "", *cells, "", *(_figure(column, name) for column in columns)]


def _figure(column, row):
    if row not in column["values"]:
        return "–"
    return f"{column['values'][row]}{_RECALLED if row in column['recalled'] else ''}"


def _line(cells):
    return f"| {' | '.join(cells)} |"


def _order(table, columns):
    lines = []
    for number, column in enumerate(columns, start=1):
        pairs = column["order"]
        if not pairs:
            lines.append(f"- ({number}): no two of its rows have results.")
            continue
        counts = {kind: [p for p in pairs if p["here"] == kind] for kind in _KINDS}
        measure = MEASURES[pairs[0]["measure"]]
        said = f"- ({number}), by {measure.title}: as published in "
        said += f"{len(counts[AS_PUBLISHED])} of {len(pairs)} pairs of rows"
        for kind, text in ((UNDECIDED, "undecided"), (REVERSED, "**differs from the paper**")):
            if counts[kind]:
                said += f"; {text}: {', '.join(_pair(table, p, measure) for p in counts[kind])}"
        lines.append(f"{said}.")
    return lines or ["No figures were published to compare with."]


_KINDS = (AS_PUBLISHED, UNDECIDED, REVERSED)


def _pair(table, pair, measure):
    better, worse = table.rows[pair["better"]], table.rows[pair["worse"]]
    return f"{better} over {worse} ({pair['gap']:+.{measure.digits}f} here)"


def _provenance(columns):
    lines = []
    for number, column in enumerate(columns, start=1):
        note = f" {column['note']}" if column["note"] else ""
        lines.append(f"({number}) {column['where']}.{note}")
    if any(column["recalled"] for column in columns):
        lines.append(f"{_RECALLED} recalled, not read again in the paper: do not quote.")
    return [line for text in lines for line in (text, "")][:-1]


def _training_table(rows):
    headings = ["row", "seed", "steps", "images/s", "minutes", "precision", "machine", "version"]
    lines = [_line(headings), _line(["---"] * len(headings))]
    for row in rows.values():
        for seed, run in row["training"].items():
            rate = run["images_per_second"]
            numbers = [f"{run['steps']:,}", f"{rate:.3g}" if rate else "–", f"{run['minutes']:.1f}"]
            words = [run[key] for key in ("precision", "machine", "version")]
            lines.append(_line([row["title"], str(seed), *numbers, *words]))
    return lines

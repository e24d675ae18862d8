"""A compared table: as plain data, and written as Markdown, JSON and bars."""

import dataclasses
import json

from tfsynth.files import write_text
from tfsynth.reproduction import charts, comparison, page, table_sheets
from tfsynth.reproduction.committed import notes_on
from tfsynth.reproduction.conditions import data_here, protocol_of, usual_conditions
from tfsynth.reproduction.measured_features import without_other_features
from tfsynth.reproduction.measures import MEASURES
from tfsynth.runs.figures import new_figure, write_figure

# The picture's mark of a figure that was recalled; the page has a dagger.
_RECALLED = "*"


def write(path, table, dataset, runs, changes=None):
    """Writes a table as `path`, a Markdown file, and as JSON and PNG of the same name.

    Args:
        path: `pathlib.Path` ending in `.md`; its folder is made.
        table: A `Table`.
        dataset: Name of the data set.
        runs: Sequence of `Run`; nothing is written if none of them has a result.
        changes: Dict of dotted key -> value: what was changed in all rows.

    Raises:
        OSError: If a file cannot be written.
    """
    results, folders, notes = {}, {}, {}
    for run in runs:
        folders.setdefault(run.row, str(run.folder.path).rpartition("-seed")[0])
    shown = [(run, result) for run in runs if (result := run.read_result()) is not None]
    if not shown:
        return
    usual = usual_conditions([result for _, result in shown], data_here(shown[0][0].config))
    for run, result in shown:
        results.setdefault(run.row, {})[run.seed] = without_other_features(result, table)
        notes.setdefault(run.row, {})[run.seed] = notes_on(run, table, usual)
    path.parent.mkdir(parents=True, exist_ok=True)
    compared = compare(table, dataset, results, folders, changes, notes)
    write_text(path.with_suffix(".json"), json.dumps(compared, indent=1) + "\n")
    pictures = {}
    if draw(path.with_suffix(".png"), table, compared):
        pictures["The table as bars"] = path.with_suffix(".png").name
    drawn = {"The first test layouts by all rows": table_sheets.sheet_path(path)}
    for row, title in table.rows.items():
        drawn[f"The first test layouts by {title}"] = table_sheets.samples_path(path, row)
    pictures |= {said: file.name for said, file in drawn.items() if file.is_file()}
    write_text(path, page.markdown(table, compared, pictures))


def compare(table, dataset, results, folders, changes=None, notes=None):
    """Returns all that a table says, as plain data.

    Args:
        table: A `Table`.
        dataset: Name of the data set.
        results: Dict of row -> dict of seed -> result; not empty.
        folders: Dict of row -> the folder of its runs, without the seed.
        changes: See `write`.
        notes: Dict of row -> dict of seed -> list of what there is to know of a result.
    """
    summaries = {name: comparison.summarise(results, name) for name in table.measures}
    verdicts = comparison.verdicts(summaries[table.measures[0]], table.measures[0])
    every = [result for by_seed in results.values() for result in by_seed.values()]
    answers = [comparison.answer(question, results) for question in table.questions]
    return {
        "table": table.name,
        "dataset": dataset,
        "protocol": protocol_of(every, "protocol"),
        "second_protocol": protocol_of(every, "second_protocol"),
        "measure_features": table.measure_features,
        "examples": next((r["examples"] for r in every if r["examples"]), None),
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
                "notes": {seed: said for seed, said in (notes or {}).get(row, {}).items() if said},
            }
            for row in table.datasets[dataset]
        },
        "references": _references(every),
        "questions": [answer for answer in answers if answer is not None],
        "published": [_published(column, results, table.measures) for column in table.published],
    }


def draw(path, table, compared):
    """Writes a table as bars; returns whether it could be drawn.

    Args:
        path: `pathlib.Path` ending in `.png`.
        table: A `Table`.
        compared: What `compare` returned.
    """
    rows = {name: row["title"] for name, row in compared["rows"].items()}
    panels = []
    for name in page.main_measures(table):
        found = {r: row["measures"].get(name) for r, row in compared["rows"].items()}
        values = {r: (n["mean"], n["least"], n["most"]) for r, n in found.items() if n}
        measure = MEASURES[name]
        way = "measured here" + ("" if measure.higher_is_better else ", less is better")
        title = f"{measure.title}\n{way}"
        panels.append(charts.Panel(title, "measured", values, digits=measure.digits))
    for number, column in enumerate(compared["published"], start=1):
        values = {r: (v, v, v) for r, v in column["values"].items() if r in rows}
        marks = {r: f" {_RECALLED}" for r in column["recalled"]}
        title = f"{page.column_title(column)}\npublished ({number})"
        panels.append(charts.Panel(title, "published", values, marks, digits=None))
    footer = "Black lines: least to most over seeds."
    if any(column["recalled"] for column in compared["published"]):
        footer += f"  {_RECALLED} recalled, not read again in the paper."
    figure = new_figure(*charts.size_of(rows, panels), "Bars of a table")
    if figure is None:
        return False
    charts.draw_bars(figure, f"{table.title}: {compared['dataset']}", rows, panels, footer)
    write_figure(path, figure)
    return True


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


def _references(results):
    """Returns the references of all results: one that was measured less has fewer numbers."""
    found = {}
    for result in results:
        for row, numbers in result["references"].items():
            found.setdefault(row, {}).update(numbers)
    return found


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

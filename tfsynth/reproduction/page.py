"""A compared table as Markdown."""

from tfsynth.reproduction.comparison import AS_PUBLISHED, REVERSED, UNDECIDED
from tfsynth.reproduction.measures import MEASURES

_REFERENCES = {
    "oracle": "real photographs (oracle)",
    "flat": "each class in its mean colour (flat)",
    "floor": "real photographs of other layouts (floor)",
}
_RECALLED = "†"
_KINDS = (AS_PUBLISHED, UNDECIDED, REVERSED)


def markdown(table, compared, pictures):
    """Returns a table as Markdown.

    Args:
        table: A `Table`.
        compared: What `report.compare` returned.
        pictures: Dict of what a picture shows -> its file name beside the page.
    """
    published = compared["published"]
    parts = [
        f"# {table.title}: {compared['dataset']}",
        table.question,
        _main_table(table, compared),
        "Mean over the seeds, and ± half of the largest minus the smallest. The verdict goes by "
        f"{MEASURES[table.measures[0]].title}: a row whose gap to the best one is not above "
        "the largest minus the smallest, of whichever of the two has more, is undecided, and so is "
        "a single seed."
        + (
            " Published figures are of other data, networks and segmenters: only the order of "
            "rows can be compared."
            if published
            else ""
        ),
        *_further_tables(table, compared),
    ]
    if compared["questions"]:
        parts += ["## What each part brings", _answers(compared["questions"])]
    if published:
        parts += ["## The order of rows", "\n".join(_order(table, published))]
        parts += _provenance(published)
    scored = f"Protocol {compared['protocol']}, {compared['examples']} test pictures. "
    if compared["second_protocol"]:
        scored += f"Second judge: {compared['second_protocol']}. "
    if features := compared["measure_features"]:
        name, sha256 = features["path"].rpartition("/")[2], features["sha256"]
        scored += f"Features of {name}, SHA-256 {sha256}. "
    changed = [f"`{key}` is {value} in all rows." for key, value in compared["changes"].items()]
    parts += [
        "## How it was made",
        ((scored if compared["protocol"] else "") + " ".join(changed)).strip(),
        _training_table(compared["rows"]),
        "\n".join(_notes(compared["rows"])),
        *(f"![{shown}]({file})" for shown, file in pictures.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def main_measures(table):
    """Returns the names of a table's measures that stand in its first table."""
    heading = MEASURES[table.measures[0]].heading
    return [name for name in table.measures if MEASURES[name].heading == heading]


def column_title(column):
    """Returns the title of a published column, as plain data of `report.compare`."""
    if column["measure"] == "preference":
        return f"people prefer {column['preferred']}, %"
    return MEASURES[column["measure"]].title


def _main_table(table, compared):
    names, published = main_measures(table), compared["published"]
    headings = ["row", "seeds", *(MEASURES[name].title for name in names), "verdict"]
    headings += [f"published: {column_title(c)} ({i})" for i, c in enumerate(published, start=1)]
    lines = []
    for name, row in compared["rows"].items():
        cells = [row["title"], str(len(row["training"])), *_cells(row, names)]
        cells += [row["verdict"] or "not trained"]
        lines.append(cells + [_figure(column, name) for column in published])
    for name, title in _REFERENCES.items():
        cells = _reference_cells(compared, name, names)
        figures = [_figure(column, name) for column in published]
        if any(cell != "–" for cell in cells + figures):
            lines.append([title, "", *cells, "", *figures])
    return _grid(headings, lines)


def _further_tables(table, compared):
    """Yields a heading and a table of each other subject that was measured."""
    first = main_measures(table)
    others = [name for name in table.measures if name not in first]
    for heading in dict.fromkeys(MEASURES[name].heading for name in others):
        names = [name for name in others if MEASURES[name].heading == heading]
        rows = [
            row for row in compared["rows"].values() if any(n in row["measures"] for n in names)
        ]
        if not rows:
            continue
        lines = [[row["title"], *_cells(row, names)] for row in rows]
        real = _reference_cells(compared, "oracle", names)
        if any(cell != "–" for cell in real):
            lines.append(["real photographs", *real])
        yield f"## {heading}"
        yield _grid(["row", *(MEASURES[name].title for name in names)], lines)


def _cells(row, names):
    return [_cell(row["measures"].get(name), MEASURES[name]) for name in names]


def _cell(numbers, measure):
    if numbers is None:
        return "–"
    digits = measure.digits
    text = f"{numbers['mean']:{'+' if measure.signed else ''}.{digits}f}"
    if numbers["spread"] is None:
        return text
    return f"{text} ± {numbers['spread'] / 2:.{digits}f}"


def _reference_cells(compared, reference, names):
    values = [compared["references"].get(reference, {}).get(name) for name in names]
    digits = [MEASURES[name].digits for name in names]
    return ["–" if v is None else f"{v:.{d}f}" for v, d in zip(values, digits, strict=True)]


def _figure(column, row):
    if row not in column["values"]:
        return "–"
    return f"{column['values'][row]}{_RECALLED if row in column['recalled'] else ''}"


def _answers(answers):
    lines = []
    for found in answers:
        measures = [MEASURES[name] for name in found["measures"]]
        titles = " against ".join(dict.fromkeys(measure.title for measure in measures))
        numbers = [f"{found[key]:.{measures[0].digits}f}" for key in ("with", "without")]
        lines.append([found["question"], titles, *numbers, found["answer"]])
    return _grid(["question", "measure", "with", "without", "does it help?"], lines)


def _order(table, columns):
    for number, column in enumerate(columns, start=1):
        pairs = column["order"]
        if not pairs:
            yield f"- ({number}): no two of its rows have results."
            continue
        counts = {kind: [p for p in pairs if p["here"] == kind] for kind in _KINDS}
        measure = MEASURES[pairs[0]["measure"]]
        said = f"- ({number}), by {measure.title}: as published in "
        said += f"{len(counts[AS_PUBLISHED])} of {len(pairs)} pairs of rows"
        for kind, text in ((UNDECIDED, "undecided"), (REVERSED, "**differs from the paper**")):
            if counts[kind]:
                said += f"; {text}: {', '.join(_pair(table, p, measure) for p in counts[kind])}"
        yield f"{said}."


def _pair(table, pair, measure):
    better, worse = table.rows[pair["better"]], table.rows[pair["worse"]]
    return f"{better} over {worse} ({pair['gap']:+.{measure.digits}f} here)"


def _provenance(columns):
    for number, column in enumerate(columns, start=1):
        note = f" {column['note']}" if column["note"] else ""
        yield f"({number}) {column['where']}.{note}"
    if any(column["recalled"] for column in columns):
        yield f"{_RECALLED} recalled, not read again in the paper: do not quote."


def _training_table(rows):
    headings = ["row", "seed", "steps", "images/s", "minutes", "precision", "machine", "version"]
    lines = []
    for row in rows.values():
        for seed, run in row["training"].items():
            rate = run["images_per_second"]
            numbers = [f"{run['steps']:,}", f"{rate:.3g}" if rate else "–", f"{run['minutes']:.1f}"]
            words = [run[key] or "–" for key in ("precision", "machine", "version")]
            lines.append([row["title"], str(seed), *numbers, *words])
    return _grid(headings, lines)


def _notes(rows):
    for row in rows.values():
        for seed, notes in row["notes"].items():
            yield f"- **{row['title']}, seed {seed}**: {'; '.join(notes)}."


def _grid(headings, lines):
    return "\n".join(f"| {' | '.join(c)} |" for c in [headings, ["---"] * len(headings), *lines])

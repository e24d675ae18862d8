"""What the rows of a table make of the first test layouts, side by side."""

import keras

from tfsynth import experiment, sheets
from tfsynth.data.examples import Examples
from tfsynth.runs.parts import build_dataset

LAYOUTS = 4
SAMPLES = 5


def sheet_path(page):
    """Returns where the sheet of a table goes, beside its page."""
    return page.with_name(f"{page.stem}-sheet.png")


def samples_path(page, row):
    """Returns where the samples of a row go, beside the table's page."""
    return page.with_name(f"{page.stem}-{row}-samples.png")


def write(page, table, runs):
    """Writes a table's sheet and, of rows whose models make several pictures, their samples.

    The layouts are the first of the test split, not chosen, and the models those of the lowest
    seed. Sheets that are newer than the results stay.

    Args:
        page: `pathlib.Path` of the table's page; its folder must exist.
        table: A `Table`.
        runs: Sequence of `Run`; those without a result or a model are left out.

    Raises:
        OSError: If a file cannot be written.
    """
    shown = _lowest_seeds(table, runs)
    if not shown:
        return
    newest = max(run.result.stat().st_mtime for run in shown.values())
    if sheet_path(page).is_file() and sheet_path(page).stat().st_mtime >= newest:
        return
    first = next(iter(shown.values()))
    examples = _examples(first, first.measured_at)
    columns, made = {}, {}
    for row, run in shown.items():
        place = run.folder.path  # Rows with the same settings are one run.
        if place not in made:
            made[place] = _show(run, examples, samples_path(page, row))
        columns[table.rows[row]] = made[place]
    label_set = build_dataset(first.config).label_set
    rows = [
        [example["labels"], *(column[i] for column in columns.values()), example["image"]]
        for i, example in enumerate(examples)
    ]
    # Last: that it is there says that all are.
    drawn = sheets.sheet(rows, label_set, ["labels", *columns, "real"])
    sheets.write_sheet(sheet_path(page), drawn)


def draw_samples(synthesizer, examples):
    """Draws the pictures that one model makes of each layout.

    With an encoder: in the styles of the photograph, and in some that are drawn at random. Of a
    model that makes several pictures of a layout: all of them.

    Args:
        synthesizer: A `Synthesizer` of label maps.
        examples: Sequence of dicts with `labels`, `instances` and `image`.

    Returns:
        Uint8 array (height, width, 3).
    """
    headings, rows = [], []
    for example in examples:
        labels, instances = example["labels"], example["instances"]
        if synthesizer.encoder is None:
            pictures = list(synthesizer.synthesize_all(labels, instances))
            headings = [str(number + 1) for number in range(len(pictures))]
        else:
            own = synthesizer.encode(example["image"], instances, labels)
            pictures = [synthesizer.synthesize(labels, instances, own)]
            pictures += [
                synthesizer.synthesize(labels, instances, seed=seed) for seed in range(SAMPLES)
            ]
            headings = ["own styles", *(f"sample {seed + 1}" for seed in range(SAMPLES))]
        rows.append([labels, *pictures, example["image"]])
    return sheets.sheet(rows, synthesizer.label_set, ["labels", *headings, "real"])


def _lowest_seeds(table, runs):
    """Returns dict of row -> its finished `Run` of the lowest seed, in the table's order."""
    found = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if run.result.is_file() and run.folder.synthesizer.is_file():
            found.setdefault(run.row, run)
    return {row: found[row] for row in table.rows if row in found}


def _examples(run, size=None):
    data = run.config.data
    split = build_dataset(run.config).split("test")
    return list(Examples(split, size or data.size, data.max_instances, LAYOUTS))


def _show(run, examples, path):
    """Returns a run's pictures at the size of the examples, and writes its samples, if any."""
    synthesizer = experiment.load_synthesizer(run.folder.path)
    layouts = _examples(run)
    pictures = [
        synthesizer.synthesize(layout["labels"], layout["instances"], seed=seed)
        for seed, layout in enumerate(layouts)
    ]
    if synthesizer.encoder is not None or synthesizer.num_outputs > 1:
        sheets.write_sheet(path, draw_samples(synthesizer, layouts))
    keras.utils.clear_session()  # Graphs of many models would fill the memory.
    return [
        sheets.resized(picture, example["labels"].shape)
        for picture, example in zip(pictures, examples, strict=True)
    ]

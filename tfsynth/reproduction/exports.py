"""All exports of one model side by side: size, time, difference, score and texture of each."""

import json

import numpy as np
from tqdm import tqdm

from tfsynth import experiment, exporters, sheets
from tfsynth.data.examples import Examples
from tfsynth.exporters import verification
from tfsynth.files import working_folder, write_text
from tfsynth.metrics.spectrum import radial_power_spectrum
from tfsynth.runs.parts import build_dataset
from tfsynth.synthesis.deployment import load_synthesizer, open_model
from tfsynth.synthesis.exporting import example_layouts

# Layouts on the sheet, and those whose spectra are compared.
SHOWN, COMPARED = 4, 16
# Of a `.keras` file, which is read as float32, no time is measured: it is the model's own.
VARIANTS = (
    *(("keras", "float32"), ("keras", "float16"), ("saved_model", "float32")),
    *(("tflite", precision) for precision in exporters.PRECISIONS),
    ("onnx", "float32"),
)


def compare(model_path, folder, *, config, limit=None, variants=VARIANTS, verbose=True):
    """Exports a model in several formats and scores the photographs of each.

    Writes exports.json, exports.md (a table) and exports.png (pictures of the first layouts).

    Args:
        model_path: A `.keras` file, a run folder or the name of a model that ships.
        folder: `pathlib.Path` of the folder to write into; made if need be.
        config: The `Config` whose test split and protocol score; see `experiment.evaluate`.
        limit: Number of first examples to score; `None` for all.
        variants: Sequence of (format, precision).
        verbose: Whether to show progress.

    Returns:
        List of dicts, one for each variant: `format`, `precision`, and either `refused`, a text, or
        `bytes`, `mean_iou`, `texture` (mean distance of the power spectra from those of the
        model, in dB), and of what is not Keras's also `seconds`, `model_seconds`, `largest`,
        `mean` and `psnr`. The last is the row `oracle` of the protocol.
    """
    folder.mkdir(parents=True, exist_ok=True)
    synthesizer = load_synthesizer(model_path)
    layouts = example_layouts(synthesizer)
    data = config.data
    split = build_dataset(config).split("test")
    examples = [*Examples(split, data.size, data.max_instances, min(COMPARED, limit or COMPARED))]
    own = _photographs(synthesizer, examples)
    rows, shown = [], {"labels": [example["labels"] for example in examples], "model": own}
    for format, precision in tqdm(variants, "exports", disable=not verbose):
        row = {"format": format, "precision": precision}
        rows.append(row)
        with working_folder(folder) as place:
            # Of the ending that the format asks for.
            path = place / f"{format}-{precision}.{format}"
            try:
                found = exporters.export(synthesizer, path, format, precision, layouts=layouts)
            except (ImportError, ValueError) as error:
                row["refused"] = str(error)
                continue
            row |= {"bytes": verification.size_of(path), **_differences(found.report)}
            pictures = _photographs(open_model(path), examples)
            row["texture"] = _texture(pictures, own)
            shown[f"{format} {precision}"] = pictures
            scores = experiment.evaluate(
                path, config=config, output=place / "scores.json", limit=limit, verbose=verbose
            )
            row["mean_iou"] = scores["synthesised"]["mean_iou"]
    if any("mean_iou" in row for row in rows):
        rows.append({"format": "oracle", "mean_iou": scores["oracle"]["mean_iou"]})
    write_text(folder / "exports.json", json.dumps(rows, indent=1) + "\n")
    write_text(folder / "exports.md", as_table(rows) + "\n")
    columns = [column[:SHOWN] for column in shown.values()]
    pictures = [*zip(*columns, strict=True)]
    sheet = sheets.sheet(pictures, synthesizer.label_set, [*shown])
    sheets.write_sheet(folder / "exports.png", sheet)
    return rows


def as_table(rows):
    """Returns the rows of `compare` as a Markdown table."""
    headings = ["format", "precision", "MB", "ms", "model, ms", "largest", "mean", "PSNR, dB"]
    headings += ["mean IoU", "texture, dB"]
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    kinds = (
        *(("bytes", "{:.2f}", 1e-6), ("seconds", "{:.0f}", 1e3), ("model_seconds", "{:.0f}", 1e3)),
        *(("largest", "{:.0f}", 1), ("mean", "{:.2f}", 1), ("psnr", "{:.1f}", 1)),
        *(("mean_iou", "{:.3f}", 1), ("texture", "{:.2f}", 1)),
    )
    for row in rows:
        cells = [row["format"], row.get("precision", "")]
        if "refused" in row:
            cells += ["refused", *[""] * 7]
        else:
            cells += [text.format(row[k] * by) if k in row else "" for k, text, by in kinds]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\n{r['format']} {r['precision']}: {r['refused']}" for r in rows if "refused" in r]
    return "\n".join(lines)


def _photographs(model, examples):
    return [
        model.synthesize(example["labels"], example["instances"], seed=seed)
        for seed, example in enumerate(examples)
    ]


def _differences(report):
    """Returns the worst of a report's rows, and the times."""
    if report is None:
        return {}
    seconds, model_seconds = report.seconds
    return {
        "seconds": seconds,
        "model_seconds": model_seconds,
        "largest": max(row.largest for row in report.rows),
        "mean": max(row.mean for row in report.rows),
        "psnr": min(row.psnr for row in report.rows),
    }


def _texture(pictures, own):
    """Returns the mean distance of two power spectra, in dB."""
    ours, theirs = (radial_power_spectrum([*every]) for every in (own, pictures))
    # A picture of one colour has no power anywhere.
    return float(np.abs(10 * np.log10((theirs + 1e-12) / (ours + 1e-12))).mean())

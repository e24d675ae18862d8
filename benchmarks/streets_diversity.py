"""Do nine pictures of one street differ as streets do? CRN's diversity loss against its plain one.

    python benchmarks/streets_diversity.py measure       colours in the pictures of both models
    python benchmarks/streets_diversity.py table         what was measured, in Markdown
    python benchmarks/streets_diversity.py sheet FILE    the first test layouts by both

Both models make nine pictures of each layout. `nine` trains, for each class, the picture that fits
best (equation 3 of https://arxiv.org/abs/1707.09405); `copies` trains each picture with equation 1:

    export KERAS_BACKEND=jax
    python benchmarks/jax_game.py streets_crn_nine_256 -o runs/diversity/nine.keras
    python benchmarks/jax_game.py streets_crn_nine_256 -o runs/diversity/copies.keras \\
        --set trainer.perceptual_loss.scope=image --set trainer.perceptual_loss.mean_share=1.0

The drawing says which pixels are which object; its test streets were not used to choose anything.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from streets_measures import mean_colour, objects

import tfsynth
from tfsynth.data.examples import Examples
from tfsynth.registry import build
from tfsynth.sheets import sheet, write_sheet
from tfsynth.streets import classes

ROWS = 2
MODELS, RESULTS = Path("runs/diversity"), Path(__file__).parent / "results" / "diversity"
VARIANTS = ("nine", "copies")
CLASSES = {"cars": classes.CAR, "facades": classes.BUILDING}
OBJECTS = 150


def main():
    arguments = _parse()
    if arguments.what == "table":
        print(table())
    elif arguments.what == "sheet":
        write_sheet(arguments.file, _sheet())
    else:
        for name in VARIANTS:
            write(name)


def _parse():
    parser = argparse.ArgumentParser(description="The diversity loss on the drawn streets.")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("measure", help="measure both models")
    commands.add_parser("table", help="print what was measured")
    drawn = commands.add_parser("sheet", help="draw what the models make")
    drawn.add_argument("file", type=Path)
    return parser.parse_args()


def write(name):
    """Measures a model and writes what it gives."""
    synthesizer = tfsynth.load_model(MODELS / f"{name}.keras")
    data = synthesizer.provenance["config"]["data"]
    dataset = _tests(data)
    measures = {
        title: measure(synthesizer, dataset, data["size"], class_id)
        for title, class_id in CLASSES.items()
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    kept = ("program", "device", "steps", "minutes", "precision")
    provenance = {key: synthesizer.provenance[key] for key in kept}
    text = json.dumps({**provenance, "measures": measures}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def _tests(data):
    """Returns the streets of a config whose training streets nobody needs drawn."""
    return build({**data["dataset"], "train": 1, "validation": 1})


def measure(synthesizer, dataset, size, class_id):
    """Returns how the mean colours of a class's objects vary, in grey levels of 255.

    Returns:
        Dict: `objects`; `spread`, the standard deviation of an object's colour over the
        pictures, meaned; `spread_of_data`, that of the objects' real colours; `error_of_first`,
        the mean distance of the first picture's colour from the real one; `error_of_best`,
        that of the nearest of all pictures.
    """
    found = objects(dataset, "test", size, class_id)[:OBJECTS]
    spreads, first, best = [], [], []
    for thing in found:
        pictures = synthesizer.synthesize_all(thing["labels"], thing["instances"])
        colours = np.array([mean_colour(picture, thing["mask"]) for picture in pictures])
        errors = np.abs(colours - mean_colour(thing["image"], thing["mask"])).mean(axis=1)
        spreads.append(np.std(colours, axis=0, ddof=1).mean())
        first.append(errors[0])
        best.append(errors.min())
    real = [mean_colour(thing["image"], thing["mask"]) for thing in found]
    return {
        "objects": len(found),
        "spread": float(np.mean(spreads)),
        "spread_of_data": float(np.std(real, axis=0, ddof=1).mean()),
        "error_of_first": float(np.mean(first)),
        "error_of_best": float(np.mean(best)),
    }


def table():
    """Returns what was measured as Markdown."""
    titles = "spread over the nine | in the data | error of the first | of the best"
    lines = [f"| run | steps | objects | {titles} |", "|---|---|---|---|---|---|---|"]
    for name in VARIANTS:
        path = RESULTS / f"{name}.json"
        result = json.loads(path.read_text()) if path.exists() else {"measures": {}}
        for title, row in result["measures"].items():
            keys = ("spread", "spread_of_data", "error_of_first", "error_of_best")
            numbers = " | ".join(f"{row[key]:.1f}" for key in keys)
            lines.append(f"| {name} | {result['steps']} | {row['objects']} {title} | {numbers} |")
    return "\n".join(lines)


def _sheet():
    """One layout a row and model: labels, the nine pictures, the real one."""
    synthesizers = [tfsynth.load_model(MODELS / f"{name}.keras") for name in VARIANTS]
    data = synthesizers[0].provenance["config"]["data"]
    dataset = _tests(data)
    rows = [
        [
            example["labels"],
            *synthesizer.synthesize_all(example["labels"], example["instances"]),
            example["image"],
        ]
        for synthesizer in synthesizers
        for example in Examples(dataset.split("test"), data["size"], limit=ROWS)
    ]
    headings = ["labels", *(str(i + 1) for i in range(len(rows[0]) - 2)), "real"]
    return sheet(rows, dataset.label_set, headings)


if __name__ == "__main__":
    main()

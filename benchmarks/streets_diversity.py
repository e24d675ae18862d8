"""Do nine pictures of one street differ as streets do? CRN's diversity loss against its plain one.

    python benchmarks/streets_diversity.py run nine      trains and measures; also: run copies
    python benchmarks/streets_diversity.py table         what was measured, in Markdown
    python benchmarks/streets_diversity.py sheet FILE    the first test layouts by both

Both are `configs/streets_crn.yaml` with nine pictures of each layout. `nine` trains, for each
class, the picture that fits best (equation 3 of https://arxiv.org/abs/1707.09405); `copies` trains
each picture with equation 1. The drawing says which pixels are which object; its test streets were
not used to choose anything. Runs are kept in runs/diversity/.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from streets_measures import mean_colour, objects

from tfsynth import experiment
from tfsynth.config import load_config
from tfsynth.data.examples import Examples
from tfsynth.registry import build
from tfsynth.sheets import sheet, write_sheet
from tfsynth.streets import classes

MINUTES, PICTURES, ROWS = 45, 9, 4
RUNS, RESULTS = Path("runs/diversity"), Path(__file__).parent / "results" / "diversity"
# Variant -> its `DiversityLoss`; with the mean alone it is equation 1 of each picture.
VARIANTS = {"nine": {"scope": "class"}, "copies": {"scope": "image", "mean_share": 1.0}}
CLASSES = {"cars": classes.CAR, "facades": classes.BUILDING}
OBJECTS = 150
# So many epochs that the minutes end each run.
_EPOCHS = ["schedule.constant_epochs=100", "schedule.decay_epochs=100"]


def main():
    arguments = _parse()
    if arguments.what == "table":
        print(table())
    elif arguments.what == "sheet":
        write_sheet(arguments.file, _sheet())
    else:
        run(arguments.variant, arguments.minutes, arguments.features)


def _parse():
    parser = argparse.ArgumentParser(description="The diversity loss on the drawn streets.")
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("run", help="train and measure; goes on where it stopped")
    one.add_argument("variant", choices=VARIANTS)
    one.add_argument("--minutes", type=float, default=MINUTES, help="wall time of the training")
    one.add_argument("--features", default="weights/vgg19_distilled_16x.keras", help="network")
    commands.add_parser("table", help="print what was measured")
    drawn = commands.add_parser("sheet", help="draw what the runs make")
    drawn.add_argument("file", type=Path)
    return parser.parse_args()


def run(name, minutes, features):
    """Trains a variant and writes what it gives; does nothing if that is there."""
    result = RESULTS / f"{name}.json"
    if result.exists():
        return
    loss = {f"trainer.perceptual_loss.{key}": value for key, value in VARIANTS[name].items()}
    settings = {
        "trainer.generator.num_outputs": PICTURES,
        "trainer.perceptual_loss.class": "DiversityLoss",
        "trainer.perceptual_loss.features": features,
        **loss,
        "train.minutes": minutes,
        "train.then": "[]",
    }
    config = load_config("streets_crn", [f"{k}={v}" for k, v in settings.items()] + _EPOCHS)
    folder = experiment.train(config, RUNS / name)
    synthesizer = experiment.load_synthesizer(folder)
    dataset = build(config.data.dataset)
    measures = {
        title: measure(synthesizer, dataset, config.data.size, class_id)
        for title, class_id in CLASSES.items()
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    provenance = {"minutes": minutes, "steps": synthesizer.provenance["steps"]}
    result.write_text(json.dumps({**provenance, "measures": measures}, indent=1) + "\n")


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
    """One layout a row and run: labels, the nine pictures, the real one."""
    synthesizers = {name: experiment.load_synthesizer(RUNS / name) for name in VARIANTS}
    config = load_config(RUNS / "nine" / "config.yaml")
    dataset = build(config.data.dataset)
    rows = [
        [
            example["labels"],
            *synthesizer.synthesize_all(example["labels"], example["instances"]),
            example["image"],
        ]
        for synthesizer in synthesizers.values()
        for example in Examples(dataset.split("test"), config.data.size, limit=ROWS)
    ]
    headings = ["labels", *(str(i + 1) for i in range(PICTURES)), "real"]
    return sheet(rows, dataset.label_set, headings)


if __name__ == "__main__":
    main()

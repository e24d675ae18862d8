"""Sheets of the comparisons on the drawn streets: the first test layouts, not chosen."""

import numpy as np
from PIL import Image

from tfsynth import experiment, registry
from tfsynth.config import load_config
from tfsynth.data.examples import Examples
from tfsynth.sheets import sheet, write_sheet

ROWS = 4
SAMPLES = 5
SEED = 0


def write(runs, variants, folder):
    """Writes `streets_variants.png` and, of a run with an encoder, `streets_styles.png`.

    Args:
        runs: The folder of the runs, named variant-seed; those that are not there are left out.
        variants: The names of the variants, in the order of the columns.
        folder: Where the pictures go.
    """
    found = [name for name in variants if (runs / f"{name}-{SEED}" / "config.yaml").exists()]
    columns = {name: _pictures(runs / f"{name}-{SEED}") for name in found}
    size = max(pictures[0].shape[:2] for _, pictures in columns.values())
    dataset = _dataset(runs / f"{found[0]}-{SEED}")
    examples = list(Examples(dataset.split("test"), size, limit=ROWS))
    rows = [
        [e["labels"], *(_enlarged(columns[n][1][i], size) for n in found), e["image"]]
        for i, e in enumerate(examples)
    ]
    headings = ["labels", *(name.replace("_", " ") for name in found), "real"]
    write_sheet(folder / "streets_variants.png", sheet(rows, dataset.label_set, headings))
    if "plain" in found:
        write_sheet(folder / "streets_styles.png", _styles(columns["plain"][0], examples, dataset))


def _dataset(run):
    return registry.build(load_config(run / "config.yaml").data.dataset)


def _pictures(run):
    """Returns a run's synthesizer and its photographs of the first test layouts."""
    config = load_config(run / "config.yaml")
    synthesizer = experiment.load_synthesizer(run)
    split = registry.build(config.data.dataset).split("test")
    return synthesizer, [
        synthesizer.synthesize(e["labels"], e["instances"], seed=i)
        for i, e in enumerate(Examples(split, config.data.size, limit=ROWS))
    ]


def _styles(synthesizer, examples, dataset):
    """One layout a row: rebuilt from its own looks, then with the looks of samples."""
    rows = []
    for example in examples:
        labels, instances = example["labels"], example["instances"]
        own = synthesizer.encode(example["image"], instances)
        rebuilt = synthesizer.synthesize(labels, instances, own)
        samples = [synthesizer.synthesize(labels, instances, seed=s) for s in range(SAMPLES)]
        rows.append([labels, rebuilt, *samples, example["image"]])
    headings = ["labels", "own looks", *(f"sample {s}" for s in range(SAMPLES)), "real"]
    return sheet(rows, dataset.label_set, headings)


def _enlarged(picture, size):
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BICUBIC))

"""pix2pixHD in full against its plain beginning, on CamVid at equal training time.

    python benchmarks/camvid.py run full --features vgg19_distilled_16x.keras
    python benchmarks/camvid.py run plain
    python benchmarks/camvid.py measure crn    what `tfsynth train camvid_crn_256` left, or pix2pix
    python benchmarks/camvid.py table          what was measured, in Markdown
    python benchmarks/camvid.py sheet FILE     every 58th test layout by all of them

`plain` is G1 at the full size with its discriminators, feature matching and L1. `full` adds what
the paper adds: half size first, the enhancer, the feature encoder and a perceptual loss. Both start
from `configs/camvid_pix2pixhd_256.yaml` and its data, which are not part of this package. Runs are
kept in runs/camvid/, what they gave in benchmarks/results/camvid/.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from tfsynth import experiment
from tfsynth.config import load_config
from tfsynth.data.examples import Examples
from tfsynth.metrics import spectrum_error
from tfsynth.registry import build
from tfsynth.sheets import sheet, write_sheet

MINUTES = 45
# What these configs leave, beside the variants of this program.
CONFIGS = {"crn": "camvid_crn_256", "pix2pix": "camvid_pix2pix_256"}
SHEET_EVERY = 58
RUNS, RESULTS = Path("runs/camvid"), Path(__file__).parent / "results" / "camvid"

_EPOCHS = {"schedule.constant_epochs": 200, "schedule.decay_epochs": 200}
_PLAIN = {
    "trainer.generator": (
        "{class: GlobalGenerator, input_channels: 13, filters: 24, num_downsamples: 2, "
        "num_blocks: 6, upsampling: resize}"
    ),
    "trainer.discriminator.num_scales": 2,
    "phases": "{}",
}
_ENCODER = "{class: FeatureEncoder, filters: 8, num_downsamples: 2, upsampling: resize}"
_COARSE = (
    "{class: GlobalGenerator, input_channels: 16, filters: 24, num_downsamples: 2, num_blocks: 6, "
    "upsampling: resize}"
)
_FULL = {
    "trainer.generator.input_channels": 16,
    "trainer.encoder": _ENCODER,
    "trainer.encoder_reduction": 2,
    "phases": (
        "{coarse: {data.size: [96, 128], trainer.encoder_reduction: 1, "
        f"trainer.generator: {_COARSE}, trainer.discriminator.num_scales: 2, "
        "optimizers.generator.learning_rate: 6.0e-4, "
        "optimizers.discriminator.learning_rate: 2.0e-4, "
        "train.batch_size: 4, train.minutes: 27}, "
        "joint: {trainer.frozen: [encoder], "
        "init_except: [generator.head, generator.enhancer1, discriminator.scale2], "
        "train.minutes: 18}}"
    ),
}


def main():
    arguments = _parse()
    if arguments.what == "table":
        print(table())
    elif arguments.what == "sheet":
        write_sheet(arguments.file, _sheet())
    elif arguments.what == "measure":
        write(arguments.variant, 0, Path("runs") / CONFIGS[arguments.variant])
    elif arguments.variant == "plain":
        run("plain", _PLAIN, arguments)
    else:
        perceptual = f"{{class: PerceptualLoss, features: {arguments.features}, weight: 10.0}}"
        run("full", {**_FULL, "trainer.perceptual_loss": perceptual}, arguments)


def _parse():
    parser = argparse.ArgumentParser(description="pix2pixHD, plain and in full, on CamVid.")
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("run", help="train and measure; goes on where it stopped")
    one.add_argument("variant", choices=["plain", "full"])
    one.add_argument("--features", help="a .keras file: a VGG-19 with named outputs")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--minutes", type=float, default=MINUTES, help="wall time of the training")
    left = commands.add_parser("measure", help="measure a run of another config")
    left.add_argument("variant", choices=CONFIGS)
    commands.add_parser("table", help="print what was measured")
    drawn = commands.add_parser("sheet", help="draw what the runs make")
    drawn.add_argument("file", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "run" and arguments.variant == "full" and not arguments.features:
        parser.error("`full` has a perceptual loss: name the network's file with --features")
    return arguments


def run(name, changes, arguments):
    """Trains a variant and writes what it gives; does nothing if that is there."""
    if (RESULTS / f"{name}-{arguments.seed}.json").exists():
        return
    settings = {
        "seed": arguments.seed,
        "train.minutes": arguments.minutes,
        "train.then": "[evaluate]",
        **_EPOCHS,
        **changes,
    }
    config = load_config("camvid_pix2pixhd_256", [f"{k}={v}" for k, v in settings.items()])
    write(name, arguments.seed, experiment.train(config, RUNS / f"{name}-{arguments.seed}"))


def write(name, seed, folder):
    """Writes what a trained and scored run gives."""
    config = load_config(folder / "config.yaml")
    scores = json.loads((folder / "metrics.json").read_text())
    synthesizer = experiment.load_synthesizer(folder)
    examples = list(Examples(build(config.data.dataset).split("test"), config.data.size))
    pictures = [
        synthesizer.synthesize(e["labels"], e["instances"], seed=i) for i, e in enumerate(examples)
    ]
    error = spectrum_error(pictures, [e["image"] for e in examples])
    RESULTS.mkdir(parents=True, exist_ok=True)
    measured = {"minutes": config.train.minutes, "steps": synthesizer.provenance["steps"]}
    measured |= {"spectrum_error_db": error, "scores": scores}
    (RESULTS / f"{name}-{seed}.json").write_text(json.dumps(measured, indent=1) + "\n")


def table():
    """Returns what was measured as Markdown."""
    lines = [
        "| variant | seed | steps | mean IoU | accuracy | of the oracle | spectrum error, dB |",
        "|---|---|---|---|---|---|---|",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        row, oracle = result["scores"]["synthesised"], result["scores"]["oracle"]
        numbers = [row["mean_iou"], row["pixel_accuracy"], row["mean_iou"] / oracle["mean_iou"]]
        shown = " | ".join(f"{number:.3f}" for number in numbers)
        name, _, seed = path.stem.rpartition("-")
        error = f"{np.round(result['spectrum_error_db'], 2)}"
        lines.append(f"| {name} | {seed} | {result['steps']} | {shown} | {error} |")
    return "\n".join(lines)


def _sheet():
    """One layout a row: labels, a picture by each run that is there, the real one."""
    folders = {"plain": RUNS / "plain-0", "full": RUNS / "full-0"}
    folders |= {name: Path("runs") / config for name, config in CONFIGS.items()}
    folders = {name: path for name, path in folders.items() if (path / "metrics.json").exists()}
    synthesizers = {name: experiment.load_synthesizer(path) for name, path in folders.items()}
    # All learned from the same pictures; this one's objects are the labels' connected parts.
    config = load_config(next(iter(folders.values())) / "config.yaml")
    dataset = build(config.data.dataset)
    rows = [
        [
            example["labels"],
            *(s.synthesize(example["labels"], example["instances"]) for s in synthesizers.values()),
            example["image"],
        ]
        for index, example in enumerate(Examples(dataset.split("test"), config.data.size))
        if index % SHEET_EVERY == 0
    ]
    return sheet(rows, dataset.label_set, ["labels", *synthesizers, "real"])


if __name__ == "__main__":
    main()

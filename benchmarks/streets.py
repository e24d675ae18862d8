"""Comparisons on the drawn streets at equal training time: what each part of pix2pixHD brings.

    python benchmarks/streets.py run reflect 0  trains one variant with one seed, and measures it
    python benchmarks/streets.py run all        all with seeds 0, 1, 2; goes on where it stopped
    python benchmarks/streets.py measure all    measures finished runs again
    python benchmarks/streets.py table          what was measured, in Markdown
    python benchmarks/streets.py sheets DIR     the first test streets by the runs of seed 0

Pictures of 64 x 128, 800 to train on; scores on test streets that no setting was chosen on (seed 1
of the drawing; settings were chosen on others). Each variant trains for the same wall time. Runs
are kept in runs/streets/, what they gave in benchmarks/results/streets/.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import streets_sheets
from streets_measures import measure

from tfsynth import experiment
from tfsynth.config import load_config
from tfsynth.reproduction.comparison import is_decided, summarise
from tfsynth.runs.folder import RunFolder
from tfsynth.synthesis.synthesizer import Synthesizer
from tfsynth.trainers.checkpoints import Checkpoints

SEEDS = (0, 1, 2)
MINUTES = 8
RUNS, RESULTS = Path("runs/streets"), Path(__file__).parent / "results" / "streets"

_COARSE = (
    "{class: GlobalGenerator, input_channels: 18, filters: 16, num_downsamples: 1, num_blocks: 4, "
    "upsampling: resize}"
)
_ENHANCED = (
    "{class: LocalEnhancer, input_channels: 18, filters: 8, num_downsamples: 1, num_blocks: 4, "
    "num_local_blocks: 2, upsampling: resize}"
)
_PHASES = (
    f"{{coarse: {{data.size: [32, 64], trainer.generator: {_COARSE}, "
    "trainer.encoder_reduction: 1, trainer.discriminator.num_scales: 2, train.minutes: 5}, "
    "enhancer: {trainer.frozen: [generator.global, encoder], train.minutes: 1, "
    "init_except: [generator.head, generator.enhancer1, discriminator.scale2]}, "
    "joint: {trainer.frozen: [encoder], train.minutes: 2}}"
)

# Variant -> the keys that differ from the demo's config.
VARIANTS = {
    "coarse_to_fine": [
        f"trainer.generator={_ENHANCED}",
        "trainer.encoder_reduction=2",
        "trainer.discriminator.num_scales=3",
        f"phases={_PHASES}",
    ],
    "half_size": ["data.size=[32, 64]"],
    "no_encoder": ["trainer.encoder=null", "trainer.generator.input_channels=15"],
    "labels_only": [
        "trainer.encoder=null",
        "trainer.conditioning.edges=false",
        "trainer.generator.input_channels=14",
        "trainer.discriminator.input_channels=17",
    ],
    "transposed": ["trainer.generator.upsampling=transposed"],
    "reflect": ["trainer.generator.padding=reflect"],
    "ema": ["trainer.ema_decay=0.99"],
    "spectral": ["trainer.discriminator.normalization=spectral"],
}
# The demo's own recipe is measured in the weights that `ema` averages: one training makes both.
PLAIN = "plain"
# So many epochs that the minutes end each run, also the fastest.
_EPOCHS = ["schedule.constant_epochs=200", "schedule.decay_epochs=200"]
# Fixed, since results of two protocols cannot be compared.
_PROTOCOL = ["evaluation={class: SegmenterProtocol, steps: 800, jitter: 0.7}"]


OVERVIEW = {
    "mean IoU": "mean IoU",
    "pixel accuracy": "pixel accuracy",
    "spectrum error, dB": "spectrum error, dB",
    "visibility of boundaries between cars": "boundaries between cars",
}
LESS_IS_BETTER = ("spectrum error, dB",)
_IOU, _SPECTRUM = "mean IoU", "spectrum error, dB"
# Question -> the variant with the part, the one without, and what tells them apart.
QUESTIONS = {
    "coarse to fine, against G1 at half the size enlarged": ("coarse_to_fine", "half_size", _IOU),
    "the same, by power spectra": ("coarse_to_fine", "half_size", _SPECTRUM),
    "coarse to fine, against G1 at the full size": ("coarse_to_fine", PLAIN, _IOU),
    "instance edges, on boundaries between touching cars": (
        "no_encoder",
        "labels_only",
        "visibility of boundaries between cars",
    ),
    "instance edges": ("no_encoder", "labels_only", _IOU),
    "the feature encoder": (PLAIN, "no_encoder", _IOU),
    "resize-convolutions, against transposed ones": (PLAIN, "transposed", _IOU),
    "the same, by power spectra ": (PLAIN, "transposed", _SPECTRUM),
    "reflect padding in strided layers": ("reflect", PLAIN, _IOU),
    "moving averages of the generator": ("ema", PLAIN, _IOU),
    "spectral norm of the discriminators": ("spectral", PLAIN, _IOU),
}


def main():
    arguments = _parse()
    if arguments.what == "table":
        print(table())
        return
    if arguments.what == "sheets":
        streets_sheets.write(RUNS, [PLAIN, *VARIANTS], arguments.folder)
        return
    names = VARIANTS if arguments.variant == "all" else [arguments.variant]
    seeds = SEEDS if arguments.seed is None else [arguments.seed]
    for seed in seeds:
        for name in names:
            if arguments.what == "run":
                run(name, seed, arguments.minutes)
            else:
                measure_again(name, seed)


def _parse():
    parser = argparse.ArgumentParser(description="Comparisons on the drawn streets.")
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("run", help="train and measure")
    again = commands.add_parser("measure", help="measure finished runs again")
    for parser_of_runs in (one, again):
        parser_of_runs.add_argument("variant", choices=[*VARIANTS, "all"])
        parser_of_runs.add_argument("seed", type=int, nargs="?", help="default: all of 0, 1, 2")
    one.add_argument("--minutes", type=float, default=MINUTES, help="wall time of each training")
    commands.add_parser("table", help="print what was measured")
    pictures = commands.add_parser("sheets", help="draw what the runs of seed 0 make")
    pictures.add_argument("folder", type=Path)
    return parser.parse_args()


def run(name, seed, minutes=MINUTES):
    """Trains a variant and writes what it gives; does nothing if that is there."""
    result = RESULTS / f"{name}-{seed}.json"
    if result.exists():
        return
    common = [f"seed={seed}", f"train.minutes={minutes}", "train.then=[]", "data.dataset.seed=1"]
    common += [*_EPOCHS, *_PROTOCOL]
    config = load_config("demo", [*common, *VARIANTS[name]])
    folder = experiment.train(config, RUNS / f"{name}-{seed}")
    if name == "ema":
        bare = _without_averages(folder, RUNS / f"{PLAIN}-{seed}", config)
        bare_result = RESULTS / f"{PLAIN}-{seed}.json"
        _write(bare_result, {"minutes": minutes, **measure(bare, config)})
    _write(result, {"minutes": minutes, **measure(folder, config)})


def _without_averages(folder, target, config):
    """Writes the model of the weights that a run averaged, as a run folder, and returns it."""
    checkpoint = Checkpoints(RunFolder(folder).checkpoints).latest()
    if checkpoint is None:
        raise FileNotFoundError(f"{folder} has no checkpoint: run it again.")
    trainer, _ = checkpoint
    averaged = experiment.load_synthesizer(folder)
    bare = Synthesizer(
        trainer.generator,
        averaged.conditioning,
        averaged.label_set,
        averaged.provenance,
        trainer.encoder,
    )
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(RunFolder(folder).config, target)
    bare.save(RunFolder(target).synthesizer)
    experiment.cluster_styles(target, config=config, seed=config.seed)
    return target


def measure_again(name, seed):
    """Measures a finished run anew; does nothing if there is none."""
    folder, result = RUNS / f"{name}-{seed}", RESULTS / f"{name}-{seed}.json"
    if (folder / "synthesizer.keras").exists():
        config = load_config(folder / "config.yaml")
        _write(result, {"minutes": config.train.minutes, **measure(folder, config)})


def _write(result, measured):
    RESULTS.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps(measured, indent=1) + "\n")


def table():
    """Returns what was measured as Markdown: mean (least to most) over the seeds, and answers."""
    found = {name: _results(name) for name in (PLAIN, *VARIANTS)}
    found = {name: by_seed for name, by_seed in found.items() if by_seed}
    return "\n\n".join([_overview(found), _answers(found), _styles(found[PLAIN])])


def _results(name):
    paths = sorted(RESULTS.glob(f"{name}-[0-9].json"))
    return {path.stem[-1]: json.loads(path.read_text()) for path in paths}


def _overview(found):
    titles = [*OVERVIEW.values()]
    lines = [f"| variant | seeds | {' | '.join(titles)} |", f"|---|---|{'---|' * len(titles)}"]
    for name, by_seed in found.items():
        cells = [_cell(by_seed, what) for what in OVERVIEW]
        lines.append(f"| {name} | {len(by_seed)} | {' | '.join(cells)} |")
    real = next(iter(found[PLAIN].values()))["measures"]["the same, real photographs"]
    lines.append(f"| real photographs | | | | 0 | {real:.3f} |")
    return "\n".join(lines)


def _answers(found):
    lines = ["| question | measure | with | without | answer |", "|---|---|---|---|---|"]
    for question, (this, that, what) in QUESTIONS.items():
        if this in found and that in found:
            a, b = summarise(found, what)[this], summarise(found, what)[that]
            better = (a.mean < b.mean) == (what in LESS_IS_BETTER)
            answer = ("yes" if better else "no: worse") if is_decided(a, b) else "undecided"
            lines.append(f"| {question} | {what} | {a.mean:.3f} | {b.mean:.3f} | {answer} |")
    return "\n".join(lines)


def _styles(by_seed):
    lines = ["| measure | mean | least | most |", "|---|---|---|---|"]
    for what in next(iter(by_seed.values()))["measures"]:
        if what not in OVERVIEW and what != "the same, real photographs":
            values = [result["measures"][what] for result in by_seed.values()]
            numbers = " | ".join(f"{f(values):.2f}" for f in (np.mean, np.min, np.max))
            lines.append(f"| {what} | {numbers} |")
    return "\n".join(lines)


def _cell(by_seed, what):
    values = [result["measures"][what] for result in by_seed.values()]
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()

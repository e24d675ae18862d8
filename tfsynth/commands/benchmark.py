"""`tfsynth benchmark`: the published networks at the full size, and all exports of a model."""

import statistics
from pathlib import Path

from tfsynth.commands.arguments import add_device, positive_count
from tfsynth.commands.loading import load_experiment
from tfsynth.models import find_model

SUMMARY = "measure the published networks at 2048 x 1024, or all exports of a model"
EXAMPLES = """\
examples:
  tfsynth benchmark synthesize                     a photograph by pix2pixHD's G1 + G2
  tfsynth benchmark synthesize --network crn       by the published cascade of 1024p
  tfsynth benchmark train --precision mixed_bfloat16 --rematerialize
  tfsynth benchmark train --features vgg19.keras   with a perceptual loss
  KERAS_BACKEND=jax tfsynth benchmark train --repeat 9
  tfsynth benchmark export streets --config streets_256       every format and precision

export writes a table into the folder of -o (exports.md, .json, and exports.png with the pictures):
bytes, the time of one picture beside the model's own, how far pictures differ, mean IoU by the
protocol of the config beside the oracle's, and the distance of the power spectra from the model's.

Of the other two weights are those of seed 0, a step has one picture, and the first repetition
includes tracing. Each call measures one setting: peak memory is that of the process.
Nothing here is random: there is no --seed.
"""


def add_arguments(parser):
    """Adds what `tfsynth benchmark` takes."""
    parser.add_argument(
        "what",
        choices=("synthesize", "train", "export"),
        help="a photograph, a step, or the exports of a model",
    )
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="export: run folder, .keras file, preset or shipped name",
    )
    parser.add_argument(
        "--config", metavar="CONFIG", help="export: whose data score (default: the run's own)"
    )
    parser.add_argument(
        "--limit", type=positive_count, metavar="N", help="export: only the first N examples"
    )
    parser.add_argument(
        "-o",
        "--output",
        default="exports",
        metavar="DIR",
        help="export: folder of the table (default: exports)",
    )
    parser.add_argument(
        "--network",
        choices=("pix2pixhd", "crn"),
        default="pix2pixhd",
        help="published network (default: pix2pixhd)",
    )
    parser.add_argument(
        "--size",
        nargs=2,
        type=positive_count,
        default=(1024, 2048),
        metavar=("H", "W"),
        help="height and width in pixels (default: 1024 2048)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="dtype policy (default: float32)",
    )
    parser.add_argument(
        "--rematerialize", action="store_true", help="keep the ends of blocks only, of all networks"
    )
    parser.add_argument("--features", metavar="FILE", help="network (.keras) of a perceptual loss")
    parser.add_argument(
        "--filters",
        type=positive_count,
        default=32,
        metavar="N",
        help="filters of G1 + G2 (default: 32, as published)",
    )
    parser.add_argument(
        "--repeat", type=positive_count, default=2, metavar="N", help="repetitions (default: 2)"
    )
    add_device(parser, "computes")


def run(arguments):
    """Measures, and prints a line."""
    experiment = load_experiment(arguments.debug, arguments.device)
    if arguments.what == "export":
        _compare_exports(arguments, experiment)
        return
    if arguments.model:
        raise ValueError(f"MODEL is for `benchmark export`. Received: {arguments.model!r}.")
    from tfsynth.reproduction.full_size import FullSize

    names = ("what", "network", "precision", "rematerialize", "features", "filters")
    setting = FullSize(**{n: getattr(arguments, n) for n in names}, size=tuple(arguments.size))
    seconds, peak = setting.measure(arguments.repeat)
    height, width = setting.size
    extras = "".join(f", {n}" for n in ("rematerialize", "features") if getattr(arguments, n))
    later = f"; median of the others {statistics.median(seconds[1:]):.3f}" if seconds[1:] else ""
    print(
        f"{setting.what} {setting.network} {width} x {height}, {setting.precision}{extras}: "
        f"{seconds[0]:.1f} s the first time{later}; peak {peak / 2**30:.2f} GiB"
    )


def _compare_exports(arguments, experiment):
    from tfsynth.config import load_config
    from tfsynth.reproduction import exports

    if not arguments.model:
        raise ValueError("Name the model whose exports to compare: tfsynth benchmark export MODEL.")
    model = find_model(arguments.model)
    config = load_config(arguments.config, []) if arguments.config else None
    config = config or experiment.own_config(model)
    rows = exports.compare(
        arguments.model, Path(arguments.output), config=config, limit=arguments.limit
    )
    print(exports.as_table(rows))
    print(f"Written to {arguments.output}: exports.md, exports.json, exports.png")

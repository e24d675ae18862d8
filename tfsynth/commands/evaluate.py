"""`tfsynth evaluate`: scores a run or a model on the real photographs of a split."""

import contextlib
import json
import sys
from pathlib import Path

from tfsynth.commands.arguments import add_device, natural_number, positive_count
from tfsynth.commands.loading import load_experiment
from tfsynth.commands.scores import mean_ious

SUMMARY = "score a run or a model on held-out label maps"
EXAMPLES = """\
examples:
  tfsynth evaluate runs/demo                       writes runs/demo/metrics.json
  tfsynth evaluate runs/demo --split validation --limit 50 --output quick.json
  tfsynth evaluate my.keras --config demo --output metrics.json
  tfsynth evaluate runs/demo --features squeezenet.keras

Standard output has the scores as JSON; standard error has messages and the mean IoU of each row.
A config with a `second_evaluation` has two judges: `second` holds the same rows by the second one.
A judge that the model was trained against is refused. With --features, `kernel_distance` is the
distance of the synthesised pictures from the real ones, beside that of the real training pictures,
and `nearest` says how near the nearest training picture is. Models that draw noise or styles have
`seeds`: how much two seeds of one layout differ in texture, and agree in what the judge reads.
"""


def add_arguments(parser):
    """Adds what `tfsynth evaluate` takes."""
    parser.add_argument(
        "model",
        metavar="RUN_OR_MODEL",
        help="run folder, .keras file, preset (folder or hf://OWNER/NAME), or model that ships",
    )
    parser.add_argument(
        "--config",
        metavar="CONFIG",
        help="whose data and protocol to use; needed unless the model is a run, which has its own",
    )
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="test",
        help="split of the data (default: test)",
    )
    parser.add_argument(
        "--limit", type=positive_count, metavar="N", help="only the first N examples of the split"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="where to write the scores (default: in the run; needed for other models, and for "
        "data or protocols other than the run's)",
    )
    parser.add_argument(
        "--seed",
        type=natural_number,
        metavar="N",
        help="the seed of the shuffle in the row `floor` (default: the config's)",
    )
    parser.add_argument(
        "--features",
        metavar="FILE",
        help="feature network (.keras) by which pictures are compared with real ones too",
    )
    add_device(parser, "scores")


def run(arguments):
    """Scores, prints the scores as JSON, and on the other stream the mean IoU in a line."""
    from tfsynth.config import load_config

    config = arguments.config
    if config is None and arguments.seed is not None:
        own = Path(arguments.model) / "config.yaml"
        config = str(own) if own.is_file() else None
    if config is not None:
        seed = [] if arguments.seed is None else [f"seed={arguments.seed}"]
        config = load_config(config, seed)

    experiment = load_experiment(arguments.debug, arguments.device)

    # Standard output is JSON alone, also where the experiment has something to say.
    with contextlib.redirect_stdout(sys.stderr):
        metrics = experiment.evaluate(
            arguments.model,
            config=config,
            output=arguments.output,
            split=arguments.split,
            limit=arguments.limit,
            features=arguments.features,
        )
    print(json.dumps(metrics, indent=2))
    for judge, words in mean_ious(metrics).items():
        print(f"{judge:<10}{words}", file=sys.stderr)

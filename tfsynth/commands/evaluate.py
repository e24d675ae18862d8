"""`tfsynth evaluate`: scores a run or a model on the real photographs of a split."""

import json

from tfsynth.commands.arguments import add_device, positive_count
from tfsynth.commands.loading import load_experiment

SUMMARY = "score a run or a model on held-out label maps"
EXAMPLES = """\
examples:
  tfsynth evaluate runs/demo                       writes runs/demo/metrics.json
  tfsynth evaluate runs/demo --split validation --limit 50 --output quick.json
  tfsynth evaluate my.keras --config demo --output metrics.json
"""


def add_arguments(parser):
    """Adds what `tfsynth evaluate` takes."""
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="run folder, or .keras file")
    parser.add_argument(
        "--config",
        metavar="CONFIG",
        help="whose data and protocol to use; needed for a .keras file, a run has its own",
    )
    parser.add_argument("--split", default="test", help="train, validation or test (default: test)")
    parser.add_argument(
        "--limit", type=positive_count, metavar="N", help="only the first N examples of the split"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to write the scores (default: in the run)"
    )
    add_device(parser)


def run(arguments):
    """Scores, and prints the scores as JSON."""
    from tfsynth.config import load_config

    config = None if arguments.config is None else load_config(arguments.config)

    experiment = load_experiment(arguments.debug, arguments.device)

    metrics = experiment.evaluate(
        arguments.model,
        config=config,
        output=arguments.output,
        split=arguments.split,
        limit=arguments.limit,
    )
    print(json.dumps(metrics, indent=2))

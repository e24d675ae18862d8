"""`tfsynth styles`: the styles of a data set's objects, clustered and stored in a model."""

from tfsynth.commands.arguments import add_device, natural_number, positive_count
from tfsynth.commands.loading import load_experiment

SUMMARY = "collect the styles of a data set's objects into a model"
EXAMPLES = """\
examples:
  tfsynth styles runs/my                           k-means with 10 styles a class, again
  tfsynth styles runs/my --clusters 20 --split validation
  tfsynth styles my.keras --config my.yaml -o my-20.keras --clusters 20

Training a model with an encoder does this at its end.
"""


def add_arguments(parser):
    """Adds what `tfsynth styles` takes."""
    parser.add_argument(
        "model",
        metavar="RUN_OR_MODEL",
        help="run folder, .keras file, preset (folder or hf://OWNER/NAME), or model that ships",
    )
    parser.add_argument(
        "--config",
        metavar="CONFIG",
        help="whose data to use; needed unless the model is a run folder",
    )
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="train",
        help="split of the data (default: train)",
    )
    parser.add_argument(
        "--clusters", type=positive_count, default=10, metavar="K", help="styles a class (10)"
    )
    parser.add_argument(
        "--seed", type=natural_number, default=0, metavar="N", help="the seed of k-means (0)"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="model to write (default: the same one)"
    )
    add_device(parser, "encodes")


def run(arguments):
    """Clusters, and prints how many objects have each style."""
    from tfsynth.config import load_config

    config = None if arguments.config is None else load_config(arguments.config)
    experiment = load_experiment(arguments.debug, arguments.device)
    path, synthesizer = experiment.cluster_styles(
        arguments.model,
        config=config,
        split=arguments.split,
        output=arguments.output,
        clusters=arguments.clusters,
        seed=arguments.seed,
    )
    label_set, table = synthesizer.label_set, synthesizer.styles
    # With condition pictures all objects are of one class without a name.
    names = label_set.names if label_set else ("objects",)
    for class_id, counts in sorted(table.counts.items() if table else ()):
        print(f"{names[class_id]:20} {' '.join(map(str, sorted(counts.tolist(), reverse=True)))}")
    print(f"Styles, each with its number of objects, written to {path}")

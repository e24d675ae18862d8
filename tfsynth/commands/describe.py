"""`tfsynth describe`: the networks of a config with their cost, or the contents of a model file."""

from pathlib import Path

from tfsynth.commands.arguments import add_device, add_overrides, overrides
from tfsynth.commands.loading import load_experiment

SUMMARY = "show what a config builds and costs, or what a model file holds"
EXAMPLES = """\
examples:
  tfsynth describe demo                            parameters, operations and memory of its networks
  tfsynth describe demo --set trainer.generator.filters=64
  tfsynth describe runs/demo/synthesizer.keras     classes, settings and origin of a trained model
"""


def add_arguments(parser):
    """Adds what `tfsynth describe` takes."""
    parser.add_argument(
        "target",
        metavar="CONFIG_OR_MODEL",
        help="name of an installed config, path of a YAML file or run folder, or .keras file",
    )
    add_overrides(parser)
    add_device(parser, "builds the networks")


def run(arguments):
    """Prints the description."""
    from tfsynth.config import load_config

    target = Path(arguments.target)
    if target.suffix == ".keras":
        if not target.is_file():
            raise FileNotFoundError(f"There is no model at {target}.")
        print(_describe_model(target, arguments))
        return
    if (target / "config.yaml").is_file():
        target = target / "config.yaml"
    config = load_config(str(target), overrides(arguments))
    experiment = load_experiment(arguments.debug, arguments.device)
    print(experiment.describe(config))


def _describe_model(path, arguments):
    import yaml

    load_experiment(arguments.debug, arguments.device)
    from tfsynth import load_model, registry

    model = load_model(path)
    node = yaml.safe_dump(registry.describe(model), sort_keys=False, default_flow_style=None)
    return f"{node}parameters: {model.count_params():,}"

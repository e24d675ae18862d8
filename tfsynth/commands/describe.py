"""`tfsynth describe`: the networks of a config with their cost, or the contents of a model file."""

from pathlib import Path

from tfsynth.commands.arguments import add_device, add_overrides, overrides
from tfsynth.commands.loading import load_experiment
from tfsynth.exporters import runtimes
from tfsynth.hints import nearest_names
from tfsynth.models import find_model, hub, is_preset, model_names, read_model

SUMMARY = "show what a config builds and costs, or what a model file holds"
EXAMPLES = """\
examples:
  tfsynth describe demo                            parameters, operations and memory of its networks
  tfsynth describe demo --set game.generator.filters=64
  tfsynth describe runs/demo/synthesizer.keras     classes, settings and origin of a trained model
  tfsynth describe streets                         the same of the model that ships
"""


def add_arguments(parser):
    """Adds what `tfsynth describe` takes."""
    parser.add_argument(
        "target",
        metavar="CONFIG_OR_MODEL",
        help="name of an installed config or shipped model, path of a YAML file or run folder, "
        ".keras file, preset folder, hf://OWNER/NAME, or exported model",
    )
    add_overrides(parser)
    add_device(parser, "builds the networks")


def run(arguments):
    """Prints the description."""
    from tfsynth.config import load_config

    if hub.is_uri(arguments.target):
        print(_describe_model(find_model(arguments.target), arguments))
        return
    target = Path(arguments.target)
    bundle = target / "synthesizer.keras"
    if bundle.is_file() and not (target / "config.yaml").is_file():  # Of `tfsynth import`.
        target = bundle
    if runtimes.kind_of(target):
        load_experiment(arguments.debug, arguments.device)
        print(_as_yaml(runtimes.open_runtime(target).description).rstrip())
        return
    if target.suffix == ".keras" or is_preset(target) or _ships(target):
        print(_describe_model(find_model(target), arguments))
        return
    if (target / "config.yaml").is_file():
        target = target / "config.yaml"
    _require_known(target)
    config = load_config(str(target), overrides(arguments))
    experiment = load_experiment(arguments.debug, arguments.device)
    print(experiment.describe(config))


def _require_known(target):
    """Raises `FileNotFoundError` unless it is a path or a name; names the nearest of both kinds."""
    from tfsynth.config import config_names

    names = [*config_names(), *model_names()]
    if target.exists() or str(target) in names:
        return
    raise FileNotFoundError(
        f"There is no {target}: neither a file or run folder nor an installed name. Nearest: "
        f"{nearest_names(target, names)}. Configs: {', '.join(config_names())}. Models: "
        f"{', '.join(model_names()) or 'none'}."
    )


def _ships(target):
    """Whether a shipped model is meant: a path comes first, and so does a config of its name."""
    from tfsynth.config import config_names

    name = str(target)
    return not target.exists() and name in model_names() and name not in config_names()


def _as_yaml(node):
    import yaml

    return yaml.safe_dump(node, sort_keys=False, default_flow_style=None)


def _describe_model(path, arguments):
    load_experiment(arguments.debug, arguments.device)
    from tfsynth import registry

    model = read_model(path)
    return f"{_as_yaml(registry.describe(model))}parameters: {model.count_params():,}"

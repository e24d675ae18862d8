"""`tfsynth train`: trains a config, and what its `train.then` asks for."""

import json
import shlex
import textwrap
from pathlib import Path

from tfsynth.commands.arguments import add_device, add_overrides, overrides, positive_number
from tfsynth.commands.loading import load_experiment
from tfsynth.commands.programs import program
from tfsynth.commands.scores import mean_ious

SUMMARY = "train a config, or resume a run that was interrupted"
EXAMPLES = """\
examples:
  tfsynth train                                    list the installed configs
  tfsynth train demo                               into runs/demo; again: resumes where it stopped
  tfsynth train demo --run-dir runs/wide --set game.generator.filters=32
  tfsynth train mine.yaml --minutes 30 --seed 1    a shorter schedule that ends in 30 minutes

The run folder holds config.yaml, checkpoints/, logs/ (TensorBoard), samples.png, metrics.json,
synthesizer.keras and export/1, as far as the config asks for them.
"""


def add_arguments(parser):
    """Adds what `tfsynth train` takes."""
    parser.add_argument(
        "config",
        nargs="?",
        metavar="CONFIG",
        help="name of an installed config, or path of a YAML file; without it they are listed",
    )
    parser.add_argument(
        "--run-dir", metavar="DIR", help="folder of the run (default: runs/NAME of the config)"
    )
    parser.add_argument(
        "--minutes",
        type=positive_number,
        metavar="M",
        help="wall time for training: shortens the schedule; short for --set train.minutes=M",
    )
    add_overrides(parser)
    add_device(parser, "trains", several=True)


def run(arguments):
    """Trains, and says where the result is."""
    from tfsynth.config import load_config

    if arguments.config is None:
        _list_configs()
        return
    changes = overrides(arguments)
    if arguments.minutes is not None:
        changes.append(f"train.minutes={arguments.minutes}")
    config = load_config(arguments.config, changes)
    run_dir = Path(arguments.run_dir or Path("runs") / config.name)

    try:
        experiment = load_experiment(arguments.debug)

        experiment.train(config, run_dir, device=arguments.device)
    except KeyboardInterrupt as interruption:
        interruption.args = (how_to_resume(run_dir, arguments.command_line),)
        raise
    print(what_next(run_dir))


def _list_configs():
    from tfsynth.config import config_folder, config_names

    print("Installed configs; * needs data or weights that are not part of the package:")
    for name in config_names():
        text = (config_folder() / f"{name}.yaml").read_text(encoding="utf-8")
        first = text.partition("\n")[0]
        title = first.removeprefix("#").strip() if first.startswith("#") else ""
        needs = _needs(text)
        print(f"{'*' if needs else ' '} {name:<24} {title}".rstrip())
        for line in needs:
            print(textwrap.fill(line, 100, initial_indent=" " * 27, subsequent_indent=" " * 29))
    print(f"Train one of them with `{program('tfsynth')} train NAME`.")


def _needs(text):
    """Returns a sentence for what a config's text needs of data, and one of fixed networks."""
    from tfsynth.config.outside import notes, outside_paths
    from tfsynth.plain import read_yaml

    paths, said = outside_paths(read_yaml(text, "an installed config")), notes(text)
    data = [path for path in paths if path.startswith("data/")]
    kinds = (("Data", data), ("Needs", [path for path in paths if path not in data]))
    found = [(kind.lower(), paths, said.get(kind, "see the config")) for kind, paths in kinds]
    return [
        f"{kind}: {note if all(path in note for path in paths) else f'{paths[0]}, {note}'}"
        for kind, paths, note in found
        if paths
    ]


def what_next(run_dir):
    """Returns the lines that a finished run ends with: scores, and commands that go on from it."""
    scores = run_dir / "metrics.json"
    lines = [f"\nFinished: {run_dir}"]
    if scores.is_file():
        first, *more = _mean_ious(scores)
        lines += [f"{first}   (all scores: {scores})", *more]
    lines += [
        f"  open        {run_dir / 'samples.png'}: the first test layouts",
        f"  watch       {program('tensorboard')} --logdir {_quoted(run_dir / 'logs')}",
        f"  synthesise  {program('tfsynth')} synthesize --model {_quoted(run_dir)} "
        f"{_layouts(run_dir)} -o PHOTOGRAPHS",
        f"  load        tfsynth.load_model({str(run_dir / 'synthesizer.keras')!r})",
    ]
    if (run_dir / "export" / "1").is_dir():
        lines.append(f"  serve       {run_dir / 'export'} is a model folder for TF Serving")
    return "\n".join(lines)


def _mean_ious(scores):
    """Returns a line for each judge of a file of scores: the mean IoU of each row."""
    try:
        said = mean_ious(json.loads(scores.read_text(encoding="utf-8")))
        return [f"  {judge:<12}{words}" for judge, words in said.items()]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError(
            f"{scores} is damaged ({type(error).__name__}). The run itself is finished: remove the "
            "file and give the same command again, which writes the scores anew."
        ) from error


def _layouts(run_dir):
    """Returns the words for the run's own layouts, or, in a run without, for the user's."""
    layouts = run_dir / "layouts"
    found = [layouts / kind for kind in ("labels", "condition") if (layouts / kind).is_dir()]
    if not found:
        return "LABELS"
    instances = layouts / "instances"
    more = f" --instances {_quoted(instances)}" if instances.is_dir() else ""
    return f"{_quoted(found[0])}{more}"


def _quoted(path):
    return shlex.quote(str(path))


def how_to_resume(run_dir, command_line):
    """Returns what an interrupted run says: where its state is, and the command to go on."""
    checkpoints = run_dir / "checkpoints"
    if not checkpoints.is_dir() or not any(checkpoints.iterdir()):
        return "interrupted before the first checkpoint; nothing was saved."
    return f"interrupted. The state is saved in {checkpoints}; resume with: {command_line}"

"""`tfsynth export`: a trained model for other programs."""

import tempfile
from pathlib import Path

from tfsynth.commands.arguments import add_device
from tfsynth.commands.loading import load_experiment

SUMMARY = "write a trained model for TF Serving and other programs"
EXAMPLES = """\
examples:
  tfsynth export runs/demo -o serving/streets/1
  tfsynth export my.keras -o serving/streets/2 --overwrite
  tfsynth export runs/my -o small.keras --format keras --half

TF Serving takes the last part of the folder as the version of the model: a whole number.
--half stores weights in 16 bits: a file of half the size, whose photographs differ by a grey
level here and there. Loading makes float32 of them.
Nothing here is random: there is no --seed.
"""


def add_arguments(parser):
    """Adds what `tfsynth export` takes."""
    parser.add_argument(
        "model", metavar="MODEL", help="run folder, .keras file, or the name of a model that ships"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help="folder (keras: file) to write"
    )
    parser.add_argument(
        "--format",
        choices=("saved_model", "keras"),
        default="saved_model",
        help="what to write: saved_model, or keras, the file that training writes (default: "
        "saved_model)",
    )
    parser.add_argument("--half", action="store_true", help="store weights in float16 (keras)")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an export that is there already"
    )
    add_device(parser, "verifies the export")


def run(arguments):
    """Exports, and says where to."""
    experiment = load_experiment(arguments.debug, arguments.device)

    target = Path(arguments.output).absolute()
    # Only what an export wrote is ever replaced, and only when its successor is there.
    file = arguments.format == "keras" and target.suffix == ".keras" and target.is_file()
    replace = arguments.overwrite and (file or (target / "saved_model.pb").is_file())
    if not replace:
        experiment.export(arguments.model, target, format=arguments.format, half=arguments.half)
    else:
        _require_export(experiment, target)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
            fresh = Path(folder) / target.name
            experiment.export(arguments.model, fresh, format=arguments.format, half=arguments.half)
            target.rename(Path(folder) / "old")
            fresh.rename(target)
    print(f"Exported and verified: {arguments.output}")


def _require_export(experiment, target):
    """Raises unless an export wrote all that would be replaced."""
    if target.is_file():
        experiment.load_synthesizer(target)
        return
    known = {"saved_model.pb", "fingerprint.pb", "assets.extra/labels.json"}
    files = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    others = sorted(f for f in files - known if not f.startswith("variables/"))
    if others:
        raise FileExistsError(
            f"{target} holds what no export wrote: {', '.join(others)}. Move that away, or name "
            "another folder."
        )

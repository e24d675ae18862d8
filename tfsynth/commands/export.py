"""`tfsynth export`: a trained model for other programs."""

import shutil
from pathlib import Path

from tfsynth.commands.arguments import add_device
from tfsynth.commands.loading import load_experiment

SUMMARY = "write a trained model for TF Serving and other programs"
EXAMPLES = """\
examples:
  tfsynth export runs/demo -o serving/streets/1
  tfsynth export my.keras -o serving/streets/2 --overwrite

TF Serving takes the last part of the folder as the version of the model: a whole number.
Nothing here is random: there is no --seed.
"""


def add_arguments(parser):
    """Adds what `tfsynth export` takes."""
    parser.add_argument("model", metavar="MODEL", help="run folder, or .keras file")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--format", default="saved_model", help="what to write (default: saved_model)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an export that is there already"
    )
    add_device(parser, "verifies the export")


def run(arguments):
    """Exports, and says where to."""
    experiment = load_experiment(arguments.debug, arguments.device)

    target = Path(arguments.output)
    # Only what an export wrote is ever replaced, and only when its successor is there.
    replace = arguments.overwrite and (target / "saved_model.pb").is_file()
    fresh = target.with_name(f".{target.name}-new") if replace else target
    experiment.export(arguments.model, fresh, format=arguments.format)
    if replace:
        shutil.rmtree(target)
        fresh.rename(target)
    print(f"Exported and verified: {target}")

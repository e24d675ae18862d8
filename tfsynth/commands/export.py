"""`tfsynth export`: a trained model for other programs."""

from pathlib import Path

from tfsynth.commands.arguments import add_device
from tfsynth.commands.loading import load_experiment
from tfsynth.exporters import FORMATS
from tfsynth.files import is_taken, move_into_place, working_folder
from tfsynth.models import presets
from tfsynth.plain import read_yaml_file

SUMMARY = "write a trained model for TF Serving and other programs"
EXAMPLES = """\
examples:
  tfsynth export runs/demo -o serving/streets/1
  tfsynth export my.keras -o serving/streets/2 --overwrite
  tfsynth export runs/my -o small.keras --format keras --half
  tfsynth export runs/my -o checkpoints/my --format pix2pixhd
  tfsynth export runs/my -o my-model --format preset --license cc-by-nc-4.0

TF Serving takes the last part of the folder as the version of the model: a whole number.
--half stores weights in 16 bits: a file of half the size, whose photographs differ by one grey
level in some pixels. The weights are loaded as float32.
pix2pixhd is for models with that paper's networks: latest_net_G.pth, latest_net_E.pth if there is
an encoder, and opt.txt with the options for the published program. PyTorch is not needed. `tfsynth
import` reads the same weights from them, bit for bit; styles are not exported.
A preset is a folder to share, on the Hugging Face Hub or elsewhere: weights with their SHA-256 and
a model card with what the model knows of its training, and its scores if it has been evaluated.
Nothing here is random: there is no --seed.
"""


def add_arguments(parser):
    """Adds what `tfsynth export` takes."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="run folder, .keras file, preset (folder or hf://OWNER/NAME), or model that ships",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help="folder (keras: file) to write"
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="saved_model",
        help="what to write: saved_model; keras, the file that training writes; pix2pixhd, "
        "checkpoints of the published PyTorch program; or preset, a folder with a model card "
        "(default: saved_model)",
    )
    parser.add_argument(
        "--half", action="store_true", help="store weights in float16 (keras, preset)"
    )
    parser.add_argument(
        "--license",
        metavar="NAME",
        help="of the weights, for the card of a preset: apache-2.0, cc-by-4.0, other",
    )
    parser.add_argument(
        "--scores",
        metavar="FILE",
        help="for the card of a preset, as `tfsynth evaluate` wrote them (default: the "
        "metrics.json of the run folder, if there is one)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an export that is there already"
    )
    add_device(parser, "verifies the export")


def run(arguments):
    """Exports, and says where to."""
    experiment = load_experiment(arguments.debug, arguments.device)

    target = Path(arguments.output).absolute()
    if arguments.overwrite and _is_export(target, arguments.format):
        # Only files of an earlier export are replaced, and only after the new ones are written.
        _require_export(experiment, target)
    elif is_taken(target):
        raise FileExistsError(
            f"{target} exists already. Name another {FORMATS[arguments.format].writes}, or remove "
            "it first; --overwrite replaces what an export in the same format wrote."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with working_folder(target.parent) as folder:
        fresh = folder / target.name
        wanted = {"format": arguments.format, "half": arguments.half, **_details(arguments)}
        experiment.export(arguments.model, fresh, **wanted)
        if arguments.format == "pix2pixhd":
            require_same(experiment.load_synthesizer(arguments.model), fresh)
        move_into_place(fresh, target)
    print(f"Exported and verified: {arguments.output}")


def _details(arguments):
    """Returns what the model card of a preset gets beside what the model knows of itself."""
    details = {} if arguments.license is None else {"license": arguments.license}
    scores = arguments.scores
    own = Path(arguments.model) / "metrics.json"
    if scores is None and arguments.format == "preset" and own.is_file():
        scores = own
    # A JSON file is a YAML file too, and the reader of these has bounds.
    return details if scores is None else {**details, "scores": read_yaml_file(scores)}


def _is_export(target, format):
    if format == "keras":
        return target.suffix == ".keras" and target.is_file()
    if format == "preset":
        return presets.holds_only_a_preset(target)
    if format == "pix2pixhd":
        from tfsynth.exporters import pix2pixhd

        return pix2pixhd.is_export(target)
    return (target / "saved_model.pb").is_file()


def _require_export(experiment, target):
    """Raises unless an export wrote all that would be replaced."""
    if target.is_file():
        experiment.load_synthesizer(target)
        return
    if not (target / "saved_model.pb").is_file():
        return
    known = {"saved_model.pb", "fingerprint.pb", "assets.extra/labels.json"}
    files = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    others = sorted(f for f in files - known if not f.startswith("variables/"))
    if others:
        raise FileExistsError(
            f"{target} holds what no export wrote: {', '.join(others)}. Move that away, or name "
            "another folder."
        )


def require_same(synthesizer, folder):
    """Raises unless `tfsynth import` would read the model's own weights, bit for bit."""
    from tfsynth import importers
    from tfsynth.exporters.pix2pixhd import FILES

    for role, name in FILES.items():
        network = getattr(synthesizer, role)
        if network is None:
            continue
        again = importers.read_pix2pixhd(folder / name)[role]
        pairs = zip(network.get_weights(), again.get_weights(), strict=True)
        if not all(weight.tobytes() == other.tobytes() for weight, other in pairs):
            raise ValueError(f"{name} is read back with other weights. Nothing was written.")

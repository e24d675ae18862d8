"""`tfsynth export`: a trained model for other programs."""

from pathlib import Path

from tfsynth.commands.arguments import add_device, positive_count
from tfsynth.commands.loading import load_experiment
from tfsynth.exporters import FORMATS, PRECISIONS
from tfsynth.plain import read_yaml_file

SUMMARY = "write a trained model for TF Serving, phones, ONNX and other programs"
EXAMPLES = """\
examples:
  tfsynth export runs/demo -o serving/streets/1
  tfsynth export my.keras -o serving/streets/2 --overwrite --examples runs/my/layouts
  tfsynth export streets -o streets.tflite --format tflite --precision int8
  tfsynth export runs/my -o my.onnx --format onnx --size 512 1024
  tfsynth export runs/my -o my.tflite --format tflite --dry-run
  tfsynth export runs/my -o small.keras --format keras --precision float16
  tfsynth export runs/my -o checkpoints/my --format pix2pixhd
  tfsynth export runs/my -o my-model --format preset --license cc-by-nc-4.0

formats:
  saved_model  a folder for TF Serving, which takes the last part of its path as the version, a
               whole number. PNG or tensors in, photographs out
  tflite       a file for LiteRT (TensorFlow Lite): phones, browsers, small machines
  onnx         a file for ONNX Runtime and whatever else reads ONNX
  keras        the file that training writes; float16 is half its size, and read as float32
  preset       a folder to share, on the Hugging Face Hub or elsewhere: weights with their SHA-256,
               and a model card with what the model knows of its training, and its scores
  pix2pixhd    for models with that paper's networks: latest_net_G.pth, latest_net_E.pth if there is
               an encoder, and opt.txt with the options for the published program. PyTorch is not
               needed. `tfsynth import` reads the same weights from them, bit for bit; styles are
               not exported

Pictures of the first three are compared with the model's own before the file gets its name, at
three sizes, one and three at a time, with several seeds: what differs by more than its precision
allows is deleted. `tfsynth synthesize` and `tfsynth evaluate` take what was exported in place of
the model, and `tfsynth benchmark export` compares all formats. Nothing here is random: there is no
--seed.
"""


def add_arguments(parser):
    """Adds what `tfsynth export` takes."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="run folder, .keras file, preset (folder or hf://OWNER/NAME), or model that ships",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help="folder or file to write"
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="saved_model",
        help="what to write, see below (default: saved_model)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the weights: float32; float16 (tflite, keras, preset); for tflite also int8, "
        "smaller and faster, int8-weights, smaller, and int8-static, for machines that have "
        "integers only (default: float32)",
    )
    parser.add_argument(
        "--size",
        nargs=2,
        type=positive_count,
        metavar=("H", "W"),
        help="the only size in pixels that the file then takes, of one picture at a time, as some "
        "accelerators want it (tflite, onnx; default: all sizes)",
    )
    parser.add_argument(
        "--examples",
        metavar="DIR",
        help="folder of layouts to compare pictures of, with instance maps in its folder "
        "instances/ (default: layouts that are made for it)",
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
        "--dry-run",
        action="store_true",
        help="only say whether the network can be exported, and what keeps it from that",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an export that is there already"
    )
    add_device(parser, "verifies the export")


def run(arguments):
    """Exports, and says where to and what was compared."""
    experiment = load_experiment(arguments.debug, arguments.device)
    settings = {
        "format": arguments.format,
        "precision": arguments.precision,
        "size": arguments.size and tuple(arguments.size),
    }
    if arguments.dry_run:
        found = experiment.find_blockers(arguments.model, **settings)
        if found:
            lines = [f"  {b.layer}: {b.operator}. {b.instead}" for b in found]
            raise ValueError(
                f"This network cannot be exported as {arguments.format}:\n" + "\n".join(lines)
            )
        print(f"Nothing keeps this network from being exported as {arguments.format}.")
        return
    exported = experiment.export(
        arguments.model,
        arguments.output,
        **settings,
        examples=arguments.examples,
        overwrite=arguments.overwrite,
        check=require_same if arguments.format == "pix2pixhd" else None,
        progress=True,
        **_details(arguments),
    )
    if exported.report is not None:
        print(exported.report.as_text())
    print(f"Exported and verified: {arguments.output}")


def _details(arguments):
    """Returns what the model card of a preset gets beside what the model knows of itself."""
    scores = arguments.scores
    details = {} if arguments.license is None else {"license": arguments.license}
    own = Path(arguments.model) / "metrics.json"
    if scores is None and arguments.format == "preset" and own.is_file():
        scores = own
    # A JSON file is a YAML file too, and the reader of these has bounds.
    return details if scores is None else {**details, "scores": read_yaml_file(scores)}


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

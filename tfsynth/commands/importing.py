"""`tfsynth import`: checkpoints of other programs as models of tfsynth."""

from tfsynth.commands.arguments import add_device
from tfsynth.commands.loading import load_experiment

SUMMARY = "read checkpoints of other programs"
EXAMPLES = """\
examples:
  tfsynth import pix2pixhd latest_net_G.pth -o imported/ --labels cityscapes35
  tfsynth import pix2pixhd latest_net_G.pth latest_net_E.pth latest_net_D.pth -o imported/
  tfsynth import pix2pixhd latest_net_G.pth latest_net_E.pth \\
      --styles features_clustered_010.npy -o imported/
  tfsynth import pix2pixhd latest_net_G.pth -o imported/ --condition picture
  tfsynth import vgg19 vgg19-dcbb9e9d.pth -o vgg19.keras
  tfsynth import vgg19 vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 -o vgg19.keras
  tfsynth import crn result_512p/model.ckpt -o imported/

PyTorch is not needed, and nothing in a file is executed. A checkpoint of TensorFlow 1 is named by
the common prefix of its files: model.ckpt for model.ckpt.index and model.ckpt.data-00000-of-00001.
`imported/` then contains synthesizer.keras, for `tfsynth synthesize`, and import.json, which lists
what was inferred and what was assumed.
Nothing here is random: there is no --seed.
"""


def add_arguments(parser):
    """Adds what `tfsynth import` takes."""
    parser.add_argument("kind", choices=("pix2pixhd", "vgg19", "crn"), help="what wrote the files")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="checkpoint, .pth (vgg19: or .h5; crn: PREFIX)"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help="folder (vgg19: .keras file) to write"
    )
    parser.add_argument(
        "--labels",
        metavar="LABELS",
        help="label file or installed name: the classes in the order of the model's channels "
        "(default: cityscapes35 of pix2pixhd with 35, cityscapes20 of crn with 20)",
    )
    parser.add_argument(
        "--condition",
        choices=("labels", "picture"),
        help="what the model reads: label maps, or pictures if it was trained with --label_nc 0 "
        "(pix2pixhd; default: as opt.txt says, else a picture if there are 1 or 3 channels and no "
        "--labels)",
    )
    parser.add_argument(
        "--no-edges", action="store_true", help="the model reads no instance edges (pix2pixhd)"
    )
    parser.add_argument(
        "--styles",
        metavar="NPY",
        help="clustered features to draw styles from, features_clustered_010.npy (pix2pixhd)",
    )
    add_device(parser, "builds the networks")


def run(arguments):
    """Imports, and prints what was inferred and assumed."""
    _refuse_settings_of_others(arguments)
    load_experiment(arguments.debug, arguments.device)
    from tfsynth import importers
    from tfsynth.layouts.labels import LabelSet

    if arguments.kind == "vgg19":
        print(importers.import_vgg19(arguments.files, arguments.output))
        return
    labels = None if arguments.labels is None else LabelSet.load(arguments.labels)
    if arguments.kind == "crn":
        report = _import_crn(arguments, labels)
    else:
        report = importers.import_pix2pixhd(
            arguments.files,
            arguments.output,
            label_set=labels,
            condition=arguments.condition,
            edges=False if arguments.no_edges else None,
            styles=arguments.styles,
        )
    for role, part in report["networks"].items():
        print(f"{role}: {part['class']} with {part['parameters']:,} parameters")
    if "styles" in report:
        of_class = report["styles"]["of_class"]
        print(f"styles: {sum(of_class.values())}, of {len(of_class)} classes")
    for line in report["assumed"]:
        print(f"assumed: {line}")
    print(f"Written to {arguments.output}: {', '.join(report['written'])}")


def _refuse_settings_of_others(arguments):
    """Exits with an error for settings that do not apply to the kind of file."""
    taken = {"pix2pixhd": ("labels", "condition", "no_edges", "styles"), "crn": ("labels",)}
    for name in taken["pix2pixhd"]:
        if getattr(arguments, name) and name not in taken.get(arguments.kind, ()):
            reason = {"vgg19": "VGG-19 reads photographs", "crn": "CRN reads label maps alone"}
            arguments.parser.error(
                f"--{name.replace('_', '-')} is for `import pix2pixhd`: {reason[arguments.kind]}."
            )


def _import_crn(arguments, labels):
    from tfsynth import importers

    if len(arguments.files) != 1:
        raise ValueError(
            "`import crn` reads one checkpoint, named by what its files' names begin with. "
            f"Received: {' '.join(arguments.files)}."
        )
    return importers.import_crn(arguments.files[0], arguments.output, label_set=labels)

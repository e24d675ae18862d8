"""`tfsynth synthesize`: photographs from files of label maps or condition pictures."""

from tfsynth.commands.arguments import add_device, natural_number, positive_count
from tfsynth.commands.loading import load_experiment

SUMMARY = "make photographs from label maps or condition pictures"
EXAMPLES = """\
examples:
  tfsynth synthesize --model streets               drawn layouts, as a first example
  tfsynth synthesize --model runs/demo/synthesizer.keras labels/ -o photos/
  tfsynth synthesize --model m.keras a.png b.png -o photos/ --instances instances/
  tfsynth synthesize --model m.keras painted/ -o photos/ --label-coding colour
  tfsynth synthesize --model planet.keras --size 1024 2048    a whole world

Without INPUT, six layouts are drawn for a model with the classes of the drawn streets, of planet or
of nuclei, into layouts/ in the folder of the photographs, where they can be edited and synthesised
again. They have the size that the model was trained at, or --size; --layout-seed draws others. For
planet, a --size twice as wide as high is one whole world, whose left and right edges join.

A label map is a PNG whose pixels are class ids; the photograph of a.png is photos/a.png, that of
a label map in a subfolder is in the same subfolder. A PNG with a palette may list the colours of
the classes in any order, as paint programs do. An instance map has the name of its label map and
one id per object. The endings of Cityscapes (_gtFine_labelIds, _gtFine_instanceIds) are no part of
a name.

A model that was trained on pairs of pictures takes pictures in place of label maps, and what it
writes has the channels that its photographs had: grey, RGB or RGBA.

With styles, or with noise (as dropout or as further channels), a model makes four photographs of
each label map with --samples 4 --seed 7; --like gives every object the style that it has in a
photograph of the same layout. With a model that makes several pictures of a layout (Cascaded
Refinement Networks), --samples is the number of them to write.
"""


def add_arguments(parser):
    """Adds what `tfsynth synthesize` takes."""
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="label map or picture, or folder; none: layouts are drawn",
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="run folder, .keras file, preset (folder or hf://OWNER/NAME), or model that ships",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="photographs",
        metavar="DIR",
        help="folder of the photographs (default: photographs)",
    )
    parser.add_argument(
        "--instances", metavar="DIR", help="folder of instance maps, for models that read them"
    )
    parser.add_argument(
        "--instances-from",
        choices=("components",),
        help="where there are no instance maps: every connected part of a class is an instance "
        "(objects of one class that touch become one; default: the class is one instance)",
    )
    parser.add_argument(
        "--label-coding",
        choices=("ids", "colour"),
        default="ids",
        help="what the pixels of a label map are: class ids, or the colours of the model's classes "
        "(default: ids)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace photographs that exist already"
    )
    parser.add_argument(
        "--samples",
        type=positive_count,
        default=1,
        metavar="N",
        help="photographs of each label map: with styles and noise of their own, or of the "
        "pictures that the model makes of one layout (default: 1)",
    )
    parser.add_argument(
        "--seed",
        type=natural_number,
        default=0,
        metavar="N",
        help="the seed of styles and noise (default: 0)",
    )
    parser.add_argument(
        "--like",
        metavar="DIR",
        help="folder of photographs of the same names to take each object's style from",
    )
    parser.add_argument(
        "--size",
        nargs=2,
        type=positive_count,
        metavar=("H", "W"),
        help="size in pixels of the layouts that are drawn (default: that of the training)",
    )
    parser.add_argument(
        "--layout-seed",
        type=natural_number,
        default=0,
        metavar="N",
        help="the seed of the layouts that are drawn (default: 0)",
    )
    parser.add_argument(
        "--wrap",
        action="store_true",
        help="join the left and right edges of the photographs, as those of their layouts do; "
        "whole worlds that are drawn are joined anyway",
    )
    add_device(parser, "synthesises")


def run(arguments):
    """Synthesizes, and says what was written."""
    experiment = load_experiment(arguments.debug, arguments.device)

    written = experiment.synthesize(
        arguments.model,
        arguments.inputs or None,
        arguments.output,
        instances=arguments.instances,
        instances_from=arguments.instances_from,
        label_coding=arguments.label_coding,
        overwrite=arguments.overwrite,
        samples=arguments.samples,
        seed=arguments.seed,
        like=arguments.like,
        size=arguments.size and tuple(arguments.size),
        layout_seed=arguments.layout_seed,
        wrap=arguments.wrap or None,
    )
    noun = "photograph" if len(written) == 1 else "photographs"
    print(f"{len(written)} {noun} written to {arguments.output}")
    if not arguments.inputs:
        print(f"Their layouts: {arguments.output}/layouts")

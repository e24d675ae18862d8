"""`tfsynth reproduce`: trains the rows of a paper's table, beside the published figures."""

from tfsynth.commands.arguments import add_device, positive_count, positive_number
from tfsynth.commands.loading import load_experiment

SUMMARY = "train a table of the papers, beside the published figures"
EXAMPLES = """\
examples:
  tfsynth reproduce                                    list the tables, their rows and data sets
  tfsynth reproduce instances --minutes 8 --seeds 3    on drawn streets; again: resumes
  tfsynth reproduce losses --features vgg19.keras      another network for the perceptual losses
  tfsynth reproduce losses --rows gan gan_fm           these rows only
  tfsynth reproduce scores --dataset cityscapes        the papers' sizes and epochs
  tfsynth reproduce parts --measure-again              measure finished runs again, train nothing
  tfsynth reproduce usefulness --rows quarter --publish    keep its results for the next sitting

Writes TABLE.md, TABLE.json, TABLE.png (bars) and TABLE-sheet.png (the first test layouts by all
rows) into runs/reproduce/DATASET/MINUTES/, and the runs beside them; rows that two tables share are
trained once. Results that are committed in docs/tables/results/runs are taken, with a note if other
code made them. Ctrl-C keeps the finished runs. Bars and loss curves need matplotlib: pip install
'tfsynth[charts]'.
"""


def add_arguments(parser):
    """Adds what `tfsynth reproduce` takes."""
    parser.add_argument(
        "table", nargs="?", metavar="TABLE", help="name of a table; without it they are listed"
    )
    parser.add_argument(
        "--dataset", help="such as streets, cityscapes or nyu (default: the table's first)"
    )
    parser.add_argument(
        "--minutes",
        type=positive_number,
        metavar="M",
        help="wall time of each training (default: that of the configs; see `tfsynth train`)",
    )
    parser.add_argument(
        "--seeds",
        type=positive_count,
        default=3,
        metavar="S",
        help="trainings of each row, with the seeds 0 to S-1 (default: 3)",
    )
    parser.add_argument(
        "--rows", nargs="+", metavar="ROW", help="train these rows only: a b or a,b (default: all)"
    )
    parser.add_argument(
        "--features",
        metavar="FILE",
        help="feature network (.keras) of perceptual losses, in place of the configs' own",
    )
    parser.add_argument(
        "--measure-again",
        action="store_true",
        help="measure the finished runs again, and train nothing",
    )
    parser.add_argument(
        "--train-all",
        action="store_true",
        help="train also the rows that have a committed result; --publish replaces it",
    )
    parser.add_argument(
        "--results",
        metavar="DIR",
        help="folder of committed results, which are taken instead of training (default: "
        "docs/tables/results/runs of a checkout)",
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="copy the results of these rows and seeds into --results, to be committed",
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one key of the config of every row; repeatable",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        default="runs/reproduce",
        help="folder of tables and runs (default: runs/reproduce)",
    )
    add_device(parser, "trains", several=True)


def run(arguments):
    """Trains what is missing, and prints the table."""
    if arguments.table is None:
        _list_tables()
        return
    from tfsynth.config import parse_override
    from tfsynth.reproduction.tables import load_table

    table = load_table(arguments.table)
    rows = arguments.rows
    if rows is not None:
        rows = [row for text in rows for row in text.split(",") if row]
    table.require(arguments.dataset or table.default_dataset, rows)
    changes = dict(parse_override(text) for text in arguments.overrides)

    try:
        load_experiment(arguments.debug)
        from tfsynth.reproduction.reproduce import reproduce

        page = reproduce(
            table,
            arguments.dataset,
            minutes=arguments.minutes,
            seeds=arguments.seeds,
            rows=rows,
            features=arguments.features,
            changes=changes,
            measure_again=arguments.measure_again,
            train_all=arguments.train_all,
            results=arguments.results,
            publish=arguments.publish,
            output=arguments.output,
            device=arguments.device,
        )
    except KeyboardInterrupt as interruption:
        again = f"interrupted. The finished runs are kept; resume with: {arguments.command_line}"
        interruption.args = (again,)
        raise
    print(f"\n{page.read_text(encoding='utf-8')}")
    beside = [page.with_name(page.stem + end) for end in (".json", ".png", "-sheet.png")]
    print(f"Written: {page}, {', '.join(path.name for path in beside if path.is_file())}")


def _list_tables():
    from tfsynth.reproduction.tables import load_table, table_names

    print("Tables:")
    for name in table_names():
        table = load_table(name)
        print(f"  {name:<15} {table.question}")
        for dataset, rows in table.datasets.items():
            print(f"    {dataset:<13} {', '.join(rows)}")

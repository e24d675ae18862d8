"""The tables as files: what each row is trained with, what is asked, and what was published.

A table's file, `configs/tables/<name>.yaml`, names of each row and data set a complete config and
the keys that differ from it:

    title: Discriminators
    question: What do discriminators at coarser scales bring?
    measures: [mean_iou, pixel_accuracy]
    rows: {single: one discriminator, multiscale: three discriminators}
    datasets:
      streets:
        single: {config: streets_pix2pixhd, game.discriminator.num_scales: 1}
        multiscale: {config: streets_pix2pixhd}
    questions:
      - {question: coarser scales, with: multiscale, without: single, measure: mean_iou}
      - {question: accuracy over IoU, row: single, with: pixel_accuracy, without: mean_iou}
    published:
      - {measure: mean_iou, where: ..., confirmed: false, values: {single: 0.5775, ...}}

A row that is trained at a smaller size than the others says with `measured_at: [height, width]`
where its pictures, enlarged, are measured. A table with a measure that compares features names
their network: `measure_features: {path: FILE.keras, sha256: ...}`.
"""

import copy
import dataclasses

from tfsynth.config import ConfigError, load_config, parse_config, set_key
from tfsynth.files import config_folder
from tfsynth.hints import nearest
from tfsynth.plain import read_yaml_file
from tfsynth.reproduction.measures import MEASURES

# Keys of a row that are not of its config.
_OWN_KEYS = ("config", "measured_at")


@dataclasses.dataclass(frozen=True)
class Published:
    """One column of published figures.

    Attributes:
        measure: One of `MEASURES`, or "preference": the percentage of comparisons by people in
            which the row `preferred` was chosen over this one; 50 is chance.
        where: Paper, table, data and protocol.
        values: Dict of row -> number; "oracle" stands for real photographs.
        recalled: Rows whose number was recalled and not read again in the paper.
        preferred: The row that others were compared with; empty for measures.
        note: What else there is to know, or empty.
    """

    measure: str
    where: str
    values: dict
    recalled: frozenset
    preferred: str = ""
    note: str = ""

    def ranks(self):
        """Returns dict of row -> number, more of which is better."""
        if self.measure == "preference":
            return {self.preferred: -50.0, **{row: -v for row, v in self.values.items()}}
        sign = 1 if MEASURES[self.measure].higher_is_better else -1
        return {row: sign * value for row, value in self.values.items() if row != "oracle"}


@dataclasses.dataclass(frozen=True)
class Question:
    """Whether a part helps: the row that has it against the one that has it not.

    Attributes:
        question: What is asked, in words.
        with_part, without: The rows.
        measure: Name of the measure that answers.
        without_measure: That of the row without it, if it is another one: the question is then
            about two measures of one row.
    """

    question: str
    with_part: str
    without: str
    measure: str
    without_measure: str = ""

    @property
    def measures(self):
        """The measures of the row with the part and of the one without."""
        return self.measure, self.without_measure or self.measure


@dataclasses.dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: Name of its file.
        title: Its heading.
        question: What it answers, a sentence.
        measures: Names of `MEASURES`; the first one decides.
        rows: Dict of row -> title, in order.
        datasets: Dict of data set -> dict of row -> recipe: `config`, the name of a config, the
            keys that differ from it, and `measured_at`, if any.
        published: Tuple of `Published`.
        questions: Tuple of `Question`.
        measure_features: Dict of `path` and `sha256` of the network whose features are measured;
            `None` if no measure needs one.
    """

    name: str
    title: str
    question: str
    measures: tuple
    rows: dict
    datasets: dict
    published: tuple
    questions: tuple = ()
    measure_features: dict | None = None

    @property
    def default_dataset(self):
        """The data set that is meant if none is named: its first."""
        return next(iter(self.datasets))

    def require(self, dataset, rows=None):
        """Raises `ConfigError`, with the nearest name, unless it has a data set and its rows.

        `rows` may be `None` for all, and not empty.
        """
        require_known("data set", dataset, self.datasets)
        if rows is not None and not rows:
            known = ", ".join(self.datasets[dataset])
            raise ConfigError(f"No row was named. Name some of {known}, or leave --rows out.")
        for row in rows or ():
            require_known("row", row, self.datasets[dataset])

    def config(self, dataset, row, changes=None):
        """Returns the complete `Config` of a row.

        Args:
            dataset: Name of the data set.
            row: Name of the row.
            changes: Mapping of dotted key -> value that is changed last.

        Raises:
            ConfigError: If the recipe breaks a rule of the config; it names the row.
        """
        recipe = self.datasets[dataset][row]
        keys = {key: value for key, value in recipe.items() if key not in _OWN_KEYS}
        try:
            tree = load_config(recipe["config"]).to_dict()
            for key, value in {**keys, **(changes or {})}.items():
                set_key(tree, key, copy.deepcopy(value))
            return parse_config(tree)
        except ConfigError as error:
            raise ConfigError(f"Row `{row}` of the table `{self.name}`: {error}") from error

    def measured_at(self, dataset, row):
        """Returns the (height, width) that a row is measured at; `None` for its config's."""
        size = self.datasets[dataset][row].get("measured_at")
        return None if size is None else tuple(size)


def table_names():
    """Returns the sorted names of the installed tables."""
    return sorted(path.stem for path in (config_folder() / "tables").glob("*.yaml"))


def load_table(name):
    """Reads and checks a table's file.

    Args:
        name: Name of an installed table.

    Returns:
        A `Table`.

    Raises:
        ConfigError: If there is no such table, or its file breaks a rule.
    """
    require_known("table", name, table_names())
    path = config_folder() / "tables" / f"{name}.yaml"
    return parse_table(name, read_yaml_file(path))


def parse_table(name, tree):
    """Returns the `Table` of plain data.

    Raises:
        ConfigError: If a row or measure is named that is not there, or a recipe has no config.
    """
    rows, measures = tree["rows"], tree["measures"]
    for measure in measures:
        require_known("measure", measure, MEASURES)
    for recipes in tree["datasets"].values():
        for row, recipe in recipes.items():
            require_known("row", row, rows)
            if "config" not in recipe:
                raise ConfigError(f"Row `{row}` of the table `{name}` lacks the key `config`.")
            _require_size(name, row, recipe.get("measured_at", [1, 1]))
    return Table(
        name,
        tree["title"],
        tree["question"],
        tuple(measures),
        dict(rows),
        tree["datasets"],
        tuple(_published(column, rows) for column in tree.get("published", ())),
        tuple(_question(node, rows, measures) for node in tree.get("questions", ())),
        _features(name, tree.get("measure_features"), measures),
    )


def require_known(kind, name, known):
    """Raises `ConfigError`, with the nearest known name, unless a name is known."""
    if name not in known:
        hint = nearest(name, known, "'")
        raise ConfigError(f"No {kind} {name!r}.{hint} Known: {', '.join(known)}.")


def _require_size(table, row, size):
    numbers = isinstance(size, list) and len(size) == 2
    if not numbers or not all(isinstance(side, int) and side > 0 for side in size):
        raise ConfigError(
            f"Row `{row}` of the table `{table}`: `measured_at` takes [height, width] in pixels. "
            f"Received: {size!r}."
        )


def _features(table, node, measures):
    """Returns the node of the measured features; raises `ConfigError` if it is wrong or lacks."""
    needed = [name for name in measures if MEASURES[name].by_features]
    if node is None and not needed:
        return None
    if isinstance(node, dict) and set(node) == {"path", "sha256"}:
        if all(isinstance(value, str) for value in node.values()):
            return dict(node)
    raise ConfigError(
        f"The table `{table}` measures {', '.join(needed) or 'features'} and names the network "
        f"with `measure_features: {{path: FILE.keras, sha256: HEXADECIMAL}}`. Received: {node!r}."
    )


def _question(node, rows, measures):
    if "row" in node:
        require_known("row", node["row"], rows)
        for key in ("with", "without"):
            require_known("measure of the table", node[key], measures)
        return Question(node["question"], node["row"], node["row"], node["with"], node["without"])
    for key in ("with", "without"):
        require_known("row", node[key], rows)
    require_known("measure of the table", node["measure"], measures)
    return Question(node["question"], node["with"], node["without"], node["measure"])


def _published(column, rows):
    measure, preferred = column["measure"], column.get("preferred", "")
    require_known("measure", measure, [*MEASURES, "preference"])
    for row in [*column["values"], *([preferred] if measure == "preference" else [])]:
        require_known("row", row, [*rows, "oracle"])
    values, recalled = {}, set()
    for row, entry in column["values"].items():
        entry = entry if isinstance(entry, dict) else {"value": entry}
        values[row] = entry["value"]
        if not entry.get("confirmed", column["confirmed"]):
            recalled.add(row)
    where, note = column["where"], column.get("note", "")
    return Published(measure, where, values, frozenset(recalled), preferred, note)

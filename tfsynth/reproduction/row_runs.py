"""The runs of a table: a row with a seed, its complete config, and its folder.

A run belongs to its config, not to its table: rows of two tables with the same settings are one
run.
"""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

from tfsynth.config import ConfigError
from tfsynth.files import sha256_of
from tfsynth.reproduction.result_files import read_result, require_same_run
from tfsynth.runs.folder import RunFolder

# Keys that name the file of a fixed network, whose SHA-256 says which it is.
_FILE_KEYS = ("features", "segmenter")

# Settings that came later, by their parents, with the values by which a run is what it was before:
# results of earlier versions keep their hash.
_LATER = {
    "": {"feature_training": None, "second_evaluation": None},
    "data": {"label_warp": 0.0},
    "train": {"ema_half_life": None, "styles_together": False},
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A row with one seed.

    Attributes:
        row: Name of the row.
        seed: Its seed.
        config: The complete `Config`, its name that of the folder without the seed.
        folder: The run's `RunFolder`.
        measured_at: (height, width) in pixels that its pictures are resized to and measured at;
            `None` for those of its config.
        results: Folder of committed results that are taken where the run has none of its own;
            `None` for none.
    """

    row: str
    seed: int
    config: object
    folder: RunFolder
    measured_at: tuple | None = None
    results: Path | None = None

    @property
    def result(self):
        """The file that is there when the run is trained and measured here."""
        return self.folder.path / f"result{self._size}.json"

    @property
    def committed_name(self):
        """The name of its file among committed results."""
        return f"{self.folder.path.name}{self._size}.json"

    @property
    def result_file(self):
        """The file of its own result, else the committed one; `None` if it has none."""
        if self.result.is_file():
            return self.result
        committed = None if self.results is None else self.results / self.committed_name
        return committed if committed is not None and committed.is_file() else None

    @property
    def is_taken(self):
        """Whether its result is a committed one, for it has none of its own."""
        return self.result_file not in (None, self.result)

    @property
    def is_finished(self):
        """Whether it has a result, its own or a committed one."""
        return self.result_file is not None

    def read_result(self):
        """Returns its own result, else the committed one; `None` if it has none.

        Raises:
            ConfigError: If the file is damaged, or the committed one is of another run.
        """
        path = self.result_file
        if path is None:
            return None
        result = read_result(path)
        if self.is_taken:  # Anyone may have given it its name.
            require_same_run(result, path, self.config, config_key)
        return result

    @property
    def _size(self):
        return "" if self.measured_at is None else "-{}x{}".format(*self.measured_at)


def runs_of(table, dataset, configs, seeds, folder, results=None):
    """Returns the runs of a table: those asked for, and of other seeds those that have a result.

    Args:
        table: A `Table`.
        dataset: Name of the data set.
        configs: Dict of row -> `Config`.
        seeds: Number of seeds: 0, 1, ...
        folder: `pathlib.Path` that holds the page, and the runs in `runs/`.
        results: `pathlib.Path` of committed results, or `None`.

    Returns:
        Two lists of `Run`: by seed and row, and the others.
    """
    wanted, others = [], []
    names = {row: f"{config.name}-{config_key(config)}" for row, config in configs.items()}

    def run_of(row, seed):
        name = names[row]
        config = dataclasses.replace(configs[row], name=name, seed=seed)
        place = RunFolder(folder / "runs" / f"{name}-seed{seed}")
        return Run(row, seed, config, place, table.measured_at(dataset, row), results)

    for seed in range(seeds):
        wanted.extend(run_of(row, seed) for row in configs)
    for row in configs:
        found = {
            int(re.split(r"\D", path.name.rpartition("-seed")[2])[0])
            for place in (folder / "runs", results)
            if place is not None
            for path in place.glob(f"{names[row]}-seed[0-9]*")
        }
        runs = [run_of(row, seed) for seed in sorted(found) if seed >= seeds]
        others.extend(run for run in runs if run.is_finished)
    return wanted, others


def distinct(runs):
    """Returns the runs, without those that an earlier row has too."""
    found = {}
    for run in runs:
        found.setdefault(run.result, run)
    return list(found.values())


def config_key(config):
    """Returns a short hash of all that decides a run but its name and seed.

    The path of a fixed network's file does not count where its SHA-256 is given, nor does a
    setting that an earlier version did not have, where it changes nothing.
    """
    tree = config.to_dict()
    del tree["name"], tree["seed"]
    for parent, keys in _LATER.items():
        node = tree[parent] if parent else tree
        for key, default in keys.items():
            if node[key] == default:
                del node[key]
    return hash_of(_without_paths(tree))


def hash_of(tree):
    """Returns eight hexadecimal digits that change with plain data."""
    text = json.dumps(tree, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def with_features(config, path):
    """Returns a config whose perceptual losses read a file, named by its own SHA-256.

    Raises:
        ConfigError: If there is no such file.
    """
    if not path.is_file():
        raise ConfigError(f"There is no file {path} of a feature network.")
    own = {"features": str(path), "sha256": sha256_of(path)}

    def changed(node):
        if isinstance(node, list):
            return [changed(value) for value in node]
        if not isinstance(node, dict):
            return node
        node = {key: changed(value) for key, value in node.items()}
        # A game's own feature network is a part, not a file.
        return {**node, **own} if isinstance(node.get("features"), str) else node

    return dataclasses.replace(config, game=changed(config.game))


def require_equal_terms(table, dataset, configs):
    """Returns the budget of all rows in minutes, or `None`.

    Raises:
        ConfigError: If rows differ in what they must share to be compared: data, the size of
            measurement, protocol and budget.
    """
    terms = {}
    for row, config in configs.items():
        if config.evaluation is None:
            raise ConfigError(
                f"The row `{row}` has no `evaluation`: name a protocol to score with."
            )
        own = {
            "data.dataset": whole_data(config.data.dataset),
            "data.size": table.measured_at(dataset, row) or config.data.size,
            "evaluation": config.evaluation,
            "second_evaluation": config.second_evaluation,
            "train.minutes": config.train.minutes,
        }
        for key, value in own.items():
            first_row, first = terms.setdefault(key, (row, value))
            if value != first:
                raise ConfigError(
                    f"The rows `{first_row}` and `{row}` differ in `{key}`: {first} and {value}. "
                    "Rows are compared on the same terms; change it for all of them."
                )
    return terms["train.minutes"][1]


def whole_data(node):
    """Returns the config node of a data set that may be a `Share` of another: that of the other.

    All shares have one test split.
    """
    while node.get("class") == "Share":
        node = node["dataset"]
    return node


def _without_paths(node):
    if isinstance(node, list):
        return [_without_paths(value) for value in node]
    if not isinstance(node, dict):
        return node
    paths = _FILE_KEYS if node.get("sha256") else ()
    return {key: _without_paths(value) for key, value in node.items() if key not in paths}

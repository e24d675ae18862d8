"""A table of a paper, trained anew: each row with each seed, under one budget, scored alike.

A run belongs to its config, not to its table: rows of two tables with the same settings are one
run. Its folder holds the complete config and, when it is measured, `result.json`; what has that is
done and is never trained again.
"""

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
from pathlib import Path

import keras

from tfsynth import __version__, experiment, registry
from tfsynth.config import ConfigError
from tfsynth.files import sha256_of, write_text
from tfsynth.layers import gpu_names
from tfsynth.reproduction import measurement, report
from tfsynth.reproduction.tables import load_table
from tfsynth.runs.folder import RunFolder
from tfsynth.runs.phases import split_into_phases
from tfsynth.trainers import Checkpoints

# Keys that name the file of a fixed network, whose SHA-256 says which it is.
_FILE_KEYS = ("features", "segmenter")


@dataclasses.dataclass(frozen=True)
class Run:
    """A row with one seed.

    Attributes:
        row: Name of the row.
        seed: Its seed.
        config: The complete `Config`, its name that of the folder without the seed.
        folder: The run's `RunFolder`.
    """

    row: str
    seed: int
    config: object
    folder: RunFolder

    @property
    def result(self):
        """The file that is there when the run is trained and measured."""
        return self.folder.path / "result.json"


def reproduce(
    table,
    dataset,
    *,
    minutes=None,
    seeds=3,
    rows=None,
    features=None,
    changes=None,
    output="runs/reproduce",
    device=None,
    verbose=True,
):
    """Trains and measures what is missing of a table, and writes it.

    Everything that can be checked is checked for all rows before the first one is trained. The
    table is written after each run, so that an interruption leaves what is done.

    Args:
        table: Name of an installed table, or a `Table`.
        dataset: Name of one of its data sets.
        minutes: Wall time of each training; `None` for that of the configs, where all rows have
            the same.
        seeds: Number of seeds: 0, 1, ...
        rows: Names of the rows to train; `None` for all that the data set has.
        features: File of the feature network of perceptual losses, in place of the configs' own.
        changes: Mapping of dotted key -> value that is changed in all rows.
        output: Folder of all reproductions.
        device: See `trainers.choose_devices`.
        verbose: Whether to show progress.

    Returns:
        The path of the table, a Markdown file; JSON and PNG lie beside it.

    Raises:
        ConfigError: If a name is unknown, a number out of range, or a row cannot be trained; the
            message names all such rows.
        KeyboardInterrupt: On Ctrl-C, after the state of the run at work was saved.
    """
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"`minutes` must be above 0. Received: {minutes}.")
    if seeds < 1:
        raise ConfigError(f"`seeds` must be at least 1. Received: {seeds}.")
    table = load_table(table) if isinstance(table, str) else table
    table.require(dataset, rows)
    for key in ("seed", "train.then"):
        if key in (changes or {}):
            raise ConfigError(f"`{key}` is this command's own: it cannot be changed for all rows.")
    page_name = table.name if not changes else f"{table.name}-{_hash(changes)}"
    changes = {**(changes or {}), **({} if minutes is None else {"train.minutes": minutes})}
    # What follows training is the same for all: see `train_and_measure`.
    complete = {**changes, "train.then": []}
    configs = {row: table.config(dataset, row, complete) for row in table.datasets[dataset]}
    if features is not None:
        configs = {row: _with_features(config, Path(features)) for row, config in configs.items()}
    budget = _require_equal_terms(configs)
    folder = Path(output) / dataset / (f"{budget:g}-minutes" if budget else "full-length")
    runs = [
        _run(row, seed, config, folder) for seed in range(seeds) for row, config in configs.items()
    ]
    missing = [r for r in runs if (not rows or r.row in rows) and not r.result.exists()]
    _require_trainable(missing)

    # Of seeds that an earlier call trained, too.
    runs = [*runs, *(run for run in _trained(configs, folder) if run not in runs)]
    page = folder / f"{page_name}.md"
    missing = _distinct(missing)
    for number, run in enumerate(missing, start=1):
        print(f"[{number}/{len(missing)}] {table.name}: {table.rows[run.row]}, seed {run.seed}")
        train_and_measure(run, device, verbose)
        _write(table, dataset, runs, changes, page)
    _write(table, dataset, runs, changes, page)
    return page


def train_and_measure(run, device=None, verbose=True):
    """Trains a run, or what is left of it, and writes its result.

    Args:
        run: A `Run`.
        device: See `trainers.choose_devices`.
        verbose: Whether to show progress.
    """
    config, folder = run.config, run.folder
    experiment.train(config, folder.path, device=device, verbose=verbose)
    scores = experiment.evaluate(folder.path, verbose=verbose)
    synthesizer = experiment.load_synthesizer(folder.path)
    dataset = registry.build(config.data.dataset)
    measures = measurement.measure_pictures(synthesizer, dataset, config.data)
    references = {row: scores[row] for row in ("oracle", "flat", "floor")}
    references["oracle"]["boundary_visibility"] = measures.pop("boundary_visibility_real")
    result = {
        "config": config.to_dict(),
        "seed": run.seed,
        **_training(config, folder),
        "precision": synthesizer.provenance["precision"],
        "machine": machine(),
        "version": version(),
        "protocol": scores["protocol"],
        "examples": scores["examples"],
        "measures": {
            "mean_iou": scores["synthesised"]["mean_iou"],
            "pixel_accuracy": scores["synthesised"]["pixel_accuracy"],
            **measures,
        },
        "references": references,
    }
    write_text(run.result, json.dumps(result, indent=1) + "\n")
    keras.utils.clear_session()  # Graphs of the runs before would fill the memory.


def machine():
    """Returns what computes, in words."""
    gpus = gpu_names()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    info = Path("/proc/cpuinfo")  # Linux only.
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{cores} cores of {processor}{f', {len(gpus)} GPU' if gpus else ''}"


def version():
    """Returns the package's version and, in a checkout, its commit."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return __version__
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError:
        return __version__
    return f"{__version__} ({done.stdout.strip()})" if done.returncode == 0 else __version__


def config_key(config):
    """Returns a short hash of all that decides a run but its name and seed.

    The path of a fixed network's file does not count where its SHA-256 is given.
    """
    tree = config.to_dict()
    del tree["name"], tree["seed"]
    return _hash(_without_paths(tree))


def _with_features(config, path):
    """Returns a config whose perceptual losses read a file, named by its own SHA-256."""
    if not path.is_file():
        raise ConfigError(f"There is no file {path} of a feature network.")
    own = {"features": str(path), "sha256": sha256_of(path)}

    def changed(node):
        if isinstance(node, list):
            return [changed(value) for value in node]
        if not isinstance(node, dict):
            return node
        node = {key: changed(value) for key, value in node.items()}
        return {**node, **own} if node.get("features") else node

    return dataclasses.replace(config, game=changed(config.game))


def _without_paths(node):
    if isinstance(node, list):
        return [_without_paths(value) for value in node]
    if not isinstance(node, dict):
        return node
    paths = _FILE_KEYS if node.get("sha256") else ()
    return {key: _without_paths(value) for key, value in node.items() if key not in paths}


def _require_equal_terms(configs):
    """Returns the budget in minutes; raises `ConfigError` if rows could not be compared."""
    terms = {}
    for row, config in configs.items():
        if config.evaluation is None:
            raise ConfigError(
                f"The row `{row}` has no `evaluation`: name a protocol to score with."
            )
        own = {
            "data.dataset": config.data.dataset,
            "data.size": config.data.size,
            "evaluation": config.evaluation,
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


def _run(row, seed, config, folder):
    name = f"{config.name}-{config_key(config)}"
    own = dataclasses.replace(config, name=name, seed=seed)
    return Run(row, seed, own, RunFolder(folder / "runs" / f"{name}-seed{seed}"))


def _trained(configs, folder):
    """Returns the runs of all seeds that have a result."""
    found = []
    for row, config in configs.items():
        name = f"{config.name}-{config_key(config)}"
        for path in sorted((folder / "runs").glob(f"{name}-seed*")):
            run = _run(row, int(path.name.rpartition("seed")[2]), config, folder)
            if run.result.exists():
                found.append(run)
    return found


def _hash(tree):
    text = json.dumps(tree, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _distinct(runs):
    """Leaves out the runs that an earlier row has too."""
    found = {}
    for run in runs:
        found.setdefault(run.folder.path, run)
    return list(found.values())


def _require_trainable(runs):
    """Raises `ConfigError` that names every row that cannot be trained, and why."""
    rows, problems = {}, {}
    for run in runs:
        rows.setdefault(run.config.name, {})[run.row] = run.config
    for same in rows.values():
        config = next(iter(same.values()))
        try:
            dataset = registry.build(config.data.dataset)
            registry.build(config.evaluation).check_data(dataset)
            experiment.describe(config)
        except (ValueError, OSError) as error:
            problems.setdefault(str(error), []).extend(same)
        finally:
            keras.utils.clear_session()
    if problems:
        told = "\n".join(f"  {', '.join(names)}: {error}" for error, names in problems.items())
        raise ConfigError(
            f"These rows cannot be trained:\n{told}\nNothing was trained. Give what is missing, or "
            "name other rows with --rows."
        )


def _training(config, folder):
    """Returns how long and how often a run was trained, over its phases."""
    steps, images, seconds = 0, 0, 0.0
    for name, phase in split_into_phases(config):
        store = Checkpoints(dataclasses.replace(folder, phase=name).checkpoints)
        state = store.newest() or {"step": 0, "seconds": 0.0}
        steps += state["step"]
        images += state["step"] * phase.train.batch_size
        seconds += state["seconds"]
    rate = images / seconds if seconds else None
    return {"steps": steps, "minutes": seconds / 60, "images_per_second": rate}


def _write(table, dataset, runs, changes, page):
    results = {}
    for run in runs:
        if run.result.is_file():
            result = json.loads(run.result.read_text(encoding="utf-8"))
            results.setdefault(run.row, {})[run.seed] = result
    if not results:
        return
    page.parent.mkdir(parents=True, exist_ok=True)
    folders = {}
    for run in runs:
        folders.setdefault(run.row, str(run.folder.path).rpartition("-seed")[0])
    report.write(page, table, dataset, results, folders, changes)

"""A table, trained anew: each row with each seed, under one budget, measured alike.

A run's folder holds the complete config and, when it is measured, `result.json`; what has that is
done and is never trained again. A measure that it lacks is taken from the model that is there.
"""

import json
from pathlib import Path

import keras

from tfsynth import experiment
from tfsynth.config import ConfigError
from tfsynth.files import write_text
from tfsynth.reproduction import committed, provenance, report, table_sheets
from tfsynth.reproduction.announcement import announcement
from tfsynth.reproduction.measured_features import by_other_features, require_features
from tfsynth.reproduction.measurement import Subject, take_measures
from tfsynth.reproduction.row_runs import (
    distinct,
    hash_of,
    require_equal_terms,
    runs_of,
    with_features,
)
from tfsynth.reproduction.tables import load_table
from tfsynth.runs.parts import build_dataset, build_protocols

# Of these a table shows the scores beside those of the models.
REFERENCES = ("oracle", "flat", "floor")


def reproduce(
    table,
    dataset=None,
    *,
    minutes=None,
    seeds=3,
    rows=None,
    features=None,
    changes=None,
    measure_again=False,
    train_all=False,
    results=None,
    publish=False,
    output="runs/reproduce",
    device=None,
    verbose=True,
):
    """Trains and measures what is missing of a table, and writes it.

    Everything that can be checked is checked for all rows before the first one is trained. The
    table is written after each run, so that an interruption leaves what is done.

    Args:
        table: Name of an installed table, or a `Table`.
        dataset: Name of one of its data sets; `None` for the first.
        minutes: Wall time of each training; `None` for that of the configs, where all rows have
            the same.
        seeds: Number of seeds: 0, 1, ...
        rows: Names of the rows to train; `None` for all that the data set has.
        features: File of the feature network of perceptual losses, in place of the configs' own.
        changes: Mapping of dotted key -> value that is changed in all rows.
        measure_again: Whether to measure the finished runs of these rows anew, and train nothing.
        train_all: Whether to train also what has a committed result, and to publish over it.
        results: Folder of committed results; `None` for that of the checkout, if there is one.
        publish: Whether to copy the results of these rows and seeds there; it is made if need be.
        output: Folder of all reproductions.
        device: See `trainers.choose_devices`.
        verbose: Whether to show progress.

    Returns:
        The path of the table, a Markdown file; JSON and PNG lie beside it.

    Raises:
        ConfigError: If a name is unknown, a number out of range, a row cannot be trained (the
            message names all such rows), nothing is finished that could be measured again, or a
            result is damaged, of another run or in the way of one that is to be published.
        KeyboardInterrupt: On Ctrl-C, after the state of the run at work was saved.
    """
    table = load_table(table) if isinstance(table, str) else table
    dataset = dataset or table.default_dataset
    _check_arguments(table, dataset, minutes, seeds, rows, changes)
    results = _results_folder(results, publish)
    page_name = table.name if not changes else f"{table.name}-{hash_of(changes)}"
    changes = {**(changes or {}), **({} if minutes is None else {"train.minutes": minutes})}
    # What follows training is the same for all: see `measure`.
    complete = {**changes, "train.then": []}
    configs = {row: table.config(dataset, row, complete) for row in table.datasets[dataset]}
    if features is not None:
        configs = {row: with_features(config, Path(features)) for row, config in configs.items()}
    budget = require_equal_terms(table, dataset, configs)
    folder = Path(output) / dataset / (f"{budget:g}-minutes" if budget else "full-length")
    page = folder / f"{page_name}.md"
    wanted, others = runs_of(table, dataset, configs, seeds, folder, None if train_all else results)
    # Seeds that an earlier call trained are shown too.
    runs = [*wanted, *others]
    for run in runs:
        run.read_result()  # What cannot be read is told before anything is trained.

    unmeasured = [r for r in runs if _lacks(r, table, measure_again)]
    unmeasured = [r for r in unmeasured if not rows or r.row in rows]
    asked = distinct(r for r in wanted if not rows or r.row in rows)
    missing = [r for r in asked if not r.is_finished]
    if measure_again:
        missing = []
        if not unmeasured:
            raise ConfigError(
                f"No run of the table `{table.name}` is finished in {folder}: there is nothing to "
                "measure again. Train it first, without --measure-again."
            )
    require_features(table)
    _require_trainable(missing)
    if publish:
        measured = [run for run in unmeasured if run.folder.synthesizer.is_file()]
        committed.require_publishable(asked, results, measured, train_all)

    def write():
        report.write(page, table, dataset, runs, changes)

    unmeasured = distinct(unmeasured)
    print(f"{table.name}, {dataset}: {announcement(asked, missing)}")
    for number, run in enumerate(missing, start=1):
        print(f"[{number}/{len(missing)}] {table.name}: {table.rows[run.row]}, seed {run.seed}")
        experiment.train(run.config, run.folder.path, device=device, verbose=verbose)
        measure(run, table, verbose)
        write()
    for number, run in enumerate(unmeasured, start=1):
        print(f"[{number}/{len(unmeasured)}] measuring {table.rows[run.row]}, seed {run.seed}")
        measure(run, table, verbose, again=measure_again)
    if any(run.is_finished for run in runs):
        page.parent.mkdir(parents=True, exist_ok=True)
        table_sheets.write(page, table, runs)
        write()
    if publish:
        new, replaced = committed.publish(asked, results, train_all)
        for path in new:
            print(f"To be committed: {path}")
        for path in replaced:
            print(f"To be committed: replaces {path}")
    return page


def measure(run, table, verbose=True, again=False):
    """Measures a trained run and writes its result; what is there already stays.

    Args:
        run: A `Run`.
        table: A `Table`, whose measures are taken.
        verbose: Whether to show progress.
        again: Whether to measure anew what the result has.
    """
    result = run.read_result() or _new_result(run)
    wanted = list(table.measures) if again else _missing(result, table)
    if not run.folder.synthesizer.is_file():
        print(f"There is no model in {run.folder.path}: {', '.join(wanted)} cannot be measured.")
        return
    synthesizer = experiment.load_synthesizer(run.folder.path)
    dataset = build_dataset(run.config)

    def score():
        features = table.measure_features
        return experiment.evaluate(
            run.folder.path,
            size=run.measured_at,
            features=None if features is None else features["path"],
            verbose=verbose,
        )

    subject = Subject(
        synthesizer,
        dataset,
        run.config.data,
        run.measured_at,
        score,
        build_protocols(run.config)["evaluation"],
        run.seed,
        verbose,
    )
    measures, of_real = take_measures(subject, wanted)
    result["precision"] = synthesizer.provenance["precision"]
    result["measures"] |= measures
    result.setdefault("code", {"training": None, "measures": {}})
    result["code"]["measures"] |= committed.code_of(run.config, wanted)["measures"]
    result |= subject.facts
    if subject.scored:
        scores = subject.scores
        result |= {"protocol": scores["protocol"], "examples": scores["examples"]}
        result["second_protocol"] = scores.get("second", {}).get("protocol")
        if "kernel_distance" in scores:
            result["measure_features"] = scores["kernel_distance"]["features"]
        for row in REFERENCES:
            known = result["references"].setdefault(row, {})
            known.update(scores[row])
            if "second" in scores:
                known["second_mean_iou"] = scores["second"][row]["mean_iou"]
    result["references"].setdefault("oracle", {}).update(of_real)
    write_text(run.result, json.dumps(result, indent=1) + "\n")
    keras.utils.clear_session()  # Graphs of the runs before would fill the memory.


def _check_arguments(table, dataset, minutes, seeds, rows, changes):
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"`minutes` must be above 0. Received: {minutes}.")
    if seeds < 1:
        raise ConfigError(f"`seeds` must be at least 1. Received: {seeds}.")
    table.require(dataset, rows)
    for key in ("seed", "train.then"):
        if key in (changes or {}):
            raise ConfigError(f"`{key}` is this command's own: it cannot be changed for all rows.")


def _results_folder(results, publish):
    folder = committed.committed_folder() if results is None else Path(results)
    if publish and folder is None:
        raise ConfigError("There is no checkout to publish results in: name a folder as `results`.")
    if results is not None and not publish and not Path(results).is_dir():
        raise ConfigError(
            f"There is no folder {results} of committed results. Name one that is there, or leave "
            "--results out."
        )
    return folder


def _lacks(run, table, again):
    """Returns whether a finished run is to be measured: anew, or what its result lacks."""
    if run.is_taken:
        return False  # Its model is not here.
    result = run.read_result()
    return result is not None and (again or bool(_missing(result, table)))


def _missing(result, table):
    """Returns the measures of a table that a result lacks, or has by other features."""
    other = by_other_features(result, table)
    return [name for name in table.measures if name not in result["measures"] or name in other]


def _new_result(run):
    return {
        "config": run.config.to_dict(),
        "seed": run.seed,
        "code": committed.code_of(run.config),
        **provenance.training(run.config, run.folder),
        "precision": None,
        "backend": keras.backend.backend(),
        "machine": provenance.machine(),
        "data_fingerprint": provenance.data_fingerprint(run.config),
        "version": provenance.version(),
        "protocol": None,
        "second_protocol": None,
        "measure_features": None,
        "examples": None,
        "measures": {},
        "references": {},
    }


def _require_trainable(runs):
    """Raises `ConfigError` that names every row that cannot be trained, and why."""
    rows, problems = {}, {}
    for run in runs:
        rows.setdefault(run.config.name, {})[run.row] = run.config
    for same in rows.values():
        config = next(iter(same.values()))
        try:
            dataset = build_dataset(config)
            for protocol in build_protocols(config).values():
                protocol.check_data(dataset)
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

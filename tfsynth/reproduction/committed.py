"""Finished results that are kept with the source, so that a table grows over several sittings.

A result is a file of the name of its run's folder: the config's name, a hash of its settings, and
the seed. What it says of the code that made it is compared with the code as it is: a result of
other code is shown with a note, and not trained again.
"""

import os
from pathlib import Path

from tfsynth.config import ConfigError
from tfsynth.files import write_text
from tfsynth.reproduction.code_hash import measuring_hash, training_hash
from tfsynth.reproduction.conditions import differences
from tfsynth.reproduction.measured_features import by_other_features
from tfsynth.reproduction.measures import MEASURES


def committed_folder():
    """Returns the folder of the results in a checkout; `None` where there is none."""
    results = Path(__file__).parents[2] / "docs" / "tables" / "results"
    return results / "runs" if results.is_dir() else None


def require_publishable(runs, folder, measured=(), replace=False):
    """Makes the folder of committed results, and looks for those in it that are in the way.

    Args:
        runs: Sequence of `Run` that are to be published.
        folder: Folder to copy into.
        measured: Those of them that will be measured before.
        replace: Whether results that differ are replaced.

    Raises:
        ConfigError: If the folder cannot be made or written into, or has another result of one of
            the runs, unless `replace`; the message names the files.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"Results cannot be published in {folder}: {error}.") from error
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"Results cannot be published in {folder}: it cannot be written into.")
    own = [run for run in runs if run.result.is_file()]
    files = {run.result: folder / run.committed_name for run in own}
    places = {run.result for run in measured}
    other = [
        path
        for result, path in files.items()
        if path.is_file() and (result in places or _text(path) != _text(result))
    ]
    if other and not replace:
        raise _in_the_way(other)


def publish(runs, folder, replace=False):
    """Copies the results of finished runs, to be committed.

    Args:
        runs: Sequence of `Run`; those without a result of their own are left out.
        folder: Folder to copy into, which is there.
        replace: Whether results that differ are replaced.

    Returns:
        Two lists of paths: of those that were not there, and of those that were replaced. What is
        the same is not written.

    Raises:
        ConfigError: If there is another result, unless `replace`; nothing is written.
        OSError: If a file cannot be written.
    """
    texts = {
        Path(folder) / run.committed_name: _text(run.result) for run in runs if run.result.is_file()
    }
    other = [path for path, text in texts.items() if path.is_file() and _text(path) != text]
    if other and not replace:
        raise _in_the_way(other)
    new = [path for path in texts if not path.is_file()]
    for path in (*new, *other):
        write_text(path, texts[path])
    return new, other


def _text(path):
    # One that is damaged differs, and may be replaced.
    return path.read_text(encoding="utf-8", errors="replace")


def _in_the_way(paths):
    files = ", ".join(map(str, paths))
    return ConfigError(
        f"--publish would replace a committed result that differs: {files}. Give --train-all to "
        "replace it, or leave --publish out."
    )


def code_of(config, names=()):
    """Returns which code trains a config and takes measures, as plain data of a result."""
    measures = {name: measuring_hash(config, MEASURES[name]) for name in names}
    return {"training": training_hash(config), "measures": measures}


def notes_on(run, table, usual=None):
    """Returns what a reader must know of a result beside its numbers.

    Args:
        run: A `Run` that has a result.
        table: The `Table` that shows it.
        usual: What `usual_conditions` returned of all results of the table.

    Returns:
        List of texts; empty for a result that was trained here by the code as it is, as all are.
    """
    result = run.read_result()
    notes = ["a committed result, not trained here"] if run.is_taken else []
    other = by_other_features(result, table)
    if other:
        network = (result.get("measure_features") or {}).get("name") or "an unknown network"
        notes.append(f"{_titles(other)} left out: measured by the features of {network}")
    shown = [name for name in table.measures if name in result["measures"] and name not in other]
    notes += differences(result, usual or {})
    return notes + _notes_on_code(result, run.config, shown)


def _notes_on_code(result, config, names):
    there, now = result.get("code"), code_of(config, names)
    if there is None:
        return ["it does not say by which code it was made"]
    notes = []
    if there["training"] != now["training"]:
        notes.append(
            f"trained by other code than today's ({there['training'] or 'unknown'}, now "
            f"{now['training']})"
        )
    other = [name for name in names if there["measures"].get(name) != now["measures"][name]]
    if other:
        notes.append(f"measured by other code than today's: {', '.join(other)}")
    return notes


def _titles(names):
    return ", ".join(MEASURES[name].title for name in names)

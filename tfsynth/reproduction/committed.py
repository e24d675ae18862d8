"""Finished results that are kept with the source, so that a table grows over several sittings.

A result is a file of the name of its run's folder: the config's name, a hash of its settings, and
the seed. What it says of the code that made it is compared with the code as it is: a result of
other code is shown with a note, and not trained again.
"""

from pathlib import Path

from tfsynth.files import write_text
from tfsynth.reproduction.code_hash import measuring_hash, training_hash
from tfsynth.reproduction.conditions import differences
from tfsynth.reproduction.measured_features import by_other_features
from tfsynth.reproduction.measures import MEASURES


def committed_folder():
    """Returns the folder of the results in a checkout; `None` where there is none."""
    results = Path(__file__).parents[2] / "docs" / "tables" / "results"
    return results / "runs" if results.is_dir() else None


def publish(runs, folder):
    """Copies the results of finished runs, to be committed.

    Args:
        runs: Sequence of `Run`; those without a result of their own are left out.
        folder: Folder to copy into; made if need be.

    Returns:
        List of the paths that were written: those that were not there, or differed.

    Raises:
        OSError: If a file cannot be written.
    """
    written = []
    for run in runs:
        if not run.result.is_file():
            continue
        text = run.result.read_text(encoding="utf-8")
        path = Path(folder) / run.committed_name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
            written.append(path)
    return written


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

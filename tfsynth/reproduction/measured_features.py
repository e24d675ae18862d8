"""The network whose features a table measures: is it there, and the one that the table names."""

from pathlib import Path

from tfsynth.config import ConfigError
from tfsynth.files import sha256_of
from tfsynth.reproduction.measures import MEASURES


def require_features(table):
    """Raises `ConfigError` unless the file of a table's features is there and the right one.

    Args:
        table: A `Table`; one without `measure_features` needs none.
    """
    if table.measure_features is None:
        return
    path = Path(table.measure_features["path"]).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"The table `{table.name}` measures the features of {path}, and there is no such file. "
            "It is never downloaded: put it there, or leave the measures out that need it. Nothing "
            "was trained."
        )
    found, expected = sha256_of(path), table.measure_features["sha256"].lower()
    if found != expected:
        raise ConfigError(
            f"{path} is not the network whose features the table `{table.name}` measures: its "
            f"SHA-256 is {found}, expected {expected}. Distances by another cannot be compared. "
            "Nothing was trained."
        )


def by_other_features(result, table):
    """Returns the measures of a table that a result has by another network than the table's."""
    expected = (table.measure_features or {}).get("sha256", "").lower()
    known = (result.get("measure_features") or {}).get("sha256")
    if known == expected:
        return []
    names = [name for name in table.measures if MEASURES[name].by_features]
    return [name for name in names if name in result["measures"]]


def without_other_features(result, table):
    """Returns a result without the numbers that another network than the table's has measured."""
    other = by_other_features(result, table)

    def kept(numbers):
        return {name: number for name, number in numbers.items() if name not in other}

    references = {row: kept(numbers) for row, numbers in result["references"].items()}
    return {**result, "measures": kept(result["measures"]), "references": references}

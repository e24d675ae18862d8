"""The error about data, and how its messages show numbers."""

from collections.abc import Iterable
from typing import Any


class DataError(ValueError):
    """A file of the data set breaks a rule; the message names the file, what came and a remedy."""


def percent(part: Any, whole: int) -> str:
    """Returns a share in percent, with its sign."""
    return f"{100 * int(part) / whole:.3g} %"


def listing(values: Iterable[Any], most: int = 8) -> str:
    """Returns the first numbers in a row."""
    values = [int(value) for value in values]
    return str(values[:most])[1:-1] + (", ..." if len(values) > most else "")

"""The nearest known name to one that is not known, for messages."""

import difflib
from collections.abc import Iterable


def nearest(word: object, known: Iterable[object], quote: str = "`") -> str:
    """Returns the question whether the nearest name was meant, with a space before it.

    Args:
        word: The unknown name; a value that is not text is converted to text.
        known: The known names.
        quote: The quotation mark of the name: keys and arguments have "`", names of things "'".

    Returns:
        Text such as " Did you mean `seed`?", or "" where no name is near.

    Example:

    >>> nearest("sede", ["name", "seed"])
    ' Did you mean `seed`?'
    """
    close = _close(word, known, 1, 0.6)
    return f" Did you mean {quote}{close[0]}{quote}?" if close else ""


def nearest_names(word: object, known: Iterable[object], most: int = 3, cutoff: float = 0.6) -> str:
    """Returns the nearest names in a row, the nearest first, or "none".

    Args:
        word, known: As in `nearest`.
        most: Maximum number of names.
        cutoff: The least similarity, from 0 (any name) to 1.

    Example:

    >>> nearest_names("dem", ["demo", "streets"])
    'demo'
    """
    return ", ".join(_close(word, known, most, cutoff)) or "none"


def _close(word, known, most, cutoff):
    return difflib.get_close_matches(str(word), [str(name) for name in known], most, cutoff)

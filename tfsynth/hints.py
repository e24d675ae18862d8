"""The nearest known name to one that is not known, for messages."""

import difflib
from collections.abc import Iterable


def nearest(word: object, known: Iterable[object], quote: str = "`") -> str:
    """Returns the sentence that asks whether the nearest name was meant, a blank before it.

    Args:
        word: What came; anything else than text is taken as it is printed.
        known: The names that would have done.
        quote: What stands around the name: keys and arguments have "`", names of things "'".

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
        most: At most so many names.
        cutoff: How alike they must be, from 0, where any name is near enough, to 1.

    Example:

    >>> nearest_names("dem", ["demo", "streets"])
    'demo'
    """
    return ", ".join(_close(word, known, most, cutoff)) or "none"


def _close(word, known, most, cutoff):
    return difflib.get_close_matches(str(word), [str(name) for name in known], most, cutoff)

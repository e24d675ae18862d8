"""Texts of strangers in Markdown: shown as they are, in one line."""

import re

_MOST_CHARACTERS = 200
# An underscore inside a word is shown as it is.
_SPECIAL = re.compile(r"([\\`*\[\]<>|#~$&]|(?<![^\W_])_|_(?![^\W_]))")


def plain(value, most=_MOST_CHARACTERS):
    """Returns a text that Markdown shows as it is, in one line."""
    return _SPECIAL.sub(r"\\\1", short(value, most))


def code(value):
    """Returns a text to stand between backquotes."""
    return short(value).replace("`", "'").replace("|", "/")


def short(value, most=_MOST_CHARACTERS):
    """Returns the first characters of a text, blanks and ends of lines as single blanks."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[:most]}..."

"""Whether a value is of the kind that an annotation or a default says, in one sentence if not."""

import inspect
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Seeds of both backends have 32 bits, and nothing else that is counted here is as large.
MOST = 2**32 - 1

_NOTHING = type(None)
_WORDS = {
    str: "text",
    Path: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping of settings",
    list: "a list, such as [a, b]",
    _NOTHING: "null",
}


def kind_of(parameter, hints=None):
    """Returns the kind of value that a parameter of a function takes.

    Args:
        parameter: An `inspect.Parameter`.
        hints: Dict of name -> annotation, as `typing.get_type_hints` gives; `None` for none.

    Returns:
        The annotation; else the kind of the default: of 0 `int`, of 0.5 `float`, of `(1, 2)`
        a sequence of `int`. `Any` without a default, or with `None`.
    """
    if hints and parameter.name in hints:
        return hints[parameter.name]
    default = parameter.default
    if default is inspect.Parameter.empty or default is None:
        return Any
    if isinstance(default, tuple | list):
        kinds = {type(item) for item in default}
        item = kinds.pop() if len(kinds) == 1 else Any
        return Sequence[item]  # pyright: ignore[reportInvalidTypeArguments]
    return type(default)


def check_kind(value, kind, key):
    """Raises `ValueError` unless a value is of a kind.

    A whole number is a number too, and true is none. Numbers are finite, whole ones at most
    `MOST`. Objects, which a class in a config made, are of the kinds that are classes.

    Args:
        value: Plain data, or an object.
        kind: `str`, `int`, `float`, `bool`, `None`; a `Sequence`, `tuple`, `list`, `Mapping` or
            `dict`, of a kind or not; another class; a union of these; or `Any`.
        key: The value's key with its parents, for the message.
    """
    problem = _problem(value, kind)
    if problem is not None:
        where, wanted, received = problem
        raise ValueError(f"`{key}{where}` takes {wanted}. Received: {shown(received)}.")


def takes_object(kind, found):
    """Returns whether an object of a class is of a kind.

    Args:
        kind: See `check_kind`.
        found: The class.
    """
    options = [o for o in _alternatives(kind) if o not in _WORDS]
    classes = [o for o in options if isinstance(o, type) and typing.get_origin(o) is None]
    return Any in options or any(
        o not in (Sequence, tuple, Mapping) and issubclass(found, o) for o in classes
    )


def words_of(kind):
    """Returns a kind in words, such as "text or null"."""
    return _words(_alternatives(kind))


def shown(value):
    """Returns a value as in a config, cut if it is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    plain = isinstance(value, str | int | float | Mapping | list | tuple)
    text = repr(list(value) if isinstance(value, tuple) else value) if plain else _article(value)
    return text if len(text) <= 120 else f"{text[:100]}..."


def _article(value):
    return f"a {type(value).__name__}"


def _problem(value, kind):
    """Returns `None`, or (path below the key, what was wanted, what came)."""
    alternatives = _alternatives(kind)
    if Any in alternatives:
        return None if _finite(value) else ("", f"a finite number up to {MOST}", value)
    fitting = [option for option in alternatives if _fits(value, option)]
    if not fitting:
        return "", _words(alternatives), value
    if not _finite(value):
        return "", f"a finite number up to {MOST}", value
    for option in fitting:
        problem = _problem_inside(value, option)
        if problem is None:
            return None
    return problem


def _problem_inside(value, option):
    """Looks for a problem in the items of a list or mapping."""
    arguments = [a for a in typing.get_args(option) if a is not Ellipsis]
    if isinstance(value, Mapping):
        keys, values = (*arguments, Any, Any)[:2]
        if any(_problem(name, keys) for name in value):
            return "", f"a mapping whose keys are {_words(_alternatives(keys))}", list(value)
        items = [(str(name), item, values) for name, item in value.items()]
    elif isinstance(value, list | tuple):
        origin = typing.get_origin(option)
        if origin is tuple and Ellipsis not in typing.get_args(option):
            if len(value) != len(arguments):
                return "", f"a list of {len(arguments)}", value
            kinds = arguments
        else:
            kinds = [arguments[0] if arguments else Any] * len(value)
        items = [(str(i), *pair) for i, pair in enumerate(zip(value, kinds, strict=True))]
    else:
        return None
    for name, item, wanted in items:
        if problem := _problem(item, wanted):
            return f".{name}{problem[0]}", *problem[1:]
    return None


def _alternatives(kind):
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return list(typing.get_args(kind))
    return [_NOTHING if kind is None else kind]


def _fits(value, kind):
    origin = typing.get_origin(kind) or kind
    if origin is bool or isinstance(value, bool):
        return isinstance(value, bool) and origin is bool
    if origin is float:
        return isinstance(value, int | float)
    if origin is Path:
        return isinstance(value, str | Path)
    if origin in (Sequence, tuple, list):
        return isinstance(value, list | tuple)
    return isinstance(value, origin) if isinstance(origin, type) else True


def _finite(value):
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) <= MOST


def _words(kinds):
    words = []
    for kind in kinds:
        origin = typing.get_origin(kind) or kind
        origin = {Sequence: list, tuple: list, Mapping: dict}.get(origin, origin)
        word = _WORDS.get(origin) or f"a {getattr(origin, '__name__', origin)}"
        if word not in words:
            words.append(word)
    return " or ".join(words)

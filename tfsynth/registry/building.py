"""Config nodes to objects and back: what each class takes is checked before any is built."""

import inspect
import typing
from typing import Any

import keras

from tfsynth.hints import nearest
from tfsynth.plain import check_kind, kind_of, shown, takes_object, words_of
from tfsynth.registry.classes import PACKAGE, resolve

# What Keras stores beside the constructor's own arguments; the run sets them.
_IMPLIED_ARGUMENTS = ("name", "trainable", "dtype")
# Channels, layers, scales: more of any is a slip, and takes hours or all memory to build.
MOST_OF_A_NETWORK = 10_000
_RATE = "learning_rate"


def build(node: Any, kind: Any = Any, key: str = "") -> Any:
    """Returns the object that a config node describes.

    A mapping with the key `class` becomes a call of that class, its other keys the arguments;
    mappings and lists are built recursively; other values are returned unchanged. Only registered
    classes of tfsynth and Keras's layers, losses, optimizers, initializers, regularizers and
    constraints can be called, and none that executes code from an argument. `check` is called
    before anything is built.

    Args:
        node: Plain data: mappings, lists, strings, numbers, booleans, `None`.
        kind: See `check`.
        key: See `check`.

    Raises:
        ValueError: If `check` refuses the node, or a class refuses a value; the message names
            the key, or the class.
        OSError: If a file that the node names cannot be read.
    """
    check(node, kind, key)
    return _build(node, key)


def check(node: Any, kind: Any = Any, key: str = "") -> None:
    """Raises `ValueError` if a config node cannot be built; builds nothing, reads no file.

    Each class must be known and take the arguments, and each argument be of the kind that the
    constructor says: by its annotation, else by its default, so that a number is wanted where the
    default is 0.5. Numbers are finite.

    Args:
        node: As of `build`.
        kind: A class that the object must be of, or a union with `None`; `Any` for all.
        key: The node's key in the config with its parents, for messages.
    """
    if isinstance(node, list):
        for i, item in enumerate(node):
            check(item, key=_join(key, i))
    elif isinstance(node, dict):
        if "class_name" in node:
            # Keras's own form of a class: a constructor of Keras would import and call it.
            raise ValueError(
                f"{_at(key)}A config names a class by `class`. Received `class_name`: {node!r}."
            )
        for name, value in node.items():
            if name != "class":
                check(value, key=_join(key, name))
        if "class" in node:
            _check_call(node, key)
    _check_value(node, kind, key or "the node")


def describe(obj):
    """Returns the config node from which `build` makes `obj` again."""
    return _shorten(keras.saving.serialize_keras_object(obj))


def named_parameters(found):
    """Returns the names of the arguments that a class takes by name."""
    parameters = inspect.signature(found).parameters
    return [n for n, p in parameters.items() if p.kind is not p.VAR_KEYWORD]


def refuse_unknown(name, known, arguments, at=""):
    """Raises `ValueError`, with the nearest known name, unless all arguments are known.

    Args:
        name: Name of the class.
        known: Names of its arguments.
        arguments: Names to check.
        at: What the message begins with.
    """
    for argument in arguments:
        if argument not in known:
            hint = nearest(argument, known)
            raise ValueError(
                f"{at}{name} takes no `{argument}`.{hint} It takes: "
                f"{', '.join(known) or 'nothing'}."
            )


def _build(node, key):
    if isinstance(node, list):
        return [_build(item, _join(key, i)) for i, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    arguments = {
        name: _build(value, _join(key, name)) for name, value in node.items() if name != "class"
    }
    if "class" not in node:
        return arguments
    found = resolve(node["class"])
    if issubclass(found, keras.optimizers.Optimizer) and type(arguments.get(_RATE)) is int:
        arguments[_RATE] = float(arguments[_RATE])  # Keras does not take 1 for 1.0 here.
    try:
        return found(**arguments)
    except OSError as error:
        raise (error if error.errno else _with_key(error, key)) from error.__cause__
    except Exception as error:
        # What a class makes of a value that it does not expect can be any error.
        if isinstance(error, ValueError) and not node["class"].startswith("keras."):
            raise _with_key(error, key) from error.__cause__
        raise ValueError(
            f"{_at(key)}{node['class']} cannot be built from the keys {sorted(arguments)}: "
            f"{str(error).rstrip('.') or type(error).__name__}."
        ) from error


def _with_key(error, key):
    """Names the key at the beginning of a message of ours, which names rule and class itself."""
    message, *rest = error.args or ("",)
    if key and isinstance(message, str) and not getattr(error, "names_key", False):
        error.args = (f"{_at(key)}{message}", *rest)
        error.names_key = True
    return error


def _check_call(node, key):
    """Checks the class of a node, and its arguments."""
    name, at = node["class"], _at(key)
    try:
        found = resolve(name)
    except ValueError as error:
        raise _with_key(error, key) from None
    parameters = inspect.signature(found).parameters
    ours = not name.startswith("keras.")
    arguments = [argument for argument in node if argument != "class"]
    variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    known = named_parameters(found)
    if ours or not variadic:  # Keras checks its own.
        refuse_unknown(name, known, arguments, at)
    empty = inspect.Parameter.empty
    missing = [n for n in known if parameters[n].default is empty and n not in node]
    if missing and (ours or not variadic):
        raise ValueError(f"{at}{name} needs the keys: {', '.join(missing)}.")
    hints = typing.get_type_hints(found.__init__) if ours else {}
    for argument in arguments:
        if argument in known:
            wanted = kind_of(parameters[argument], hints)
            if found.__init__.__module__.startswith("keras."):  # Its own, or one that is inherited.
                wanted = _kind_for_keras(found, parameters[argument], wanted)
            _check_value(node[argument], wanted, _join(key or name, argument))
        if ours and issubclass(found, keras.Model) and argument != "seed":
            _check_extent(node[argument], _join(key or name, argument))


def _check_value(value, kind, key):
    if isinstance(value, dict) and "class" in value:
        found = resolve(value["class"])
        if not takes_object(kind, found):
            raise ValueError(f"`{key}` takes {words_of(kind)}. Received: a {found.__name__}.")
    else:
        check_kind(_with_stand_ins(value), kind, key)


def _with_stand_ins(node):
    """Returns lists and mappings with an object, of a class of its name, for each class in them."""
    if isinstance(node, list):
        return [_with_stand_ins(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "class" in node:
        return type(resolve(node["class"]).__name__, (), {})()
    return {name: _with_stand_ins(value) for name, value in node.items()}


def _kind_for_keras(found, parameter, kind):
    """Returns the kind that an argument of a class of Keras must have, where that is certain.

    Only optimizers take numbers and switches alone; layers take `3` for `(3, 3)` and names for
    objects, and check them.
    """
    if not issubclass(found, keras.optimizers.Optimizer) or parameter.name.startswith("exclude"):
        return Any
    if parameter.name == _RATE:
        return float | keras.optimizers.schedules.LearningRateSchedule
    if kind in (int, float):
        return float
    return float | None if parameter.default is None else kind


def _check_extent(value, key):
    """Refuses numbers of channels, layers or scales that nobody means."""
    values = value if isinstance(value, list) else [value]
    if any(isinstance(n, int | float) and not 0 <= n <= MOST_OF_A_NETWORK for n in values):
        raise ValueError(
            f"`{key}` takes numbers from 0 to {MOST_OF_A_NETWORK:,}. Received: {shown(value)}."
        )


def _join(key, name):
    return f"{key}.{name}" if key else str(name)


def _at(key):
    return f"`{key}`: " if key else ""


def _shorten(node: Any) -> Any:
    if isinstance(node, list | tuple):
        return [_shorten(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "class_name" not in node:
        return {key: _shorten(value) for key, value in node.items()}
    registered = node.get("registered_name") or ""
    name = (
        registered.removeprefix(PACKAGE + ">")
        if registered.startswith(PACKAGE)
        else f"{node['module']}.{node['class_name']}"
    )
    arguments = {k: v for k, v in node["config"].items() if k not in _IMPLIED_ARGUMENTS}
    return {"class": name, **_shorten(arguments)}

"""The registry: names in a config, and the classes that they stand for."""

import contextlib
import importlib
import inspect
import random
from typing import Any

import keras

from tfsynth.hints import nearest, nearest_names

PACKAGE = "tfsynth"

# Decorates every public class: `keras.saving` can then load it from a `.keras`
# file, and a config can name it.
register = keras.saving.register_keras_serializable(PACKAGE)

# What Keras stores beside the constructor's own arguments; the run sets them.
_IMPLIED_ARGUMENTS = ("name", "trainable", "dtype")

# The modules in which a config finds classes of Keras. Every other public module gives access to
# NumPy, and through it to everything that Python can run.
_KERAS_MODULES = (
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
)
# These two execute code from their arguments or from a file.
_RUN_CODE = ("keras.layers.Lambda", "keras.layers.TFSMLayer")


@contextlib.contextmanager
def own_random_numbers(seed=None):
    """Restores the caller's random state after a block that builds networks.

    A Keras initializer without a seed takes one from Python's generator, also for weights that
    are then read from a file.

    Args:
        seed: Seed of the numbers in the block; `None` continues with the caller's.
    """
    state = random.getstate()
    if seed is not None:
        random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def build(node: Any) -> Any:
    """Returns the object that a config node describes.

    A mapping with the key `class` becomes a call of that class, its other keys the arguments;
    mappings and lists are built recursively; other values are returned unchanged. Only registered
    classes of tfsynth and Keras's layers, losses, optimizers, initializers, regularizers and
    constraints can be called, and none that executes code from an argument.

    Args:
        node: Plain data: mappings, lists, strings, numbers, booleans, `None`.

    Raises:
        ValueError: If a class is unknown, does not take an argument, or
            refuses a value. The message names the class.
    """
    if isinstance(node, list):
        return [build(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "class_name" in node:
        # Keras's own form of a class: a constructor of Keras would import and call it.
        raise ValueError(f"A config names a class by `class`. Received `class_name`: {node!r}.")
    arguments = {key: build(value) for key, value in node.items() if key != "class"}
    if "class" not in node:
        return arguments
    found = resolve(node["class"])
    _check_arguments(node["class"], found, arguments)
    try:
        return found(**arguments)
    except (TypeError, ValueError) as error:
        if isinstance(error, ValueError) and not node["class"].startswith("keras."):
            raise  # Ours name the rule and the class themselves.
        raise ValueError(
            f"{node['class']} cannot be built from the keys {sorted(arguments)}: "
            f"{str(error).rstrip('.')}."
        ) from error


def describe(obj):
    """Returns the config node from which `build` makes `obj` again."""
    return _shorten(keras.saving.serialize_keras_object(obj))


def resolve(name):
    """Returns the class called `name`, of tfsynth or, as `keras.…`, of Keras.

    Raises:
        ValueError: If there is none; the message names the nearest ones.
    """
    if not isinstance(name, str):
        raise ValueError(f"`class` takes the name of a class. Received: {name!r}.")
    if name.startswith("keras."):
        return _resolve_keras(name)
    found = keras.saving.get_registered_object(f"{PACKAGE}>{name}")
    if found is None:
        import_registered_classes()
        found = keras.saving.get_registered_object(f"{PACKAGE}>{name}")
    if found is None:
        known = registered_names()
        raise ValueError(
            f"No class {name!r} is registered (a new one has `@register`, and is imported in the "
            "`__init__.py` of its folder). "
            f"Nearest: {nearest_names(name, known)}. Known: {', '.join(known)}."
        )
    return found


def keras_arguments(network, arguments):
    """Returns the keyword arguments that a network passes to Keras, which ignores unknown ones.

    Args:
        network: The network under construction.
        arguments: Dict of the arguments that its own constructor does not have.

    Raises:
        ValueError: If Keras does not know one either; names the nearest of the network's.
    """
    if unknown := [n for n in arguments if n not in ("name", "trainable", "dtype")]:
        known = _names(inspect.signature(type(network)).parameters)
        _refuse_unknown(type(network).__name__, known, unknown)
    return arguments


def registered_names():
    """Returns the sorted names of all registered classes of tfsynth."""
    prefix = PACKAGE + ">"
    names = keras.saving.get_custom_objects()
    return sorted(n.removeprefix(prefix) for n in names if n.startswith(prefix))


def import_registered_classes():
    """Imports every part that registers classes, so that their names resolve.

    Trainers and their data are imported under the backends that they support; networks and
    losses load and run under any backend.
    """
    parts = ["layers", "networks", "losses", "games", "synthesis"]
    if keras.backend.backend() in ("tensorflow", "jax"):
        parts += ["trainers", "data", "metrics"]
    for part in parts:
        importlib.import_module(f"{PACKAGE}.{part}")


def without_policy(config):
    """Returns a layer's config without its dtype policy.

    The policy in force when a network is built decides its precision: what was trained
    in bfloat16 is served in float32, and resumed in the precision of its run.
    """
    return {key: value for key, value in config.items() if key != "dtype"}


def _resolve_keras(name):
    module, _, class_name = name.rpartition(".")
    if module not in _KERAS_MODULES or name in _RUN_CODE:
        raise ValueError(
            f"A config cannot name {name!r}. Of Keras it can name the classes of "
            f"{', '.join(_KERAS_MODULES)}, except Lambda and TFSMLayer, which run code."
        )
    home = keras
    for part in module.split(".")[1:]:
        home = getattr(home, part)
    found = None if class_name.startswith("_") else getattr(home, class_name, None)
    if found is None:
        raise ValueError(
            f"Keras {keras.__version__} has no public name {name!r}. "
            f"Nearest: {nearest_names(class_name, dir(home))}."
        )
    if not isinstance(found, type) or not found.__module__.startswith("keras."):
        raise ValueError(f"A config can name classes only. Received: {name!r}.")
    return found


def _check_arguments(name, found, arguments):
    parameters = inspect.signature(found).parameters
    ours = not name.startswith("keras.")
    variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if variadic and not ours:
        return  # Keras checks its own.
    known = _names(parameters)
    _refuse_unknown(name, known, arguments)
    missing = [
        n for n in known if parameters[n].default is inspect.Parameter.empty and n not in arguments
    ]
    if missing:
        raise ValueError(f"{name} needs the keys: {', '.join(missing)}.")


def _names(parameters):
    return [n for n, p in parameters.items() if p.kind is not p.VAR_KEYWORD]


def _refuse_unknown(name, known, arguments):
    for argument in arguments:
        if argument not in known:
            hint = nearest(argument, known)
            raise ValueError(
                f"{name} takes no `{argument}`.{hint} It takes: {', '.join(known) or 'nothing'}."
            )


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

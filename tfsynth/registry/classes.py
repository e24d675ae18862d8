"""The classes that a config can name."""

import importlib

import keras

from tfsynth.hints import nearest_names

PACKAGE = "tfsynth"

# Decorates every public class: `keras.saving` can then load it from a `.keras`
# file, and a config can name it.
register = keras.saving.register_keras_serializable(PACKAGE)

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

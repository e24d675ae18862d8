"""The config of a `.keras` file: its bounds as text, and the classes that it may name."""

import importlib
import json
import math
import re

import numpy as np

from tfsynth.models.archive import CONFIG, BundleError

# As many levels as a config of a config of ours has, four times.
_MOST_LEVELS = 64
# Each style of a class is a list.
_MOST_CONTAINERS = 300_000
# The objects that are built: a trainer with its game, networks, terms and optimizers has 20; a
# network of Keras's own has one for each layer.
_MOST_OBJECTS = 2_000
# Models in models: a trainer holds a game, which holds a generator, discriminator and encoder.
_MOST_MODELS = 8
_LARGEST_INTEGER = 2**63
# By how many levels a byte leads down.
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1

# What Keras's own objects in a file may be. There are others in these modules that read files,
# download or execute what a config says.
_KERAS = {
    "keras": ("DTypePolicy", "Functional", "Model", "Sequential"),
    "keras.dtype_policies": ("DTypePolicy",),
    "keras.src.models.functional": ("Functional",),
    "keras.src.models.sequential": ("Sequential",),
    "keras.layers": (
        *("Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate"),
        *("Conv2D", "Conv2DTranspose", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "ELU"),
        *("Flatten", "GaussianNoise", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
        *("GroupNormalization", "Identity", "InputLayer", "LayerNormalization", "LeakyReLU"),
        *("MaxPooling2D", "Maximum", "Minimum", "Multiply", "PReLU", "ReLU", "Rescaling"),
        *("Reshape", "SeparableConv2D", "Softmax", "SpatialDropout2D", "SpectralNormalization"),
        *("CenterCrop", "Dot", "MultiHeadAttention", "Normalization", "Permute", "Resizing"),
        *("Subtract", "UpSampling2D", "UnitNormalization", "ZeroPadding2D"),
    ),
}
# What `keras.ops` calls are, in a model that Keras put together of them.
_KERAS_OPERATIONS = tuple(f"keras.src.ops.{name}" for name in ("image", "math", "nn", "numpy"))
# All classes of these are functions of numbers.
_KERAS_MODULES = (
    "keras.constraints",
    "keras.initializers",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
)
_MODELS = ("Functional", "Model", "Sequential")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_NODE_KEYS = {
    *("module", "class_name", "config", "registered_name", "build_config", "compile_config"),
    *("shared_object_id", "name", "inbound_nodes"),
}


def read_config(data):
    """Returns the config in the bytes of a `.keras` file, plain data.

    Args:
        data: The bytes, not too many.

    Raises:
        BundleError: If they are no JSON object, or one of too many levels or with a number that
            is not finite.
    """
    # Before they are parsed, by calls of a function in itself. Brackets in a text count too.
    steps = _STEPS[np.frombuffer(data, np.uint8)]
    if np.cumsum(steps, dtype=np.int32).max(initial=0) > _MOST_LEVELS:
        raise BundleError(f"its {CONFIG} has more than {_MOST_LEVELS} levels")
    if (steps > 0).sum() > _MOST_CONTAINERS:
        raise BundleError(f"its {CONFIG} has more than {_MOST_CONTAINERS} lists and objects")
    try:
        config = json.loads(
            data.decode("utf-8"), parse_constant=_no_number, parse_float=_number, parse_int=_integer
        )
    except (ValueError, RecursionError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"its {CONFIG} is no JSON: {str(error)[:200]}") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise BundleError(f"its {CONFIG} describes no model of Keras")
    return config


def check_classes(config):
    """Raises unless all objects of a config are of classes that may be built from a file.

    Those are the classes that are registered under this package, also by a user's own program,
    and a list of Keras's. None of Keras's reads a file or executes anything.

    Args:
        config: What `read_config` returns. The classes of the package are registered.

    Raises:
        BundleError: If a class is another, or there are too many objects.
    """
    nodes, objects, models = [(config, False)], 0, 0
    while nodes:
        node, inside = nodes.pop()
        if isinstance(node, dict):
            if "class_name" in node:
                objects += 1
                models += _check_class(node)
                if inside and node.get("compile_config"):
                    raise BundleError(f"its {CONFIG} has a `compile_config` of a part of the model")
            nodes.extend((value, True) for value in node.values() if isinstance(value, list | dict))
        else:
            nodes.extend((value, True) for value in node if isinstance(value, list | dict))
        if objects > _MOST_OBJECTS or models > _MOST_MODELS:
            raise BundleError(
                f"its {CONFIG} describes more than {_MOST_OBJECTS} objects, or more than "
                f"{_MOST_MODELS} models in each other"
            )


def _check_class(node):
    """Returns whether it is a model; raises `BundleError` unless the class may be built."""
    import keras

    from tfsynth import registry

    name, module, registered = (node.get(k) for k in ("class_name", "module", "registered_name"))
    if name == "__keras_tensor__" and set(node) == {"class_name", "config"}:
        return False  # The inputs of a layer, in a model that Keras put together.
    if not isinstance(name, str) or not isinstance(node.get("config"), dict):
        raise BundleError(f"its {CONFIG} describes no class: {str(name)[:60]!r}")
    if strange := sorted(set(node) - _NODE_KEYS):
        raise BundleError(f"its {CONFIG} gives {name[:60]} the key {strange[0][:60]!r}")
    prefix = f"{registry.PACKAGE}>"
    if isinstance(registered, str) and registered.startswith(prefix):
        found = keras.saving.get_registered_object(registered)
        if not isinstance(found, type):
            raise BundleError(
                f"its {CONFIG} names the class {registered[:80]!r}, which is not registered here: "
                "import the program that registers it before, or upgrade tfsynth"
            )
        return issubclass(found, keras.Model)
    if (
        registered in (None, name)
        # A name that the caller's program registered would be taken before Keras's.
        and keras.saving.get_registered_object(name) is None
        and _NAME.fullmatch(name)
        and (
            name in _KERAS.get(module, ())
            or (module in _KERAS_MODULES and _is_class(keras, module, name))
            or (module in _KERAS_OPERATIONS and _is_operation(keras, module, name))
        )
    ):
        return name in _MODELS
    raise BundleError(
        f"its {CONFIG} names the class {str(module)[:80]}.{name[:80]}, which is none of tfsynth "
        "and none of Keras's that are built from a file"
    )


def _is_class(keras, module, name):
    home = keras
    for part in module.split(".")[1:]:
        home = getattr(home, part)
    found = getattr(home, name, None)
    return isinstance(found, type) and found.__module__.startswith("keras.")


def _is_operation(keras, module, name):
    found = getattr(importlib.import_module(module), name, None)
    return (
        isinstance(found, type)
        and issubclass(found, keras.Operation)
        and found.__module__ == module
    )


def _no_number(text):
    raise BundleError(f"its {CONFIG} holds {text}, which is no finite number")


def _number(text):
    number = float(text)
    if not math.isfinite(number):
        _no_number(text[:60])
    return number


def _integer(text):
    if len(text) > 20 or abs(number := int(text)) >= _LARGEST_INTEGER:
        raise BundleError(f"its {CONFIG} holds the number {text[:30]}, which is too large")
    return number

"""Reads `.keras` files, which may be from strangers: everything is checked before it is built.

In this order, each step bounded by the ones before it:

1. the archive: its members, stored as they are, each of bounded size (`archive`);
2. the config: its text, and the classes that it names (`configs`);
3. the weights: arrays of finite numbers that lie in the file as they are (`weights`);
4. the model is put together without memory for its weights, and may have no more numbers than the
   file has;
5. Keras loads the file.
"""

import contextlib
import math
import threading

from tfsynth.models.archive import (
    CONFIG,
    WEIGHTS,
    BundleError,
    check_sum,
    read_member,
    read_members,
)
from tfsynth.models.configs import check_classes, read_config
from tfsynth.models.weights import check_weights

# A loss in a trainer's file names the file of its network, which could name itself.
_MOST_NESTED = 3
# Files that one file may have loaded with it; each term of an objective may have one.
_MOST_FILES = 16
# What HDF5 takes for an array and its groups is less than 2 kB each. No number has more bytes.
_MOST_OTHER_BYTES = 2**16
_MOST_NUMBER_BYTES = 8

_state = threading.local()


def load(path, compile=True, known=False):
    """Returns the model in a `.keras` file.

    Args:
        path: A `pathlib.Path` of a file.
        compile: Whether to compile it as it was, with its optimizers.
        known: Whether the file is known by its SHA-256, as a model that ships: it is loaded as
            the package's own code is.

    Raises:
        BundleError: If the file breaks a rule of the steps above.
    """
    import keras

    from tfsynth import registry

    registry.import_registered_classes()
    with _nested(), registry.own_random_numbers():
        if known:
            return keras.saving.load_model(path, compile=compile)
        with path.open("rb") as file:
            members = read_members(file)
            config = read_config(read_member(file, members[CONFIG]))
            check_classes(config)
            numbers = _numbers(file, members[WEIGHTS])
        if getattr(_state, "without_weights", False):
            # A part of what `_put_together` puts together.
            return keras.saving.deserialize_keras_object({**config, "compile_config": None})
        _check_size(config, numbers)
        return keras.saving.load_model(path, compile=compile)


def most_weight_bytes(data):
    """Returns how many bytes a file of the weights of a config's model has at most.

    Args:
        data: The bytes of the config, not too many.

    Returns:
        The number; infinity where it is not known, for a class of the user's own.

    Raises:
        BundleError: If the config breaks a rule of the steps above.
    """
    from tfsynth import registry

    registry.import_registered_classes()
    with _nested(), registry.own_random_numbers():
        config = read_config(data)
        check_classes(config)
        sizes = _put_together(config)
    if sizes is None:
        return math.inf
    return _MOST_NUMBER_BYTES * sum(sizes) + _MOST_OTHER_BYTES * (len(sizes) + 16)


@contextlib.contextmanager
def _nested():
    depth = getattr(_state, "depth", 0)
    _state.files = 1 if depth == 0 else getattr(_state, "files", 0) + 1
    if depth >= _MOST_NESTED or _state.files > _MOST_FILES:
        raise BundleError(
            f"it names other models' files more than {_MOST_NESTED} deep, or more than "
            f"{_MOST_FILES} of them"
        )
    _state.depth = depth + 1
    try:
        yield
    finally:
        _state.depth = depth


def _numbers(file, member):
    try:
        numbers = check_weights(file, member)
    except BundleError:
        # If the file was damaged on its way, that is the cause to name.
        check_sum(file, member)
        raise
    check_sum(file, member)
    return numbers


def _check_size(config, numbers):
    """Raises `BundleError` if a model has more numbers than the file that it is loaded from."""
    sizes = _put_together(config)
    if sizes is not None and sum(sizes) > numbers:
        raise BundleError(
            f"its {CONFIG} describes a model of {sum(sizes):,} numbers, and its {WEIGHTS} has "
            f"{numbers:,}: they are not of one model"
        )


def _put_together(config):
    """Returns the sizes of a model's weights, which are not allocated; `None` for unknown."""
    import keras

    outcome = {}
    # Keras keeps a list, per thread, of all weights that are to be allocated later, and a thread
    # has its own names of layers and its own policy: nothing of this remains.
    depth = getattr(_state, "depth", 0)

    def put_together():
        _state.without_weights, _state.depth = True, depth
        try:
            with keras.StatelessScope(initialize_variables=False):
                model = keras.saving.deserialize_keras_object({**config, "compile_config": None})
                # What Keras stores; the states of metrics and seeds it does not.
                outcome["sizes"] = [_size(weight) for weight in model.weights]
        except Exception as error:
            outcome["error"] = error

    thread = threading.Thread(target=put_together)
    thread.start()
    thread.join()
    error = outcome.get("error")
    if error is None:
        return outcome["sizes"]
    if "stateless scope" in str(error) and _names_others(config):
        return None  # A user's own class whose weights begin with given values.
    raise error


def _names_others(node):
    """Returns whether a config names a registered class that is not this package's."""
    import keras

    if isinstance(node, list):
        return any(map(_names_others, node))
    if not isinstance(node, dict):
        return False
    found = keras.saving.get_registered_object(node.get("registered_name") or "")
    if found is not None and not found.__module__.startswith("tfsynth."):
        return True
    return any(map(_names_others, node.values()))


def _size(weight):
    return math.prod(weight.shape)

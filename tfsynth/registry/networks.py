"""What the constructors of networks share: their arguments for Keras, their random numbers."""

import contextlib
import random

import keras

from tfsynth.registry.building import named_parameters, refuse_unknown


@contextlib.contextmanager
def own_random_numbers(seed=None):
    """Restores the caller's random state after a block that builds networks, and Keras's defaults.

    A Keras initializer without a seed takes one from Python's generator, also for weights that
    are then read from a file. In the block channels are last and numbers are float32, whatever
    ~/.keras/keras.json or the caller says: the networks are written so.

    Args:
        seed: Seed of the numbers in the block; `None` continues with the caller's.
    """
    state = random.getstate()
    if seed is not None:
        random.seed(seed)
    try:
        with _keras_defaults():
            yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def _keras_defaults():
    config = keras.config
    before = config.floatx(), config.image_data_format(), config.epsilon(), config.dtype_policy()
    config.set_floatx("float32")
    config.set_image_data_format("channels_last")
    config.set_epsilon(1e-7)
    if before[0] != "float32" and before[3].name == before[0]:
        # The policy was not chosen: it follows from the default.
        config.set_dtype_policy("float32")
    try:
        yield
    finally:
        config.set_floatx(before[0])
        config.set_image_data_format(before[1])
        config.set_epsilon(before[2])
        config.set_dtype_policy(before[3])


def keras_arguments(network, arguments):
    """Returns the keyword arguments that a network passes to Keras, which ignores unknown ones.

    Args:
        network: The network under construction.
        arguments: Dict of the arguments that its own constructor does not have.

    Raises:
        ValueError: If Keras does not know one either; names the nearest of the network's.
    """
    if unknown := [n for n in arguments if n not in ("name", "trainable", "dtype")]:
        known = named_parameters(type(network))
        refuse_unknown(type(network).__name__, known, unknown)
    return arguments


def without_policy(config):
    """Returns a layer's config without its dtype policy.

    The policy in force when a network is built decides its precision: what was trained
    in bfloat16 is served in float32, and resumed in the precision of its run.
    """
    return {key: value for key, value in config.items() if key != "dtype"}

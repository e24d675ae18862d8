"""What the constructors of networks share: their arguments for Keras, their random numbers."""

import contextlib
import random

from tfsynth.registry.building import named_parameters, refuse_unknown


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

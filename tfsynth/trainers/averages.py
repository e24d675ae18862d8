"""Moving averages of the weights of networks."""

import math

from keras import ops

_LOG_2 = math.log(2.0)


def copy_of(network):
    """Returns a copy of a network, with weights of its own of the same values."""
    copy = type(network).from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy


def share_of(decay, steps):
    """Returns the share by which averages move towards the weights in a step.

    1 - d, with d = min(decay, steps / (steps + 9)): the average of n steps reaches back over
    n / 9 of them until that is 1 / (1 - decay). A constant d would leave the random first weights
    in it by d^n, in a run of 2,000 steps at 0.999 a share of 0.14; here their share is 0.1 after
    one step and about 4e5 / n^9 after n. It is the dynamic decay of tensorflow-addons'
    `MovingAverage`.

    Args:
        decay: Decay once the steps are many, 0..1.
        steps: Number of steps done, this one included: a scalar or variable.

    Returns:
        Float32 scalar.
    """
    steps = ops.cast(steps, "float32")
    return 1.0 - ops.minimum(decay, steps / (steps + 9.0))


def share_of_half_life(half_life, steps):
    """Returns the share by which averages move towards the weights in a step, by pictures seen.

    1 - 0.5^(1 / (half_life steps)): what the weights were `half_life` of all pictures ago counts
    about half where that is small (0.49 at 0.05, 0.44 at 0.3), so that the average is as smooth at
    the end of a short run as of a long one, whatever the batch size.

    Args:
        half_life: Half-life as a share of the pictures seen so far, above 0.
        steps: Number of steps done, this one included: a scalar or variable.

    Returns:
        Float32 scalar.
    """
    steps = ops.cast(steps, "float32")
    # expm1: after a million steps the difference of two numbers near 1 is mostly rounding.
    return -ops.expm1(-_LOG_2 / (half_life * steps))


def move(pairs, share):
    """Moves averages towards the weights: average <- average + share (weight - average).

    Weights that do not train are copied.

    Args:
        pairs: List of (weight, average), `keras.Variable`s of one shape.
        share: As of `share_of`.
    """
    for weight, average in pairs:
        average.assign(average + share * (weight - average) if weight.trainable else weight)

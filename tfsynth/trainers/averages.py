"""Moving averages of the weights of networks."""

import tensorflow as tf


def copy_of(network):
    """Returns a network like the given one, with weights of its own of the same values."""
    copy = type(network).from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy


def move(pairs, decay, steps):
    """Moves averages towards the weights; call it after each step, in `train_step`.

    average <- d average + (1 - d) weight, with d = min(decay, steps / (steps + 9)): the
    average of n steps reaches back over n / 9 of them until that is 1 / (1 - decay). A
    constant d would leave the random first weights in it by d^n, in a run of 2,000 steps at
    0.999 a share of 0.14; here their share is 0.1 after one step and about 4e5 / n^9 after
    n. It is the dynamic decay of tensorflow-addons' `MovingAverage`. What does not train
    is copied.

    Args:
        pairs: List of (weight, average), `keras.Variable`s of one shape.
        decay: Decay once the steps are many, 0..1.
        steps: Number of steps done, this one included: a scalar or variable.
    """
    steps = tf.cast(steps, "float32")
    share = 1.0 - tf.minimum(decay, steps / (steps + 9.0))

    def approach(average, weight, share):
        average.assign_add(share * (weight - average))

    def replace(average, weight, share):
        average.assign(weight)

    def update(strategy, share):
        # Each device moves its own copy of the average towards its own copy of the weight.
        for weight, average in pairs:
            strategy.extended.update(
                average.value,
                approach if weight.trainable else replace,
                args=(weight.value, share),
                group=False,
            )

    tf.distribute.get_replica_context().merge_call(update, args=(share,))

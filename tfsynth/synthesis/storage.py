"""Weights of half the precision in a file, for half its size."""

import numpy as np

from tfsynth.layers import dtype_policy


def rounded(model, dtype):
    """Returns a copy of a model whose weights are of another dtype, to be saved.

    Args:
        model: A `keras.Model` that `from_config` builds by the dtype policy in force. A file of
            the copy is loaded in that policy too: its weights are float32 again then, rounded.
        dtype: "float16".

    Raises:
        ValueError: If a weight is too large for the dtype, or not a number.
    """
    weights = model.get_weights()
    if not all(np.isfinite(weight).all() for weight in weights):
        raise ValueError("A weight of this model is no finite number: training has gone wrong.")
    largest = max((float(np.abs(weight).max()) for weight in weights), default=0.0)
    limit = float(np.finfo(dtype).max)
    if largest > limit:
        raise ValueError(
            f"Weights in {dtype} are at most {limit:.0f}; this model has one of {largest:.4g}. "
            "Store it in float32."
        )
    with dtype_policy(dtype):
        copy = type(model).from_config(model.get_config())
    copy.set_weights(weights)
    return copy

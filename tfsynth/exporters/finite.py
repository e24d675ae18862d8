"""The check before an export that training has not gone wrong."""

import keras
import numpy as np


def require_finite(synthesizer):
    """Raises unless a model's weights, and a picture that it makes of random input, are finite.

    In the 8-bit pictures of a model what is not finite is grey or black, and such pictures are
    equal before and after an export.

    Args:
        synthesizer: A `Synthesizer`.

    Raises:
        ValueError: If a number is NaN or infinite.
    """
    for variable, weight in zip(synthesizer.weights, synthesizer.get_weights(), strict=True):
        if weight.dtype.kind == "f" and not np.isfinite(weight).all():
            raise ValueError(
                f"The weight {variable.path} holds numbers that are not finite: training has gone "
                "wrong. Nothing was written; export an earlier checkpoint."
            )
    generator = synthesizer.generator
    multiple = generator.size_multiple
    size = -(-generator.minimum_size // multiple) * multiple
    condition = np.random.default_rng(0).uniform(0, 1, (1, size, size, generator.input_channels))
    picture = generator(condition.astype("float32"), training=False)
    if not np.isfinite(keras.ops.convert_to_numpy(keras.ops.cast(picture, "float32"))).all():
        raise ValueError(
            "The generator makes pictures with numbers that are not finite: its weights are too "
            "large. Nothing was written; export an earlier checkpoint."
        )

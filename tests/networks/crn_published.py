"""The published Cascaded Refinement Network, written a second time on TensorFlow 1's operations.

By the names of the published checkpoints, in float64 but for the resizing, which TensorFlow 1 does
in float32.
"""

import numpy as np
import tensorflow as tf

image = tf.compat.v1.image


def tensors(channels, widths, pictures=1, rows=4, seed=0):
    """Returns random tensors by their names: Glorot kernels, gains and offsets near 1 and 0."""
    random, found, before = np.random.default_rng(seed), {}, 0

    def kernel(side, inputs, outputs):
        limit = np.sqrt(6 / (side**2 * (inputs + outputs)))
        return random.uniform(-limit, limit, (side, side, inputs, outputs)).astype("float32")

    for i, width in enumerate(widths):
        for number, inputs in ((1, before + channels), (2, width)):
            name = f"g_{rows * 2**i}_conv{number}"
            found[f"{name}/weights"] = kernel(3, inputs, width)
            found[f"{name}/LayerNorm/gamma"] = random.normal(1, 0.1, width).astype("float32")
            found[f"{name}/LayerNorm/beta"] = random.normal(0, 0.1, width).astype("float32")
        before = width
    head = f"g_{rows * 2 ** (len(widths) - 1)}_conv100"
    found[f"{head}/weights"] = kernel(1, before, 3 * pictures)
    found[f"{head}/biases"] = random.normal(0, 0.1, 3 * pictures).astype("float32")
    return found


def layout(height, width, channels, seed=0):
    """Returns a random one-hot map (1, height, width, channels) of blocks of 4 x 4 pixels."""
    ids = np.random.default_rng(seed).integers(0, channels, (height // 4, width // 4))
    return np.eye(channels, dtype="float32")[ids.repeat(4, axis=0).repeat(4, axis=1)][None]


def pictures(tensors, labels):
    """Returns the grey levels (pictures, height, width, 3) that the published graph makes."""
    rows = sorted({int(name.split("_")[1]) for name in tensors})
    x = None
    for size in rows:
        level = labels
        while level.shape[1] > labels.shape[1] * size // rows[-1]:
            level = image.resize_area(level, [level.shape[1] // 2, level.shape[2] // 2])
        level = tf.cast(level, "float64")
        if x is not None:
            doubled = [2 * x.shape[1], 2 * x.shape[2]]
            x = image.resize_bilinear(tf.cast(x, "float32"), doubled, align_corners=True)
            level = tf.concat([tf.cast(x, "float64"), level], axis=3)
        x = level
        for number in (1, 2):
            kernel, gamma, beta = (
                tensors[f"g_{size}_conv{number}/{part}"].astype("float64")
                for part in ("weights", "LayerNorm/gamma", "LayerNorm/beta")
            )
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
            mean, variance = tf.nn.moments(x, [1, 2, 3], keepdims=True)
            x = (x - mean) / tf.sqrt(variance + 1e-12)
            x = tf.nn.leaky_relu(x * gamma + beta, 0.2)
    head = f"g_{rows[-1]}_conv100"
    x = tf.nn.conv2d(x, tensors[f"{head}/weights"].astype("float64"), 1, "SAME")
    x = 127.5 * (x + tensors[f"{head}/biases"]) + 127.5
    count = x.shape[3] // 3
    return np.concatenate([x[..., u::count] for u in range(count)])


def write_checkpoint(prefix, tensors, trained=None):
    """Writes a checkpoint as TensorFlow 1's `Saver` does, with Adam's variables.

    Args:
        prefix: What the files' names begin with.
        tensors: Dict of name -> array.
        trained: Names of those that have moments; `None` for all, () for none and no Adam.
    """
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        variables = {n: v1.get_variable(n, initializer=array) for n, array in tensors.items()}
        if trained is None or trained:
            chosen = [variables[name] for name in trained or tensors]
            loss = tf.add_n([tf.reduce_sum(tf.square(v)) for v in chosen])
            v1.train.AdamOptimizer(1e-4).minimize(loss, var_list=chosen)
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(prefix))

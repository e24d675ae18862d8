"""Writes tensorflow_addons.npz: what tensorflow-addons computes, for tests against its successors.

tensorflow-addons cannot be installed beside the TensorFlow of this project; this script needs an
environment of its own, with exactly Python 3.11, tensorflow 2.15.1, tensorflow-addons 0.23.0 and
NumPy 1.26.4:

    python3.11 -m venv /tmp/addons
    /tmp/addons/bin/pip install tensorflow==2.15.1 tensorflow-addons==0.23.0 numpy==1.26.4
    /tmp/addons/bin/python tests/goldens/make_tensorflow_addons.py [output.npz]
"""

import os
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_addons as tfa  # noqa: E402

VERSIONS = {"tensorflow": "2.15.1", "tensorflow_addons": "0.23.0", "numpy": "1.26.4"}
STEPS = 4
LEARNING_RATE = 0.1


def normalizations(random):
    """Instance and group norm, with and without learned scale and offset."""
    x = random.normal(3.0, 2.0, (2, 5, 4, 6)).astype("float32")
    gamma, beta = random.normal(1.0, 0.5, (2, 6)).astype("float32")
    arrays = {"norm_input": x, "norm_gamma": gamma, "norm_beta": beta}
    layers = {
        "instance": (tfa.layers.InstanceNormalization, {}),
        "group3": (tfa.layers.GroupNormalization, {"groups": 3}),
    }
    for name, (layer_class, arguments) in layers.items():
        plain = layer_class(center=False, scale=False, **arguments)
        arrays[f"{name}_plain"] = plain(x).numpy()
        arrays[f"{name}_epsilon"] = np.float32(plain.epsilon)
        fine = layer_class(center=False, scale=False, epsilon=1e-5, **arguments)
        arrays[f"{name}_plain_1e-5"] = fine(x).numpy()
        affine = layer_class(**arguments)
        affine.build(x.shape)
        affine.set_weights([gamma, beta])
        arrays[f"{name}_affine"] = affine(x).numpy()
    return arrays


def spectral(random, name, layer, shape):
    """Training steps of a spectrally normalised convolution: mean squared output, plain SGD.

    Each call with `training=True` overwrites the kernel; the gradient of the loss is that with
    respect to the overwritten kernel. Arrays have one entry per step: the kernel before and
    after the call, u before and after, sigma, the output.
    """
    x = random.normal(size=shape).astype("float32")
    wrapper = tfa.layers.SpectralNormalization(layer)
    wrapper.build(x.shape)
    kernel, u = layer.kernel, wrapper.u
    kernel.assign(random.normal(0.0, 0.3, kernel.shape))
    u.assign(random.normal(0.0, 0.02, u.shape))
    records = {key: [] for key in ("kernel", "u", "new_kernel", "new_u", "sigma", "output")}
    for _ in range(STEPS):
        before = kernel.numpy()
        records["kernel"].append(before)
        records["u"].append(u.numpy())
        with tf.GradientTape() as tape:
            output = wrapper(x, training=True)
            loss = tf.reduce_mean(tf.square(output))
        after = kernel.numpy()
        records["new_kernel"].append(after)
        records["new_u"].append(u.numpy())
        # It is not kept, but the call divided by it.
        records["sigma"].append(np.float32((before * after).sum() / np.square(after).sum()))
        records["output"].append(output.numpy())
        kernel.assign_sub(LEARNING_RATE * tape.gradient(loss, kernel))
    arrays = {f"{name}_{key}": np.stack(values) for key, values in records.items()}
    return {f"{name}_input": x, **arrays}


def averages(random):
    """MovingAverage of three weights that SGD moves by given gradients, one row per step."""
    first = random.normal(size=3).astype("float32")
    gradients = random.normal(size=(20, 3)).astype("float32")
    arrays = {"average_first": first, "average_gradients": gradients}
    settings = {
        "average_plain": {},
        "average_start1": {"start_step": 1},
        "average_dynamic": {"dynamic_decay": True},
    }
    for name, arguments in settings.items():
        inner = tf.keras.optimizers.legacy.SGD(LEARNING_RATE)
        optimizer = tfa.optimizers.MovingAverage(inner, average_decay=0.6, **arguments)
        weights = tf.Variable(first)
        rows, moved = [], []
        for gradient in gradients:
            optimizer.apply_gradients([(tf.constant(gradient), weights)])
            rows.append(optimizer.get_slot(weights, "average").numpy())
            moved.append(weights.numpy())
        arrays[name] = np.stack(rows)
        arrays["average_weights"] = np.stack(moved)
    return arrays


def main():
    modules = {"tensorflow": tf, "tensorflow_addons": tfa, "numpy": np}
    found = {name: module.__version__ for name, module in modules.items()}
    if found != VERSIONS:
        raise SystemExit(f"This needs exactly {VERSIONS}. Found: {found}.")
    default = Path(__file__).with_name("tensorflow_addons.npz")
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    random = np.random.default_rng(0)
    convolution = tf.keras.layers.Conv2D(5, 4, strides=2)
    transposed = tf.keras.layers.Conv2DTranspose(4, 3, strides=2)
    np.savez_compressed(
        target,
        **normalizations(random),
        **spectral(random, "conv", convolution, (2, 7, 7, 3)),
        **spectral(random, "transposed", transposed, (2, 4, 4, 3)),
        **averages(random),
    )


if __name__ == "__main__":
    main()

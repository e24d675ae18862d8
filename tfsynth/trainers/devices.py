"""Where a run computes, and in which precision."""

import contextlib
from pathlib import Path

import keras
import tensorflow as tf

_CPU_FLAGS = ("avx512_bf16", "amx_bf16")


def choose_devices(device=None):
    """Makes TensorFlow use the devices that were asked for; call it before anything runs.

    Args:
        device: "auto" or `None` for every accelerator, "cpu", "gpu" for the first GPU,
            or "gpu:N".

    Returns:
        A `tf.distribute.MirroredStrategy` if there are several GPUs to use, else `None`.

    Raises:
        ValueError: If there is no such device.
    """
    gpus = tf.config.list_physical_devices("GPU")
    wanted = device or "auto"
    if wanted == "cpu":
        gpus = []
    elif wanted != "auto":
        kind, _, index = wanted.partition(":")
        if kind != "gpu" or not (index or "0").isdigit():
            raise ValueError(f"`device` takes auto, cpu, gpu or gpu:N. Received: {device!r}.")
        if int(index or 0) >= len(gpus):
            raise ValueError(
                f"There is no device {wanted!r}: TensorFlow sees {len(gpus)} GPUs here. "
                "Use --device cpu, or install TensorFlow with CUDA."
            )
        gpus = [gpus[int(index or 0)]]
    tf.config.set_visible_devices(gpus, "GPU")
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else None


def scope_of(strategy):
    """Returns the context in which the weights of a strategy (or of none) are made."""
    return strategy.scope() if strategy else contextlib.nullcontext()


def choose_precision(precision):
    """Sets Keras's dtype policy.

    Args:
        precision: "auto" or a policy's name. "auto" is mixed_bfloat16 on CPUs with
            AVX512-BF16 or AMX and on GPUs of compute capability 8 and later, which
            compute faster in it, else float32.

    Returns:
        The policy's name.
    """
    name = precision
    if precision == "auto":
        name = "mixed_bfloat16" if _bfloat16_is_fast() else "float32"
    keras.config.set_dtype_policy(name)
    return name


def _bfloat16_is_fast():
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("compute_capability", (0, 0)) >= (8, 0)
    cpu = Path("/proc/cpuinfo")
    return cpu.is_file() and any(flag in cpu.read_text() for flag in _CPU_FLAGS)

"""The devices that TensorFlow computes on."""

import contextlib

import tensorflow as tf

from tfsynth.layers import cpu_computes_bfloat16


def choose_devices(device=None, batch_size=None):
    """Makes TensorFlow use the devices that were asked for; call it before anything runs.

    Args:
        device: "auto" or `None` for the accelerators, "cpu", "gpu" for the first GPU, or
            "gpu:N".
        batch_size: Pictures in a training step, which "auto" shares evenly: it uses
            as many of the GPUs as divide it, and prints a message if some are left out. `None`,
            without training: one GPU.

    Returns:
        A `tf.distribute.MirroredStrategy` if there are several GPUs to use, else `None`.

    Raises:
        ValueError: If there is no such device, or TensorFlow computes on others already.
    """
    physical = tf.config.list_physical_devices("GPU")
    visible = tf.config.get_visible_devices("GPU")
    gpus = wanted_gpus(device, physical, visible, batch_size or 1)
    try:
        tf.config.set_visible_devices(gpus, "GPU")
    except RuntimeError as error:  # TensorFlow has started: what is visible stays so.
        require_agreement(device, gpus, visible, error)
    if (device or "auto") == "auto" and batch_size and len(gpus) < len(visible):
        print(
            f"Training on {len(gpus)} of {len(visible)} GPUs: more cannot share "
            f"`train.batch_size` {batch_size} evenly."
        )
    # By number, since others may be visible: those of a TensorFlow that had started.
    names = [f"GPU:{index}" for index in range(len(gpus))]
    return tf.distribute.MirroredStrategy(names) if len(gpus) > 1 else None


def wanted_gpus(device, physical, visible, batch_size):
    """Returns those of the GPUs that a `device` means; see `choose_devices`.

    Args:
        device, batch_size: See `choose_devices`.
        physical: List of all GPUs of the machine.
        visible: Those that the program has not hidden.

    Raises:
        ValueError: If there is no such device.
    """
    wanted = device or "auto"
    if wanted == "cpu":
        return []
    if wanted == "auto":
        # A program that calls this one may have hidden some of them.
        return visible[: _even_share(len(visible), batch_size)]
    kind, _, index = wanted.partition(":")
    if kind != "gpu" or not (index or "0").isdigit():
        raise ValueError(f"`device` takes auto, cpu, gpu or gpu:N. Received: {device!r}.")
    if int(index or 0) >= len(physical):
        raise ValueError(
            f"There is no device {wanted!r}: TensorFlow sees {len(physical)} GPUs here. "
            "Use --device cpu, or install TensorFlow with CUDA."
        )
    return [physical[int(index or 0)]]


def _even_share(devices, batch_size):
    """Returns the largest number of devices that share a batch evenly."""
    return max((n for n in range(1, devices + 1) if batch_size % n == 0), default=0)


def require_agreement(device, gpus, visible, error):
    """Raises `ValueError` if a device was asked for that TensorFlow, once started, does not use.

    Args:
        device: See `choose_devices`.
        gpus: List of the GPUs that `device` means.
        visible: List of those that TensorFlow computes on.
        error: What TensorFlow raised, for the cause.
    """
    if (device or "auto") != "auto" and list(gpus) != list(visible):
        shown = ", ".join(gpu.name for gpu in visible) or "the CPU"
        raise ValueError(
            f"`device` {device!r} comes too late: TensorFlow computes on {shown} already. Choose "
            "the device first, or start Python anew."
        ) from error


def scope_of(strategy):
    """Returns the context in which the weights of a strategy (or of none) are made."""
    return strategy.scope() if strategy else contextlib.nullcontext()


def bfloat16_is_fast():
    """Returns whether the device computes faster in bfloat16 than in float32.

    CPUs with AVX512-BF16 or AMX do, and GPUs of compute capability 8 and later.
    """
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("compute_capability", (0, 0)) >= (8, 0)
    return cpu_computes_bfloat16()


def peak_device_bytes():
    """Returns the peak memory in use on the device; `None` if it is not measured."""
    if not tf.config.get_visible_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]

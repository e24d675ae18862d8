"""The device that JAX computes on."""

import contextlib

import jax

from tfsynth.layers import cpu_computes_bfloat16


def choose_devices(device=None, batch_size=None):
    """Makes JAX use the device that was asked for; call it before anything runs.

    Args:
        device: "auto" or `None` for the first accelerator, else the CPU; "cpu", "gpu" for the
            first GPU, or "gpu:N".
        batch_size: Ignored: one device computes a batch.

    Returns:
        `None`: there is no strategy.

    Raises:
        ValueError: If there is no such device.
    """
    wanted = device or "auto"
    if wanted == "auto":
        return None
    kind, _, index = wanted.partition(":")
    if kind not in ("cpu", "gpu") or not (index or "0").isdigit():
        raise ValueError(f"`device` takes auto, cpu, gpu or gpu:N. Received: {device!r}.")
    try:
        found = jax.devices(kind)
    except RuntimeError:
        found = []
    if int(index or 0) >= len(found):
        raise ValueError(
            f"There is no device {wanted!r}: JAX sees {len(found)} of that kind here. Use --device "
            "cpu, or install JAX with CUDA."
        )
    jax.config.update("jax_default_device", found[int(index or 0)])
    return None


def scope_of(strategy):
    """Returns the context in which weights are made."""
    return contextlib.nullcontext()


def bfloat16_is_fast():
    """Returns whether the device computes faster in bfloat16 than in float32.

    CPUs with AVX512-BF16 or AMX do, GPUs of compute capability 8 and later, and TPUs.
    """
    device = jax.numpy.zeros(()).devices().pop()
    if device.platform == "cpu":
        return cpu_computes_bfloat16()
    # TPUs have no compute capability.
    return float(getattr(device, "compute_capability", 8)) >= 8


def peak_device_bytes():
    """Returns the peak memory in use on the device; `None` if it is not measured."""
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")

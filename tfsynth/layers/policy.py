"""Precision: Keras's dtype policy for the length of a block, and what the processor supports."""

import contextlib
from pathlib import Path

import keras

_CPU_FLAGS = ("avx512_bf16", "amx_bf16")


@contextlib.contextmanager
def dtype_policy(name):
    """Sets the dtype policy for the block, and restores the caller's policy after it.

    Args:
        name: Name of a policy, such as "mixed_bfloat16"; `None` for the one in force.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def cpu_computes_bfloat16():
    """Returns whether the processor has instructions for bfloat16, AVX512-BF16 or AMX."""
    cpu = Path("/proc/cpuinfo")  # Linux only.
    return cpu.is_file() and any(flag in cpu.read_text(encoding="utf-8") for flag in _CPU_FLAGS)


def gpu_names():
    """Returns the names of the GPUs that Keras's backend sees."""
    # Of all devices: JAX raises an error for a kind that it does not have.
    return [name for name in keras.distribution.list_devices() if name.startswith(("gpu", "cuda"))]

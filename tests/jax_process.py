"""Python processes under JAX, for the tests of what needs no TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Most of such a test's time goes to compiling what is then computed a few times.
QUICKLY_COMPILED = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def run(*words, **environment):
    """Runs Python with these words; returns what it said, and raises if it failed."""
    settings = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "XLA_FLAGS": QUICKLY_COMPILED}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout

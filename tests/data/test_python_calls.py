"""The interpreter ends although TensorFlow's threads are calling Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfsynth.data import python_calls

SCRIPT = """
import time
import numpy as np
from tfsynth.data import Split, batches
from tfsynth.layouts.labels import LabelSet

class Slow(Split):
    label_set, stems = LabelSet(["a"], [(0, 0, 0)]), ["x", "y"]

    def load(self, index):
        time.sleep(0.2)
        return {"labels": np.zeros((8, 8), np.uint8), "image": np.zeros((8, 8, 3), np.uint8)}

iterator = iter(batches(Slow(), batch_size=1, size=(8, 8)))
next(iterator)
raise KeyboardInterrupt
"""


def test_an_interrupted_run_ends():
    # Without the precaution this hangs: calls are running while the iterator is deleted.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120
    )
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode not in (0, None)


def test_calls_are_counted_and_blank_at_the_end(monkeypatch):
    def work(x):
        assert python_calls._counts["running"] == before + 1
        if x < 0:
            raise ValueError("negative")
        return x * 2

    before = python_calls._counts["running"]
    call = python_calls.at_rest_at_exit(work, lambda: -1)
    assert call(4) == 8
    with pytest.raises(ValueError, match="negative"):
        call(-4)
    assert python_calls._counts["running"] == before
    monkeypatch.setattr(python_calls._ending, "is_set", lambda: True)
    assert call(4) == -1

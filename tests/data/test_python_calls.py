"""The interpreter ends although threads are calling Python."""

import os
import subprocess
import sys
from pathlib import Path

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


def run(script, timeout):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_an_interrupted_run_ends():
    # Without the precaution this hangs: calls are running while the iterator is deleted.
    done = run(SCRIPT, timeout=120)
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode not in (0, None)


CALLS = """
import atexit, threading, time

@atexit.register
def after_the_wait():
    print(finished.is_set(), call(4), time.monotonic() - end < 20, flush=True)

from tfsynth.data import python_calls

finished, begun = threading.Event(), threading.Event()

def work(x):
    if x == 4:
        return x * 2
    begun.set()
    time.sleep(x)
    finished.set()
    raise ValueError("late")

call = python_calls.at_rest_at_exit(work, lambda: -1)
print(call(4))
threading.excepthook = lambda raised: print(raised.exc_value)
threading.Thread(target=call, args=(0.5,), daemon=True).start()
begun.wait()
end = time.monotonic()
"""


def test_the_end_waits_for_calls_and_leaves_later_ones_blank():
    # Atexit's functions run last in, first out: `after_the_wait` comes after the waiting. A call
    # that raises is at rest too: without that, the end would come after half a minute.
    done = run(CALLS, timeout=120)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert done.stdout.split() == ["8", "late", "True", "-1", "True"]

"""Python functions that TensorFlow's threads call, finished before the interpreter ends.

A thread that is inside Python when the interpreter ends never returns, and an iterator that is
deleted then waits for it for ever: a run that was interrupted, or just ended, would hang
(seen with TensorFlow 2.21 on Python 3.11).
"""

import atexit
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_lock = threading.Lock()
_ending = threading.Event()
_counts = {"running": 0, "started": 0}

# At the end: nothing may have run for this long. Blank calls take microseconds.
_REST_SECONDS = 0.05
# One call decodes one example; a call that takes longer than this does not end.
_LONGEST_WAIT_SECONDS = 30.0


def at_rest_at_exit(
    function: Callable[..., Result], blank: Callable[[], Result]
) -> Callable[..., Result]:
    """Returns `function` such that the interpreter's end waits for its running calls.

    Args:
        function: Called from any thread.
        blank: The function that is called instead from then on. It is quick; its result is not
            used, but an exception would be logged with a page of trace.
    """

    def counted(*arguments):
        with _lock:
            _counts["running"] += 1
            _counts["started"] += 1
        try:
            return blank() if _ending.is_set() else function(*arguments)
        finally:
            with _lock:
                _counts["running"] -= 1

    return counted


@atexit.register
def _come_to_rest() -> None:
    _ending.set()
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    # TensorFlow's buffers are bounded, so calls cease; two equal counts show that they have.
    last = None
    while time.monotonic() < deadline:
        with _lock:
            now = _counts["started"] if _counts["running"] == 0 else None
        if now is not None and now == last:
            return
        last = now
        if _counts["started"]:
            time.sleep(_REST_SECONDS)

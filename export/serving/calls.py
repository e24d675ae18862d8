"""What the REST and the gRPC side of the client share: error, limits, patience."""

import random
import re
import time

# Bytes of one message, either way. A picture of 2**22 pixels is at most some 13 MB as PNG, and
# gRPC's own default of 4 MB refuses it.
MOST_BYTES = 2**28
# Seconds between two attempts: the first wait, which doubles, and the longest.
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0


class ServingError(Exception):
    """The server's answer is an error, or there is none. `str` of it is one line.

    Attributes:
        code: gRPC's name of the status, for REST too: "INVALID_ARGUMENT", "NOT_FOUND",
            "UNAVAILABLE", "DEADLINE_EXCEEDED" ...
        details: All that the server said.
        rows: Row number -> sentence, where only some rows of a request could not be made.
        outputs: The outputs of such a request: those of the other rows are good.
    """

    def __init__(self, code, details, rows=None, outputs=None):
        line = (details.strip().splitlines() or ["no message"])[0]
        if framed := re.fullmatch(r"assertion failed: \[(.*)\]", line):
            # TensorFlow's frame around the sentence of a check in the model.
            line = re.sub(r"\\(['\"\\])", r"\1", framed[1])
        super().__init__(f"{code}: {line}")
        self.code, self.details = code, details
        self.rows, self.outputs = rows or {}, outputs


def patiently(call, seconds, attempts):
    """Returns what `call(seconds left)` returns; tries again while the server is unavailable.

    Other errors are raised at once: a request that was refused is refused again. To send a
    request twice is harmless, since a model only computes.

    Args:
        call: Function of the seconds that it may take. Raises `ServingError`.
        seconds: For all attempts together, with the waits.
        attempts: How often to call at most.

    Raises:
        ServingError: The last one.
    """
    deadline = time.monotonic() + seconds
    for attempt in range(attempts):
        try:
            return call(max(deadline - time.monotonic(), 0.001))
        except ServingError as error:
            # Not all clients of a server that was restarted shall come at the same moment.
            wait = min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0)
            last = attempt + 1 == attempts or time.monotonic() + wait >= deadline
            if error.code != "UNAVAILABLE" or last:
                raise
            time.sleep(wait)
    raise ValueError(f"`attempts` must be at least 1. Received: {attempts}.")

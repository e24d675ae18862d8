"""Loads the experiment, and TensorFlow with it, without TensorFlow's messages at start."""

import contextlib
import logging
import os
import sys


def load_experiment(debug=False, device=None):
    """Returns the module `tfsynth.experiment`.

    Args:
        debug: Whether TensorFlow's native code may print messages while it loads.
        device: The one device to compute on, see `trainers.choose_devices`; `None` leaves the
            choice for later, as training does, which may use several.

    Raises:
        ValueError: If there is no such device.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if debug else "3")
    # The variable does not suppress messages before the logging starts: half a dozen lines, also
    # without any error.
    with contextlib.nullcontext() if debug else _standard_error_held_back():
        from tfsynth import experiment, trainers
    if not debug:
        # TensorFlow Datasets warns there about the data set's name and about OpenCV.
        logging.getLogger("absl").setLevel(logging.ERROR)
    if device is not None:
        trainers.choose_devices(device)
    return experiment


@contextlib.contextmanager
def _standard_error_held_back():
    """Discards output to standard error, native code included."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

"""How a command ends: with one sentence and an exit code, whatever happened.

Exit codes: 0 done; 1 a defect of tfsynth; 2 refused, or the machine or a file is at fault, with the
reason on standard error; 129, 130 and 143 stopped by SIGHUP, Ctrl-C and SIGTERM; 141 the reader of
the output closed it.
"""

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
from typing import Any

DONE = 0
DEFECT = 1
REFUSED = 2
UNREAD = 141
# The shell's rule: 128 and the number of the signal.
_OF_SIGNALS = 128

_MOST_CHARACTERS = 1500
# What a package is called at the index, where that is not what Python imports.
_PACKAGES = {"PIL": "pillow", "yaml": "pyyaml", "sklearn": "scikit-learn"}
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|errno = (28|122)\b", re.I)
_NO_MEMORY = re.compile(r"RESOURCE_EXHAUSTED|ResourceExhausted|out of memory|\bOOM\b", re.I)
_NO_MEMORY_LEFT = (
    "There is not enough memory. Close other programs, or take a smaller `train.batch_size`, "
    "`data.size` or network, or fewer files at a time"
)


def end(function, debug=False):
    """Calls a function and returns the exit code; says in one line on standard error what failed.

    Signals that end a process raise `KeyboardInterrupt` with their `signal_number` in the call, so
    that what it has begun is tidied up. Warnings, and errors of threads, are one line each.

    Args:
        function: Callable without arguments; what it returns is ignored.
        debug: Whether an error is raised again, with its traceback.

    Raises:
        SystemExit: What the function raises, as for `--help`.
        Exception: With `debug`, the error.
    """
    _open_streams()
    try:
        with _signals(), _one_line_reports(debug):
            try:
                function()
            finally:
                _flush_output()
    except KeyboardInterrupt as interruption:
        number = getattr(interruption, "signal_number", signal.SIGINT)
        _say(f"\ntfsynth: {str(interruption) or _stopped_by(number)}")
        return _OF_SIGNALS + number
    except BrokenPipeError:
        return UNREAD
    except Exception as error:
        if debug:
            raise
        code, line = explain(error)
        _say(f"tfsynth: error: {line}")
        return code
    return DONE


def explain(error):
    """Returns the exit code of an error, and what is said of it: one line with a remedy."""
    text = _texts(error)
    found = getattr(error, "errno", None)
    if found in (errno.ENOSPC, errno.EDQUOT) or _NO_SPACE.search(text):
        return REFUSED, f"{_where(error, 'No space left on device')}. {_MAKE_ROOM}"
    if found == errno.EFBIG or "File too large" in text:
        return REFUSED, (
            f"{_where(error, 'File too large')}. Its disk or `ulimit -f` takes no larger file: "
            "name another place, or lift the limit."
        )
    if isinstance(error, MemoryError) or found == errno.ENOMEM or _is_out_of_memory(error, text):
        return REFUSED, f"{_NO_MEMORY_LEFT}. ({_first_line(error)})"
    if isinstance(error, ImportError):
        return _explain_import(error)
    if isinstance(error, subprocess.CalledProcessError):
        command = error.cmd if isinstance(error.cmd, str) else " ".join(map(str, error.cmd))
        said = error.stderr or b""
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        last = f": {said.strip().splitlines()[-1]}" if said.strip() else ""
        return REFUSED, _line(f"The program `{command}` ended with {error.returncode}{last}.")
    if isinstance(error, OSError):
        return REFUSED, _line(_of_system(error))
    # `FloatingPointError` is training that diverged: a matter of settings, not a defect.
    if isinstance(error, ValueError | FloatingPointError) and str(error):
        return REFUSED, _line(str(error))
    if _is_of_file(error):
        return REFUSED, f"{_first_line(error)}. Is the file damaged, or not to be read?"
    return DEFECT, (
        f"{type(error).__name__}: {_first_line(error)}. This is a defect of tfsynth: run again "
        "with --debug and report what it shows."
    )


_MAKE_ROOM = "Make room and give the same command again."


def _explain_import(error):
    if "pip install 'tfsynth[" in str(error):
        return REFUSED, _line(str(error))  # It says which extra of the package it needs.
    module = (getattr(error, "name", None) or "").partition(".")[0]
    if not module or module == "tfsynth":
        return DEFECT, (
            f"tfsynth is not installed completely: {_first_line(error)}. Install it again: pip "
            "install --force-reinstall tfsynth."
        )
    package = _PACKAGES.get(module, module.replace("_", "-"))
    if isinstance(error, ModuleNotFoundError):
        return REFUSED, f"The package {package} is not installed: pip install {package}."
    return REFUSED, (
        f"The package {package} cannot be imported: {_first_line(error)}. Install it again: pip "
        f"install --force-reinstall {package}."
    )


def _is_out_of_memory(error, text):
    # By name: TensorFlow and JAX are not imported for it.
    ours = isinstance(error, ValueError) and not _is_of(error, "tensorflow", "jaxlib", "jax")
    return not ours and bool(_NO_MEMORY.search(f"{type(error).__name__} {text}"))


def _is_of_file(error):
    """Whether TensorFlow could not read or write a file."""
    names = ("DataLossError", "NotFoundError", "PermissionDeniedError", "FailedPreconditionError")
    return _is_of(error, "tensorflow") and type(error).__name__ in names


def _is_of(error, *packages):
    return any(kind.__module__.partition(".")[0] in packages for kind in type(error).__mro__)


def _texts(error):
    """Returns the messages of an error and of those that caused it."""
    found = []
    while error is not None and len(found) < 10:
        found.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(found)


def _where(error, default):
    """Returns what the system says of a file; or `default`, where it is in a longer message."""
    line = _line(str(error))
    if isinstance(error, OSError) and error.strerror is not None:
        return error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    return line.rstrip(".") if isinstance(error, OSError | ValueError) else default


def _of_system(error):
    if error.strerror is None:
        return str(error) or type(error).__name__
    line = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{line}. Choose a place that you may write to, or read from."
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{line}. Lift the limit with `ulimit -n`."
    return line


def _first_line(error):
    text = str(getattr(error, "message", None) or error)
    # TensorFlow begins with "{{function_node ...}} " and ends with the name of the operation.
    text = re.sub(r"\{\{[^}]*\}\} ?", "", text).strip()
    return _line(text.partition("\n")[0]).rstrip(". ")[:400] or "no message"


def _line(text):
    """Returns a text as one line, cut if it is very long."""
    text = " ".join(text.split())
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


def _stopped_by(number):
    return "interrupted." if number == signal.SIGINT else f"stopped by {_name(number)}."


def _name(number):
    return signal.Signals(number).name


@contextlib.contextmanager
def _signals():
    """Lets the signals that end a process raise `KeyboardInterrupt`, as Ctrl-C does."""
    before: dict[Any, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP.
            number = getattr(signal, name, None)
            # Ignored, as under `nohup`, it stays so.
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number, frame):
    interruption: Any = KeyboardInterrupt()
    interruption.signal_number = number
    raise interruption


@contextlib.contextmanager
def _one_line_reports(debug):
    """Says warnings, and what threads and destructors raise, in one line each."""
    if debug:
        yield
        return
    hooks = threading.excepthook, sys.unraisablehook

    def warn(message, *place, **more):
        _say(f"tfsynth: warning: {_line(str(message))}")

    def of_thread(report):
        _say(f"tfsynth: error in the background: {explain(report.exc_value)[1]}")

    with warnings.catch_warnings():
        warnings.showwarning = warn
        threading.excepthook = of_thread
        sys.unraisablehook = lambda report: None
        try:
            yield
        finally:
            threading.excepthook, sys.unraisablehook = hooks


def _open_streams():
    """Opens what the caller closed (`>&-`): the next file would take its place, and be written."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
    # A name of a file that the terminal's encoding lacks is no reason to stop.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _flush_output():
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Nobody reads it, or the disk is full: Python would fail again when it flushes at exit.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _say(text):
    # Nobody may read standard error either.
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)

"""How commands end when the machine, a package or the program itself fails."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
import tensorflow as tf

from tests.commands import program
from tfsynth.__main__ import main
from tfsynth.commands import train
from tfsynth.commands.ending import explain


def _limit(kind, value):
    return lambda: resource.setrlimit(kind, (value, value))


@pytest.mark.parametrize("package", ["PIL", "scipy", "tensorflow_datasets", "importlib_resources"])
def test_a_package_that_is_missing_is_named(tmp_path, tiny_config, package):
    name = {"PIL": "pillow"}.get(package, package.replace("_", "-"))
    code, _, err = program.run(
        *("train", tiny_config, "--run-dir", tmp_path / "run"), **program.without(tmp_path, package)
    )
    line = f"tfsynth: error: The package {name} is not installed: pip install {name}.\n"
    assert (code, err[-len(line) :]) == (2, line)


def test_a_file_that_may_not_grow_is_one_sentence(tmp_path, tiny_config):
    run = tmp_path / "run"
    options = {"before": _limit(resource.RLIMIT_FSIZE, 60_000)}
    code, _, err = program.run("train", tiny_config, "--run-dir", run, **options)
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("tfsynth: error: ") and "File too large" in last and "ulimit -f" in last


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_command_tidily(tmp_path, number, code):
    process = program.start("describe", "demo", TMPDIR=str(tmp_path))
    _wait_until_handled(process, number)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == f"\ntfsynth: stopped by {number.name}.\n"
    assert list(tmp_path.iterdir()) == []


def _wait_until_handled(process, number):
    """Waits until a process has a handler of its own for a signal; on Linux, else a second."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.is_file():
        time.sleep(1)
        return
    while process.poll() is None:
        caught = re.search(r"SigCgt:\s*([0-9a-f]+)", status.read_text())[1]
        if int(caught, 16) >> (number - 1) & 1:
            return
        time.sleep(0.01)


def test_an_ignored_signal_stays_ignored():
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = program.start("describe", "demo", before=ignore)
    time.sleep(2)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "64 x 128 pixels" in out


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed):
    command = f"{sys.executable} -m tfsynth train {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, cwd=program.ROOT)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("words", [["train"], ["--help"], ["train", "--help"]])
def test_a_reader_that_left_and_a_full_disk(words):
    command = [sys.executable, "-m", "tfsynth", *words]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=program.ROOT)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=program.ROOT)
    line = b"tfsynth: error: No space left on device. Make room and give the same command again.\n"
    assert (done.returncode, done.stderr) == (2, line)


def test_nobody_reads_the_errors():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tfsynth", "train", "nothing"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, cwd=program.ROOT)
    os.close(writer)
    assert (done.returncode, done.stdout) == (2, b"")


def _chained(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MemoryError(), 2, "There is not enough memory. .* `train.batch_size`"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), 2, "enough memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"), 2, "enough memory"),
        (
            tf.errors.ResourceExhaustedError(None, None, "a; No space left on device"),
            2,
            "Make room",
        ),
        (tf.errors.InternalError(None, None, "No space left on device"), 2, "Make room and give"),
        (OSError("Can't write data (errno = 28, error message = 'x')"), 2, "Make room and give"),
        (_chained(RuntimeError("x"), OSError(28, "No space left on device")), 2, "Make room and"),
        (OSError(122, "Disk quota exceeded", "file"), 2, "Disk quota exceeded: file. Make room"),
        (OSError(27, "File too large", "file"), 2, "File too large: file. .* `ulimit -f`"),
        (PermissionError(13, "Permission denied", "file"), 2, "Permission denied: file. Choose a"),
        (
            tf.errors.DataLossError(None, None, "{{node x}} bad\nmore"),
            2,
            "bad. Is the file damaged",
        ),
        (ModuleNotFoundError("x", name="sklearn.cluster"), 2, "pip install scikit-learn"),
        (
            ImportError("cannot import y", name="scipy"),
            2,
            "scipy cannot be imported: cannot import",
        ),
        (ModuleNotFoundError("x", name="tfsynth.gone"), 1, "tfsynth is not installed completely"),
        (
            subprocess.CalledProcessError(3, ["gs", "-q"], stderr=b"a\nbad"),
            2,
            "`gs -q` ended with 3",
        ),
        (ValueError("a\n\n  b"), 2, "^a b$"),
        (RecursionError("maximum depth"), 1, "RecursionError: maximum depth. This is a defect"),
        (AttributeError("no `x`\nmore"), 1, "AttributeError: no `x`. This is a defect of tfsynth"),
        (tf.errors.InvalidArgumentError(None, None, "{{node a}} bad"), 1, "Error: bad. This is a"),
        (KeyError("x"), 1, "KeyError: 'x'. This is a defect of tfsynth: run again with --debug"),
        (RuntimeError(), 1, "RuntimeError: no message. This is a defect"),
    ],
)
def test_every_error_is_one_line_with_a_remedy(capsys, monkeypatch, error, code, line):
    assert explain(error)[0] == code

    def fail(arguments):
        raise error

    monkeypatch.setattr(train, "run", fail)
    assert main(["train", "demo"]) == code
    printed = capsys.readouterr().err.removeprefix("tfsynth: error: ")
    assert printed.count("\n") == 1
    assert re.search(line, printed.rstrip("\n"))
    with pytest.raises(type(error)):
        main(["train", "demo", "--debug"])


def test_errors_of_threads_and_warnings_are_one_line_each(capsys, monkeypatch):
    def background(arguments):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("look\n there", UserWarning, stacklevel=1)

    hook = threading.excepthook
    monkeypatch.setattr(train, "run", background)
    assert main(["train", "demo"]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("tfsynth: error in the background: ZeroDivisionError: division by zero")
    assert second == "tfsynth: warning: look there"
    assert threading.excepthook is hook

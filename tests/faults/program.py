"""The real program, run in a process of its own, and what is asked of every one of its ends."""

import contextlib
import dataclasses
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What `tfsynth --help` and docs promise: done; refused; interrupted by Ctrl-C; output closed; the
# two signals that ask for an end.
EXIT_CODES = {0, 2, 130, 141, 129, 143}
# No command of these tests takes so long.
PATIENCE = 300.0
GIB = 2**30


@dataclasses.dataclass
class End:
    """How a command ended.

    Attributes:
        code: Its exit code; negative: the signal that killed it.
        seconds: Its wall time.
        cpu: Its seconds of processor time.
        above_idle: Bytes of memory at its peak, above those of an idle process of the program.
        stdout: What it printed.
        stderr: What it printed on standard error.
    """

    code: int
    seconds: float
    cpu: float
    above_idle: int
    stdout: str
    stderr: str

    @property
    def sentence(self):
        """The error that the program ends with, without its beginning."""
        lines = [s for s in self.stderr.splitlines() if s.startswith("tfsynth: ")]
        return lines[-1].removeprefix("tfsynth: ").removeprefix("error: ") if lines else ""

    def faults(self, names=(), remedy=True):
        """Returns what is wrong with the end itself, as sentences; whatever else is asked of it.

        Args:
            names: The sentence of an error must name one of these.
            remedy: Whether it must then say what to do.
        """
        found = []
        if "Traceback" in self.stdout + self.stderr:
            last = self.stderr.rstrip().splitlines()[-1:] or [""]
            found.append(f"a traceback: {last[0][:160]}")
        elif self.code not in EXIT_CODES:
            found.append(f"exit code {self.code}: {self.stderr[-160:]!r}")
        elif self.code != 0:
            found += self._faults_of_the_sentence(names, remedy)
        return found

    def _faults_of_the_sentence(self, names, remedy):
        if not self.sentence:
            return [f"exit code {self.code} without a sentence: {self.stderr[-160:]!r}"]
        _, _, after = self.stderr.rpartition("tfsynth: ")
        lines = [line for line in after.splitlines() if line.strip()]
        if len(lines) > 3 or len(after) > 1500:
            return [f"an error of {len(lines)} lines and {len(after)} letters: {after[:120]!r}"]
        if names and not any(str(name) in self.sentence for name in names):
            return [f"an error that does not name {names[0]}: {self.sentence[:200]!r}"]
        # A rule alone helps nobody: a remedy is a second sentence or part, with a verb to obey.
        if names and remedy and not REMEDY.search(self.sentence):
            return [f"an error without a remedy: {self.sentence[:200]!r}"]
        return []


# The words in which the program says what to do.
REMEDY = re.compile(
    r"\b(Name|name|Remove|remove|Save|save|Give|give|Make|make|Copy|copy|Download|download|Set|set"
    r"|Use|use|Write|write|Draw|draw|Replace|replace|Delete|delete|Export|export|Convert|convert"
    r"|Choose|choose|Restore|restore|Put|put|Move|move|Free|free|Train|train|Fetch|fetch|Take"
    r"|Leave|leave|Repair|repair|Correct|correct|Read|Run|run|Start|start|Split|split|Crop|crop"
    r"|Resize|resize|Pass|pass|Add|add|Store|Ask|Open|Get|Unpack|unpack|Reinstall|exclude|Check"
    r"|can be)\b"
)


class Sandbox:
    """A folder with a home and a cache of its own, in which commands run.

    Args:
        folder: `pathlib.Path`; made if it is not there.
        backend: "tensorflow" or "jax".
        first_in_path: Folder of programs that are found before the system's, or `None`.
        output: Folder of what commands print, if it is not to be inside.
    """

    def __init__(self, folder, backend="tensorflow", first_in_path=None, output=None):
        self.folder = Path(folder)
        self.home = self.folder / "home"
        self.cache = self.folder / "cache"
        self.work = self.folder / "work"
        self._output = output or self.folder / "output"
        for made in (self.home, self.cache, self.work, self._output):
            made.mkdir(parents=True, exist_ok=True)
        path = os.environ.get("PATH", "")
        self.environment = {
            "PATH": f"{first_in_path}:{path}" if first_in_path else path,
            "HOME": str(self.home),
            "TFSYNTH_CACHE": str(self.cache),
            "TMPDIR": str(self.work),
            "PYTHONPATH": str(ROOT),
            "KERAS_BACKEND": backend,
            "CUDA_VISIBLE_DEVICES": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "1",
            "LANG": "C.UTF-8",
        }

    def request(self, argv, **more):
        """Returns the request of a command to a `Zygote`."""
        names = {n: str(self._output / n) for n in ("stdout", "stderr")}
        words = [str(word) for word in argv]
        return {"argv": words, "cwd": str(self.work), "env": self.environment, **names, **more}


class Zygote:
    """A process that has imported the program, and runs commands in children; see `zygote.py`.

    Args:
        backend: "tensorflow" or "jax".
    """

    def __init__(self, backend="tensorflow"):
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "KERAS_BACKEND": backend,
            "CUDA_VISIBLE_DEVICES": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        self._idle = 0

    def measure_idle(self, sandbox):
        """Takes the memory of a command that does nothing for that of an idle process."""
        self._idle = self.run(sandbox, ["--version"]).above_idle

    def close(self):
        """Ends it."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, sandbox, argv, *, kill=None, patience=PATIENCE, **more):
        """Runs a command to its end.

        Args:
            sandbox: The `Sandbox`.
            argv: The words after `tfsynth`.
            kill: Callable that gets the process id in a thread's place and returns when it
                has sent its signal, or when there is no more process; `None` lets it run.
            patience: Seconds after which it is killed.
            **more: `module` and `memory`; see `zygote.py`.

        Returns:
            An `End`.
        """
        request = sandbox.request(argv, **more)
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        pid = json.loads(self._process.stdout.readline())["pid"]
        handle = None
        with contextlib.suppress(OSError):  # It may have ended already.
            handle = os.pidfd_open(pid)
        try:
            if handle is not None:
                child = Child(handle)
                if kill is not None:
                    kill(child)
                child.wait(patience)
        finally:
            if handle is not None:
                Child(handle).send(signal.SIGKILL)
                os.close(handle)
            end = json.loads(self._process.stdout.readline())
        # What it started and left running.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        texts = [Path(request[n]).read_text(errors="replace") for n in ("stdout", "stderr")]
        return End(end["code"], end["seconds"], end["cpu"], end["peak"] - self._idle, *texts)


def alone(sandbox, argv):
    """Runs `python -m tfsynth` in a process that imports all anew; returns its `End`."""
    environment = {k: v for k, v in os.environ.items() if k.startswith("LD_")}
    done = subprocess.run(
        [sys.executable, "-m", "tfsynth", *argv],
        capture_output=True,
        text=True,
        cwd=sandbox.work,
        env=environment | sandbox.environment,
        timeout=PATIENCE,
    )
    return End(done.returncode, 0.0, 0.0, 0, done.stdout, done.stderr)


class Child:
    """A running command, by its handle: a number that is given to no other process meanwhile."""

    def __init__(self, handle):
        self._handle = handle

    def send(self, number):
        """Sends a signal; one that ended gets none."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def wait(self, seconds):
        """Returns whether it ends within so many seconds."""
        return bool(select.select([self._handle], [], [], max(0.0, seconds))[0])


def after(seconds, number=signal.SIGKILL):
    """Returns a `kill` for `Zygote.run`: a signal after so many seconds."""

    def kill(child):
        if not child.wait(seconds):
            child.send(number)

    return kill


def when(seen, patience=PATIENCE, number=signal.SIGKILL, later=0.0):
    """Returns a `kill` for `Zygote.run`: a signal as soon as `seen()` is true."""

    def kill(child):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not child.wait(0):
            if seen():
                child.wait(later)
                child.send(number)
                return

    return kill

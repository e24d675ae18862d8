"""Runs the program again and again without importing TensorFlow again: a process that forks.

    python tests/faults/zygote.py < requests > replies

A request is one line of JSON: `argv` (the words after `tfsynth`; or `module` and its words), `cwd`,
`env`, `stdout` and `stderr` (files to write) and `memory`, a limit in bytes above what the process
has. The reply is two lines: `{"pid": n}` at once, and its end, as `os.wait4` reports it. The child
leaves the loop and goes on as `python -m tfsynth` does: what nobody caught is shown as Python shows
it, functions that wait for the end are called. Only the taking apart of all modules, a second of
each command, is left out.

TensorFlow is imported before the fork and first used after it: it has no threads of its own then.
"""

import atexit
import contextlib
import gc
import json
import os
import resource
import runpy
import sys
import time
from os import _exit as end_process


def become(request):
    """Makes a child what the request asks for: folder, environment, output, limits."""
    os.setpgid(0, 0)
    os.chdir(request["cwd"])
    for name in [name for name in os.environ if name not in request["env"]]:
        del os.environ[name]
    os.environ.update(request["env"])
    files = [os.open(os.devnull, os.O_RDONLY)]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files += [os.open(request[name], flags, 0o644) for name in ("stdout", "stderr")]
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    if request.get("memory"):
        with open("/proc/self/statm") as file:
            has = int(file.read().split()[0]) * resource.getpagesize()
        limit = has + request["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve():
    """Answers requests; returns only in a child, with its request, or `None` at the end."""
    replies = os.fdopen(os.dup(1), "w")
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            replies = None
            become(request)
            return request
        print(json.dumps({"pid": child}), file=replies, flush=True)
        _, status, usage = os.wait4(child, 0)
        end = {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": time.monotonic() - start,
            "cpu": usage.ru_utime + usage.ru_stime,
            "peak": usage.ru_maxrss * 1024,  # In KiB on Linux.
        }
        print(json.dumps(end), file=replies, flush=True)
    return None


def go_on(request):
    """Runs the module as Python does, and keeps the exit code that Python would give."""
    module = request.get("module", "tfsynth")
    sys.argv = [module, *request["argv"]]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        ending["code"] = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        ending["code"] = 130 if isinstance(error, KeyboardInterrupt) else 1


ending = {"code": 0}


def leave():
    """Ends the process; called by the interpreter after all else that waits for the end."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    end_process(ending["code"])


def main():
    """Imports what every command needs, and serves."""
    # The first that is registered is the last that is called.
    atexit.register(leave)
    from tfsynth.commands.loading import load_experiment

    load_experiment()
    gc.collect()
    gc.freeze()
    request = serve()
    if request is not None:
        go_on(request)


if __name__ == "__main__":
    main()

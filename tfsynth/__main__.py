"""The program `tfsynth`: finds the verb, runs it, and turns errors into one line and an exit code.

Exit codes: 0 done; 2 refused, with the reason on standard error; 130 interrupted by Ctrl-C; 141
the reader of the output closed it. Any other error is a defect and shows its traceback.
"""

import argparse
import errno
import importlib.util
import os
import re
import shlex
import sys

from tfsynth import __version__
from tfsynth.commands import VERBS
from tfsynth.commands.programs import program
from tfsynth.hints import nearest

REFUSED = 2
INTERRUPTED = 130
UNREAD = 141
BACKENDS = ("tensorflow", "jax")

_EXAMPLES = """\
examples:
  tfsynth train                        list the installed configs
  tfsynth train demo                   train, score and export a small model in minutes
  tfsynth evaluate runs/demo           score it again
  tfsynth synthesize --model runs/demo labels/ -o photos/
  tfsynth train --help                 what one command takes
"""


def main(argv=None):
    """Runs one command line and returns the exit code.

    Args:
        argv: The words after `tfsynth`; `None` takes those of the process.

    Raises:
        SystemExit: For `--help`, `--version` and a command line that cannot be read.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = _parse(argv)
    if arguments.verb is None:
        return 0
    # The program uses Keras's TensorFlow backend also if ~/.keras names another one, and JAX where
    # TensorFlow is not installed; the variable is respected.
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    os.environ.setdefault("KERAS_BACKEND", (installed or BACKENDS)[0])
    arguments.command_line = f"{program('tfsynth')} {shlex.join(argv)}"
    # By default TensorFlow uses oneDNN only on CPUs with AVX512-VNNI or AMX; on others a training
    # step takes 1.5 times as long without it. The variable is read when TensorFlow is imported.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        _require_backend()
        VERBS[arguments.verb].run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, for example `head`, closed the pipe. Python would fail again when it flushes
        # at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except (ValueError, OSError, FloatingPointError) as error:
        # `FloatingPointError` is training that diverged: a matter of settings, not a defect.
        if arguments.debug:
            raise
        print(f"tfsynth: error: {_one_line(error)}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt as interruption:
        print(f"\ntfsynth: {str(interruption) or 'interrupted.'}", file=sys.stderr)
        return INTERRUPTED
    return 0


def _require_backend():
    """Raises `ValueError` unless Keras's backend is one that the program computes with."""
    backend = os.environ["KERAS_BACKEND"]
    if backend not in BACKENDS:
        raise ValueError(
            f"The environment variable KERAS_BACKEND is {backend!r}; the program computes with "
            f"{' or '.join(BACKENDS)}. Set it to one of these, or leave it out."
        )
    if importlib.util.find_spec(backend) is None:
        raise ValueError(
            f"Keras's backend is {backend}, which is not installed: pip install {backend}, or set "
            "the environment variable KERAS_BACKEND to another one."
        )


def _parse(argv):
    parser = _Parser(
        prog="tfsynth",
        description="Photographs from label maps: train, score, use and export synthesizers.",
        epilog=f"commands:\n{_list_of_verbs()}\n{_EXAMPLES}",
    )
    parser.add_argument("--version", action="version", version=f"tfsynth {__version__}")
    parser.set_defaults(parser=parser)
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", help="what to do, see below")
    for name, module in VERBS.items():
        verb = verbs.add_parser(name, description=_sentence(module.SUMMARY), epilog=module.EXAMPLES)
        module.add_arguments(verb)
        verb.add_argument(
            "--debug", action="store_true", help="show the traceback of an error, not only its line"
        )
        verb.set_defaults(parser=verb)
    first = next((word for word in argv if not word.startswith("-")), None)
    if first is not None and first not in VERBS:
        hint = nearest(first, VERBS, "'")
        parser.error(f"no command {first!r}.{hint} Commands: {', '.join(VERBS)}.")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        _refuse_unknown(arguments.parser, unknown[0])
    if arguments.verb is None:
        parser.print_help()
    return arguments


class _Parser(argparse.ArgumentParser):
    """An argument parser with errors in the form of the rest of the program."""

    def __init__(self, **options):
        super().__init__(formatter_class=_layout, allow_abbrev=False, **options)

    def error(self, message):
        print(f"tfsynth: error: {message}", file=sys.stderr)
        print(f"Try: {self.prog} --help", file=sys.stderr)
        raise SystemExit(REFUSED)


def _layout(prog):
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=26)


def _refuse_unknown(parser, word):
    known = re.findall(r"--[a-z-]+", parser.format_help())
    hint = nearest(word.split("=")[0], known, "'")
    parser.error(f"`{parser.prog}` does not take {word!r}.{hint}")


def _list_of_verbs():
    return "".join(f"  {name:<11} {module.SUMMARY}\n" for name, module in VERBS.items())


def _sentence(text):
    return f"{text[0].upper()}{text[1:]}."


def _one_line(error):
    """Returns the message of an error for the user."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    line = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    if error.errno == errno.ENOSPC:
        return f"{line}. Make room and give the same command again."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{line}. Choose a place that you may write to, or read from."
    return line


if __name__ == "__main__":
    raise SystemExit(main())

"""The program `tfsynth`: finds the verb and runs it. `commands.ending` has the exit codes."""

import argparse
import importlib.util
import os
import re
import shlex
import sys

from tfsynth import __version__
from tfsynth.commands import VERBS
from tfsynth.commands.ending import REFUSED, end
from tfsynth.commands.programs import program
from tfsynth.hints import nearest

BACKENDS = ("tensorflow", "jax")

_EXAMPLES = """\
examples:
  tfsynth train                        list the installed configs
  tfsynth train demo                   train, score and export a small model in minutes
  tfsynth evaluate runs/demo           score it again
  tfsynth synthesize --model runs/demo labels/ -o photos/
  tfsynth train --help                 what one command takes

exit codes: 0 done; 1 a defect; 2 refused, or a file or the machine is at fault; 129, 130, 143
stopped by SIGHUP, Ctrl-C, SIGTERM; 141 nobody reads the output. --debug shows where an error is.
"""


def main(argv=None):
    """Runs one command line and returns the exit code.

    Args:
        argv: The words after `tfsynth`; `None` takes those of the process.

    Raises:
        SystemExit: For `--help`, `--version` and a command line that cannot be read.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    return end(lambda: _run(argv), debug="--debug" in argv)


def _run(argv):
    arguments = _parse(argv)
    if arguments.verb is None:
        return
    _set_environment()
    arguments.command_line = f"{program('tfsynth')} {shlex.join(argv)}"
    _require_backend()
    VERBS[arguments.verb].run(arguments)


def _set_environment():
    """Sets what Keras and TensorFlow read once, when they are imported."""
    # The program uses Keras's TensorFlow backend also if ~/.keras names another one, and JAX where
    # TensorFlow is not installed; the variable is respected.
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or (installed or BACKENDS)[0]
    # By default TensorFlow uses oneDNN only on CPUs with AVX512-VNNI or AMX; on others a training
    # step takes 1.5 times as long without it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "keras" not in sys.modules:
        # Where there can be no folder: ~/.keras/keras.json may say that channels come first or
        # that numbers are float16, or be damaged, and Keras would write one where there is none.
        os.environ["KERAS_HOME"] = os.path.join(os.devnull, "keras")


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

    def print_help(self, file=None):
        # That of `argparse` ignores errors: nobody would hear of a full disk.
        print(self.format_help(), end="", file=file)

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


if __name__ == "__main__":
    raise SystemExit(main())

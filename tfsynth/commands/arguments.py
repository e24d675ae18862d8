"""Arguments that several verbs take, with one meaning everywhere."""

import argparse
import re


def add_overrides(parser):
    """Adds `--set KEY=VALUE` (repeatable) and `--seed N`, which change a config."""
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        type=_assignment,
        help="change one key of the config, for example game.generator.filters=32; repeatable",
    )
    parser.add_argument(
        "--seed",
        type=natural_number,
        metavar="N",
        help="the seed of weights, data order and augmentation; short for --set seed=N",
    )


def add_device(parser, does, several=False):
    """Adds `--device auto|cpu|gpu|gpu:N`.

    Args:
        parser: The verb's parser.
        does: What the verb does on the device, for the help.
        several: Whether "auto" takes as many GPUs as share a batch evenly, or only the first.
    """
    gpus = "as many GPUs as divide the batch" if several else "the first GPU"
    parser.add_argument(
        "--device",
        type=_device,
        default="auto",
        help=f"what {does}: auto ({gpus}, else the CPU), cpu, gpu, or one of several as gpu:N "
        "(default: auto)",
    )


def overrides(arguments):
    """Returns the list of `key=value` strings that `--set` and `--seed` ask for."""
    seed = [] if arguments.seed is None else [f"seed={arguments.seed}"]
    return [*arguments.overrides, *seed]


def positive_number(text):
    """Reads a number above zero, for example of minutes or of images."""
    value = _read(float, text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"takes a number above 0; received {text!r}.")
    return value


def positive_count(text):
    """Reads a whole number above zero."""
    value = _read(int, text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"takes a whole number above 0; received {text!r}.")
    return value


def natural_number(text):
    """Reads a whole number, 0 or above."""
    value = _read(int, text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"takes a whole number, 0 or above; received {text!r}.")
    return value


def _assignment(text):
    if not re.match(r"[^=\s]+=", text):
        raise argparse.ArgumentTypeError(f"takes KEY=VALUE; received {text!r}.")
    return text


def _device(text):
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"takes auto, cpu, gpu or gpu:N; received {text!r}.")
    return text


def _read(kind, text):
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"takes a number; received {text!r}.") from None

"""The program with one more verb, `read KIND FILE`, which prints a digest of what was read.

Errors end as those of every other verb do.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

SUMMARY = "read a file through the public interface"
EXAMPLES = ""


def _networks(networks):
    return [[role, network.get_weights()] for role, network in sorted(networks.items())]


def _bundle(path):
    import tfsynth

    model = tfsynth.load_model(path)
    weights = [model.generator.get_weights()]
    if model.encoder is not None:
        weights.append(model.encoder.get_weights())
    styles = None if model.styles is None else model.styles.to_dict()
    labels = None if model.label_set is None else model.label_set.to_dict()
    return [weights, styles, labels, type(model.conditioning).__name__]


def _export(path):
    from tfsynth.synthesis.deployment import open_model

    model = open_model(path)
    labels = np.arange(96).reshape(8, 12) // 33
    return [model.runtime.description, model.synthesize(labels, labels, seed=3)]


def _checkpoint(path):
    from tfsynth import trainers

    found = trainers.Checkpoints(path.parent).latest()
    if found is None:
        return "none"
    trainer, state = found
    return [state["step"], _networks(trainer.networks)]


def _streets(path):
    from tfsynth.data import Streets

    counts = {"train": 3, "validation": 2, "test": 2}
    # The store's folder is the first part of the path: `reader` runs beside it.
    split = Streets(height=32, width=64, **counts, data_dir=path.parts[0]).split("train")
    return [sorted(split[i].items()) for i in range(len(split))]


def _read(kind, path):
    from tfsynth import config, data, importers
    from tfsynth.layouts import LabelSet

    readers = {
        "bundle": _bundle,
        "export": _export,
        "checkpoint": _checkpoint,
        "streets": _streets,
        "config": lambda path: config.load_config(str(path)).to_dict(),
        "labels": lambda path: LabelSet.load(str(path)).to_dict(),
        "label map": data.read_label_map,
        "instance map": data.read_instance_map,
        "photograph": data.read_photo,
        "pth": lambda path: _networks(importers.read_pix2pixhd(path)),
        "state": lambda path: sorted(importers.read_state_dict(path).items()),
        "npy": lambda path: importers.read_styles(path).to_dict(),
    }
    return readers[kind](path)


def update(whole, value):
    """Adds plain data and arrays to a digest."""
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (list, tuple)):
        whole.update(f"[{len(value)}".encode())
        for part in value:
            update(whole, part)
    elif hasattr(value, "dtype"):
        array = np.asarray(value)
        whole.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    else:
        whole.update(repr(value).encode())


def add_arguments(parser):
    """Adds the kind and the file."""
    parser.add_argument("kind")
    parser.add_argument("file", type=Path)


def run(arguments):
    """Reads, and prints the digest."""
    from tfsynth.commands.loading import load_experiment

    load_experiment(arguments.debug)
    whole = hashlib.sha256()
    update(whole, _read(arguments.kind, arguments.file))
    print("read", whole.hexdigest())


def main():
    """Runs the program with this verb."""
    from tfsynth import __main__ as program

    program.VERBS["read"] = sys.modules[__name__]
    raise SystemExit(program.main())


if __name__ == "__main__":
    main()

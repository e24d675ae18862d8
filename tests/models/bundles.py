"""`.keras` files that were changed after Keras wrote them, by hand or with ill will."""

import io
import json
import zipfile

import h5py
import numpy as np

from tfsynth.layers import Conditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.networks import GlobalGenerator, UNetGenerator
from tfsynth.synthesis.synthesizer import Synthesizer

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


def synthesizer(noise=False):
    """Returns a tiny model of two classes."""
    label_set = LabelSet(["sky", "road"], [(70, 130, 180), (128, 64, 128)])
    kind, settings = (UNetGenerator, {"depth": 3}) if noise else (GlobalGenerator, {})
    settings = settings or {"num_downsamples": 1, "num_blocks": 1}
    return Synthesizer(kind(3, filters=4, **settings), Conditioning(2), label_set)


def contents(path):
    """Returns the bytes of each member."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in MEMBERS}


def write(path, members, compression=zipfile.ZIP_STORED):
    """Writes members, pairs of name and bytes, as an archive; returns the path."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return path


def with_config(source, path, change):
    """Writes a file whose config was changed in place by `change(config)`."""
    parts = contents(source)
    config = json.loads(parts["config.json"])
    changed = change(config)
    parts["config.json"] = json.dumps(config if changed is None else changed).encode()
    return write(path, parts)


def with_arguments(source, path, part="generator", **arguments):
    """Writes a file whose config gives a part of the model other arguments."""
    return with_config(source, path, lambda c: c["config"][part]["config"].update(arguments))


def with_weights(source, path, change):
    """Writes a file whose weights were changed in place by `change(h5py.File)`."""
    parts = contents(source)
    parts["model.weights.h5"] = changed_weights(parts["model.weights.h5"], change)
    return write(path, parts)


def changed_weights(data, change):
    """Returns the bytes of weights that were changed in place by `change(h5py.File)`."""
    content = io.BytesIO(data)
    with h5py.File(content, "r+") as weights:
        change(weights)
    return content.getvalue()


def first_kernel(weights):
    """Returns the name of an array of the file."""
    return "generator/layers/conv2d/vars/0" if "generator" in weights else "vars/0"


def not_a_number(weights):
    """Spoils one number."""
    array = weights[first_kernel(weights)]
    values = array[...]
    values.flat[3] = np.nan
    array[...] = values


def replaced(**storage):
    """Returns a change that stores the first kernel in another way."""

    def change(weights):
        name = first_kernel(weights)
        values = weights[name][...]
        del weights[name]
        weights.create_dataset(name, data=values, **storage)

    return change

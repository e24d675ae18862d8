"""Reads checkpoints of `make_torch_networks.py write FOLDER`, and compares with PyTorch's arrays.

    python tests/goldens/compare_torch_networks.py FOLDER

Prints the largest absolute difference of each network from each container, writes every network
back beside its file for `make_torch_networks.py check FOLDER`, and imports two sets of files by the
command line, whose photographs it compares with PyTorch's, rounded. Exits with 1 above 1e-4.
"""

import gc
import shutil
import sys
from pathlib import Path

import numpy as np

import tfsynth
from tfsynth.__main__ import main
from tfsynth.exporters.pix2pixhd import write_pix2pixhd
from tfsynth.importers import read_pix2pixhd
from tfsynth.layers import Conditioning

LIMIT = 1e-4


def channels_last(array):
    return np.moveaxis(array, 1, -1)


def outputs(name, network, arrays):
    """Yields name and value of every array that PyTorch's file has of this network."""
    labels, instances = arrays["labels"][None], arrays["instances"][None]
    image = arrays["image"][None].astype("float32") / 127.5 - 1
    condition = np.asarray(Conditioning(int(labels.max()) + 1)(labels, instances))
    if name.startswith("E"):
        numbers = np.unique(instances, return_inverse=True)[1].reshape(instances.shape)
        yield f"{name}_pooled", network([image, numbers.astype("int32")])
    elif name.startswith("D"):
        for i, scale in enumerate(network(np.concatenate([condition, image], -1))):
            for j, features in enumerate(scale):
                yield f"{name}_{i}{j}", features
    else:
        if network.input_channels > condition.shape[-1]:
            condition = np.concatenate([condition, channels_last(arrays["E_pooled"])], -1)
        yield name, network(condition)


def difference(name, network, arrays):
    """Returns the largest difference, and the largest value that it is a difference of."""
    worst, largest = 0.0, 0.0
    for key, value in outputs(name, network, arrays):
        expected = channels_last(arrays[key])
        worst = max(worst, float(np.abs(np.asarray(value) - expected).max()))
        largest = max(largest, float(np.abs(expected).max()))
    return worst, largest


def networks(folder, arrays):
    """Compares every network; returns the largest difference."""
    worst = 0.0
    for path in sorted(folder.glob("*.pth")):
        name, _, container = path.stem.rpartition("_")
        if "_back" in name:
            continue
        ((role, network),) = read_pix2pixhd(path).items()
        error, largest = difference(name, network, arrays)
        print(
            f"{path.name}: {role}, {network.count_params():,} parameters; "
            f"largest difference {error:.1e} of values up to {largest:.2f}",
            flush=True,
        )
        worst = max(worst, error)
        write_pix2pixhd(network, folder / f"{name}_back_{container}.pth", container=container)
        del network
        gc.collect()
    return worst


def photographs(folder, arrays):
    """Imports by the command line; prints how many of the 8-bit values differ, and by how much."""
    for name, files in {"G2": ("G2", "D"), "G1_features": ("G1_features", "E")}.items():
        output = folder / f"imported_{name}"
        shutil.rmtree(output, ignore_errors=True)
        paths = [str(folder / f"{part}_zip.pth") for part in files]
        if main(["import", "pix2pixhd", *paths, "-o", str(output)]) != 0:
            raise SystemExit(f"The import of {', '.join(paths)} failed.")
        model = tfsynth.load_model(output / "synthesizer.keras")
        layout = arrays["labels"], arrays["instances"]
        styles = model.encode(arrays["image"], layout[1]) if "E" in files else None
        photograph = model.synthesize(*layout, styles).astype(int)
        expected = np.round((channels_last(arrays[name])[0] + 1) * 127.5).astype(int)
        apart = np.abs(photograph - expected)
        print(
            f"{name} by the command line: {(apart > 0).sum()} of {apart.size} values differ, by "
            f"{apart.max()} grey levels at most",
            flush=True,
        )


if __name__ == "__main__":
    parity = Path(sys.argv[1])
    with np.load(parity / "torch_networks.npz") as stored:
        made = dict(stored)
    photographs(parity, made)
    largest_difference = networks(parity, made)
    print(f"largest of all: {largest_difference:.1e}; the limit is {LIMIT:.0e}")
    sys.exit(largest_difference > LIMIT)

"""What test_saved_model.py runs where neither Keras nor tfsynth can be imported.

Arguments: the folder of a SavedModel, and a folder with the inputs of signatures, `NAME.npz`. It
loads the model into a session by TensorFlow's C++ loader, runs the signatures, writes their
outputs as `NAME.out.npz`, and prints as JSON how many warm-up requests of each signature were
answered.
"""

import json
import sys
from pathlib import Path

for _name in ("keras", "tf_keras", "tfsynth"):
    sys.modules[_name] = None

import numpy as np

from tests.serving.conformance.models import Version


def main(path, folder):
    version = Version(path, None, None, None)
    for file in sorted(Path(folder).glob("*.npz")):
        inputs = {name: _as_fed(array) for name, array in np.load(file).items()}
        outputs = version.predict(file.stem, inputs)
        stored = {name: _as_stored(np.asarray(array)) for name, array in outputs.items()}
        np.savez(file.with_suffix(".out.npz"), **stored)
    there = [
        name for name, module in sys.modules.items() if module and name.split(".")[0] == "keras"
    ]
    print(json.dumps({"warmed_up": version.warmed_up, "keras": there}))


def _as_fed(array):
    return array.astype(object) if array.dtype.kind == "S" else array


def _as_stored(array):
    # No file of ours ends with the zero bytes that this kind of array loses.
    return array.astype("S") if array.dtype == object else array


if __name__ == "__main__":
    main(*sys.argv[1:])

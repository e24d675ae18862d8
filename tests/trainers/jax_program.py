"""What tests/trainers/test_jax_trainer.py runs under JAX, with TensorFlow out of reach."""

import json
import sys
from pathlib import Path

for _name in ("tensorflow", "tensorflow_datasets", "array_record"):
    sys.modules[_name] = None

import keras
import numpy as np
import yaml

import tests.runs.several  # noqa: F401  (registers a network of the tests)
import tfsynth
from tfsynth import data, experiment, registry
from tfsynth.config import parse_config
from tfsynth.trainers import Checkpoints


class Steps(keras.callbacks.Callback):
    """Notes the losses of every step; Keras gives the means of the epoch so far."""

    def __init__(self):
        super().__init__()
        self.means, self.losses = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.means.append({name: float(value) for name, value in logs.items()})
        before = self.means[-2] if batch else dict.fromkeys(logs, 0.0)
        step = {n: (batch + 1) * v - batch * before[n] for n, v in self.means[-1].items()}
        self.losses.append(step)


class Stop(keras.callbacks.Callback):
    """Interrupts after so many steps of all phases together, as Ctrl-C does."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def losses_of(folder):
    """Trains what lies there for its five batches; notes losses, pictures and averages."""
    arrays = dict(np.load(folder / "batches.npz"))
    batches = Batches({key: array for key, array in arrays.items()})
    found = {}
    for path in sorted(folder.glob("*.keras")):
        trainer = tfsynth.load_model(path)
        steps = Steps()
        history = trainer.fit(batches, verbose=0, callbacks=[steps], validation_data=batches)
        found[path.stem] = {"losses": steps.losses, "history": history.history}
        trainer.save(folder / "after" / path.name)
    (folder / "found.json").write_text(json.dumps(found))


class Batches(keras.utils.PyDataset):
    """An epoch of arrays (steps, batch, ...)."""

    def __init__(self, arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays["image"])

    def __getitem__(self, index):
        return {key: array[index] for key, array in self.arrays.items()}


def streams_of(folder):
    """Writes the batches that the data sets give here."""
    for path in sorted(folder.glob("*.yaml")):
        settings = yaml.safe_load(path.read_text())
        split = registry.build(settings["dataset"]).split("train")
        stream = data.batches(split, **settings["batches"])
        for number in range(3):
            np.savez(folder / f"{path.stem}-{number}.npz", **stream[number])
    occupied = folder / "occupied"
    occupied.write_text("")
    try:
        data.Streets(height=32, width=64, train=1, data_dir=str(occupied / "in")).split("train")
    except data.DataError as error:
        (folder / "refused.txt").write_text(str(error))


def runs_of(folder):
    """A whole run; the same in two parts; and the rest of one that TensorFlow began."""
    config = parse_config(yaml.safe_load((folder / "run.yaml").read_text()))
    experiment.train(config, folder / "whole", verbose=False)
    experiment.evaluate(folder / "whole", verbose=False)
    try:
        experiment.train(config, folder / "parts", verbose=False, callbacks=[Stop(6)])
    except KeyboardInterrupt:
        experiment.train(config, folder / "parts", verbose=False)
    experiment.train(config, folder / "begun", verbose=False)
    found = {}
    for name in ("whole", "parts", "begun"):
        trainer, state = Checkpoints(folder / name / "checkpoints" / "joint").latest()
        found[name] = {
            "step": state["step"],
            "weights": [float(np.abs(w).sum()) for w in trainer.get_weights()],
        }
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    for task in (losses_of, streams_of, runs_of):
        task(Path(sys.argv[1]) / task.__name__.removesuffix("_of"))

"""The loop in JAX plays the game of `AdversarialTrainer`: losses and a step, with one's weights."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsynth import layers, losses, networks
from tfsynth.trainers import AdversarialTrainer

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PARTS = ("generator", "discriminator", "encoder")
PROGRAM = """
import json, sys
import keras
import numpy as np
import tfsynth
from jax_game import Game
from tfsynth import layers, losses

folder = sys.argv[1]
batch = dict(np.load(folder + "/batch.npz"))
parts = ("generator", "discriminator", "encoder")
built = {n: tfsynth.load_model(f"{folder}/{n}.keras") for n in parts}
terms = {
    "adversarial": losses.LeastSquaresLoss(),
    "feature_matching": losses.FeatureMatchingLoss(),
    "reconstruction": losses.L1Loss(weight=50.0),
}
adam = {p: keras.optimizers.Adam(1e-3, 0.5) for p in ("generator", "discriminator")}
game = Game(layers.Conditioning(3), built, terms, adam, ema_decay=0.9)
state = game.initial_state()
logs = []
for _ in range(2):
    state, log = game.step(state, batch)
    logs.append({name: float(value) for name, value in log.items()})
weights = {n: [float(np.abs(w).sum()) for w in state["weights"][n]] for n in parts}
averages = {n: [float(np.abs(w).sum()) for w in state["averages"][n]] for n in state["averages"]}
print(json.dumps({"logs": logs, "weights": weights, "averages": averages}))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed.")
def test_it_is_the_trainers_game(tmp_path):
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (2, 32, 32)).astype("uint8")
    image = random.integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    batch = {"labels": labels, "instances": labels.astype("int32"), "image": image}
    trainer = AdversarialTrainer(
        layers.Conditioning(3),
        networks.GlobalGenerator(7, filters=2, num_downsamples=1, num_blocks=1),
        networks.MultiscaleDiscriminator(7, filters=2),
        losses.LeastSquaresLoss(),
        losses.FeatureMatchingLoss(),
        losses.L1Loss(weight=50.0),
        encoder=networks.FeatureEncoder(filters=2, num_downsamples=1, max_instances=3),
        ema_decay=0.9,
    )
    trainer.compile({p: keras.optimizers.Adam(1e-3, 0.5) for p in trainer.players})
    for name in PARTS:
        getattr(trainer, name).save(tmp_path / f"{name}.keras")
    np.savez(tmp_path / "batch.npz", **batch)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": _path()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for logs in found["logs"]:
        history = trainer.fit(tf.data.Dataset.from_tensors(batch), verbose=0).history
        expected = {name: values[0] for name, values in history.items()}
        logs["l1"] = logs.pop("reconstruction")
        assert set(logs) == set(expected)
        for name, value in logs.items():
            assert value == pytest.approx(expected[name], rel=1e-4), name
    for name in PARTS:
        _agree(found["weights"][name], getattr(trainer, name))
    for name in ("generator", "encoder"):
        _agree(found["averages"][name], trainer.averages[name])


def _agree(sums, network):
    # Biases before an instance norm have no gradient but rounding, which Adam makes large.
    for found, weight in zip(sums, network.get_weights(), strict=True):
        if weight.ndim == 4:
            assert found == pytest.approx(np.abs(weight).sum(), rel=1e-5)


def _path():
    return os.pathsep.join([str(BENCHMARKS), str(BENCHMARKS.parent)])

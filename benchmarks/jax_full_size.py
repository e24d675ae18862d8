"""Time and peak memory of the full pix2pixHD on a GPU under JAX: pictures of 2048 x 1024.

    KERAS_BACKEND=jax python benchmarks/jax_full_size.py numerics      gradients, against a CPU's
    KERAS_BACKEND=jax python benchmarks/jax_full_size.py all           every row, a process each
    KERAS_BACKEND=jax python benchmarks/jax_full_size.py train mixed_bfloat16 --rematerialize --vgg

The networks of `full_size.py`, random weights, one picture a step; the VGG-19 is the full one,
random weights too: only time and memory are asked for. Times are medians of steps after the first,
which compiles; peak memory is the most that JAX had in use.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import keras
import numpy as np
from jax_game import Game

from tfsynth.layers import Conditioning
from tfsynth.losses import FeatureMatchingLoss, LeastSquaresLoss, PerceptualLoss
from tfsynth.networks import (
    VGG19,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
)

CLASSES, STEPS = 35, 8
ROWS = (
    ("synthesize", "float32"),
    ("synthesize", "mixed_bfloat16"),
    ("train", "mixed_bfloat16"),
    ("train", "mixed_bfloat16", "--vgg"),
    ("train", "mixed_bfloat16", "--vgg", "--rematerialize"),
    ("train", "float32", "--vgg"),
)


def main():
    arguments = _parse()
    if arguments.what == "all":
        for row in ROWS:
            subprocess.run([sys.executable, __file__, *row], check=False)
        return
    keras.utils.set_random_seed(0)
    if arguments.what == "numerics":
        numerics()
        return
    keras.config.set_dtype_policy(arguments.precision)
    measure = _synthesize if arguments.what == "synthesize" else _train
    compile_seconds, seconds = measure(arguments)
    peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0) / 2**30
    width, height = arguments.size[::-1]
    extras = [name for name in ("vgg", "rematerialize") if getattr(arguments, name)]
    print(
        f"{arguments.what} {width}x{height} {' '.join([arguments.precision, *extras])}: "
        f"{1000 * statistics.median(seconds):.0f} ms ({1000 * min(seconds):.0f} to "
        f"{1000 * max(seconds):.0f}), peak {peak:.2f} GiB, compiled in {compile_seconds:.0f} s; "
        f"{jax.devices()[0].device_kind}",
        flush=True,
    )


def _parse():
    parser = argparse.ArgumentParser(description="The full pix2pixHD on a GPU, under JAX.")
    parser.add_argument("what", choices=["synthesize", "train", "numerics", "all"])
    parser.add_argument("precision", nargs="?", default="float32")
    parser.add_argument("--size", nargs=2, type=int, default=[1024, 2048], metavar=("H", "W"))
    parser.add_argument("--vgg", action="store_true", help="with a perceptual loss on a VGG-19")
    parser.add_argument("--rematerialize", action="store_true")
    return parser.parse_args()


def _synthesize(arguments):
    generator = LocalEnhancer(CLASSES + 1)
    weights, batch = [variable.value for variable in generator.variables], _batch(arguments.size)
    conditioning = Conditioning(CLASSES)

    @jax.jit
    def run(weights, labels):
        return generator.stateless_call(weights, [], conditioning(labels, labels))[0]

    return _timed(lambda state: (state, run(weights, batch["labels"])), None)


def _train(arguments):
    """One joint step: G1 and G2 together, three discriminators, Adam."""
    options = {"rematerialize": arguments.rematerialize}
    generator = LocalEnhancer(CLASSES + 1, **options)
    discriminator = MultiscaleDiscriminator(CLASSES + 4, num_scales=3, **options)
    game = _game(generator, discriminator, PerceptualLoss(VGG19()) if arguments.vgg else None)
    step, batch = jax.jit(game.step, donate_argnums=0), _batch(arguments.size)
    return _timed(lambda state: step(state, batch), game.initial_state())


def _game(generator, discriminator, perceptual=None):
    """pix2pixHD's game: least squares, feature matching and perhaps a perceptual loss."""
    return Game(
        Conditioning(CLASSES),
        {"generator": generator, "discriminator": discriminator},
        {
            "adversarial": LeastSquaresLoss(),
            "feature_matching": FeatureMatchingLoss(),
            "perceptual": perceptual,
        },
        {n: keras.optimizers.Adam(2e-4, 0.5, epsilon=1e-8) for n in ("generator", "discriminator")},
    )


def numerics():
    """Prints how far gradients on the accelerator are from those on the CPU in float32.

    Of G1 with 32 filters and two discriminators at 128 x 256; the norm of the difference over
    that of the CPU's gradients, all weights of a network together.
    """
    batch, expected = _batch((128, 256)), None
    for device, precision, matmul in (
        ("cpu", "float32", "highest"),
        (None, "float32", "highest"),
        (None, "float32", "default"),
        (None, "mixed_bfloat16", "default"),
    ):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(precision)
        generator = GlobalGenerator(CLASSES + 1, filters=32, num_downsamples=3, num_blocks=3)
        game, where = _game(generator, MultiscaleDiscriminator(CLASSES + 4)), jax.devices(device)[0]
        inputs = jax.device_put((game.initial_state()["weights"], batch), where)
        with jax.default_matmul_precision(matmul):
            found, _ = jax.jit(game.gradients)(*inputs)
        flat = {
            player: np.concatenate([np.ravel(g) for g in jax.tree.leaves(tree)])
            for player, tree in found.items()
        }
        expected = expected or flat
        errors = {
            n: np.linalg.norm(flat[n] - expected[n]) / np.linalg.norm(expected[n]) for n in flat
        }
        shown = ", ".join(f"{n} {error:.1e}" for n, error in errors.items())
        print(f"gradients, {where.device_kind}, {precision}, {matmul}: {shown}", flush=True)


def _batch(size):
    random, (height, width) = np.random.default_rng(0), size
    labels = random.integers(0, CLASSES, (1, height // 32, width // 32)).astype("int32")
    labels = labels.repeat(32, axis=1).repeat(32, axis=2)
    image = random.integers(0, 256, (1, height, width, 3)).astype("uint8")
    return jax.device_put({"labels": labels, "instances": labels, "image": image})


def _timed(run, state):
    start = time.monotonic()
    state, output = run(state)
    jax.block_until_ready(output)
    compile_seconds, seconds = time.monotonic() - start, []
    for _ in range(STEPS):
        start = time.monotonic()
        state, output = run(state)
        jax.block_until_ready(output)
        seconds.append(time.monotonic() - start)
    return compile_seconds, seconds


if __name__ == "__main__":
    main()

"""Time and peak memory at the full size: photographs and training steps of 2048 x 1024.

    python benchmarks/full_size.py synthesize
    python benchmarks/full_size.py synthesize --network crn
    python benchmarks/full_size.py train --precision mixed_bfloat16 --rematerialize
    python benchmarks/full_size.py train --features vgg19_distilled_16x.keras
    KERAS_BACKEND=jax python benchmarks/full_size.py train --repeat 9      on a GPU, under JAX

G1 + G2 as published (36 input channels, 32 filters, 4 downsamplings, 9 + 3 blocks; 182,857,059
weights) and three discriminators, weights random, one picture a step. A step trains G1 and G2
together. The cascaded refinement network is the published one of 1024p with 20 classes (98,674,531
weights). Peak memory is the process's own, the framework included, and on a GPU what JAX had in
use; so each call measures one setting.
"""

import argparse
import os
import resource
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import keras
import numpy as np

from tfsynth.games import AdversarialGame
from tfsynth.layers import Conditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.losses import FeatureMatchingLoss, LeastSquaresLoss, PerceptualLoss
from tfsynth.networks import (
    CascadedRefinementNetwork,
    LocalEnhancer,
    MultiscaleDiscriminator,
)
from tfsynth.networks.crn import WIDTHS
from tfsynth.synthesis.synthesizer import Synthesizer
from tfsynth.trainers import Trainer

CLASSES, CRN_CLASSES = 35, 20


def main():
    arguments = _parse()
    height, width = arguments.size
    keras.config.set_dtype_policy(arguments.precision)
    random = np.random.default_rng(0)
    # Blocks of one class, as layouts have them.
    is_crn = arguments.network == "crn"
    classes = CRN_CLASSES if is_crn else CLASSES
    labels = random.integers(0, classes, (1, height // 32, width // 32))
    labels = labels.repeat(32, axis=1).repeat(32, axis=2).astype("uint8")
    if is_crn:
        generator = CascadedRefinementNetwork(CRN_CLASSES, WIDTHS[1024])
    else:
        generator = LocalEnhancer(CLASSES + 1, rematerialize=arguments.rematerialize)
    measure = _synthesize if arguments.what == "synthesize" else _train
    seconds = measure(generator, labels, random, arguments)
    peak = _peak_bytes() / 2**30
    shown = " ".join(f"{s:.1f}" for s in seconds)
    settings = f"{arguments.precision}{' rematerialised' if arguments.rematerialize else ''}"
    settings += " VGG" if arguments.features else ""
    print(
        f"{arguments.what} {arguments.network} {width}x{height}, {settings}: "
        f"seconds {shown}; peak {peak:.2f} GiB"
    )


def _parse():
    parser = argparse.ArgumentParser(description="Time and peak memory of the full pix2pixHD.")
    parser.add_argument("what", choices=["synthesize", "train"])
    parser.add_argument("--network", choices=["pix2pixhd", "crn"], default="pix2pixhd")
    parser.add_argument("--size", nargs=2, type=int, default=[1024, 2048], metavar=("H", "W"))
    parser.add_argument("--precision", default="float32", choices=["float32", "mixed_bfloat16"])
    parser.add_argument("--rematerialize", action="store_true", help="of generator and Ds")
    parser.add_argument("--features", metavar="FILE", help="network of a perceptual loss")
    parser.add_argument("--repeat", type=int, default=2, help="the first time includes tracing")
    arguments = parser.parse_args()
    if arguments.network == "crn" and arguments.what == "train":
        parser.error("the published cascade of 1024p was grown from smaller ones: synthesize only")
    return arguments


def _synthesize(generator, labels, random, arguments):
    is_crn = arguments.network == "crn"
    classes = CRN_CLASSES if is_crn else CLASSES
    label_set = LabelSet([f"class{i}" for i in range(classes)], [(i, i, i) for i in range(classes)])
    synthesizer = Synthesizer(generator, Conditioning(classes, edges=not is_crn), label_set)
    return [_timed(synthesizer.synthesize, labels, labels) for _ in range(arguments.repeat)]


def _train(generator, labels, random, arguments):
    perceptual = [PerceptualLoss(arguments.features)] if arguments.features else []
    game = AdversarialGame(
        Conditioning(CLASSES),
        generator,
        MultiscaleDiscriminator(CLASSES + 4, num_scales=3, rematerialize=arguments.rematerialize),
        LeastSquaresLoss(),
        [FeatureMatchingLoss(), *perceptual],
    )
    trainer = Trainer(game)
    trainer.compile({p: keras.optimizers.Adam(2e-4, 0.5, epsilon=1e-8) for p in trainer.players})
    image = random.integers(0, 256, (*labels.shape, 3)).astype("uint8")
    batch = {"labels": labels, "instances": labels.astype("int32"), "image": image}
    return [_timed(trainer.fit, OneBatch(batch), verbose=0) for _ in range(arguments.repeat)]


class OneBatch(keras.utils.PyDataset):
    """An epoch of one step."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def _peak_bytes():
    if keras.backend.backend() == "jax":
        import jax

        if found := (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use"):
            return found
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10


def _timed(function, *arguments, **keywords):
    start = time.monotonic()
    function(*arguments, **keywords)
    return time.monotonic() - start


if __name__ == "__main__":
    main()

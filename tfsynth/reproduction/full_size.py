"""Time and peak memory of the published networks at the full size, with random weights."""

import dataclasses
import time

import keras
import numpy as np

from tfsynth.games import AdversarialGame
from tfsynth.layers import Conditioning, dtype_policy
from tfsynth.layouts import LabelSet
from tfsynth.losses import FeatureMatchingLoss, LeastSquaresLoss, PerceptualLoss
from tfsynth.networks import CascadedRefinementNetwork, LocalEnhancer, MultiscaleDiscriminator
from tfsynth.networks.crn import WIDTHS
from tfsynth.registry import own_random_numbers
from tfsynth.runs.checks import check_size
from tfsynth.synthesis import Synthesizer
from tfsynth.trainers import Trainer, peak_device_bytes

# Classes of the published networks.
CLASSES = {"pix2pixhd": 35, "crn": 20}
# Layouts have regions of one class: blocks of so many pixels.
BLOCK = 32


@dataclasses.dataclass(frozen=True)
class FullSize:
    """What is measured: one photograph or one training step, as often as asked for.

    pix2pixHD is G1 + G2 as published (36 input channels, 32 filters, 4 downsamplings, 9 + 3
    blocks; 182,857,059 weights) with three discriminators, trained together; the cascaded
    refinement network is the published one of 1024p with 20 classes (98,674,531 weights).

    Attributes:
        what: "synthesize" or "train".
        network: "pix2pixhd" or "crn", which is synthesized with only.
        size: (height, width) in pixels.
        precision: Name of the dtype policy.
        rematerialize: Whether generator and discriminators keep the ends of blocks only.
        features: File of the network of a perceptual loss; `None` for no such loss.
        filters: Filters of the generator and the discriminators.
    """

    what: str
    network: str = "pix2pixhd"
    size: tuple = (1024, 2048)
    precision: str = "float32"
    rematerialize: bool = False
    features: str | None = None
    filters: int = 32

    def measure(self, repeat=2):
        """Returns the seconds of each of so many repetitions, and the peak memory in bytes.

        The first repetition includes tracing or compiling. Peak memory is the process's own,
        the framework included; on a GPU what was in use there. One setting a process, then.

        Raises:
            ValueError: If the networks cannot take the size, or are not trained in one piece.
        """
        if self.network == "crn" and self.what == "train":
            raise ValueError(
                "The published cascade of 1024p was grown from smaller ones: measure `synthesize` "
                "of it, or `train` of pix2pixhd."
            )
        if self.features and self.what == "synthesize":
            raise ValueError(
                f"`features` is the network of a loss, which a photograph does not need: measure "
                f"`train`, or leave it out. Received: {self.features!r}."
            )
        if self.network == "crn" and (self.rematerialize or self.filters != 32):
            raise ValueError(
                "The published cascade has its own filters and is not trained: `filters` and "
                "`rematerialize` are settings of pix2pixhd. Leave them out."
            )
        act = self._synthesize if self.what == "synthesize" else self._train
        with dtype_policy(self.precision), own_random_numbers(0):
            run = act(self._labels())
            seconds = [_timed(run) for _ in range(repeat)]
        return seconds, _peak_bytes()

    def _labels(self):
        height, width = self.size
        coarse = (1, -(-height // BLOCK), -(-width // BLOCK))
        labels = np.random.default_rng(0).integers(0, CLASSES[self.network], coarse)
        labels = labels.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)
        return labels[:, :height, :width].astype("uint8")

    def _generator(self):
        if self.network == "crn":
            return CascadedRefinementNetwork(CLASSES["crn"], WIDTHS[1024])
        return LocalEnhancer(
            CLASSES["pix2pixhd"] + 1, filters=self.filters, rematerialize=self.rematerialize
        )

    def _synthesize(self, labels):
        classes = CLASSES[self.network]
        names = [f"class {i}" for i in range(classes)]
        label_set = LabelSet(names, [(i, i, i) for i in range(classes)])
        conditioning = Conditioning(classes, edges=self.network != "crn")
        synthesizer = Synthesizer(self._generator(), conditioning, label_set)
        return lambda: synthesizer.synthesize(labels, labels)

    def _train(self, labels):
        classes = CLASSES["pix2pixhd"]
        perceptual = [PerceptualLoss(self.features)] if self.features else []
        discriminator = MultiscaleDiscriminator(
            classes + 4, 2 * self.filters, num_scales=3, rematerialize=self.rematerialize
        )
        game = AdversarialGame(
            Conditioning(classes),
            self._generator(),
            discriminator,
            LeastSquaresLoss(),
            [FeatureMatchingLoss(), *perceptual],
        )
        check_size(game, self.size)
        trainer = Trainer(game)
        adam = {p: keras.optimizers.Adam(2e-4, 0.5, epsilon=1e-8) for p in trainer.players}
        trainer.compile(adam)
        image = np.random.default_rng(1).integers(0, 256, (*labels.shape, 3)).astype("uint8")
        batch = {"labels": labels, "instances": labels.astype("int32"), "image": image}
        return lambda: trainer.fit(_OneBatch(batch), verbose=0)


class _OneBatch(keras.utils.PyDataset):
    """An epoch of one step."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def _timed(run):
    start = time.monotonic()
    run()
    return time.monotonic() - start


def _peak_bytes():
    if (peak := peak_device_bytes()) is not None:
        return peak
    import resource  # There is none on Windows.

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10

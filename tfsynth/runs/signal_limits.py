"""When a signal of training is off, in plain words, and what to do then.

How the limits were chosen: "streets" are eight sets of 16 drawn streets, four of 64 x 128 pixels
and four of 128 x 256. "The shipped model" is `streets`, which drew their layouts, at the size of
its training and at half of it. "The demo" is 380 steps of configs/streets_encoder.yaml. Real
photographs are 16 each of three data sets, at 96 x 128 and 128 x 128 pixels.
"""

import dataclasses
import math

# Share of synthesised patches that the discriminator calls real, and by how much that of real ones
# must be above it. The demo: 0.13 to 0.53, real ones 0.50 to 0.75.
FEW_CALLED_REAL = 0.02
MUCH_TOLD_APART = 0.5
# Less between the two: the discriminator guesses. The demo: 0.03 after 60 steps, then 0.19 or more.
LEAST_TOLD_APART = 0.02
# What the share of training photographs is above that of held-out ones. The demo: 0.01 to 0.10.
MOST_MEMORISED = 0.2
# Quotients of the energy at high frequencies: 3 dB. The shipped model: 0.53 to 1.13.
LEAST_HIGH_FREQUENCIES = 0.5
MOST_HIGH_FREQUENCIES = 2.0
# What the share of values at 0 or 255 is above that of real pictures, if it is twice as large, too.
# Streets: 0.0004 to 0.0011, the shipped model 0.0001 to 0.0005, a camera's photographs 0.08.
MOST_SATURATION = 0.02
# Quotient of the energies at a border. The shipped model: 1.19 to 1.86 at its size, 1.44 to 2.02 at
# half of it; 20 white specks along the upper edge of each street: 2.3 to 3.0.
MOST_BORDER = 2.2
# Quotient of the grids. The shipped model: 0.98 to 1.09.
MOST_GRID = 1.2
# Correlation above that of real pictures, which is 0.00 to 0.12, by the data set. The shipped
# model: -0.04 to 0.00; the demo, at its worst: 0.04. A diagonal line of 20 grey levels adds 0.01 to
# busy streets, where it is hard to see, and 0.07 to 0.17 to aerial photographs and micrographs.
MOST_PATTERN = 0.05
# Quotient of the distances to the nearest training picture. The shipped model: 1.00 to 1.28; the
# demo: 0.87 to 1.03.
LEAST_DISTANCE = 0.5


@dataclasses.dataclass(frozen=True)
class Signal:
    """A number of the synthesised pictures beside that of the real ones of the same layouts.

    Attributes:
        synthesised: Of the pictures that the model which ships would make now.
        real: Of the photographs of the same layouts; NaN if it has none.
        real_training: Of training photographs; NaN if it has none.
    """

    synthesised: float
    real: float = math.nan
    real_training: float = math.nan

    @property
    def ratio(self):
        """The synthesised number over the real one; NaN if that is 0."""
        return self.synthesised / self.real if self.real else math.nan

    @property
    def excess(self):
        """The synthesised number less the real one."""
        return self.synthesised - self.real


def faults(signals):
    """Returns dict of fault -> a sentence on it and what to do, of those that signals show.

    Args:
        signals: Dict of name -> `Signal`; see `tfsynth.runs.signals`.
    """
    found = {}
    for name, signal in signals.items():
        found |= {fault: text for fault, is_off, text in _CHECKS[name](signal) if is_off}
    hidden = {name for fault in found for name in _HIDDEN_BY.get(fault, ())}
    return {fault: text for fault, text in found.items() if fault not in hidden}


def _called_real(signal):
    fake, real, training = signal.synthesised, signal.real, signal.real_training
    # Without held-out pictures the training pictures stand for the real ones.
    known = training if math.isnan(real) else real
    yield (
        "discriminator wins",
        fake < FEW_CALLED_REAL and known - fake > MUCH_TOLD_APART,
        f"The discriminator is sure of every synthesised picture (it calls {fake:.1%} of their "
        f"patches real; of real ones {known:.0%}): the generator learns little from it. Lower the "
        "learning rate of the discriminator, or take more pictures in a step.",
    )
    yield (
        "discriminator guesses",
        known - fake < LEAST_TOLD_APART,
        f"The discriminator does not tell synthesised pictures from real ones (it calls {fake:.0%} "
        f"of their patches real; of real ones {known:.0%}): the generator learns nothing from it. "
        "Raise the learning rate of the discriminator, or its `filters`.",
    )
    yield (
        "discriminator memorises",
        training - real > MOST_MEMORISED,
        f"The discriminator knows the training pictures by heart (it calls {training:.0%} of their "
        f"patches real; of new photographs {real:.0%}): what it asks of the generator is no longer "
        "what photographs have in common. Take more pictures, a `load_size` that crops them, a "
        "smaller discriminator, or stop earlier.",
    )


def _high_frequencies(signal):
    yield (
        "blur",
        signal.ratio < LEAST_HIGH_FREQUENCIES,
        f"Synthesised pictures are blurred (details of 2 to 4 pixels have {signal.ratio:.2f} times "
        "the energy of real ones). Early in training this is normal; later lower the weight of an "
        "L1Loss or PerceptualLoss against the adversarial loss, or train longer.",
    )
    yield (
        "noise",
        signal.ratio > MOST_HIGH_FREQUENCIES,
        f"Synthesised pictures are noisy (details of 2 to 4 pixels have {signal.ratio:.2f} times "
        "the energy of real ones). Raise the weights of the terms against the adversarial loss, "
        "or, where the generator has transposed convolutions, set its `upsampling: resize`.",
    )


def _saturation(signal):
    yield (
        "saturation",
        signal.excess > MOST_SATURATION and signal.synthesised > 2 * signal.real,
        f"Synthesised pictures are burnt out ({signal.synthesised:.1%} of their values are 0 or "
        f"255; real {signal.real:.1%}): their networks' outputs lie where tanh is flat. Lower the "
        "learning rate of the generator, or raise the weight of an L1Loss.",
    )


def _border_energy(signal):
    yield (
        "border",
        signal.ratio > MOST_BORDER,
        f"Synthesised pictures have specks or stripes along a border ({signal.ratio:.2f} times the "
        "energy there that real ones have, against the inside). Set the padding of the networks to "
        "reflection where they have the setting.",
    )


def _grid(signal):
    yield (
        "grid",
        signal.ratio > MOST_GRID,
        f"A woven grid lies over the surfaces of synthesised pictures ({signal.ratio:.2f} times "
        "the peak of real ones). Lower the learning rate of the discriminator, or, where the "
        "generator has transposed convolutions, set its `upsampling: resize`.",
    )


def _fixed_pattern(signal):
    yield (
        "fixed pattern",
        signal.excess > MOST_PATTERN,
        f"Every picture bears the same pattern (correlation {signal.synthesised:.2f}; real "
        f"{signal.real:.2f}): the generator knows its place from the borders. Give it noise, or "
        "train it on random crops (`load_size` above `size`).",
    )


def _nearest_training(signal):
    yield (
        "copies",
        signal.ratio < LEAST_DISTANCE,
        f"Synthesised pictures are {signal.ratio:.2f} times as far from the nearest training "
        "picture as new photographs are: the generator repeats training pictures. Take more of "
        "them, a smaller generator, or stop earlier.",
    )


# What cannot be told under a fault. The border has its part of what the inside lacks, and of noise
# everywhere, without a speck; and the spectrum of blurred pictures bends down, which looks like a
# peak before the bend: streets under a Gaussian of 1 pixel have 2.1 times the grid of sharp ones.
_HIDDEN_BY = {"blur": ("border", "grid"), "noise": ("border",)}

_CHECKS = {
    "called_real": _called_real,
    "high_frequencies": _high_frequencies,
    "saturation": _saturation,
    "border_energy": _border_energy,
    "grid": _grid,
    "fixed_pattern": _fixed_pattern,
    "nearest_training": _nearest_training,
}

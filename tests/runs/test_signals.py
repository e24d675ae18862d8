"""Signals of training: each fault raises its own, they are logged and said, and change nothing."""

import math

import keras
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests import tiny
from tests.runs.several import SeveralPictures
from tests.trainers import games
from tfsynth import experiment, streets
from tfsynth.config import parse_config
from tfsynth.data import Streets
from tfsynth.games import AdversarialGame, RegressionGame
from tfsynth.layers import Conditioning
from tfsynth.losses import CrossEntropyLoss, HingeLoss, L1Loss, LeastSquaresLoss
from tfsynth.networks import GlobalGenerator, MultiscaleDiscriminator
from tfsynth.runs.curves import read_scalars
from tfsynth.runs.folder import RunFolder
from tfsynth.runs.picture_signals import Photographs, shrunken
from tfsynth.runs.signal_limits import Signal, faults
from tfsynth.runs.signals import PATIENCE, SignalLogs, SignalProbe
from tfsynth.trainers import Checkpoints

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow

ROWS, COLUMNS = np.indices((64, 128))


@pytest.fixture(scope="module")
def drawn():
    return [streets.draw_street(64, 128, seed=3, index=index) for index in range(16)]


@pytest.fixture(scope="module")
def photographs(drawn):
    training = [streets.draw_street(64, 128, seed=4, index=index).image for index in range(32)]
    images, layouts = [street.image for street in drawn], [street.labels for street in drawn]
    return Photographs(images, layouts, [shrunken(image) for image in training])


def changed(image, by):
    return np.clip(np.rint(image + by), 0, 255).astype("uint8")


def chance(number):
    return np.random.default_rng(number)


def like_the_others(number, image):
    """The picture with other chance: slightly other colours and other noise."""
    random = chance(number)
    return changed(image, random.normal(0, 6, 3) + random.normal(0, 4, image.shape))


def copied(number, image):
    training = streets.draw_street(64, 128, seed=4, index=number).image
    return changed(training, chance(number).normal(0, 4, image.shape))


def sharpened(number, image):
    edges = image - gaussian_filter(image.astype(float), (1, 1, 0))
    return np.clip(np.rint(image + 0.8 * edges), 1, 254).astype("uint8")


FAULTS = {
    "blur": lambda number, image: gaussian_filter(image, (1, 1, 0)),
    "noise": sharpened,
    "saturation": lambda number, image: changed(image, 0.5 * image.astype(float)),
    "border": lambda number, image: np.where(
        (ROWS == 0)[..., None] & (chance(number).random((64, 128, 1)) < 0.2), np.uint8(250), image
    ),
    "grid": lambda number, image: changed(
        image,
        6 * np.cos(2 * np.pi * (COLUMNS + chance(number).integers(8)) / 8)[..., None],
    ),
    "fixed pattern": lambda number, image: changed(
        image, 25 * np.sin(ROWS / 9 + COLUMNS / 11)[..., None]
    ),
    "copies": copied,
}


def test_real_pictures_have_no_fault(drawn, photographs):
    images = [like_the_others(number, street.image) for number, street in enumerate(drawn)]
    signals = photographs.compare(images)
    assert faults(signals) == {}
    ratios = {name: signal.ratio for name, signal in signals.items() if name != "saturation"}
    assert all(0.8 < ratio < 1.5 for ratio in ratios.values()), ratios


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_raises_its_signal_and_no_other(drawn, photographs, fault):
    images = [FAULTS[fault](number, street.image) for number, street in enumerate(drawn)]
    found = faults(photographs.compare(images))
    assert list(found) == [fault]
    assert found[fault].endswith(".") and "nan" not in found[fault]


def test_what_blur_and_noise_hide_is_not_said():
    blurred = {"high_frequencies": Signal(1, 10), "border_energy": Signal(9, 1)}
    assert list(faults({**blurred, "grid": Signal(9, 1)})) == ["blur"]
    noisy = {"high_frequencies": Signal(30, 10), "border_energy": Signal(9, 1)}
    assert list(faults({**noisy, "grid": Signal(9, 1)})) == ["noise", "grid"]
    sharp = {"high_frequencies": Signal(10, 10), "border_energy": Signal(9, 1)}
    assert list(faults(sharp)) == ["border"]


@pytest.mark.parametrize(
    "fake, real, training, found",
    [
        (0.2, 0.7, 0.75, []),
        (0.01, 0.8, 0.85, ["discriminator wins"]),
        (0.01, 0.05, 0.05, []),
        (0.49, 0.5, 0.5, ["discriminator guesses"]),
        (0.2, 0.6, 0.9, ["discriminator memorises"]),
        # Without held-out photographs.
        (0.01, math.nan, 0.9, ["discriminator wins"]),
        (0.5, math.nan, 0.5, ["discriminator guesses"]),
        (0.2, math.nan, 0.9, []),
    ],
)
def test_what_a_discriminator_says(fake, real, training, found):
    said = faults({"called_real": Signal(fake, real, training)})
    assert list(said) == found
    assert "nan" not in "".join(said.values())


def test_sentences_have_the_numbers():
    said = faults({"fixed_pattern": Signal(0.412, 0.018)})["fixed pattern"]
    assert said.startswith(
        "Every picture bears the same pattern (correlation 0.41; real 0.02): the generator knows "
        "its place from the borders."
    )
    assert faults({"fixed_pattern": Signal(math.nan, 0.2), "grid": Signal(math.nan, 1.0)}) == {}
    assert faults({"nearest_training": Signal(3.0, 0.0)}) == {}
    assert faults({"saturation": Signal(0.015, 0.0)}) == {}
    assert faults({"saturation": Signal(0.11, 0.08)}) == {}


class Measured:
    """What a probe found in one measurement after the other."""

    def __init__(self, *blurs):
        self.left = [{"high_frequencies": Signal(1.0 if blur else 10.0, 10.0)} for blur in blurs]

    def __call__(self):
        return self.left.pop(0)


def say_epochs(folder, text, every=1):
    """Returns the sentences of each epoch; `text` has an x for each measurement with a fault."""
    said, sentences = [], []
    logs = SignalLogs(Measured(*(c == "x" for c in text)), folder, every, sentences.append)
    for epoch in range(every * len(text)):
        logs.on_epoch_end(epoch)
        said.append(len(sentences))
    logs.on_train_end()
    return said, sentences


def test_a_sentence_comes_when_a_fault_is_new_and_lasts(tmp_path):
    assert PATIENCE == 3
    said, sentences = say_epochs(tmp_path, "xx.xxxxxx..xx...xx.xxx")
    assert said == [0, 0, 0, 0, 0, *[1] * 16, 2]
    assert all(text.startswith("Synthesised pictures are blurred (details") for text in sentences)
    assert "have 0.10 times the energy" in sentences[0]


def test_signals_come_every_few_epochs(tmp_path):
    say_epochs(tmp_path, "x.", every=3)
    assert list(read_scalars(tmp_path / "synthesised")) == [
        ("high_frequencies", 2, 1.0),
        ("high_frequencies", 5, 10.0),
    ]
    assert [value for *_, value in read_scalars(tmp_path / "real")] == [10.0, 10.0]
    assert not (tmp_path / "real_training").exists()


def game(loss, **settings):
    """Returns a compiled trainer of a small game on streets."""
    networks = [
        GlobalGenerator(tiny.CLASSES + 1, filters=4, num_downsamples=1, num_blocks=0),
        MultiscaleDiscriminator(tiny.CLASSES + 4, filters=4, num_layers=1, num_scales=2),
    ]
    parts = Conditioning(tiny.CLASSES), *networks, loss
    return games.compiled(AdversarialGame(*parts), **settings)


@pytest.fixture(scope="module")
def splits(data_folder):
    found = Streets(height=32, width=64, train=4, validation=2, test=3, data_dir=data_folder)
    return {name: found.split(name) for name in found.split_names}


def elements(split):
    """Returns a batch of all examples of a split."""
    examples = [split[number] for number in range(len(split))]
    return {
        "labels": np.stack([e["labels"] for e in examples]),
        "instances": np.stack([np.unique(e["instances"], return_inverse=True)[1] for e in examples])
        .astype("int32")
        .reshape(-1, 32, 64),
        "image": np.stack([e["image"] for e in examples]),
    }


@pytest.mark.parametrize("loss", [LeastSquaresLoss, CrossEntropyLoss])
def test_what_is_called_real_is_what_the_logits_say(splits, loss):
    trainer = game(loss(), ema_decay=0.5)
    limit = 0.5 if loss is LeastSquaresLoss else 0.0
    # Logits on both sides of the limit, and weights that are not the averages that ship.
    for scale in range(2):
        bias = trainer.game.discriminator.get_layer(f"scale{scale}_layer2_conv").bias
        bias.assign(bias + limit)
    for weight in trainer.game.generator.trainable_variables:
        weight.assign(2 * weight + 0.1)
    probe = SignalProbe(trainer, splits["validation"], splits["train"], (32, 64), batch_size=2)
    signals = probe()
    batch = elements(splits["validation"])
    fake = keras.ops.convert_to_numpy(trainer(batch))

    def share(batch, image):
        scales = [np.asarray(scale[-1]) for scale in trainer.game.discriminate(batch, image)]
        assert len(scales) == 2
        return np.mean([(logits > limit).mean() for logits in scales])

    training = {k: v[[0, 2]] for k, v in elements(splits["train"]).items()}
    expected = Signal(
        share(batch, fake),
        share(batch, batch["image"] / np.float32(127.5) - 1),
        share(training, training["image"] / np.float32(127.5) - 1),
    )
    assert vars(signals["called_real"]) == pytest.approx(vars(expected), abs=0.01)
    assert all(0.1 < value < 0.9 for value in vars(expected).values())
    pictures = np.clip(np.rint((fake + 1) * 127.5), 0, 255).astype("uint8")
    near = [shrunken(splits["train"][number]["image"]) for number in range(4)]
    for name, signal in (
        Photographs([*batch["image"]], [*batch["labels"]], near).compare(pictures).items()
    ):
        assert vars(signals[name]) == pytest.approx(vars(signal), rel=0.02, nan_ok=True), name


def test_without_other_photographs_there_is_nothing_to_compare_training_with(splits):
    trainer = game(HingeLoss())
    signals = SignalProbe(trainer, splits["train"], splits["train"], (32, 64), batch_size=3)()
    assert math.isnan(signals["called_real"].real)
    assert 0 <= signals["called_real"].real_training <= 1
    assert "nearest_training" not in signals and signals["high_frequencies"].real > 0


def test_a_generator_of_several_pictures_without_a_discriminator(splits):
    generator = SeveralPictures(tiny.CLASSES + 1, num_outputs=3)
    trainer = games.compiled(RegressionGame(Conditioning(tiny.CLASSES), generator, [L1Loss()]))
    signals = SignalProbe(trainer, splits["test"], splits["train"], (32, 64), batch_size=8)()
    assert "called_real" not in signals
    first = np.asarray(trainer(elements(splits["test"])))[:, 0]
    pictures = np.clip(np.rint((first + 1) * 127.5), 0, 255)
    ends = np.isin(pictures, [0, 255]).mean()
    assert signals["saturation"].synthesised == pytest.approx(ends, abs=1e-3)


def test_layouts_are_spread_over_the_split(data_folder):
    """Of 40 streets every second or third one is shown, in batches of 4."""
    streets = Streets(height=32, width=64, train=40, validation=2, test=2, data_dir=data_folder)
    split = streets.split("train")
    read = []

    class Watched(type(split)):
        def load(self, index):
            read.append(index)
            return super().load(index)

    split.__class__ = Watched
    SignalProbe(game(HingeLoss()), split, split, (32, 64), batch_size=4)()
    # Once for the distances, which all 40 are, and the shown ones before that.
    shown = [k for k in range(40) if read.count(k) == 2]
    assert shown == [5 * k // 2 for k in range(16)] and len(read) == 56


@pytest.fixture(scope="module")
def run(data_folder, tmp_path_factory):
    return RunFolder(train(data_folder, tmp_path_factory.mktemp("run") / "run", sample_every=1))


def train(data_folder, folder, **settings):
    """Trains with all that changes in a step: averages, vectors of spectral norm, noise."""
    tree = tiny.tree(data_folder)
    tree["train"] |= {"ema_decay": 0.9, **settings}
    tree["game"]["discriminator"]["normalization"] = "spectral"
    tree["game"]["generator"] = {
        **{"class": "UNetGenerator", "input_channels": tiny.CLASSES + 1},
        **{"filters": 2, "depth": 2},
    }
    tree["schedule"] |= {"constant_epochs": 1, "decay_epochs": 1}
    tree["train"]["steps_per_epoch"] = 2
    return experiment.train(parse_config(tree), folder, verbose=False)


def test_a_run_logs_its_signals_and_draws_their_curves(run):
    found = {
        kind: [(name, epoch) for name, epoch, _ in read_scalars(run.logs / kind)]
        for kind in ("synthesised", "real", "real_training")
    }
    names = ["called_real", "saturation", "high_frequencies", "fixed_pattern", "nearest_training"]
    names += ["border_energy", "grid"]
    assert found["synthesised"] == [(name, epoch) for epoch in (0, 1) for name in names]
    assert found["real"] == found["synthesised"]
    assert found["real_training"] == [("called_real", 0), ("called_real", 1)]
    assert run.curves.exists()


def test_signals_change_nothing(run, data_folder, tmp_path):
    without = RunFolder(train(data_folder, tmp_path / "run", sample_every=1000))
    assert not (without.logs / "real").exists()
    trainers = [Checkpoints(folder.checkpoints).latest()[0] for folder in (run, without)]
    weights = [[*t.game.variables, *t.optimizer.variables] for t in trainers]
    assert len(weights[0]) > 20
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)

"""Signals of training: each fault raises its own, they are logged and said, and change nothing."""

import dataclasses
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

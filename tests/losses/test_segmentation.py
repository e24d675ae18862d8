"""The cross-entropy of a fixed segmenter on synthesised pictures."""

import hashlib

import keras
import numpy as np
import pytest

from tests.harness import check_loss, round_trip
from tfsynth.losses import SegmentationLoss
from tfsynth.metrics import Segmenter


@pytest.fixture(scope="module")
def reader():
    """Two logits: the red and the green channel."""
    image = keras.Input((None, None, 3))
    kernel = np.eye(3, 2, dtype="float32")[None, None]
    layer = keras.layers.Conv2D(2, 1, kernel_initializer=lambda *a, **k: kernel)
    return keras.Model(image, layer(image))


def test_void_is_left_out_and_classes_behind_it_move_up(reader):
    loss = SegmentationLoss(reader, void_ids=[1])
    assert loss.num_classes == 3
    # Red 1 and green -1: the first class has probability 1 / (1 + e^-2).
    fake = np.zeros((1, 1, 4, 3), "float32") + np.array([1, -1, 0], "float32")
    right, wrong = np.log1p(np.exp(-2)), np.log1p(np.exp(2))
    check_loss(loss(np.array([[[0, 0, 2, 1]]]), fake), (2 * right + wrong) / 3)
    check_loss(loss(np.ones((1, 1, 4), "uint8"), fake), 0.0)
    # Two pictures of one layout: the other is read as the class 2.
    both = np.stack([fake, -fake], axis=1)
    check_loss(loss(np.array([[[0, 0, 0, 1]]]), both), (right + wrong) / 2)


def test_the_file_is_kept_by_its_hash(tmp_path):
    path = tmp_path / "segmenter.keras"
    Segmenter(3, filters=(4, 4), blocks=(0, 0), seed=0).save(path)
    loss = round_trip(SegmentationLoss(str(path), void_ids=[0], weight=2.0))
    assert loss.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (loss.weight, loss.num_classes, loss.size_multiple) == (2.0, 4, 4)
    assert not loss.network.trainable_variables
    with pytest.raises(ValueError, match="is not the segmenter of this config"):
        SegmentationLoss(path, sha256="0" * 64)
    with pytest.raises(FileNotFoundError, match="a segmenter, .* `tfsynth evaluate` leaves one"):
        SegmentationLoss(tmp_path / "missing.keras")


def test_what_does_not_fit_is_refused(reader):
    loss = SegmentationLoss(reader, void_ids=[1])
    loss.check(3, 3)
    loss.check(3, 1)
    with pytest.raises(ValueError, match=r"3 classes \(2 logits, 1 void\); the .* have 4 classes"):
        loss.check(4, 3)
    with pytest.raises(ValueError, match="the conditions are pictures"):
        loss.check(None, 3)
    with pytest.raises(ValueError, match="segmentation loss reads pictures of 3 channels"):
        loss.check(3, 4)
    with pytest.raises(ValueError, match=r"among the ids 0..2.* Received: \[3\]"):
        SegmentationLoss(reader, void_ids=[3])
    with pytest.raises(ValueError, match="was given a network, not a file"):
        loss.get_config()

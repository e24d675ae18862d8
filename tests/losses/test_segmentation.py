"""The cross-entropy of a fixed segmenter on synthesised pictures."""

import hashlib

import keras
import numpy as np
import pytest

from tests.harness import check_loss, round_trip
from tfsynth.layouts.labels import LabelSet
from tfsynth.losses import SegmentationConsistencyLoss, SegmentationLoss
from tfsynth.metrics import Segmenter
from tfsynth.networks import FeatureNetwork


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


def test_consistency_is_the_cross_entropy_of_the_given_logits():
    loss = SegmentationConsistencyLoss(void_ids=[1])
    # Logits 1 and -1 of the classes 0 and 2: the first has probability 1 / (1 + e^-2).
    logits = np.zeros((1, 1, 4, 2), "float32") + np.array([1, -1], "float32")
    right, wrong = np.log1p(np.exp(-2)), np.log1p(np.exp(2))
    maps = {"logits": keras.ops.convert_to_tensor(logits)}
    labels = np.array([[[0, 0, 2, 1]]], "uint8")
    check_loss(loss(labels, maps), (2 * right + wrong) / 3)
    check_loss(loss(np.ones((1, 1, 4), "uint8"), maps), 0.0)


def test_consistency_is_the_segmentation_loss_of_the_same_network(reader):
    fake = np.random.default_rng(0).uniform(-1, 1, (2, 6, 8, 3)).astype("float32")
    labels = np.random.default_rng(1).integers(0, 3, (2, 6, 8))
    expected = SegmentationLoss(reader, void_ids=[1])(labels, fake)
    found = SegmentationConsistencyLoss(void_ids=[1])(labels, {"logits": reader(fake)})
    check_loss(found, np.asarray(expected))


def test_consistency_reads_the_classes_of_the_layouts():
    loss = round_trip(SegmentationConsistencyLoss(void_ids=[0, 3], weight=2.0))
    assert (loss.weight, loss.void_ids) == (2.0, (0, 3))
    network = FeatureNetwork(3, (4,))
    loss.check_maps(network, 5)
    for wrong, given in ((6, "have 6"), (None, "have None")):
        with pytest.raises(ValueError, match=f"5 classes .3 logits .* 2 void.; .* {given}"):
            loss.check_maps(network, wrong)
    with pytest.raises(ValueError, match=r"among the ids 0..3.* Received: \[7\]"):
        SegmentationConsistencyLoss(void_ids=[7]).check_maps(network, 4)
    palette = [(i, i, i) for i in range(5)]
    loss.check_labels(LabelSet([*"abcde"], palette, void_ids=[3, 0]))
    with pytest.raises(ValueError, match=r"void classes are \[1\]; `void_ids` .* is \[0, 3\]"):
        loss.check_labels(LabelSet([*"abcde"], palette, void_ids=[1]))

"""The training of a feature network on pictures that are easy to read."""

import keras
import numpy as np
import pytest

from tests.harness import round_trip
from tests.metrics.scenes import LABELS, Scenes, pairs, scenes
from tfsynth.metrics import FeatureTraining
from tfsynth.metrics.features import weights_sha256
from tfsynth.networks import FeatureNetwork

SIZE = (32, 48)


def network(classes=3, **settings):
    return FeatureNetwork(classes, **{"filters": (8, 12), "seed": 9, **settings})


def unit(images):
    return keras.ops.convert_to_tensor(np.stack(images).astype("float32") / 127.5 - 1)


@pytest.fixture(scope="module")
def trained():
    training = FeatureTraining(steps=60, batch_size=4, half=None, seed=2)
    return training.fit(network(), scenes(24), SIZE, progress=False)


def test_it_learns_to_read_its_pictures(trained):
    labels, images = zip(*pairs(scenes(8, seed=1)), strict=True)
    logits = np.asarray(trained(unit(images))["logits"])
    labels = np.stack(labels)
    right = logits.argmax(axis=-1) + 1 == labels  # Void is id 0.
    assert right[labels > 0].mean() > 0.85
    untrained = np.asarray(network()(unit(images))["logits"]).argmax(axis=-1) + 1
    assert (untrained == labels)[labels > 0].mean() < 0.7


def test_its_features_have_the_mean_one_over_photographs(trained):
    # Those that it was scaled by: all 24.
    maps = trained(unit([image for _, image in pairs(scenes(24))]))
    for name in trained.channels:
        means = np.asarray(maps[name]).mean(axis=(0, 1, 2))
        # One, or less for a channel that is almost never active.
        assert means.max() == pytest.approx(1, rel=1e-3)
        assert np.median(means) == pytest.approx(1, rel=1e-3)


def test_the_given_network_does_not_change_and_the_training_s_seed_decides(trained):
    given = network()
    before = given.get_weights()
    training = FeatureTraining(steps=2, batch_size=2, half=None, seed=2)
    first = training.fit(given, scenes(4), SIZE, progress=False)
    for a, b in zip(before, given.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    again = training.fit(network(seed=4), scenes(4), SIZE, progress=False)
    assert weights_sha256(first) == weights_sha256(again)
    other = FeatureTraining(steps=2, batch_size=2, half=None, seed=3)
    found = other.fit(given, scenes(4), SIZE, progress=False)
    assert weights_sha256(found) != weights_sha256(first)


def test_the_network_of_a_game_is_trained_although_it_is_frozen():
    frozen = network()
    frozen.trainable = False
    training = FeatureTraining(steps=3, batch_size=2, half=None, seed=2)
    found = training.fit(frozen, scenes(4), SIZE, progress=False)
    again = training.fit(network(), scenes(4), SIZE, progress=False)
    assert weights_sha256(found) == weights_sha256(again)
    untrained = network(seed=2)
    for a, b in zip(untrained.trainable_weights, found.trainable_weights, strict=True):
        assert np.abs(np.asarray(a) - np.asarray(b)).max() > 0


class Read(Scenes):
    """Scenes that note which of them are read."""

    def __init__(self, examples):
        super().__init__(examples)
        self.seen = set()

    def __getitem__(self, index):
        self.seen.add(index)
        return super().__getitem__(index)


@pytest.mark.parametrize(
    ("half", "expected"), [(None, {0, 1, 2, 3, 4}), (0, {0, 2, 4}), (1, {1, 3})]
)
def test_a_half_of_the_pairs_is_never_looked_at(half, expected):
    split = Read(scenes(5))
    FeatureTraining(steps=4, batch_size=2, half=half).fit(network(), split, SIZE, progress=False)
    assert split.seen == expected


def test_without_steps_the_weights_are_random_and_scaled():
    found = FeatureTraining(steps=0, half=None, seed=2).fit(network(), scenes(3), SIZE, False)
    expected = network(seed=2)
    for a, b in zip(expected.trainable_weights, found.trainable_weights, strict=True):
        np.testing.assert_array_equal(a, b)
    means = np.asarray(found(unit([e["image"] for e in scenes(3)]))["relu1_2"]).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(np.median(means), 1, rtol=1e-3)


def test_pictures_of_another_size_than_a_multiple_are_padded():
    deep = network(filters=(4, 4, 4))
    found = FeatureTraining(steps=1, batch_size=1, half=None).fit(deep, scenes(2), (30, 46), False)
    assert np.isfinite(np.concatenate([w.ravel() for w in found.get_weights()])).all()


def test_config_and_what_cannot_be_trained():
    training = round_trip(FeatureTraining(steps=7, half=1, seed=5))
    assert (training.steps, training.half, training.seed) == (7, 1, 5)
    with pytest.raises(ValueError, match="`num_classes` of the feature network must be 3, .* 4"):
        training.fit(network(4), scenes(2), SIZE)
    with pytest.raises(ValueError, match="the split is empty"):
        training.fit(network(), scenes(1), SIZE)
    assert LABELS.num_classes == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": -1}, "`steps` must be at least 0. Received: -1"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"batch_size": 10**6}, "`batch_size` must be at most 4096"),
        ({"zoom": 0.5}, "`zoom` must be at least 1"),
        ({"zoom": float("nan")}, "`zoom` must be at least 1. Received: nan"),
        ({"learning_rate": 0.0}, "`learning_rate` is above 0"),
        ({"learning_rate": float("nan")}, "`learning_rate` is above 0"),
        ({"balance": 2.0}, "at most 1"),
        ({"half": 2}, "`half` is 0, 1 or nothing, for all pairs. Received: 2"),
    ],
)
def test_settings_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        FeatureTraining(**arguments)

"""The variation of training pictures: reproducible, joint, within its limits."""

import numpy as np
import pytest

from tests.metrics.scenes import LABELS, Scenes, scenes
from tfsynth.metrics.segmenter_batches import ResizedPairs, TrainingBatches, pad_to_multiple


def batches(examples, **options):
    settings = {"batch_size": 2, "steps": 6, "zoom": 1.5, "jitter": 0.5, "seed": 0, "multiple": 16}
    return TrainingBatches(ResizedPairs(examples, LABELS), **{**settings, **options})


def test_ids_become_positions_among_the_scored_classes():
    pairs = ResizedPairs(scenes(1), LABELS)
    assert pairs.num_classes == 3
    labels, (positions, _) = scenes(1)[0]["labels"], pairs[0]
    for i, position in enumerate([3, 0, 1, 2]):  # Void, ground, disc, ring.
        assert (positions[labels == i] == position).all() and (labels == i).any()


def test_pairs_are_resized_together():
    labels = np.repeat(np.repeat(np.uint8([[1, 2], [3, 0]]), 8, 0), 8, 1)
    image = LABELS.palette[labels]
    pairs = ResizedPairs(Scenes([{"labels": labels, "image": image}]), LABELS, (4, 8))
    positions, small = pairs[0]
    np.testing.assert_array_equal(positions[[0, 0, 3, 3], [0, 7, 0, 7]], [0, 1, 2, 3])
    # Lanczos overshoots a little at edges.
    np.testing.assert_allclose(small[0, 0].astype(int), LABELS.palette[1], atol=3)
    assert small.shape == (4, 8, 3) and small.dtype == np.uint8


def test_a_class_is_weighted_by_its_frequency():
    labels = np.ones((10, 10), np.uint8)
    labels[0, :9], labels[1:2] = 2, 0  # 81 of ground, 9 of disc, none of ring, 10 of void.
    image = np.zeros((10, 10, 3), np.uint8)
    pairs = ResizedPairs(Scenes([{"labels": labels, "image": image}]), LABELS)
    even = pairs.class_weights(0.0)
    np.testing.assert_allclose(even, [1, 1, 1, 0])
    # 0.9 ** -0.5 and 0.1 ** -0.5, over their mean over pixels 0.9 ** 0.5 + 0.1 ** 0.5.
    weights = pairs.class_weights(0.5)
    np.testing.assert_allclose(weights[:2], [0.834, 2.5], atol=2e-3)
    assert weights[0] * 0.9 + weights[1] * 0.1 == pytest.approx(1)
    assert weights[3] == 0


def test_a_batch_is_a_function_of_seed_and_place():
    examples = scenes(3)
    first, again = batches(examples), batches(examples)
    again[4]  # The order of asking makes no difference.
    for i in (0, 1, 5):
        for a, b in zip(first[i], again[i], strict=True):
            np.testing.assert_array_equal(a, b)
    assert (first[0][0] != batches(examples, seed=1)[0][0]).any()
    assert len(first) == 6


def test_an_epoch_shows_every_picture_once():
    examples = scenes(6)
    for i, example in enumerate(examples):
        example["image"][:] = 40 * i
    plain = batches(examples, zoom=1.0, jitter=0.0)
    tones = [round((float(image[0, 0, 0]) + 1) * 127.5 / 40) for image, _ in _elements(plain, 12)]
    assert sorted(tones[:6]) == sorted(tones[6:]) == list(range(6))
    assert tones[:6] != tones[6:]


def _elements(stream, count):
    return [stream.element(k) for k in range(count)]


def test_without_variation_a_picture_is_itself_or_its_mirror_image():
    (example,) = examples = scenes(1)
    pixels = example["image"].astype(np.float32) / np.float32(127.5) - 1
    positions = ResizedPairs(examples, LABELS)[0][0]
    seen = set()
    for image, read in _elements(batches(examples, zoom=1.0, jitter=0.0), 12):
        mirrored = not np.array_equal(image, pixels)
        step = -1 if mirrored else 1
        np.testing.assert_array_equal(image, pixels[:, ::step])
        np.testing.assert_array_equal(read, positions[:, ::step])
        seen.add(mirrored)
    assert seen == {True, False}


def test_a_zoomed_picture_keeps_its_labels():
    labels = scenes(1)[0]["labels"]
    examples = Scenes([{"labels": labels, "image": LABELS.palette[labels]}])
    shares = []
    for image, positions in _elements(batches(examples, zoom=2.0, jitter=0.0), 20):
        for position, i in enumerate(LABELS.scored_ids):
            colour = LABELS.palette[i] / 127.5 - 1
            here = positions == position
            # Edges are interpolated in the picture only.
            assert np.median(np.abs(image[here] - colour).max(axis=-1)) < 0.02
        shares.append((positions == 1).mean())
    whole = (labels == 2).mean()
    assert max(shares) > 2 * whole and min(shares) > 0.85 * whole


def test_jitter_stays_in_range_and_grows_with_its_strength():
    examples = scenes(1)
    changes = []
    for strength in (0.1, 1.0):
        plain = _elements(batches(examples, zoom=1.0, jitter=0.0), 20)
        # The mirror is drawn first, so it is the same with and without jitter.
        varied = _elements(batches(examples, zoom=1.0, jitter=strength), 20)
        for (image, positions), (original, kept) in zip(varied, plain, strict=True):
            assert image.dtype == np.float32 and image.shape == original.shape
            assert -1 <= image.min() and image.max() <= 1
            np.testing.assert_array_equal(positions, kept)
        changes.append(
            np.mean([abs(a[0] - b[0]).mean() for a, b in zip(varied, plain, strict=True)])
        )
    assert 0 < changes[0] < 0.05 < changes[1] < 0.5


def test_padding_repeats_the_picture_and_is_void():
    image, positions = batches(scenes(2, size=(20, 33)), zoom=1.0, jitter=0.0)[0]
    assert image.shape == (2, 32, 48, 3) and positions.shape == (2, 32, 48)
    assert (positions[:, 20:] == 3).all() and (positions[:, :, 33:] == 3).all()
    np.testing.assert_array_equal(image[:, 25, :33], image[:, 19, :33])
    array = np.zeros((1, 32, 16))
    assert pad_to_multiple(array, 16, mode="edge") is array


def test_an_empty_split_is_refused():
    with pytest.raises(ValueError, match="split is empty"):
        ResizedPairs(Scenes(), LABELS)

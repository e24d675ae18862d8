"""Nearest training pictures: copies are found, new pictures are not taken for copies."""

import numpy as np
import pytest

from tfsynth.metrics import FeatureModel, nearest_training_pictures, pixel_features


def noise(count, seed, size=(4, 6)):
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (*size, 3)).astype("uint8") for _ in range(count)]


def dots(*levels):
    return [np.full((1, 1, 3), level, "uint8") for level in levels]


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_distances_by_hand(batch_size):
    training, held_out = dots(10, 20, 200), dots(14, 198, 230)
    found = nearest_training_pictures(
        dots(20, 24, 0), iter(training), held_out, pixel_features(batch_size)
    )
    assert found.index.tolist() == [1, 1, 0]
    assert found.distance.tolist() == [0, 4, 10]
    assert found.held_out.tolist() == [4, 2, 30]
    assert found.ratio.tolist() == [0, 1, 2.5]
    # 0 is nearer than all three, 4 than one and as near as one, 10 than one.
    assert found.nearer == pytest.approx(5.5 / 9)
    assert found.feature_model == "pixels"


def test_it_is_the_search_through_all_pairs():
    made, training, held_out = noise(9, 0), noise(40, 1), noise(12, 2)
    found = nearest_training_pictures(made, training, held_out, pixel_features(7))
    differences = np.array(made, float)[:, None] - np.array(training, float)
    distances = np.sqrt(np.square(differences).mean(axis=(2, 3, 4)))
    assert found.index.tolist() == distances.argmin(axis=1).tolist()
    np.testing.assert_allclose(found.distance, distances.min(axis=1), rtol=1e-12)


def test_copies_and_new_pictures():
    training, held_out = noise(60, 0), noise(30, 1)
    new = nearest_training_pictures(noise(30, 2), training, held_out, pixel_features())
    assert new.nearer == pytest.approx(0.5, abs=0.15)
    assert np.median(new.ratio) == pytest.approx(1, abs=0.02)
    copies = nearest_training_pictures(training[5:15], training, held_out, pixel_features())
    assert copies.index.tolist() == list(range(5, 15))
    assert copies.distance.tolist() == [0] * 10 and copies.nearer == 1
    almost = [np.clip(picture + 4.0, 0, 255).astype("uint8") for picture in training[5:15]]
    retouched = nearest_training_pictures(almost, training, held_out, pixel_features())
    assert retouched.index.tolist() == list(range(5, 15)) and retouched.ratio.max() < 0.1


def test_small_differences_of_large_features_are_exact():
    far = FeatureModel(lambda batch: batch.reshape(len(batch), -1) / 16 + 2.0**24, "far")
    found = nearest_training_pictures(dots(20, 21), dots(20, 60), dots(70), far)
    assert found.distance.tolist() == [0, 1 / 16] and found.ratio.tolist() == [0, 0.1]


def test_features_see_copies_that_pixels_do_not():
    training, held_out = noise(30, 0), noise(10, 1)
    mirrored = [picture[:, ::-1] for picture in training[:5]]
    by_pixels = nearest_training_pictures(mirrored, training, held_out, pixel_features())
    assert by_pixels.ratio.min() > 0.5
    rows = FeatureModel(lambda batch: batch.mean(axis=2).reshape(len(batch), -1), "rows")
    by_rows = nearest_training_pictures(mirrored, training, held_out, rows)
    assert by_rows.index.tolist() == list(range(5)) and by_rows.ratio.max() < 1e-6


@pytest.mark.parametrize(
    "made, training, held_out, message",
    [
        (1, 0, 1, "needs a training picture; got none"),
        (0, 1, 1, "need a picture; got none"),
        (1, 1, 0, "need a picture; got none"),
    ],
)
def test_empty_sets_are_refused(made, training, held_out, message):
    sets = noise(made, 0), noise(training, 1), noise(held_out, 2)
    with pytest.raises(ValueError, match=message):
        nearest_training_pictures(*sets, pixel_features())


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="Half of the held-out pictures or more equal a training"):
        nearest_training_pictures(noise(2, 0), noise(5, 1), noise(5, 1), pixel_features())
    large = noise(3, 1, size=(8, 8))
    with pytest.raises(ValueError, match=r"have 192 features .pixels., the others 72. Resize"):
        nearest_training_pictures(noise(2, 0), large, noise(2, 2), pixel_features())

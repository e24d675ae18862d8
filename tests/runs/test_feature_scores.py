"""Scores by features: against the measures themselves, and against a set of copies."""

import json

import keras
import numpy as np
import pytest

from tests import tiny
from tests.runs.untrained import write_run
from tfsynth import registry
from tfsynth.config import ConfigError, parse_config
from tfsynth.data.examples import Examples
from tfsynth.files import sha256_of
from tfsynth.metrics import kernel_distance, read_features
from tfsynth.runs import feature_scores
from tfsynth.runs.evaluation import evaluate
from tfsynth.runs.feature_scores import FeatureScores

SIZE = (8, 8)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A file of a network with 8 features: random ones of every pixel, and their means."""
    picture = keras.Input((None, None, 3))
    normal = keras.initializers.RandomNormal(seed=0)
    wide = keras.layers.Conv2D(8, 3, 2, activation="relu", kernel_initializer=normal)(picture)
    path = tmp_path_factory.mktemp("features") / "random.keras"
    keras.Model(picture, wide).save(path)
    return path


def pictures(count, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8))


def test_the_scores_are_those_of_the_measures(features, monkeypatch):
    made, real, training = pictures(5), pictures(6, 1), pictures(9, 2)
    found = FeatureScores(features, SIZE).score(made, real, training)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    model = read_features(features)
    origin = {"name": model.name, "sha256": sha256_of(features)}
    distance, nearest = found["kernel_distance"], found["nearest"]
    assert distance.pop("features") == nearest.pop("features") == origin
    for row, set_ in (("synthesised", made), ("training", training)):
        expected = kernel_distance(set_, real, model)
        assert distance[row] == {
            "distance": expected.distance,
            "spread": expected.spread,
            "pictures": len(set_),
        }
    assert nearest["test"]["median_ratio"] == pytest.approx(1) and nearest["test"]["nearer"] == 0.5
    # Of many training pictures some, spread over the split, are enough for the distance.
    monkeypatch.setattr(feature_scores, "MOST_TRAINING", 4)
    some = FeatureScores(features, SIZE).score(made, real, training)["kernel_distance"]["training"]
    assert some["pictures"] == 3
    assert some["distance"] == kernel_distance(training[::3], real, model).distance


def test_copies_of_training_pictures_are_found_out(features):
    real, training = pictures(6, 1), pictures(9, 2)
    made = [*pictures(3, 5), training[4]]
    nearest = FeatureScores(features, SIZE).score(made, real, training)["nearest"]
    assert nearest["synthesised"]["closest"] == {"example": 3, "training_example": 4}
    assert nearest["synthesised"]["least_ratio"] == pytest.approx(0, abs=1e-6)
    copies = FeatureScores(features, SIZE).score(training, real, training)["nearest"]["synthesised"]
    assert copies["nearer"] == 1.0 and copies["median_ratio"] == pytest.approx(0, abs=1e-6)


def test_evaluate_compares_with_real_pictures(tree, features, tmp_path):
    tree = {**tree, "evaluation": tiny.PROTOCOL}
    run = write_run(tree, tmp_path / "run")
    found = evaluate(run.path, features=features, verbose=False)
    assert json.loads(run.metrics.read_text()) == found
    data = parse_config(tree).data
    dataset, model = registry.build(data.dataset), read_features(features)
    photographs = {
        name: [example["image"] for example in Examples(dataset.split(name), data.size)]
        for name in ("train", "test")
    }
    expected = kernel_distance(photographs["train"], photographs["test"], model).distance
    training = found["kernel_distance"]["training"]
    assert training["distance"] == pytest.approx(expected) and training["pictures"] == 4
    # An untrained model makes grey pictures.
    assert found["kernel_distance"]["synthesised"]["distance"] > expected
    assert found["nearest"]["synthesised"]["median_ratio"] > 1
    without = evaluate(run.path, verbose=False)
    assert set(found) - set(without) == {"kernel_distance", "nearest"}
    assert "seeds" not in found


def test_a_missing_file_and_the_training_split_are_refused_first(tree, features, tmp_path):
    run = write_run({**tree, "evaluation": tiny.PROTOCOL}, tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="none.keras"):
        evaluate(run.path, features=tmp_path / "none.keras", verbose=False)
    with pytest.raises(ConfigError, match="score another split"):
        evaluate(run.path, features=features, split="train", verbose=False)
    assert not (tmp_path / "cache" / "segmenters").exists()


def bundle_of(folder, shape, make):
    """Writes a network of pictures of a shape; returns its path."""
    picture = keras.Input(shape)
    keras.Model(picture, make(picture)).save(folder / "other.keras")
    return folder / "other.keras"


def convolve(picture, stride=1, layers=1):
    for _ in range(layers):
        picture = keras.layers.Conv2D(2, 3, stride)(picture)
    return picture


@pytest.mark.parametrize(
    ("shape", "make", "message"),
    [
        ((None, None, 4), convolve, r"reads arrays of the shape \(None, None, None, 4\)"),
        ((64, 64, 3), convolve, r"reads arrays of the shape \(None, 64, 64, 3\)"),
        ((16,), keras.layers.Dense(2), r"reads arrays of the shape \(None, 16\)"),
        # Of 32 x 64 pixels nothing is left after five such layers.
        ((None, None, 3), lambda picture: convolve(picture, 2, 5), "of 32 x 64 pixels: .*"),
    ],
)
def test_a_network_for_other_pictures_is_refused_first(tree, tmp_path, shape, make, message):
    run = write_run({**tree, "evaluation": tiny.PROTOCOL}, tmp_path / "run")
    refuse(run, bundle_of(tmp_path, shape, make), message)


def refuse(run, path, message):
    said = f"{path.name} is no feature network for pictures.*{message}.*RGB pictures in .-1, 1"
    with pytest.raises(ConfigError, match=said) as error:
        evaluate(run.path, features=path, verbose=False)
    assert "\n" not in str(error.value)
    assert not (run.path.parent / "cache" / "segmenters").exists()
    assert not run.metrics.exists()


def test_what_is_no_network_of_features_is_refused_first(tree, tmp_path):
    run = write_run({**tree, "evaluation": tiny.PROTOCOL}, tmp_path / "run")
    refuse(run, run.synthesizer, "It holds a Synthesizer")
    text = tmp_path / "text.keras"
    text.write_text("no network")
    refuse(run, text, "cannot be loaded")


def test_published_features_tell_real_pictures_from_noise(shared_data):
    path = shared_data.parent / "weights" / "squeezenet_v1_features.keras"
    if not path.is_file():
        pytest.skip(f"There is no {path}.")
    random = np.random.default_rng(0)
    smooth = [np.kron(p, np.ones((8, 8, 1), np.uint8)) for p in pictures(30)]
    noise = list(random.integers(0, 256, (8, 64, 64, 3), np.uint8))
    found = FeatureScores(path, (64, 64)).score(noise, smooth[:8], smooth[8:])
    rows = found["kernel_distance"]
    assert rows["features"]["name"].startswith("squeezenet_v1_features ")
    assert rows["synthesised"]["distance"] > 10 * abs(rows["training"]["distance"])

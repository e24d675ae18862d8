"""Whole runs whose game has a feature network: trained first, kept, named, never trained again."""

import json

import numpy as np
import pytest

from tests import tiny
from tests.runs.callbacks import InterruptAt, Watch
from tfsynth import experiment, registry
from tfsynth.config import parse_config, set_key
from tfsynth.files import cache_folder
from tfsynth.metrics.features import weights_sha256
from tfsynth.runs import preparation, training
from tfsynth.trainers import Checkpoints

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow

SCORED = 13  # Of the 14 classes of the streets one is void.
FEATURES = {"class": "FeatureNetwork", "num_classes": SCORED, "filters": [4, 6]}
FEATURE_TRAINING = {"class": "FeatureTraining", "steps": 3, "batch_size": 2}


def with_features(tree):
    """Returns a config with every part that a feature network serves, noise, looks and warps."""
    tree["game"].update(
        generator={
            "class": "LayoutDecoder",
            "input_channels": tiny.CLASSES + 1 + 2,
            "widths": [6, 4],
        },
        discriminator={
            "class": "ProjectedDiscriminator",
            "condition_channels": tiny.CLASSES + 1,
            "feature_channels": [4, 6],
            "mixed_channels": 4,
            "filters": 4,
            "seed": 1,
        },
        adversarial_loss={"class": "HingeLoss"},
        terms=[
            {"class": "FeatureMatchingLoss"},
            {"class": "FeatureReconstructionLoss"},
            {"class": "SegmentationConsistencyLoss", "void_ids": [0]},
        ],
        features=dict(FEATURES),
        encoder={
            "class": "FeatureEncoder",
            "filters": 2,
            "num_downsamples": 1,
            "num_features": 2,
            "max_instances": 256,
        },
    )
    tree["data"]["label_warp"] = 0.1
    tree["train"].update(ema_half_life=0.1, validation_examples=0)
    tree["schedule"]["class"] = "ConstantThenCosineDecay"
    tree["feature_training"] = dict(FEATURE_TRAINING)
    return tree


@pytest.fixture
def tree(tree):
    return with_features(tree)


def weights_of(folder, phase=""):
    return Checkpoints(folder / "checkpoints" / phase).latest()[0]


@pytest.fixture(scope="module")
def whole(data_folder, tmp_path_factory):
    """A run without a break: its config, its folder, its cache and what a `Watch` saw."""
    folder = tmp_path_factory.mktemp("featured")
    config, watch = parse_config(with_features(tiny.tree(data_folder))), Watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFSYNTH_CACHE", str(folder / "cache"))
        experiment.train(config, folder / "run", verbose=False, callbacks=[watch])
    return config, folder / "run", folder / "cache", watch


def test_the_features_are_trained_first_and_never_again(whole):
    _, run, cache, watch = whole
    (record,) = (cache / "features").glob("*/features.json")
    stored = json.loads(record.read_text())
    assert stored["seconds"] > 0 and stored["recipe"]["training"]["steps"] == 3
    begun, ended = watch.starts[0], watch.ends[-1]
    for name in (n for n in begun if n.startswith("features.")):
        for a, b in zip(begun[name], ended[name], strict=True):
            np.testing.assert_array_equal(a, b)
    # Trained and scaled: neither its first weights nor the factors that it is built with.
    untrained = registry.build({**FEATURES, "seed": 1})
    for layer in untrained.layers:
        if layer.trainable_weights:
            kernel = begun[f"features.{layer.name}"][0]
            assert np.abs(kernel - np.asarray(layer.weights[0])).max() > 1e-5, layer.name
    assert not np.allclose(begun["features.relu1_2"][0], 1)
    trainer = weights_of(run)
    assert trainer.step == 12
    for role in ("generator", "encoder", "discriminator"):
        names = [n for n in begun if n.startswith(f"{role}.") and begun[n]]
        moved = [
            any((a != b).any() for a, b in zip(begun[n], ended[n], strict=True)) for n in names
        ]
        assert any(moved), role


def test_the_model_says_what_it_was_trained_against(whole):
    _, run, _, _ = whole
    model = experiment.load_synthesizer(run)
    stored = model.provenance["feature_network"]
    assert stored["weights_sha256"] == weights_sha256(weights_of(run).game.features)
    assert (stored["half"], stored["seed"]) == (0, 1)
    assert stored["recipe"]["network"]["class"] == "FeatureNetwork"
    assert stored["recipe"]["training"] == {**stored["recipe"]["training"], **FEATURE_TRAINING}
    # It ships without the network; with noise and looks.
    assert model.has_noise and model.styles is not None
    labels = np.zeros((32, 64), "uint8")
    pictures = [model.synthesize(labels, labels.astype("int32"), seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()


def test_a_run_that_ctrl_c_ended_goes_on_to_the_same_weights(whole, tree, tmp_path, monkeypatch):
    config, run, cache, _ = whole
    monkeypatch.setenv("TFSYNTH_CACHE", str(cache))
    with pytest.raises(KeyboardInterrupt):
        callbacks = [InterruptAt(5)]
        experiment.train(config, tmp_path / "run", verbose=False, callbacks=callbacks)
    assert Checkpoints(tmp_path / "run" / "checkpoints").newest()["step"] == 6
    experiment.train(config, tmp_path / "run", verbose=False)
    ends = [weights_of(path).get_weights() for path in (run, tmp_path / "run")]
    assert len(ends[0]) == len(ends[1])
    for a, b in zip(*ends, strict=True):
        np.testing.assert_array_equal(a, b)


def trained(tree, tmp_path, name="first"):
    """Returns the weights' hash of the features of a setup, and the seconds that are counted."""
    setup = preparation.prepare(parse_config(tree), verbose=False)
    seconds = training.train_features(setup, verbose=False)
    return weights_sha256(setup.trainer.game.features), seconds


def test_the_cache_serves_a_second_run_and_its_seconds_count(tree, tmp_path):
    first, seconds = trained(tree, tmp_path)
    (folder,) = (cache_folder() / "features").iterdir()
    record = json.loads((folder / "features.json").read_text())
    (folder / "features.json").write_text(json.dumps({**record, "seconds": 77.5}))
    # Another seed of the run, and other first weights.
    again, counted = trained({**tree, "seed": 5}, tmp_path)
    assert again == first and seconds > 0 and counted == 77.5
    other = {**tree, "feature_training": {**FEATURE_TRAINING, "half": 1}}
    assert trained(other, tmp_path)[0] != first
    assert len(list((cache_folder() / "features").iterdir())) == 2


def test_the_seconds_are_a_part_of_the_budget(tree, tmp_path):
    trained(tree, tmp_path)
    (record,) = (cache_folder() / "features").glob("*/features.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "seconds": 90.0}))
    tree["train"].update(minutes=1.5)
    tree["train"]["then"] = []
    run = experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    # The features alone took the minute and a half: one step is taken all the same.
    newest = Checkpoints(run / "checkpoints").newest()
    assert newest["step"] <= 4
    assert newest["seconds"] > 90


@pytest.mark.parametrize("damage", ["weights", "record"])
def test_a_damaged_cache_is_said_and_trained_again(tree, tmp_path, damage):
    first, _ = trained(tree, tmp_path)
    (folder,) = (cache_folder() / "features").iterdir()
    path = folder / ("features.keras" if damage == "weights" else "features.json")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.warns(UserWarning, match="cached feature network .* damaged and is trained again"):
        again, _ = trained(tree, tmp_path)
    assert again == first
    assert trained(tree, tmp_path)[0] == first  # Mended: no warning.


def test_a_cache_that_cannot_be_written_is_said(tree, tmp_path):
    blocked = cache_folder() / "features"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("")
    with pytest.warns(UserWarning, match="could not be kept in .* the next run trains it again"):
        trained(tree, tmp_path)


def test_only_the_first_phase_with_features_pays_for_them(tree, tmp_path):
    """A regression without features, then the game with them, then the same again."""
    trained(tree, tmp_path)
    (record,) = (cache_folder() / "features").glob("*/features.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "seconds": 500.0}))
    tree["schedule"].update(constant_epochs=1, decay_epochs=0)
    tree["phases"] = {
        "plain": {"game.features": None, "game.terms": [{"class": "L1Loss"}], **patches()},
        "featured": {"init_except": ["discriminator"]},
        "again": {},
    }
    run = experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    stores = [Checkpoints(run / "checkpoints" / name) for name in tree["phases"]]
    plain, featured, again = (store.newest()["seconds"] for store in stores)
    assert plain < 500 and 500 < featured < 1000 and again < 500
    hashes = [weights_sha256(weights_of(run, n).game.features) for n in ("featured", "again")]
    assert hashes[0] == hashes[1]
    assert weights_of(run, "plain").game.features is None
    model = experiment.load_synthesizer(run)
    assert model.provenance["feature_network"]["weights_sha256"] == hashes[0]


def patches():
    """The keys of a phase whose discriminator reads pictures."""
    node = {"class": "MultiscaleDiscriminator", "input_channels": tiny.CLASSES + 4, "filters": 4}
    return {"game.discriminator": {**node, "num_layers": 1, "num_scales": 1}}


def test_a_run_starts_from_another_but_for_its_features(whole, tree, monkeypatch):
    _, run, _, _ = whole
    tree["init_from"] = str(run)
    # Of other widths: they are not taken over, and are no obstacle.
    tree["game"]["features"]["filters"] = [4, 6, 4]
    trainer = preparation.prepare(parse_config(tree), verbose=False).trainer
    there = weights_of(run)
    for role in ("generator", "discriminator", "encoder"):
        pairs = zip(there.networks[role].weights, trainer.networks[role].weights, strict=True)
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)
    # A run without features starts from one with them.
    tree["game"].update(features=None, terms=[{"class": "L1Loss"}])
    tree["feature_training"] = None
    for key, value in patches().items():
        tree["game"][key.removeprefix("game.")] = value
    tree["init_except"] = ["discriminator"]
    trainer = preparation.prepare(parse_config(tree), verbose=False).trainer
    for a, b in zip(there.game.generator.weights, trainer.game.generator.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"game.features.num_classes": 14, "game.terms": [{"class": "L1Loss"}]},
            "`game.features.num_classes` must be 13, the classes .* not void. Received: 14",
        ),
        ({"data.dataset.train": 1}, "`feature_training.half` takes every second one"),
        (
            {"game.terms.2.void_ids": [1]},
            r"void classes are \[0\]; `void_ids` of the SegmentationConsistencyLoss is \[1\]",
        ),
    ],
)
def test_features_that_the_data_cannot_train_are_refused_first(tree, tmp_path, changes, message):
    for key, value in changes.items():
        set_key(tree, key, value)
    with pytest.raises(ValueError, match=message):
        experiment.train(parse_config(tree), tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_describe_tells_the_features(tree):
    text = experiment.describe(parse_config(tree))
    (line,) = [line for line in text.splitlines() if line.startswith("features FeatureNetwork")]
    count, trained_weights = (int(n.replace(",", "")) for n in line.split()[2:4])
    assert trained_weights == 0 and count > 1000
    # The generator's gradients pass through it: all that it computes is kept.
    assert line.split()[-1] == line.split()[-2] != "0"
    assert "discriminator ProjectedDiscriminator" in text
    assert "10 x feature_reconstruction, 1 x consistency" in text

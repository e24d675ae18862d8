"""The trainer on JAX plays what the one on TensorFlow does, where TensorFlow cannot be imported."""

import json

import keras
import numpy as np
import pytest
import yaml

from tests import jax_process, tiny
from tests.runs import scores
from tests.runs.callbacks import InterruptAt
from tests.runs.several import SeveralPictures
from tests.trainers import games
from tfsynth import data, experiment, registry
from tfsynth.config import load_config, parse_config
from tfsynth.games import AdversarialGame, RegressionGame
from tfsynth.layers import Conditioning
from tfsynth.losses import DiversityLoss, FeatureMatchingLoss, HingeLoss, L1Loss
from tfsynth.networks import FeatureEncoder, GlobalGenerator, MultiscaleDiscriminator
from tfsynth.trainers import Checkpoints

pytestmark = pytest.mark.slow

STEPS = 5


@pytest.fixture(scope="module")
def jax_folder(tmp_path_factory):
    """A folder with one per task of `jax_program`, which has done them all, in one process."""
    folder = tmp_path_factory.mktemp("jax")
    for prepare in (prepare_losses, prepare_streams, prepare_runs):
        task = folder / prepare.__name__.removeprefix("prepare_")
        task.mkdir()
        prepare(task)
    program = jax_process.ROOT / "tests" / "trainers" / "jax_program.py"
    jax_process.run(program, folder, TFSYNTH_CACHE=str(folder / "cache"))
    return folder


def adversarial():
    """A game with all that changes in a step: averages, an encoder, vectors of spectral norm."""
    classes, features = games.NUM_CLASSES, 2
    game = AdversarialGame(
        Conditioning(classes),
        GlobalGenerator(classes + 1 + features, filters=4, num_downsamples=1, num_blocks=0),
        MultiscaleDiscriminator(classes + 4, 4, num_layers=1, normalization="spectral"),
        HingeLoss(),
        [FeatureMatchingLoss(), L1Loss(10.0)],
        encoder=FeatureEncoder(num_features=features, filters=2, num_downsamples=1),
    )
    return games.compiled(game, ema_decay=0.9)


def projected():
    """A game on fixed features: noise drawn and computed again, looks, and averages by pictures."""
    return games.compiled(games.projected_game(rematerialize=True), ema_half_life=0.1)


def regression():
    """Three pictures of a layout; the loss has layers, whose means a step moves."""
    loss = DiversityLoss(layer_weights={"image": 1.0})
    generator = SeveralPictures(games.NUM_CLASSES + 1, num_outputs=3)
    return games.compiled(RegressionGame(Conditioning(games.NUM_CLASSES), generator, [loss]))


def untrained():
    """Returns the trainers of both games by name, always of the same weights."""
    trainers = {}
    for make in (adversarial, projected, regression):
        keras.utils.set_random_seed(3)
        trainers[make.__name__] = make()
    return trainers


def warped_batches():
    return games.data(STEPS).map(games.warped)


def prepare_losses(folder):
    (folder / "after").mkdir()
    batches = [{k: np.asarray(v) for k, v in b.items()} for b in warped_batches()]
    np.savez(folder / "batches.npz", **{k: np.stack([b[k] for b in batches]) for k in batches[0]})
    for name, trainer in untrained().items():
        trainer.save(folder / f"{name}.keras")


@pytest.fixture(scope="module")
def both(jax_folder):
    """What five steps from the same weights give here and under JAX.

    Dict of game -> (losses of the steps here, losses there, trainer here, trainer of there).
    """
    folder = jax_folder / "losses"
    found = json.loads((folder / "found.json").read_text())
    results = {}
    for name, trainer in untrained().items():
        losses = []
        for step in range(STEPS):
            one = warped_batches().skip(step).take(1)
            history = trainer.fit(one, verbose=0).history
            losses.append({key: values[0] for key, values in history.items()})
        there = keras.saving.load_model(folder / "after" / f"{name}.keras")
        results[name] = (losses, found[name]["losses"], trainer, there)
    return results


@pytest.mark.parametrize("name", ["adversarial", "projected", "regression"])
def test_losses_of_the_first_steps_agree(both, name):
    here, there, _, _ = both[name]
    assert len(here) == len(there) == STEPS
    for step, (expected, losses) in enumerate(zip(here, there, strict=True)):
        assert set(losses) == set(expected)
        for key, value in losses.items():
            assert value == pytest.approx(expected[key], rel=1e-4), (step, key)


@pytest.mark.parametrize("name", ["adversarial", "projected", "regression"])
def test_what_jax_trained_is_read_and_goes_on_here(both, name):
    _, _, here, there = both[name]
    assert there.step == STEPS
    batch = next(iter(games.data(1)))
    np.testing.assert_allclose(there(batch), here(batch), atol=1e-4)
    losses = [t.evaluate(games.data(1), verbose=0, return_dict=True) for t in (here, there)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    after = [t.fit(games.data(1), verbose=0).history for t in (here, there)]
    for key, values in after[0].items():
        assert after[1][key] == pytest.approx(values, rel=1e-3), key


SETTINGS = {"batch_size": 2, "size": [32, 48], "seed": 3, "start_step": 4}


def prepare_streams(folder):
    nodes = {
        "streets": {"class": "Streets", "height": 32, "width": 64, "train": 5},
        "folders": tiny.paired_folders(folder / "pairs", train=5),
    }
    nodes["streets"] |= {"validation": 0, "test": 0, "data_dir": str(folder / "drawn")}
    for name, node in nodes.items():
        text = yaml.safe_dump({"dataset": node, "batches": SETTINGS})
        (folder / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize("name", ["streets", "folders"])
def test_element_k_of_the_stream_is_the_same(jax_folder, name):
    folder = jax_folder / "streams"
    node = yaml.safe_load((folder / f"{name}.yaml").read_text())["dataset"]
    split = registry.build(node).split("train")
    for number, batch in enumerate(data.batches(split, steps=3, **SETTINGS)):
        with np.load(folder / f"{name}-{number}.npz") as there:
            assert set(there) == set(batch)
            for key, expected in batch.items():
                np.testing.assert_array_equal(there[key], expected)
                assert there[key].dtype == expected.numpy().dtype
    assert number == 2


def test_a_folder_that_cannot_keep_the_streets_is_named_under_jax(jax_folder):
    folder = jax_folder / "streams"
    message = (folder / "refused.txt").read_text()
    assert message.startswith(f"{folder / 'occupied' / 'in'}: the drawn streets cannot be kept")
    assert "TFSYNTH_DATA" in message and (folder / "occupied").read_bytes() == b""


def prepare_runs(folder):
    """Begins a run in two phases."""
    tree = tiny.tree(str(folder / "data"))
    # Few layers: most of the time goes to compiling them.
    tree["game"] = {
        "class": "RegressionGame",
        "conditioning": tree["game"]["conditioning"],
        "generator": {**tree["game"]["generator"], "num_downsamples": 1, "num_blocks": 0},
        "terms": [{"class": "L1Loss"}],
    }
    del tree["optimizers"]["discriminator"]
    tree["schedule"] = {**tree["schedule"], "decay_epochs": 0}
    tree["train"] |= {"ema_decay": 0.9, "then": ["export"]}
    tree["evaluation"] = {**tiny.PROTOCOL, "filters": [4], "blocks": [0]}
    tree["phases"] = {"first": {"optimizers.generator.learning_rate": 1.0e-3}, "joint": {}}
    (folder / "run.yaml").write_text(yaml.safe_dump(tree))
    config = parse_config(tree)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setenv("TFSYNTH_CACHE", str(folder / "cache"))
        stop = InterruptAt(2)
        experiment.train(config, folder / "begun", verbose=False, callbacks=[stop])


@pytest.fixture(scope="module")
def runs(jax_folder):
    """A run in two phases under JAX: whole, in parts, and begun here."""
    folder = jax_folder / "runs"
    return folder, json.loads((folder / "found.json").read_text())


def test_an_interrupted_run_goes_on_under_jax_to_the_same_weights(runs):
    _, found = runs
    assert found["whole"]["step"] == found["parts"]["step"] == 4
    assert found["parts"]["weights"] == found["whole"]["weights"]


def test_a_run_that_tensorflow_began_ends_under_jax_and_is_read_here(runs):
    folder, found = runs
    trainer, state = Checkpoints(folder / "begun" / "checkpoints" / "joint").latest()
    assert (state["step"], trainer.step) == (4, 4)
    assert sorted(p.name for p in (folder / "begun" / "checkpoints").iterdir()) == [
        "first",
        "joint",
    ]
    sums = [float(np.abs(w).sum()) for w in trainer.get_weights()]
    assert sums == pytest.approx(found["begun"]["weights"], rel=1e-6)


def test_a_run_under_jax_leaves_what_others_leave_but_the_saved_model(runs):
    folder, _ = runs
    names = {path.name for path in (folder / "whole").iterdir()}
    expected = {"config.yaml", "checkpoints", "logs", "samples", "samples.png", "layouts"}
    assert names - {".lock"} == expected | {"synthesizer.keras", "metrics.json", "curves.png"}
    synthesizer = experiment.load_synthesizer(folder / "whole")
    assert synthesizer.provenance["steps"] == 4
    events = [path.parent.name for path in (folder / "whole" / "logs").rglob("events*")]
    assert {"train", "validation", "samples"} <= set(events)


def test_a_score_under_jax_is_what_its_segmenter_reads_here(runs, jax_folder, monkeypatch):
    monkeypatch.setenv("TFSYNTH_CACHE", str(jax_folder / "cache"))
    before = sorted((jax_folder / "cache" / "segmenters").iterdir())
    run = runs[0] / "whole"
    written = json.loads((run / "metrics.json").read_text())
    config = load_config(run / "config.yaml")
    oracle = scores.by_hand(config, lambda _, example: example["image"])
    # One pixel in which two classes are as likely may be read otherwise.
    scores.assert_same(written["oracle"], oracle, atol=2e-3)
    # It was trained there, not here.
    assert sorted((jax_folder / "cache" / "segmenters").iterdir()) == before

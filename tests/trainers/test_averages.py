"""Moving averages of weights: the numbers of tensorflow-addons, and their way through training."""

import contextlib
import math
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.harness import assert_conforms, round_trip
from tests.trainers import games
from tfsynth.games import AdversarialGame
from tfsynth.layers import Conditioning
from tfsynth.losses import HingeLoss
from tfsynth.networks import GlobalGenerator, MultiscaleDiscriminator
from tfsynth.trainers import averages

GOLDENS = Path(__file__).parents[1] / "goldens" / "tensorflow_addons.npz"


@pytest.fixture(scope="module")
def goldens():
    with np.load(GOLDENS) as arrays:
        return {name: arrays[name] for name in arrays.files if name.startswith("average")}


def weights_of(network):
    return np.concatenate([np.ravel(w) for w in network.get_weights()])


def test_the_average_is_the_dynamic_one_of_tensorflow_addons(goldens):
    weight, average = (keras.Variable(goldens["average_first"]) for _ in range(2))
    for step, row in enumerate(goldens["average_weights"]):
        weight.assign(row)
        averages.move([(weight, average)], averages.share_of(0.6, step + 1))
        assert_conforms(np.asarray(average), goldens["average_dynamic"][step])


def test_the_average_of_keras_is_the_one_that_starts_after_a_step(goldens):
    weight = keras.Variable(goldens["average_first"])
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6)
    first, decay = goldens["average_first"] - goldens["average_weights"][0], 0.6
    for step, gradient in enumerate(goldens["average_gradients"]):
        optimizer.apply([keras.ops.array(gradient)], [weight])
        assert_conforms(np.asarray(weight), goldens["average_weights"][step])
        # Keras shows its average by putting it in the weight's place.
        trained = np.asarray(weight)
        optimizer.finalize_variable_values([weight])
        average = np.asarray(weight)
        weight.assign(trained)
        assert_conforms(average, goldens["average_start1"][step])
        # Their default starts at the weights before the first step.
        assert_conforms(average + first * decay ** (step + 1), goldens["average_plain"][step])


def test_the_first_weights_are_soon_forgotten():
    weight, average = keras.Variable([0.0]), keras.Variable([1.0])
    shares = []
    for step in range(1, 101):
        averages.move([(weight, average)], averages.share_of(0.999, step))
        shares.append(float(average[0]))
    assert shares[0] == pytest.approx(0.1)
    assert shares[9] == pytest.approx(1 / 92378, rel=1e-4)  # 10! 9! / 19!
    assert shares[99] < 1e-12


def test_half_of_the_average_is_of_before_the_half_life():
    """A weight that was 1 and is 0: its average is the share of the time before."""
    half_life = 0.05
    weight, average = keras.Variable([0.0]), keras.Variable([1.0])
    steps = 2000
    for step in range(1, steps + 1):
        weight.assign([1.0 if step <= 0.95 * steps else 0.0])
        averages.move([(weight, average)], averages.share_of_half_life(half_life, step))
    # 5 % of all steps ago: the product of 0.5^(1 / (0.05 n)) for n = 1901..2000, near 1/2.
    expected = 0.5 ** (sum(1 / n for n in range(1901, 2001)) / half_life)
    assert float(average[0]) == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(0.491, abs=1e-3)


@pytest.mark.parametrize("step", [1, 20, 1000, 10**7])
def test_the_share_of_a_half_life(step):
    found = averages.share_of_half_life(0.05, keras.Variable(step, dtype="int64"))
    # 1 - 0.5^x by its series, where the difference would be rounding.
    x = math.log(2) / (0.05 * step)
    expected = x - x * x / 2 + x**3 / 6 if step > 1000 else 1 - 0.5 ** (1 / (0.05 * step))
    assert keras.ops.dtype(found) == "float32"
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_training_averages_by_the_half_life():
    keras.utils.set_random_seed(7)
    trainer = games.encoder_trainer(ema_half_life=0.5)
    networks = {name: trainer.networks[name] for name in trainer.shipped}
    expected = {name: weights_of(network) for name, network in networks.items()}
    for step in range(1, 5):
        trainer.fit(games.data(1), verbose=0)
        share = 1 - 0.5 ** (2 / step)
        for name, network in networks.items():
            expected[name] += share * (weights_of(network) - expected[name])
            average = weights_of(trainer.shipped[name])
            np.testing.assert_allclose(average, expected[name], rtol=1e-5, atol=1e-7)
    assert round_trip(trainer).ema_half_life == 0.5


def test_a_half_life_out_of_range_or_beside_a_decay_is_refused():
    for half_life in (0.0, -1.0, 1.5):
        with pytest.raises(ValueError, match="above 0 and at most 1. Received: "):
            games.encoder_trainer(ema_half_life=half_life)
    with pytest.raises(ValueError, match="Give `ema_decay` or `ema_half_life`, not both"):
        games.encoder_trainer(ema_decay=0.9, ema_half_life=0.5)


def test_what_does_not_train_is_copied():
    weight, average = (keras.Variable([v], trainable=False, dtype="int64") for v in (7, 0))
    averages.move([(weight, average)], averages.share_of(0.999, 1))
    assert int(average[0]) == 7


def test_training_averages_generator_and_encoder():
    keras.utils.set_random_seed(7)
    trainer = games.encoder_trainer(ema_decay=0.25)
    assert set(trainer.shipped) == {"generator", "encoder"}
    networks = {name: trainer.networks[name] for name in trainer.shipped}
    expected = {name: weights_of(network) for name, network in networks.items()}
    for step in range(1, 5):
        trainer.fit(games.data(1), verbose=0)
        decay = min(0.25, step / (step + 9))
        for name, network in networks.items():
            expected[name] = decay * expected[name] + (1 - decay) * weights_of(network)
            average = weights_of(trainer.shipped[name])
            np.testing.assert_allclose(average, expected[name], rtol=1e-5, atol=1e-7)
            assert np.abs(average - weights_of(network)).max() > 1e-5


def test_averages_start_from_the_weights_that_are_taken_over():
    before, trainer = games.encoder_trainer(), games.encoder_trainer(ema_decay=0.999)
    trainer.start_from(before.networks, ["generator.enhancer1_head"])
    for name in ("generator", "encoder"):
        average, trained = trainer.shipped[name], trainer.networks[name]
        assert average is not trained
        np.testing.assert_array_equal(weights_of(average), weights_of(trained))
    np.testing.assert_array_equal(
        weights_of(trainer.shipped["encoder"]), weights_of(before.game.encoder)
    )
    assert not np.array_equal(weights_of(trainer.game.generator), weights_of(before.game.generator))


def test_averages_are_what_is_validated_and_predicted():
    trainer = games.trainer(learning_rate=1e-2, ema_decay=0.999)
    trainer.fit(games.data(4), verbose=0)
    batches = games.data(1)
    batch = next(iter(batches))
    averaged = trainer.evaluate(batches, verbose=0, return_dict=True)["l1"]
    pictures = trainer(batch).numpy()
    np.testing.assert_allclose(trainer.predict(batches, verbose=0), pictures, atol=1e-6)
    before = weights_of(trainer.game.generator)
    _, raw = trainer.game.compute_losses(batch)
    np.testing.assert_array_equal(before, weights_of(trainer.game.generator))
    assert abs(float(raw["l1"]) - averaged) > 1e-3
    trainer.game.generator.set_weights(trainer.shipped["generator"].get_weights())
    _, shipped = trainer.game.compute_losses(batch)
    assert averaged == pytest.approx(float(shipped["l1"]), rel=1e-5)
    condition = trainer.game.conditioning(batch["labels"], batch["instances"])
    np.testing.assert_allclose(trainer.game.generator(condition), pictures, atol=1e-6)


def test_without_a_decay_the_networks_themselves_ship():
    trainer = games.trainer()
    assert trainer.averages == {}
    assert trainer.shipped == {"generator": trainer.game.generator}
    assert round_trip(games.trainer(ema_decay=0.9)).ema_decay == 0.9


def test_a_decay_out_of_range_and_an_average_of_keras_are_refused():
    with pytest.raises(ValueError, match="at least 0 and below 1. Received: 1.0"):
        games.trainer(ema_decay=1.0)
    trainer = games.trainer()
    optimizers = {p: keras.optimizers.Adam(use_ema=p == "generator") for p in trainer.players}
    with pytest.raises(ValueError, match="'generator' has `use_ema`.*Set the trainer's `ema_dec"):
        trainer.compile(optimizers)


def spectral_game(xla=False, learning_rate=2e-4):
    """Returns a game with all that has a state of its own: averages, vectors of spectral norm."""
    game = AdversarialGame(
        Conditioning(games.NUM_CLASSES),
        GlobalGenerator(games.NUM_CLASSES + 1, filters=4, num_downsamples=1, num_blocks=0),
        MultiscaleDiscriminator(
            games.NUM_CLASSES + 4, 4, num_layers=1, num_scales=1, normalization="spectral"
        ),
        HingeLoss(),
    )
    return games.compiled(game, learning_rate, xla=xla, ema_decay=0.9)


def three_steps(strategy=None, xla=False):
    keras.utils.set_random_seed(7)
    with strategy.scope() if strategy else contextlib.nullcontext():
        trainer = spectral_game(xla)
    trainer.fit(games.data(3), verbose=0, validation_data=games.data(1))
    return trainer


@pytest.fixture(scope="module")
def one_replica():
    """The trainer after three steps, and what it must be with two replicas."""
    trainer = three_steps()
    return trainer, states(trainer)


def vectors(trainer):
    found = [layer.u for layer in trainer.game.discriminator.layers if hasattr(layer, "u")]
    assert len(found) == 3
    return found


def states(trainer):
    pictures = trainer(next(iter(games.data(1)))).numpy()
    logs = [value for (value,) in trainer.history.history.values()]
    assert len(logs) == 8  # Of training and of validation.
    return np.concatenate(vectors(trainer)), pictures, np.array(logs)


def test_replicas_and_xla_change_nothing(one_replica, two_replicas):
    trainer = three_steps(two_replicas, xla=True)
    for value, expected in zip(states(trainer), one_replica[1], strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    for weight in (*vectors(trainer), *trainer.shipped["generator"].weights):
        first, second = (copy.numpy() for copy in weight.value.values)
        np.testing.assert_array_equal(first, second)


def test_spectral_norm_iterates_once_per_step_and_not_in_validation():
    trainer = spectral_game(learning_rate=0.0)
    layer = trainer.game.discriminator.get_layer("scale0_layer1_conv")
    u = np.asarray(layer.u, "float64")
    matrix = np.asarray(layer.kernel, "float64").reshape(-1, len(u))
    trainer.fit(games.data(3), verbose=0, validation_data=games.data(2))
    for _ in range(3):
        v = matrix @ u
        u = matrix.T @ v
        u /= np.linalg.norm(u)
    np.testing.assert_allclose(layer.u, u, rtol=1e-5, atol=1e-6)


def test_a_saved_trainer_goes_on_to_the_last_bit(one_replica, tmp_path):
    reference, _ = one_replica
    reference.save(tmp_path / "trainer.keras")
    loaded = keras.saving.load_model(tmp_path / "trainer.keras")
    for trainer in (reference, loaded):
        trainer.fit(games.data(2), verbose=0)
    assert len(loaded.get_weights()) == len(reference.get_weights())
    for mine, other in zip(reference.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    shipped = [weights_of(t.shipped["generator"]) for t in (reference, loaded)]
    np.testing.assert_array_equal(*shipped)
    assert not np.array_equal(shipped[0], weights_of(reference.game.generator))

"""The scoring segmenter: its sizes, its files, its precision."""

import keras
import numpy as np
import pytest

from tests.harness import check_network, round_trip
from tfsynth.metrics.segmenter import Segmenter


def small(**options):
    return Segmenter(5, filters=(8, 12), blocks=(0, 1), seed=3, **options)


def test_logits_have_the_pictures_size_and_survive_a_file(tmp_path):
    network = small()
    image = np.random.default_rng(0).uniform(-1, 1, (2, 16, 24, 3)).astype("float32")
    logits = check_network(network, image, tmp_path)
    assert logits.shape == (2, 16, 24, 5)
    assert network.size_multiple == 4
    again = round_trip(network)
    assert (again.filters, again.blocks, again.num_classes) == ((8, 12), (0, 1), 5)


def test_the_default_network_has_its_stated_size():
    network = Segmenter(13)
    assert network.size_multiple == 16
    assert network.count_params() == 924_397


def rows_that_count(network, size):
    """Returns, for each row of logits, how many rows there are from the first that moves it."""
    random = np.random.default_rng(0)
    picture = random.uniform(-1, 1, (size, 16, 3)).astype("float32")
    changed = np.repeat(picture[None], size, axis=0)
    changed[range(size), range(size)] = random.uniform(-1, 1, (size, 16, 3))
    logits = network.predict_on_batch(np.concatenate([picture[None], changed]))
    # (rows changed, rows of logits)
    moved = np.abs(logits[1:] - logits[0]).max(axis=(2, 3)) > 1e-7
    extents = [np.flatnonzero(column) for column in moved.T]
    return [int(found[-1] - found[0] + 1) for found in extents]


@pytest.mark.parametrize(
    ("filters", "blocks", "field"),
    [((12,), (0,), 5), ((12,), (3,), 29), ((12, 12), (0, 1), 29), ((12, 12, 12), (1, 0, 0), 41)],
)
def test_the_receptive_field_is_what_moves_a_logit(filters, blocks, field):
    network = Segmenter(4, filters=filters, blocks=blocks, seed=1)
    context = network.get_layer("context")
    context.set_weights([np.zeros(weight.shape) for weight in context.get_weights()])
    assert network.receptive_field == field
    inside = rows_that_count(network, 128)[48:80]
    assert max(inside) == field and min(inside) <= field


def test_the_judges_of_the_demo_differ_in_what_they_see():
    assert Segmenter(13, filters=(48,), blocks=(3,)).receptive_field == 29
    assert Segmenter(13, filters=(24, 40, 56, 72)).receptive_field == 185 >= 4 * 29


def test_a_seed_gives_the_same_weights_whatever_was_drawn_before():
    first = small().get_weights()
    keras.random.normal((3,))
    for a, b in zip(first, small().get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other = Segmenter(5, filters=(8, 12), blocks=(0, 1), seed=4).get_weights()
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
    # Layers of one shape must not begin alike either.
    block = [v for v in small().trainable_variables if v.shape == (3, 3, 12, 12)]
    assert len(block) == 2
    assert (np.array(block[0].numpy()) != np.array(block[1].numpy())).any()


def test_under_bfloat16_weights_and_logits_stay_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = small()
    finally:
        keras.config.set_dtype_policy(before)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype("float32")
    logits = network(image)
    assert keras.ops.dtype(logits) == "float32"
    assert {v.dtype for v in network.variables} == {"float32"}
    plain = small()
    plain.set_weights(network.get_weights())
    exact = keras.ops.convert_to_numpy(plain(image))
    error = np.abs(keras.ops.convert_to_numpy(logits) - exact).max()
    assert 0 < error < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes"),
        ({"num_classes": 2, "filters": (8,), "blocks": (1, 1)}, "one entry per level"),
        ({"num_classes": 2, "filters": (), "blocks": ()}, "at least one"),
    ],
)
def test_impossible_networks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Segmenter(**arguments)

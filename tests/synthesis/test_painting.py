"""The style of every pixel against NumPy, one pixel at a time."""

import numpy as np
import pytest
import tensorflow as tf

from tfsynth.layers import hashing
from tfsynth.synthesis.painting import draw_styles, replace_given
from tfsynth.synthesis.styles import StyleTable

TABLE = StyleTable(
    {0: [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]], 3: np.random.default_rng(0).normal(size=(10, 2))},
    {0: [1, 1, 1], 3: [1] * 10},
)
IDS = np.random.default_rng(1).choice([0, 1, 26001, -5, 2**31 - 1, -(2**31)], (2, 9, 7))
IDS = IDS.astype("int32")
CLASSES = np.random.default_rng(2).integers(0, 6, IDS.shape).astype("int32")
SEEDS = np.array([4, 2**31 - 1], "int32")


def expected_style(seed, number, class_id):
    if class_id not in TABLE.centres:
        return np.zeros(2)
    words = [*hashing.parts(int(seed)), *hashing.parts(int(number))]
    drawn = hashing.absorb(hashing.START, hashing.STYLES, *words).left
    centres = TABLE.centres[class_id]
    return centres[drawn * len(centres) // hashing.PRIME]


def test_a_style_is_drawn_by_seed_id_and_class():
    painted = np.asarray(draw_styles(TABLE, IDS, CLASSES, SEEDS))
    assert painted.shape == (2, 9, 7, 2) and painted.dtype == "float32"
    for place in np.ndindex(IDS.shape):
        expected = expected_style(SEEDS[place[0]], IDS[place], CLASSES[place])
        np.testing.assert_array_equal(painted[place], expected.astype("float32"))


def test_one_class_for_all():
    painted = draw_styles(TABLE, IDS, 0, SEEDS)
    np.testing.assert_array_equal(painted, draw_styles(TABLE, IDS, 0 * CLASSES, SEEDS))


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 8, 300])
def test_given_styles_replace_those_of_their_ids(count, free):
    random = np.random.default_rng(count)
    numbers = np.unique(np.append(random.integers(-1000, 1000, 4 * count), IDS[:, 0, :2]))
    style_ids = np.stack([np.sort(random.permutation(numbers)[:count]) for _ in range(2)])
    style_ids = style_ids.astype("int32")
    styles = random.normal(size=(*style_ids.shape, 2)).astype("float32")
    ids = random.choice(numbers, (2, 9, 7)).astype("int32")
    painted = np.full((2, 9, 7, 2), 7, "float32")
    # The number of styles may be unknown, as in a served model.
    shapes = [(None, None), (None, None, 2)] if free else [style_ids.shape, styles.shape]
    specs = [tf.TensorSpec(s, a.dtype) for s, a in zip(shapes, (style_ids, styles), strict=True)]
    graph = tf.function(lambda i, s: replace_given(painted, ids, i, s), input_signature=specs)
    replaced = graph(style_ids, styles).numpy()
    for place in np.ndindex(ids.shape):
        picture = dict(zip(style_ids[place[0]].tolist(), styles[place[0]], strict=True))
        expected = picture.get(int(ids[place]), painted[place])
        np.testing.assert_array_equal(replaced[place], expected)


def test_an_id_that_comes_twice_has_its_last_style():
    ids = np.full((1, 1, 1), 5, "int32")
    style_ids, styles = np.array([[5, 5, 9]], "int32"), np.eye(3, dtype="float32")[None]
    replaced = replace_given(np.zeros((1, 1, 1, 3), "float32"), ids, style_ids, styles)
    assert np.ravel(replaced).tolist() == [0, 1, 0]

"""Styles that are drawn together, against a second evaluation, one pixel at a time."""

import json
from pathlib import Path

import numpy as np
import pytest

import tfsynth
from tests.synthesis.synthesizers import INSTANCES, LAYOUT, styled_synthesizer
from tfsynth.layers import hashing
from tfsynth.synthesis.joint_styles import CHOICES, PHOTOGRAPHS, candidates, joint_table
from tfsynth.synthesis.painting import draw_styles
from tfsynth.synthesis.styles import StyleTable, collect

GOLDENS = Path(__file__).parents[1] / "goldens"
# Three photographs: by day, by day, by night. Class 0 is the sky, class 2 are cars; the second
# photograph shows no sky.
DAY, DIM, NIGHT = [0.8, 0.8], [0.7, 0.7], [-0.8, -0.8]
TABLE = StyleTable(
    {0: [DAY, NIGHT], 2: [[0.9, 0.5], [0.8, 0.4], DIM, [-0.9, -0.5]]},
    {0: [1, 1], 2: [1, 1, 1, 1]},
    photographs={0: [0, 2], 2: [0, 0, 1, 2]},
)
SEEDS = np.arange(40, dtype="int32")


def painted(classes, ids):
    shape = (len(SEEDS), 1, len(classes))
    maps = [np.broadcast_to(np.array(m, "int32"), shape) for m in (ids, classes)]
    return np.asarray(draw_styles(TABLE, *maps, SEEDS))[:, 0]


def test_a_picture_has_the_sky_of_its_photograph_or_of_the_nearest_that_has_one():
    found = candidates(TABLE)
    skies = [
        found.rows[start : start + count].tolist()
        for start, count in zip(found.starts[:, 0], found.counts[:, 0], strict=True)
    ]
    # No photograph has two skies, so that there is one; the second is nearer to the first.
    assert skies == [[0], [0], [1]]
    drawn = painted([0], [7])[:, 0]
    photographs = [
        hashing.absorb(hashing.START, hashing.STYLES, *hashing.parts(int(s))).left
        * 3
        // hashing.PRIME
        for s in SEEDS
    ]
    assert set(photographs) == {0, 1, 2}
    expected = [NIGHT if p == 2 else DAY for p in photographs]
    np.testing.assert_array_equal(drawn, np.array(expected, "float32"))


def test_several_of_a_class_are_drawn_among_the_nearest(monkeypatch):
    found = candidates(TABLE)
    assert found.counts[:, 2].tolist() == [min(CHOICES, 4)] * 3
    monkeypatch.setattr("tfsynth.synthesis.joint_styles.CHOICES", 2)
    found = candidates(TABLE)
    cars = [sorted(found.rows[s : s + 2].tolist()) for s in found.starts[:, 2]]
    # Own ones first: rows 2 to 5 are the cars, after two skies.
    assert cars[0] == [2, 3] and 4 in cars[1] and 5 in cars[2]
    ids = list(range(30))
    drawn = painted([2] * 30, ids)
    assert all(len(np.unique(picture, axis=0)) == 2 for picture in drawn)


def test_classes_without_styles_have_zeros():
    assert not painted([1, 3, 99], [0, 0, 0]).any()


def test_one_id_of_one_class_has_one_style():
    drawn = painted([2, 2, 2], [5, 6, 5])
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 2])
    assert (drawn[:, 0] != drawn[:, 1]).any()


def test_small_objects_stand_in_where_a_photograph_has_no_larger_ones():
    vectors = np.arange(10).reshape(5, 2)
    table = joint_table(
        *([0, 0, 0, 1, 1], vectors, [0.5, 0.01, 0.001, 0.01, 0.02], [4, 4, 9, 9, 9]),
        minimum_area=1 / 64,
    )
    # Photographs are numbered anew; of class 0 the second has a small object only.
    assert table.photographs is not None
    assert {c: p.tolist() for c, p in table.photographs.items()} == {0: [0, 1], 1: [1]}
    assert table.centres[0].tolist() == [[0, 1], [4, 5]]
    assert table.centres[1].tolist() == [[8, 9]]


def test_so_many_photographs_are_kept():
    count = PHOTOGRAPHS + 5
    table = joint_table([0] * count, np.ones((count, 1)), [1] * count, range(count), minimum_area=0)
    assert table.photographs is not None
    assert table.photographs[0].tolist() == list(range(PHOTOGRAPHS))


def test_a_model_collects_them_with_its_own_encoder():
    model = styled_synthesizer()
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), "uint8")
    example = {"labels": LAYOUT, "instances": INSTANCES, "image": image}
    before = model.synthesize(LAYOUT, INSTANCES)
    model.styles = collect(model, [example, example], together=True)
    assert model.styles.photographs[2].tolist() == [0, 0, 1, 1]
    looks = model.encode(image, INSTANCES)
    np.testing.assert_allclose(model.styles.centres[0], [looks[0]] * 2, rtol=1e-5)
    # A new table takes effect at once.
    assert (model.synthesize(LAYOUT, INSTANCES) != before).any()


def test_a_table_comes_back_from_json():
    again = StyleTable.from_dict(json.loads(json.dumps(TABLE.to_dict())))
    assert again.photographs is not None
    assert again.photographs[2].tolist() == [0, 0, 1, 2]


def test_what_a_seed_draws_since_format_5():
    path = GOLDENS / "synthesizer_format_5.keras"
    loaded = tfsynth.load_model(path)
    assert loaded.format_version == 5
    with np.load(path.with_suffix(".npz")) as stored:
        photograph = loaded.synthesize(LAYOUT, INSTANCES, seed=4).astype(int)
        assert np.abs(photograph - stored["photograph"]).max() <= 1


@pytest.mark.parametrize(
    ("photographs", "message"),
    [
        ({0: [0, 1]}, "the number of one for each style"),
        ({0: [0], 2: [0, 0, 1, 2]}, "the number of one for each style"),
        ({0: [0, -1], 2: [0, 0, 1, 2]}, "whole numbers, 0 or more"),
        ({0: [0, 9999], 2: [0, 0, 1, 2]}, "numbers below 1024. Class 0 has 9999"),
    ],
)
def test_photographs_that_do_not_fit_are_refused(photographs, message):
    with pytest.raises(ValueError, match=message):
        StyleTable(TABLE.centres, TABLE.counts, photographs=photographs)


def test_a_class_that_few_photographs_show_is_kept():
    count = 6 * PHOTOGRAPHS
    classes = [0] * count + [3]
    for seed in range(5):
        table = joint_table(
            *(classes, np.ones((count + 1, 1)), [1] * (count + 1), [*range(count), 17]),
            minimum_area=0,
            seed=seed,
        )
        assert len(table.centres[3]) == 1 and len(table.centres[0]) == PHOTOGRAPHS


def test_no_objects_are_refused():
    with pytest.raises(ValueError, match="There are no instances to take styles from"):
        joint_table([], [], [], [], minimum_area=0)

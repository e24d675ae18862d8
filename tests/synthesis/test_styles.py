"""Styles: what is clustered, what is drawn, and what an object looks like with them."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import tfsynth
from tests.synthesis.synthesizers import INSTANCES, LABELS, LAYOUT, TABLE, styled_synthesizer
from tfsynth.layers import Conditioning
from tfsynth.networks import FeatureEncoder, GlobalGenerator
from tfsynth.synthesis.styles import StyleTable, cluster, collect, majority_classes
from tfsynth.synthesis.synthesizer import Synthesizer

GOLDENS = Path(__file__).parents[1] / "goldens"


def test_clusters_of_a_class_are_its_looks():
    generator = np.random.default_rng(0)
    looks = np.array([[0.8, 0.0], [-0.8, 0.1], [0.0, 0.9]])
    which = np.repeat([0, 1, 2], [30, 20, 10])
    vectors = looks[which] + generator.normal(0, 0.02, (60, 2))
    table = cluster(np.ones(60, int), vectors, np.full(60, 0.1), clusters=3)
    order = np.argsort(-table.counts[1])
    np.testing.assert_array_equal(table.counts[1][order], [30, 20, 10])
    np.testing.assert_allclose(table.centres[1][order], looks, atol=0.02)
    again = cluster(np.ones(60, int), vectors, np.full(60, 0.1), clusters=3)
    np.testing.assert_array_equal(again.centres[1], table.centres[1])


def test_small_instances_do_not_count_unless_there_are_no_others():
    vectors = np.array([[1.0], [0.0], [0.5], [-1.0]])
    table = cluster([0, 0, 2, 2], vectors, [0.1, 0.001, 0.002, 0.001], clusters=1)
    assert table.centres[0].tolist() == [[1.0]]
    # The largest, as many as there are clusters.
    assert table.centres[2].tolist() == [[0.5]]
    assert table.counts[2].tolist() == [1]


def test_fewer_looks_than_clusters():
    table = cluster([4] * 3, [[0.5], [0.5], [-0.5]], [0.1] * 3)
    assert sorted(table.centres[4].ravel().tolist()) == [-0.5, 0.5]
    assert sorted(table.counts[4].tolist()) == [1, 2]
    with pytest.raises(ValueError, match="no instances"):
        cluster([], [], [])


def test_styles_are_those_of_the_models_own_encoder():
    model = styled_synthesizer()
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), "uint8")
    looks = model.encode(image, INSTANCES)
    table = collect(model, [{"labels": LAYOUT, "instances": INSTANCES, "image": image}])
    assert sorted(table.centres) == [0, 1, 2]
    np.testing.assert_allclose(table.centres[0], [looks[0]], rtol=1e-5)
    np.testing.assert_allclose(table.centres[1], [looks[100]], rtol=1e-5)
    both = sorted([looks[200].tolist(), looks[201].tolist()])
    np.testing.assert_allclose(sorted(table.centres[2].tolist()), both, rtol=1e-5)


def test_the_class_of_a_region_is_the_majority():
    labels = np.array([[3, 3, 1, 1], [3, 1, 1, 2]])
    regions = np.array([[0, 0, 0, 1], [0, 0, 1, 1]])
    # Region 0 has three 3 and two 1; region 1 two 1 and one 2.
    assert majority_classes(labels, regions, 2).tolist() == [3, 1]


def test_a_table_comes_back_from_json():
    again = StyleTable.from_dict(json.loads(json.dumps(TABLE.to_dict())))
    np.testing.assert_array_equal(again.centres[2], TABLE.centres[2])
    assert again.counts[2].tolist() == [3, 1]


@pytest.mark.parametrize(
    ("centres", "counts"),
    [
        ({}, {}),
        ({0: [[1.0]]}, {0: [1, 2]}),
        ({0: [[1.0]]}, {1: [1]}),
        ({0: [[1.0]], 1: [[1.0, 2.0]]}, {0: [1], 1: [1]}),
    ],
)
def test_tables_whose_parts_do_not_fit_are_refused(centres, counts):
    with pytest.raises(ValueError, match="centres .* and as many counts"):
        StyleTable(centres, counts)


@pytest.mark.parametrize(
    ("centres", "counts", "message"),
    [
        ({0: [[np.nan]]}, {0: [1]}, r"finite numbers; the centres of class 0: \[\[nan\]\]"),
        ({0: [[np.inf]]}, {0: [1]}, "finite numbers; the centres of class 0"),
        ({0: [[1e39]]}, {0: [1]}, "that float32 holds; the centres of class 0"),
        ({0: [[1.0], [1.0, 2.0]]}, {0: [1, 1]}, "finite numbers; the centres of class 0"),
        ({0: [["red"]]}, {0: [1]}, "finite numbers; the centres of class 0"),
        ({0: [[1.0]]}, {0: [-1]}, r"whole numbers, 0 or more. Class 0: \[-1\]"),
        ({0: [[1.0]]}, {0: [1.5]}, r"whole numbers, 0 or more. Class 0: \[1.5\]"),
        ({-1: [[1.0]]}, {-1: [1]}, "ids 0, 1, ... It has -1"),
        ({0.5: [[1.0]]}, {0.5: [1]}, "ids 0, 1, ... It has 0.5"),
        ({"car": [[1.0]]}, {"car": [1]}, "ids 0, 1, ... It has 'car'"),
    ],
)
def test_tables_of_what_is_no_style_are_refused(centres, counts, message):
    with pytest.raises(ValueError, match=message):
        StyleTable(centres, counts)


@pytest.mark.parametrize("node", [{"0": {"centres": [[1.0]]}}, {"car": {}}, {"0": 3}, [1]])
def test_a_stored_table_that_is_none_is_refused(node):
    with pytest.raises(ValueError, match="is a dict of class id -> "):
        StyleTable.from_dict(node)


def test_a_table_of_another_label_set_is_refused():
    model = styled_synthesizer(styles=None)
    for table, message in (
        (StyleTable({3: [[0.0, 0.0]]}, {3: [1]}), "class 3, the model's classes are 0..2"),
        (
            StyleTable({2: [[0.0, 0.0]]}, {2: [1]}, {2: "tree"}),
            "another label set: class 2 is 'tree' there and 'car' in the model",
        ),
        (StyleTable({2: [[0.0]]}, {2: [1]}), "have 1 features, the encoder 2"),
        ({2: [[0.0, 0.0]]}, "`styles` is a StyleTable or None. Received: "),
    ):
        with pytest.raises(ValueError, match=message):
            model.styles = table
        with pytest.raises(ValueError, match=message):
            styled_synthesizer(styles=table)
    assert model.styles is None
    model.styles = TABLE
    assert model.styles is TABLE
    with pytest.raises(ValueError, match=r"names the classes that have styles, \[2\]"):
        StyleTable({2: [[0.0, 0.0]]}, {2: [1]}, {1: "road"})


def test_a_collected_table_knows_the_names_of_its_classes(tmp_path):
    model = styled_synthesizer(styles=None)
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), "uint8")
    model.styles = collect(model, [{"labels": LAYOUT, "instances": INSTANCES, "image": image}])
    assert model.styles.names == {0: "sky", 1: "road", 2: "car"}
    model.save(tmp_path / "model.keras")
    assert tfsynth.load_model(tmp_path / "model.keras").styles.names == model.styles.names


def test_no_class_has_more_styles_than_a_seed_can_draw():
    with pytest.raises(ValueError, match="at most 46340 styles, .* Class 2 has 46341: cluster"):
        StyleTable({2: np.zeros((46341, 1))}, {2: np.zeros(46341, int)})


def test_a_class_without_styles_has_the_features_0():
    model = styled_synthesizer()
    zero = dict.fromkeys((0, 100), np.zeros(2, "float32"))
    expected = model.synthesize(LAYOUT, INSTANCES, zero)
    np.testing.assert_array_equal(model.synthesize(LAYOUT, INSTANCES), expected)


def test_a_seed_draws_the_same_styles_and_another_others():
    model = styled_synthesizer()
    pictures = [model.synthesize(LAYOUT, INSTANCES, seed=s).astype(int) for s in range(8)]
    np.testing.assert_array_equal(pictures[0], model.synthesize(LAYOUT, INSTANCES))
    assert len({p.tobytes() for p in pictures}) == 4  # Two cars, two styles.


def test_giving_one_style_leaves_the_others():
    model = styled_synthesizer()

    def of(first, second):
        """The picture of all styles; sky and road have no looks in the table: zeros."""
        styles = {0: [0.0, 0.0], 100: [0.0, 0.0], 200: first, 201: second}
        return model.synthesize(LAYOUT, INSTANCES, styles=styles, seed=6)

    drawn = model.synthesize(LAYOUT, INSTANCES, seed=5)
    pairs = itertools.product(TABLE.centres[2], repeat=2)
    ((first, _),) = [pair for pair in pairs if np.array_equal(of(*pair), drawn)]
    given = model.synthesize(LAYOUT, INSTANCES, styles={201: [0.25, 0.5]}, seed=5)
    np.testing.assert_array_equal(given, of(first, [0.25, 0.5]))
    assert not np.array_equal(given, drawn)


@pytest.mark.parametrize("reduction", [1, 2])
def test_encoding_gives_the_pooled_features(reduction):
    model = styled_synthesizer(reduction=reduction)
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype("uint8")
    styles = model.encode(image, INSTANCES)
    assert sorted(styles) == [0, 100, 200, 201]
    if reduction == 1:
        pixels = image[None].astype("float32") / 127.5 - 1
        numbers = np.unique(INSTANCES, return_inverse=True)[1].reshape(1, 8, 12)
        features = np.asarray(model.encoder([pixels, numbers.astype("int32")]))[0]
        np.testing.assert_allclose(styles[201], features[3, 8], atol=1e-6)
        np.testing.assert_allclose(styles[100], features[7, 0], atol=1e-6)
    photograph = model.synthesize(LAYOUT, INSTANCES, styles=styles)
    assert photograph.shape == (8, 12, 3)


def test_styles_by_label():
    model = styled_synthesizer(regions="labels")
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype("uint8")
    styles = model.encode(image, None, labels=LAYOUT)
    assert sorted(styles) == [0, 1, 2]
    given = model.synthesize(LAYOUT, INSTANCES, styles=styles)
    drawn = model.synthesize(LAYOUT, INSTANCES, styles={2: styles[2]})
    assert (given != drawn).any()


def test_without_edges_the_objects_still_have_styles():
    model = Synthesizer(
        GlobalGenerator(5, filters=4, num_downsamples=1, num_blocks=1),
        Conditioning(3, edges=False),
        LABELS,
        encoder=FeatureEncoder(num_features=2, filters=2, num_downsamples=1, max_instances=5),
    )
    assert model.input_names == ["labels", "instances", "seed"]
    # The labels stand in where there are no instances: one style per class.
    looks = model.encode(np.random.default_rng(0).integers(0, 256, (8, 12, 3), "uint8"), LAYOUT)
    assert sorted(looks) == [0, 1, 2]
    plain = model.synthesize(LAYOUT, LAYOUT)
    assert (model.synthesize(LAYOUT, LAYOUT, {2: np.float32([0.9, -0.9])}) != plain).any()


def test_one_file_holds_encoder_and_styles(tmp_path):
    model = styled_synthesizer(reduction=2)
    model.save(tmp_path / "model.keras")
    loaded = tfsynth.load_model(tmp_path / "model.keras")
    assert loaded.encoder_reduction == 2
    np.testing.assert_array_equal(loaded.styles.centres[2], TABLE.centres[2])
    for seed in (0, 1):
        np.testing.assert_array_equal(
            loaded.synthesize(LAYOUT, INSTANCES, seed=seed),
            model.synthesize(LAYOUT, INSTANCES, seed=seed),
        )


@pytest.mark.parametrize(("version", "dtype"), [(2, "float32"), (3, "float16")])
def test_a_file_of_an_earlier_format_is_still_read(version, dtype):
    # Written once of `styled_synthesizer()` above; see goldens/README.md.
    path = GOLDENS / f"synthesizer_format_{version}.keras"
    loaded = tfsynth.load_model(path)
    assert (loaded.format_version, loaded.stored_dtype) == (version, dtype)
    np.testing.assert_array_equal(loaded.styles.centres[2], TABLE.centres[2])
    # These tables were stored without names; what is stored beside them has some.
    assert loaded.styles.names == {2: "car"}
    # What seed 3 drew then; a given style still makes the same picture.
    drawn = {200: [-0.9, 0.9], 201: [0.9, -0.9]}
    with np.load(path.with_suffix(".npz")) as stored:
        photograph = loaded.synthesize(LAYOUT, INSTANCES, drawn).astype(int)
        assert np.abs(photograph - stored["photograph"]).max() <= 1


def test_what_a_seed_draws_since_format_4():
    path = GOLDENS / "synthesizer_format_4.keras"
    loaded = tfsynth.load_model(path)
    assert loaded.format_version == 4
    with np.load(path.with_suffix(".npz")) as stored:
        photograph = loaded.synthesize(LAYOUT, INSTANCES, seed=4).astype(int)
        assert np.abs(photograph - stored["photograph"]).max() <= 1


def test_an_object_of_two_classes_has_a_style_of_each():
    model = styled_synthesizer(StyleTable({c: [[c, 0.5]] for c in (1, 2)}, {1: [1], 2: [1]}))
    one = np.zeros_like(INSTANCES)
    # Given by class: the regions of another model are classes.
    by_class = styled_synthesizer(regions="labels", styles=None)
    by_class.set_weights(model.get_weights())
    expected = by_class.synthesize(LAYOUT, one, {1: [1.0, 0.5], 2: [2.0, 0.5]})
    np.testing.assert_array_equal(model.synthesize(LAYOUT, one), expected)


@pytest.mark.parametrize(
    ("styles", "message"),
    [
        ({7: [0.0, 0.0]}, r"`styles` names \[7\], which the layout does not have"),
        ({200: [0.0]}, r"A style is an array \(2,\).*Received for 200: shape \(1,\)"),
        ({200: [0.0, np.nan]}, r"finite numbers; the style of 200: \[0.0, nan\]"),
        ({200: [1.0, 1j]}, "finite numbers; the style of 200"),
        ({200: "red"}, "finite numbers; the style of 200: 'red'"),
        ({200: None}, "finite numbers; the style of 200: None"),
        ({"car": [0.0, 0.0], 7: [0.0, 0.0]}, "`styles` names .*'car'.*which the layout does not"),
        (TABLE, "a table is for the model: `model.styles = table`. Received: StyleTable"),
        ([[0.0, 0.0]], "dict of instance id -> style. Received: list"),
    ],
)
def test_bad_styles_are_refused(styles, message):
    with pytest.raises(ValueError, match=message):
        styled_synthesizer().synthesize(LAYOUT, INSTANCES, styles=styles)


def test_a_layout_has_any_number_of_objects_and_a_photograph_as_many_as_the_encoder_takes():
    many = np.arange(96).reshape(8, 12) // 12
    model = styled_synthesizer()
    assert model.synthesize(LAYOUT, many).shape == (8, 12, 3)
    with pytest.raises(ValueError, match="has 8 instances; this model takes at most 5"):
        model.encode(np.zeros((8, 12, 3), "uint8"), many)


def test_a_table_of_other_features_is_refused():
    with pytest.raises(ValueError, match="have 3 features, the encoder 2"):
        styled_synthesizer(StyleTable({0: [[0.0, 0, 0]]}, {0: [1]}))


def test_models_without_an_encoder_have_no_styles():
    generator = GlobalGenerator(4, filters=2, num_downsamples=1, num_blocks=1)
    model = Synthesizer(generator, Conditioning(3), LABELS)
    with pytest.raises(ValueError, match="without a feature encoder"):
        model.synthesize(LAYOUT, INSTANCES, styles={0: [0.0]})
    with pytest.raises(ValueError, match="without a feature encoder"):
        model.encode(np.zeros((8, 12, 3), "uint8"), INSTANCES)

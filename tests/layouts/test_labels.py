"""The label set: its checks, its files, and what it guesses."""

import json

import numpy as np
import pytest

from tfsynth.layouts.guesses import pascal_palette
from tfsynth.layouts.label_files import installed_label_sets
from tfsynth.layouts.labels import DataError, LabelSet

SKY, ROAD, VOID = (70, 130, 180), (128, 64, 128), (0, 0, 0)


@pytest.fixture
def three():
    return LabelSet(["sky", "road", "void"], [SKY, ROAD, VOID], [2], {255: 2})


def test_fields_and_derived_values(three):
    assert three.num_classes == 3
    assert three.scored_ids == (0, 1)
    assert three.palette.tolist() == [list(SKY), list(ROAD), list(VOID)]
    assert three.dtype == np.uint8


def test_it_is_a_frozen_value(three):
    same = LabelSet(("sky", "road", "void"), [list(SKY), list(ROAD), list(VOID)], (2,), [(255, 2)])
    assert same == three and hash(same) == hash(three)
    assert same.fingerprint == three.fingerprint
    assert LabelSet(["sky"], [SKY]).fingerprint != three.fingerprint
    with pytest.raises(AttributeError):
        three.names = ()


@pytest.mark.parametrize(("count", "dtype"), [(256, "uint8"), (257, "uint16"), (65537, "int32")])
def test_dtype_holds_every_id(count, dtype):
    assert LabelSet([str(i) for i in range(count)], [SKY] * count).dtype == dtype


def test_paint(three):
    painted = three.paint([[0, 1, 2], [2, 1, 0]])
    assert painted.dtype == np.uint8
    assert painted.tolist() == [
        [list(SKY), list(ROAD), list(VOID)],
        [*map(list, (VOID, ROAD, SKY))],
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "at least one class"),
        ((["a"], [SKY, ROAD]), "1 names and 2 colours"),
        ((["a", "a"], [SKY, ROAD]), r"come twice: \['a'\]"),
        ((["a"], [(0, 0, 256)]), "0 to 255; class 'a'"),
        ((["a"], [(0.2, 0.5, 1.0)]), "are integers; got 0.2"),
        ((["a"], [SKY], [1]), r"in 0..0; got \[1\]"),
        ((["a"], [SKY], [], {0: 0}), "outside 0..0 to an id inside"),
        ((["a"], [SKY], [], {255: 1}), "outside 0..0 to an id inside"),
        ((["a", "b"], [SKY, ROAD], [], [(255, 0), (255, 1)]), "each value once"),
        ((["a"], [SKY], [], {255: 0}, {7: 0}), "values or aliases"),
        ((["a", "b"], [SKY, ROAD], [], (), {7: 0}), "every id from a value"),
        ((["a"], [SKY], [], (), {-1: 0}), "not negative"),
        ((["a"], [SKY], [], (), {7: 0, 8: 1}), "ids in 0..0"),
        ((["a"], [SKY], [], (), [(7, 0), (7, 0)]), "each value once"),
    ],
)
def test_constructor_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        LabelSet(*arguments)


def test_check_names_source_id_range_and_share(three):
    labels = np.zeros((2, 4), np.int32)
    labels[0, 1], labels[1, 3] = 37, -1
    with pytest.raises(DataError) as caught:
        three.check(labels, "street.png")
    text = str(caught.value)
    assert text.startswith("street.png: label id 37 is out of range")
    assert "ids 0..2 (3 classes)" in text
    assert "2 of 8 pixels (25 %)" in text
    assert "-1, 37" in text


def test_check_explains_255(three):
    with pytest.raises(DataError, match=r"write `aliases: \[255\]` at the void class"):
        three.check(np.full((2, 2), 255, np.uint8))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2, 3), np.uint8), "coded by colour: decode it"),
        (np.zeros((2, 2), np.float32), "of integer ids; this one is .2, 2. of float32"),
        (np.zeros((0, 2), np.uint8), "needs pixels"),
    ],
)
def test_check_refuses_other_arrays(three, labels, message):
    with pytest.raises(DataError, match=message):
        three.check(labels)


def test_resolve_replaces_aliases_only(three):
    values = np.array([[0, 255], [1, 9]], np.uint8)
    resolved = three.resolve(values)
    assert resolved.tolist() == [[0, 2], [1, 9]]
    assert resolved.dtype == np.uint8
    assert values.tolist() == [[0, 255], [1, 9]]


def test_values_of_files_become_ids_and_back():
    labels = LabelSet(["sky", "road"], [SKY, ROAD], values={23: 0, 7: 1, -1: 1, 8: 1})
    resolved = labels.resolve(np.array([[7, 23], [-1, 8]], np.int32))
    assert resolved.tolist() == [[1, 0], [1, 1]]
    assert resolved.dtype == np.uint8
    assert labels.file_values(np.array([[0, 1]])).tolist() == [[23, 7]]
    # An id is no value, although it is in range.
    with pytest.raises(DataError, match="a.png: .* no class for 1, 9; its files hold -1, 7, 8, 23"):
        labels.resolve(np.array([[1, 9, 7]], np.uint8), "a.png")
    node = json.loads(json.dumps(labels.to_dict()))
    assert node["classes"][1]["values"] == [-1, 7, 8]
    assert LabelSet.from_dict(node) == labels


def test_decode_colours_inverts_paint(three):
    labels = np.random.default_rng(0).integers(0, 3, (16, 24)).astype(np.uint8)
    decoded = three.decode_colours(three.paint(labels))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, labels)


def test_decode_colours_names_the_unknown_colour(three):
    pixels = three.paint(np.zeros((4, 5), int))
    pixels[2, 3] = (128, 64, 120)
    message = (
        r"a.png: the colour \(128, 64, 120\) at row 2, column 3 is no class's; 1 of 20 pixels "
        r"\(5 %\).*nearest class is 'road' \(128, 64, 128\)"
    )
    with pytest.raises(DataError, match=message):
        three.decode_colours(pixels, "a.png")


def test_decode_colours_refuses_shared_colours():
    shared = LabelSet(["pole", "group"], [SKY, SKY])
    with pytest.raises(DataError, match=r"'pole' and 'group' are both \(70, 130, 180\)"):
        shared.decode_colours(np.zeros((1, 1, 3), np.uint8))


def test_dict_round_trip_is_plain_json(three):
    node = json.loads(json.dumps(three.to_dict()))
    assert node["classes"][2] == {
        "name": "void",
        "colour": [0, 0, 0],
        "void": True,
        "aliases": [255],
    }
    assert LabelSet.from_dict(node) == three


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_load_reads_json_and_yaml(tmp_path, three, suffix):
    file = tmp_path / f"classes{suffix}"
    text = json.dumps(three.to_dict())
    if suffix == ".yaml":
        text = (
            "classes:\n- {id: 1, name: road, colour: [128, 64, 128]}\n"
            "- {id: 0, name: sky, colour: [70, 130, 180]}\n"
            "- {id: 2, name: void, colour: [0, 0, 0], void: true, aliases: 255}\n"
        )
    file.write_text(text)
    assert LabelSet.load(file) == three


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "expected a list under the key `classes`"),
        ("classes: {a: b}", "expected a list under the key `classes`"),
        ("classes: [{name: a}]", "a class needs `name` and `colour`"),
        ("classes: [sky, road]", "a class needs `name` and `colour`; got 'sky'"),
        ("classes: [{name: a, color: [0, 0, 0]}]", "unknown key 'color'.*Did you mean 'colour'"),
        (
            "classes: [{name: a, colour: [0, 0, 0], viod: true}]",
            "unknown key 'viod'.*Did you mean 'void'",
        ),
        (
            "classes: [{name: a, colour: [0, 0, 0], id: 0}, {name: v, colour: [9, 9, 9], id: 255}]",
            r"without gaps or repeats; got \[0, 255\].*written as an alias",
        ),
        (
            "classes: [{name: a, colour: [0, 0, 0], id: 0}, {name: b, colour: [0, 0, 0]}]",
            "not for 'b'",
        ),
        ("classes: [{name: a, colour: 7}]", "classes.yaml"),
        ("classes: [{name: a, colour: [0, 0", "not readable YAML"),
        ("classes: [{name: true, colour: [0, 0, 0]}]", "as true. Put it in quotes"),
        ("classes: [{name: 1e5, colour: [0, 0, 0]}]", "as 100000.0. Put it in quotes"),
        ("classes: [{name: a, colour: [0, 0, 0], void: no}]", "takes true or false.*'no'"),
    ],
)
def test_load_refuses_malformed_files(tmp_path, text, message):
    file = tmp_path / "classes.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        LabelSet.load(file)
    assert "classes.yaml" in str(caught.value)


def test_load_lists_installed_names():
    with pytest.raises(ValueError, match="no label file 'camvit'.*'camvid', 'cityscapes20', 'cit"):
        LabelSet.load("camvit")


def test_installed_camvid():
    camvid = LabelSet.load("camvid")
    assert camvid.num_classes == 12
    assert camvid.names[3] == "Road" and camvid.colours[3] == (128, 64, 128)
    assert camvid.void_ids == (11,)
    camvid.require_unique_colours()


def test_installed_cityscapes():
    cityscapes = LabelSet.load("cityscapes35")
    assert cityscapes.num_classes == 35
    assert len(cityscapes.scored_ids) == 19
    named = {name: i for i, name in enumerate(cityscapes.names)}
    assert (named["road"], named["car"], named["bicycle"]) == (7, 26, 33)
    assert cityscapes.colours[26] == (0, 0, 142)


def test_installed_cityscapes_of_training_classes():
    long, short = LabelSet.load("cityscapes35"), LabelSet.load("cityscapes20")
    ids = short.resolve(np.arange(-1, 35))
    # The benchmark's order of the scored classes, all others void but two.
    expected = {i: n for n, i in enumerate(long.scored_ids)} | {18: 5, 34: 13, -1: 13}
    assert ids.tolist() == [expected.get(i, 19) for i in range(-1, 35)]
    assert short.void_ids == (19,)
    for i in long.scored_ids:
        assert short.names[expected[i]] == long.names[i]
        assert short.colours[expected[i]] == long.colours[i]
    # Each class as the colour of its label says, which is how the published program read them.
    for i in range(35):
        same = [n for n in range(19) if short.colours[n] == long.colours[i]]
        assert expected.get(i, 19) == (same[0] if same else 19)


def test_every_installed_label_set_loads():
    assert {"camvid", "cityscapes20", "cityscapes35"} <= set(installed_label_sets())
    for name in installed_label_sets():
        assert LabelSet.load(name).num_classes > 1


def test_pascal_palette_begins_as_published():
    assert pascal_palette(9) == [
        (0, 0, 0),
        (128, 0, 0),
        (0, 128, 0),
        (128, 128, 0),
        (0, 0, 128),
        (128, 0, 128),
        (0, 128, 128),
        (128, 128, 128),
        (64, 0, 0),
    ]
    assert len(set(pascal_palette(256))) == 256


def test_infer_counts_to_the_largest_id():
    inferred = LabelSet.infer([np.array([[0, 2]]), {"labels": np.array([[5, 2]])}])
    assert inferred.names == tuple(f"class {i}" for i in range(6))
    assert inferred.colours == tuple(pascal_palette(6))
    assert inferred.void_ids == () and inferred.aliases == ()


def test_infer_makes_255_the_last_class_and_void():
    palette = [(i, i, i) for i in range(256)]
    inferred = LabelSet.infer([np.array([[0, 1], [20, 255]], np.uint8)], palette)
    assert inferred.num_classes == 22
    assert inferred.names[21] == "void" and inferred.void_ids == (21,)
    assert inferred.colours[20:] == ((20, 20, 20), (255, 255, 255))
    assert inferred.resolve(np.array([[255]])).tolist() == [[21]]


def test_infer_takes_a_mask_as_two_classes():
    inferred = LabelSet.from_values([0, 255])
    assert inferred.names == ("class 0", "class 1")
    assert inferred.void_ids == () and dict(inferred.aliases) == {255: 1}


def test_infer_keeps_255_where_it_is_one_of_many():
    inferred = LabelSet.from_values(range(256))
    assert inferred.num_classes == 256 and inferred.aliases == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "start at 0"), ([-1, 3], "hold -1, 3"), ([7, 26003], "look like instance ids")],
)
def test_infer_refuses(values, message):
    with pytest.raises(DataError, match=message):
        LabelSet.from_values(values)

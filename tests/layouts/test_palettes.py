"""Whether the indices or the colours of a palette are the classes; files that disagree."""

import numpy as np
import pytest

from tfsynth.layouts.guesses import pascal_palette
from tfsynth.layouts.labels import DataError, LabelSet
from tfsynth.layouts.palettes import Agreement, ids_by_palette

BLACK, RED, GREEN, BLUE = (0, 0, 0), (250, 0, 0), (0, 250, 0), (0, 0, 250)
WHITE = (255, 255, 255)
CLASSES = LabelSet(["void", "red", "green", "blue"], [BLACK, RED, GREEN, BLUE], [0])
ODD = [(1, 2, 3), (4, 5, 6), (7, 8, 9), (11, 12, 13)]


def ids(palette, used, label_set=CLASSES):
    """Returns the ids of the indices in use, or None where these are values themselves."""
    table = ids_by_palette(label_set, palette, used, "a.png")
    return None if table is None else [int(table[index]) for index in used]


@pytest.mark.parametrize(
    ("palette", "used"),
    [
        (list(CLASSES.colours), [0, 1, 2, 3]),
        (list(CLASSES.colours), [2]),
        ([*CLASSES.colours[:2], *ODD], [0, 1]),
        (ODD, [0, 1, 2, 3]),
        ([(i, i, i) for i in range(256)], [0]),
        ([(i, i, i) for i in range(256)], [0, 1, 3]),
        ([(9, 9, 9), BLACK, (7, 7, 7)], [0, 1, 2]),
        ([], [0, 1]),
    ],
)
def test_indices_are_values_where_colours_say_nothing_else(palette, used):
    assert ids(palette, used) is None


def test_colours_tell_the_classes_in_whatever_order():
    assert ids([BLUE, BLACK, RED, GREEN], [0, 1, 2, 3]) == [3, 0, 1, 2]
    assert ids([GREEN, BLUE], [0, 1]) == [2, 3]
    assert ids([BLACK, BLUE, *ODD], [0, 1]) == [0, 3]
    assert ids([GREEN] * 2 + [BLACK], [1]) == [2]


@pytest.mark.parametrize(
    ("palette", "used"),
    [
        ([BLUE, RED, (9, 9, 9), GREEN], [0, 1, 2, 3]),  # One colour is no class's.
        ([BLUE, BLUE, RED], [0, 1, 2]),  # One colour at two indices.
        ([BLUE, (9, 9, 9)], [0, 1]),
    ],
)
def test_what_is_not_plain_is_refused(palette, used):
    message = (
        r"^a.png: index 0 of this label map's palette has the colour \(0, 0, 250\) of the class"
    )
    with pytest.raises(DataError, match=f"{message} 'blue', and as an id it would be 'void'"):
        ids(palette, used)


def test_classes_that_share_a_colour_cannot_be_told_by_it():
    shared = LabelSet(["a", "b", "red", "green"], [BLACK, BLACK, RED, GREEN])
    assert ids([BLACK, BLACK, RED, GREEN], [0, 1, 2, 3], shared) is None
    assert ids([RED, GREEN], [0, 1], shared) == [2, 3]
    with pytest.raises(DataError, match="with a colour of its own for every class"):
        ids([RED, BLACK, GREEN], [0, 1, 2], shared)


def test_black_alone_is_the_grey_0_or_the_class_that_is_black():
    last = LabelSet(["red", "void"], [RED, BLACK])
    with pytest.raises(DataError, match="index 0 .* the class 'void', and as an id .* 'red'"):
        ids([BLACK], [0], last)
    assert ids([BLACK, RED], [0], last) == [1]
    assert ids([BLACK, (1, 1, 1)], [0], last) is None


def test_the_palette_of_pascal_voc_is_one_for_any_ids():
    # As CamVid: the void class is black, others have colours of that palette by chance.
    some = LabelSet(["sky", "building", "car", "tree", "void"],
                    [(128, 128, 128), (128, 0, 0), (64, 0, 128), (128, 128, 0), BLACK])  # fmt: skip
    assert ids(pascal_palette(256), [0, 1, 2, 3, 4], some) is None
    with pytest.raises(DataError, match="index 0 .* 'void', and as an id it would be 'sky'"):
        ids(pascal_palette(256), [0], some)


def test_aliases_and_values_of_files():
    alias = LabelSet(["black", "red", "void"], [BLACK, RED, BLUE], [2], {255: 2})
    padded = [BLACK, RED, BLUE] + [BLACK] * 253
    assert ids(padded, [0, 1, 255], alias) is None
    assert ids([RED, BLACK, BLUE] + [BLACK] * 253, [0, 1, 2], alias) == [1, 0, 2]
    values = LabelSet(["red", "green"], [RED, GREEN], values={7: 0, 9: 1, 11: 1})
    palette = [BLACK] * 12
    palette[7], palette[9], palette[11] = RED, GREEN, GREEN
    assert ids(palette, [7, 9, 11], values) is None
    assert ids([GREEN, RED], [0, 1], values) == [1, 0]


MANY = LabelSet(
    ["void", "sky", "wall", "road", "line", "car"],
    [BLACK, (70, 130, 180), (90, 80, 90), (128, 64, 128), WHITE, (20, 40, 190)],
    [0],
    {255: 0},
)


@pytest.mark.parametrize("shift", [1, -4, 7])
def test_colours_that_are_nearly_those_of_other_classes_are_refused(shift):
    # As programs leave them that reduce colours, or convert them from profile to profile.
    palette = [tuple(np.clip(np.add(c, shift), 0, 255).tolist()) for c in MANY.colours[::-1]]
    with pytest.raises(DataError, match="index 0 .*, nearly that of the class 'car'.* 'void'"):
        ids(palette, [0, 1, 2, 3, 4, 5], MANY)
    with pytest.raises(DataError, match="nearly that of the class 'road'"):
        ids([BLACK, (128, 65, 128), (90, 81, 90)], [0, 1, 2], MANY)
    assert ids(palette[::-1], [0, 1, 2, 3, 4, 5], MANY) is None


def test_one_strange_colour_that_is_nearly_a_classs_is_chance():
    assert ids([*ODD, (128, 65, 128)], [0, 1, 2, 3, 4], MANY) is None


@pytest.mark.parametrize(
    ("palette", "used"),
    [
        ([(1, 2, 3), (70, 130, 180)], [0, 1]),
        ([(1, 2, 3), (70, 130, 180), BLACK, BLACK], [0, 1]),
        ([(1, 2, 3), (70, 130, 180), BLACK, (4, 5, 6)], [0, 1, 2, 3]),
        ([(1, 2, 3), (4, 5, 6), (70, 130, 180)], [0, 1, 2]),
    ],
)
def test_a_palette_of_one_picture_with_a_new_colour_is_refused(palette, used):
    with pytest.raises(DataError, match=r"^a.png: index . of .*\(70, 130, 180\)|\(1, 2, 3\)"):
        ids(palette, used, MANY)


def test_another_colour_of_one_class_in_the_palette_of_all_is_none_of_these():
    palette = [*MANY.colours[:3], (1, 2, 3), *MANY.colours[4:]]
    assert ids(palette, [0, 1, 2, 3, 4, 5], MANY) is None
    assert ids(palette, [0, 1, 2, 3], MANY) is None


@pytest.mark.parametrize(
    "palette", [[(i, i, i) for i in levels] for levels in ([0, 2, 5], [5, 2, 0], [3, 3, 4])]
)
def test_greys_that_are_ids_at_other_indices_are_refused(palette):
    with pytest.raises(DataError, match=r"one of greys.*Image.open\(path\).convert\('L'\)"):
        ids(palette, [0, 1, 2], MANY)


def test_greys_that_are_no_ids_or_the_same_ids_are_for_display():
    assert ids([(i, i, i) for i in (0, 85, 170, 254)], [0, 1, 2, 3], MANY) is None
    mask = LabelSet(["off", "on"], [BLACK, RED], (), {255: 1})
    assert ids([BLACK, WHITE], [0, 1], mask) is None
    with pytest.raises(DataError, match="the grey 255 at index 0. The grey is the id of 'on'"):
        ids([WHITE, BLACK], [0, 1], mask)
    painted = LabelSet(["off", "on"], [BLACK, WHITE], (), {255: 1})
    assert ids([WHITE, BLACK], [0, 1], painted) == [1, 0]


def test_transparent_indices_have_no_colour():
    assert ids_by_palette(CLASSES, [BLACK, RED], [0, 1], "a.png", [0]) is None
    with pytest.raises(DataError, match="index 0 .* 'blue'.*index 1 is .*opaque"):
        ids_by_palette(CLASSES, [BLUE, BLACK], [0, 1], "a.png", [1])


def test_palettes_that_agree_over_the_indices_in_use():
    agreement = Agreement()
    agreement.add("a.png", [BLACK, RED, WHITE], [0, 1])
    agreement.add("b.png", [BLACK, RED, GREEN], [0, 2])
    agreement.add("c.png", [(i, i, i) for i in range(256)], [0, 3])  # No palette.
    agreement.add("d.png", [BLACK, (9, 9, 9), GREEN, BLUE], [3])
    assert agreement.palette == [BLACK, RED, GREEN, BLUE]
    assert Agreement().palette == []


@pytest.mark.parametrize(
    ("palette", "used", "message"),
    [
        (
            [BLACK, GREEN],
            [0, 1],
            r"gives index 1 .*\(0, 250, 0\), .* a.png gives index 1 .*\(250, 0",
        ),
        (
            [BLACK, WHITE, RED],
            [2],
            r"gives index 2 .*\(250, 0, 0\), .* a.png gives index 1 .*\(250",
        ),
    ],
)
def test_palettes_that_disagree_name_both_files(palette, used, message):
    agreement = Agreement()
    agreement.add("a.png", [BLACK, RED], [0, 1])
    with pytest.raises(DataError, match=f"^b.png: the palette .*{message}.*label_coding: colour"):
        agreement.add("b.png", palette, used)


def test_a_palette_that_repeats_a_colour_is_no_disagreement():
    agreement = Agreement()
    agreement.add("a.png", [BLACK] * 256, [0, 1])
    agreement.add("b.png", [BLACK] * 256, [2, 255])
    assert agreement.palette == [BLACK] * 256


def test_ids_are_numbers_for_every_index():
    table = ids_by_palette(CLASSES, [BLUE, RED], [0, 1], "a.png")
    assert table.shape == (256,) and table.dtype == np.int32


def test_black_that_fills_a_palette_is_no_disagreement():
    agreement = Agreement()
    agreement.add("a.png", [BLACK, RED], [0, 1])  # Cut after the last index in use.
    agreement.add("b.png", [BLACK, RED] + [BLACK] * 254, [1, 255])
    assert agreement.palette[:2] == [BLACK, RED]


@pytest.mark.parametrize("order", [1, -1])
def test_greys_with_and_without_a_palette_are_refused(order):
    files = [("a.png", None, [0, 3, 7]), ("b.png", [BLACK, (3, 3, 3)], [0, 1])][::order]
    agreement = Agreement()
    agreement.add(*files[0])
    with pytest.raises(DataError, match="^b.png: .* the grey 3 as 1, .* is a value in a.png"):
        agreement.add(*files[1])
    agreement = Agreement()
    agreement.add("c.png", [BLACK, WHITE], [0, 1])
    agreement.add("d.png", None, [0, 1])
    agreement.add("e.png", [BLACK, RED], [0])


@pytest.mark.parametrize(("stretch", "level"), [(255, 255), (85, 170), (17, 34)])
def test_greys_that_were_packed_into_few_bits_are_refused(stretch, level):
    agreement = Agreement()
    agreement.add("a.png", None, [0, 1, level])
    agreement.add("b.png", None, [0], stretch)
    with pytest.raises(DataError, match=f"^c.png: .* the grey {level} as .* in a.png"):
        agreement.add("c.png", None, [0, level // stretch], stretch)
    agreement = Agreement()
    agreement.add("a.png", None, [0, 1, 2])
    agreement.add("b.png", None, [0, 1, 2], stretch)

"""The layout: what each edit does to labels and instances, its refusals, undo and redo."""

import pickle

import numpy as np
import pytest

from tfsynth.layouts.labels import LabelSet
from tfsynth.layouts.layout import HISTORY, Layout
from tfsynth.layouts.regions import polygon_mask

SKY, ROAD, CAR = 0, 1, 2
LABEL_SET = LabelSet(["sky", "road", "car"], [(70, 130, 180), (128, 64, 128), (0, 0, 142)])
INT32 = np.iinfo(np.int32)


@pytest.fixture
def street():
    """Two rows of sky, two of road, and car 26003 on the border."""
    labels = [
        [0, 0, 0, 0, 0, 0],
        [0, 2, 2, 0, 0, 0],
        [1, 2, 2, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    instances = np.select([np.equal(labels, CAR), np.equal(labels, ROAD)], [26003, 7], 23)
    return Layout(labels, LABEL_SET, instances)


def mask_of(layout, rows, columns):
    mask = np.zeros(layout.labels.shape, bool)
    mask[rows, columns] = True
    return mask


def state(layout):
    return layout.labels.tobytes(), layout.instances.tobytes()


def test_construction_keeps_ids_and_sets_dtypes(street):
    assert street.labels.dtype == np.uint8 and street.instances.dtype == np.int32
    assert street.ids() == [7, 23, 26003]
    assert street.label_set is LABEL_SET
    assert not street.can_undo and not street.can_redo
    many = LabelSet([str(i) for i in range(300)], [(0, 0, 0)] * 300)
    assert Layout([[299]], many).labels.dtype == np.uint16


def test_construction_copies_what_it_is_given():
    labels, instances = np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.int32)
    layout = Layout(labels, LABEL_SET, instances)
    labels[:], instances[:] = 1, 1
    assert layout.labels.tolist() == layout.instances.tolist() == [[0, 0], [0, 0]]


def test_without_instances_the_components_are_taken():
    labels = [[0, 1, 0], [1, 1, 0]]
    assert Layout(labels, LABEL_SET).instances.tolist() == [[0, 1, 2], [1, 1, 2]]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int16])
def test_any_int32_is_an_instance_id(dtype):
    assert Layout([[0, 0]], LABEL_SET, np.array([[5, 3]], dtype)).ids() == [3, 5]
    extremes = Layout([[0, 1]], LABEL_SET, np.array([[INT32.min, INT32.max]]))
    assert extremes.ids() == [INT32.min, INT32.max]
    assert extremes.class_of(INT32.max) == ROAD


def test_negative_ids_only_still_give_new_ids_from_0():
    assert Layout([[0, 1]], LABEL_SET, [[-7, -7]]).copy(-7, 0, 1) == 0


@pytest.mark.parametrize(
    ("labels", "instances", "message"),
    [
        ([[0, 3]], None, "`labels`: label id 3 is out of range"),
        ([[0.0, 1.0]], None, "`labels`: a label map is .* of float64"),
        ([0, 1], None, "`labels`: a label map is"),
        (np.zeros((0, 2), int), None, "`labels`: a label map needs pixels"),
        ([[0, 1]], [[0], [1]], r"of the shape of `labels`, \(1, 2\); these are int64 of \(2, 1\)"),
        ([[0, 1]], [[0.0, 1.0]], "are integers .* these are float64"),
        ([[0, 1]], [[True, False]], "are integers .* these are bool"),
        ([[0, 1]], [[0, 2**31]], "go from 0 to 2147483648. Number them anew"),
        ([[0, 1]], np.array([[0, 2**63]], np.uint64), "go from 0 to 9223372036854775808"),
        ([[0, 1], [0]], None, "A label map is one array; its rows are of one length"),
        ([[0, 1]], [[0, 1], [0]], "An instance map is one array; its rows are of one length"),
        ([[0, 1]], [[0, -(2**31) - 1]], "Instance ids are in -2147483648..2147483647"),
    ],
)
def test_construction_refuses(labels, instances, message):
    with pytest.raises(ValueError, match=message):
        Layout(labels, LABEL_SET, instances)


@pytest.mark.parametrize("label_set", [None, "streets", ["road", "car"]])
def test_a_layout_needs_a_label_set(label_set):
    with pytest.raises(ValueError, match="A layout has a LabelSet"):
        Layout([[0, 1]], label_set)


def test_accessors(street):
    assert street.mask(26003).tolist() == (street.labels == CAR).tolist()
    assert street.box(26003) == (1, 1, 3, 3)
    assert street.box(7) == (0, 2, 6, 4)
    assert street.instance_at(2, 1) == 26003 and street.instance_at(5, 3) == 7
    assert [street.class_of(i) for i in street.ids()] == [ROAD, SKY, CAR]
    np.testing.assert_array_equal(street.paint(), LABEL_SET.paint(street.labels))


def test_box_and_polygon_agree(street):
    left, top, right, bottom = street.box(26003)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    np.testing.assert_array_equal(polygon_mask(corners, (4, 6)), street.mask(26003))


def test_class_of_is_the_majority_and_of_equals_the_smallest():
    layout = Layout([[2, 2, 1, 2, 1, 1]], LABEL_SET, [[0, 0, 0, 5, 5, 9]])
    assert [layout.class_of(i) for i in (0, 5, 9)] == [CAR, ROAD, ROAD]


def test_arrays_are_read_only_and_no_edit_changes_them(street):
    labels, instances = street.labels, street.instances
    before = labels.tolist(), instances.tolist()
    with pytest.raises(ValueError, match="read-only"):
        labels[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        instances[0, 0] = 1
    street.delete(26003)
    street.undo()
    assert (labels.tolist(), instances.tolist()) == before
    street.delete(26003)
    assert (labels.tolist(), instances.tolist()) == before
    with pytest.raises(ValueError, match="read-only"):
        street.labels[0, 0] = 1


def test_change_class(street):
    street.change_class(26003, ROAD)
    assert street.labels.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    assert street.class_of(26003) == ROAD
    assert street.ids() == [7, 23, 26003]


def test_draw_makes_a_new_instance(street):
    assert street.draw(mask_of(street, 3, slice(4, 6)), CAR) == 26004
    assert street.instances.tolist() == [
        [23, 23, 23, 23, 23, 23],
        [23, 26003, 26003, 23, 23, 23],
        [7, 26003, 26003, 7, 7, 7],
        [7, 7, 7, 7, 26004, 26004],
    ]
    assert street.labels[3].tolist() == [1, 1, 1, 1, 2, 2]


def test_draw_into_an_instance_leaves_its_other_pixels(street):
    assert street.draw(mask_of(street, slice(1, 3), 3), ROAD, 26003) == 26003
    assert street.labels.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 2, 2, 1, 0, 0],
        [1, 2, 2, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    assert street.box(26003) == (1, 1, 4, 3)
    assert street.class_of(26003) == CAR


def test_painting_over_a_part_keeps_the_rest_and_over_all_removes(street):
    new = street.draw(mask_of(street, 1, slice(1, 3)), SKY)
    assert street.box(26003) == (1, 2, 3, 3)
    assert street.draw(mask_of(street, 2, slice(1, 3)), SKY, new) == new
    assert street.ids() == [7, 23, new]
    with pytest.raises(ValueError, match="no instance 26003; it may be deleted, painted over"):
        street.mask(26003)


def test_draw_polygon(street):
    new = street.draw_polygon([(4, 2), (9, 2), (9, 9), (4, 9)], CAR)
    assert street.box(new) == (4, 2, 6, 4) and street.class_of(new) == CAR
    assert street.draw_polygon([(3, 3), (4, 3), (4, 4), (3, 4)], CAR, new) == new
    assert street.labels.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 2, 2, 0, 0, 0],
        [1, 2, 2, 1, 2, 2],
        [1, 1, 1, 2, 2, 2],
    ]


def test_move_fills_with_the_nearest(street):
    street.move(26003, rows=-1, columns=2)
    assert street.labels.tolist() == [
        [0, 0, 0, 2, 2, 0],
        [0, 0, 0, 2, 2, 0],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    assert street.instances.tolist() == [
        [23, 23, 23, 26003, 26003, 23],
        [23, 23, 23, 26003, 26003, 23],
        [7, 7, 7, 7, 7, 7],
        [7, 7, 7, 7, 7, 7],
    ]


def test_move_over_itself(street):
    street.move(26003, rows=0, columns=1)
    assert street.labels.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 2, 2, 0, 0],
        [1, 1, 2, 2, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]


def test_move_carries_mixed_labels():
    layout = Layout([[0, 1, 2, 0, 0]], LABEL_SET, [[4, 9, 9, 4, 4]])
    layout.move(9, 0, 2)
    assert layout.labels.tolist() == [[0, 0, 0, 1, 2]]
    assert layout.instances.tolist() == [[4, 4, 4, 9, 9]]


def test_move_clips_at_the_edge(street):
    street.move(26003, rows=2, columns=-2)
    assert street.labels.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
        [2, 1, 1, 1, 1, 1],
    ]
    assert street.box(26003) == (0, 3, 1, 4)


def test_move_removes_what_it_covers():
    layout = Layout([[0, 1, 2]], LABEL_SET, [[4, 5, 6]])
    layout.move(4, 0, 2)
    assert layout.ids() == [4, 5]
    assert layout.labels.tolist() == [[1, 1, 0]]


def test_copy(street):
    assert street.copy(26003, rows=1, columns=4) == 26004
    assert street.copy(26003, rows=-1, columns=1) == 26005
    assert street.instances.tolist() == [
        [23, 23, 26005, 26005, 23, 23],
        [23, 26003, 26005, 26005, 23, 23],
        [7, 26003, 26003, 7, 7, 26004],
        [7, 7, 7, 7, 7, 26004],
    ]
    assert street.labels.tolist() == [
        [0, 0, 2, 2, 0, 0],
        [0, 2, 2, 2, 0, 0],
        [1, 2, 2, 1, 1, 2],
        [1, 1, 1, 1, 1, 2],
    ]


def test_copy_over_all_of_the_original_replaces_it(street):
    assert street.copy(26003, 0, 0) == 26004
    assert street.ids() == [7, 23, 26004]


def test_delete_fills_with_the_nearest(street):
    street.delete(26003)
    assert street.ids() == [7, 23]
    assert street.instances.tolist() == [[23] * 6, [23] * 6, [7] * 6, [7] * 6]
    assert street.labels.tolist() == [[0] * 6, [0] * 6, [1] * 6, [1] * 6]


def test_of_equally_near_pixels_it_is_one_of_them_and_always_the_same():
    def filled(instances):
        layout = Layout(np.zeros((3, 3), int), LABEL_SET, instances)
        layout.delete(0)
        return layout.instances[1, 1]

    cases = [
        ([[9, 1, 9], [0, 0, 0], [9, 4, 9]], {1, 4}),
        ([[9, 1, 9], [2, 0, 3], [9, 4, 9]], {1, 2, 3, 4}),
        ([[5, 0, 6], [0, 0, 0], [7, 0, 8]], {5, 6, 7, 8}),
    ]
    for instances, near in cases:
        assert filled(instances) in near
        assert filled(instances) == filled(instances)
    # One is nearer than all others.
    assert filled([[9, 0, 9], [0, 0, 0], [9, 4, 9]]) == 4


@pytest.mark.parametrize("fill", [None, ROAD])
@pytest.mark.parametrize("seed", range(8))
def test_filling_equals_a_search(seed, fill):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, (11, 13))
    instances = generator.integers(0, 40, (11, 13))
    instances[generator.random((11, 13)) < 0.8] = 50
    layout = Layout(labels, LABEL_SET, instances)
    hole = layout.mask(50)
    layout.delete(50, fill)
    sources = ~hole if fill is None else ~hole & (labels == fill)
    places = np.argwhere(sources)
    for row, column in np.argwhere(hole):
        steps = abs(places - (row, column)).sum(axis=1)
        near = [tuple(place) for place in places[steps == steps.min()]]
        found = layout.labels[row, column], layout.instances[row, column]
        assert found in {(labels[place], instances[place]) for place in near}
    np.testing.assert_array_equal(layout.instances[~hole], instances[~hole])


def test_filling_with_a_class_takes_its_nearest_instance(street):
    street.delete(26003, fill=ROAD)
    assert street.labels.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    assert street.ids() == [7, 23]


def test_filling_with_a_class_that_is_nowhere_else_makes_an_instance(street):
    street.move(26003, rows=0, columns=1, fill=CAR)
    assert street.ids() == [7, 23, 26003, 26004]
    assert street.mask(26004).tolist() == mask_of(street, slice(1, 3), 1).tolist()
    assert street.class_of(26004) == CAR


def test_the_whole_picture_needs_a_class_to_fill_with():
    layout = Layout([[2, 2]], LABEL_SET)
    for edit in (lambda: layout.delete(0), lambda: layout.move(0, 0, 1)):
        with pytest.raises(ValueError, match="whole picture.*Give a class as `fill`"):
            edit()
    layout.move(0, 0, 1, fill=SKY)
    assert layout.labels.tolist() == [[0, 2]]
    assert layout.instances.tolist() == [[1, 0]]


def test_new_ids_are_never_used_again(street):
    assert street.copy(7, 1, 0) == 26004
    street.undo()
    assert street.copy(7, 1, 0) == 26005
    street.delete(26005)
    street.delete(26003)
    assert street.draw(mask_of(street, 0, 0), CAR) == 26006


def test_ids_end_with_int32():
    layout = Layout([[0, 1]], LABEL_SET, [[0, INT32.max - 1]])
    assert layout.draw([[True, False]], CAR) == INT32.max
    for edit in (lambda: layout.draw([[True, False]], CAR), lambda: layout.copy(INT32.max, 0, 1)):
        with pytest.raises(ValueError, match="2147483647 is the last.*Number the instances anew"):
            edit()
    assert layout.instances.tolist() == [[INT32.max, INT32.max - 1]]


ALL_OFF = (4, -4, 10**30, -(10**30))
REFUSALS = [
    (lambda layout: layout.mask(8), "no instance 8; .*`ids"),
    (lambda layout: layout.mask(2**40), "no instance 1099511627776"),
    (lambda layout: layout.mask(7.0), "instance id is an integer; got 7.0"),
    (lambda layout: layout.class_of(8), "no instance 8"),
    (lambda layout: layout.box(8), "no instance 8"),
    (lambda layout: layout.change_class(8, CAR), "no instance 8"),
    (lambda layout: layout.change_class(7, 3), r"in 0..2; got 3.*`label_set.names`"),
    (lambda layout: layout.change_class(7, -1), r"in 0..2; got -1"),
    (lambda layout: layout.change_class(7, "car"), "class id is an integer; got 'car'"),
    (lambda layout: layout.move(8, 0, 0), "no instance 8"),
    (lambda layout: layout.move(7, 0, 0.5), "distance is an integer; got 0.5"),
    (lambda layout: layout.move(26003, 0, 0, fill=3), "in 0..2; got 3"),
    (lambda layout: layout.move(26003, 0, 5), "rows 1 to 2 and columns 1 to 2, would go 0 rows"),
    (lambda layout: layout.copy(8, 0, 0), "no instance 8"),
    *(
        (lambda layout, rows=rows: layout.copy(26003, rows, 0), f"would go {rows} rows.*`delete`")
        for rows in ALL_OFF
    ),
    (lambda layout: layout.delete(8), "no instance 8"),
    (lambda layout: layout.delete(7, fill=3), "in 0..2; got 3"),
    (lambda layout: layout.draw(np.ones((4, 5), bool), CAR), r"\(4, 6\); .* bool of \(4, 5\)"),
    (lambda layout: layout.draw(np.ones((4, 6), int), CAR), r"int64 of \(4, 6\). Compare"),
    (lambda layout: layout.draw(np.zeros((4, 6), bool), CAR), "at least one pixel.*got none"),
    (lambda layout: layout.draw(np.ones((4, 6), bool), 3), "in 0..2; got 3"),
    (lambda layout: layout.draw(np.ones((4, 6), bool), CAR, 8), "no instance 8"),
    (lambda layout: layout.draw_polygon([(7, 0), (9, 0), (9, 3)], CAR), "at least one pixel"),
    (lambda layout: layout.instance_at(6, 0), r"to \(5, 3\) in a picture of 4 x 6; got \(6, 0\)"),
    (lambda layout: layout.instance_at(0, -1), r"got \(0, -1\). Clip"),
    (lambda layout: layout.instance_at(0.5, 0), "column is an integer; got 0.5"),
    (lambda layout: layout.undo(), "no edit to undo. Ask `can_undo`"),
    (lambda layout: layout.redo(), "no edit to redo. Ask `can_redo`"),
]


@pytest.mark.parametrize(("edit", "message"), REFUSALS)
def test_an_edit_that_is_refused_changes_nothing(street, edit, message):
    before = state(street)
    with pytest.raises(ValueError, match=message):
        edit(street)
    assert state(street) == before
    assert not street.can_undo and not street.can_redo


EDITS = {
    "change_class": lambda layout: layout.change_class(7, CAR),
    "draw": lambda layout: layout.draw(mask_of(layout, slice(2, 4), 5), CAR),
    "draw into": lambda layout: layout.draw(mask_of(layout, 0, 0), CAR, 26003),
    "draw over all": lambda layout: layout.draw(np.ones((4, 6), bool), SKY),
    "draw_polygon": lambda layout: layout.draw_polygon([(0, 0), (3, 0), (0, 3)], CAR),
    "move": lambda layout: layout.move(26003, -1, 3),
    "move and fill": lambda layout: layout.move(26003, -1, 3, fill=CAR),
    "copy": lambda layout: layout.copy(7, -1, 2),
    "delete": lambda layout: layout.delete(23),
    "delete and fill": lambda layout: layout.delete(23, fill=CAR),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_undo_and_redo_restore_to_the_last_bit(street, edit):
    before = state(street)
    edit(street)
    after = state(street)
    assert after != before
    for _ in range(2):
        assert street.can_undo and not street.can_redo
        street.undo()
        assert state(street) == before
        assert not street.can_undo and street.can_redo
        street.redo()
        assert state(street) == after


def test_an_edit_ends_redoing_and_one_of_nothing_does_not(street):
    street.delete(26003)
    street.undo()
    street.change_class(26003, CAR)
    street.move(26003, 0, 0)
    street.draw(street.mask(7), ROAD, 7)
    assert street.can_redo and not street.can_undo
    street.change_class(26003, ROAD)
    assert street.can_undo and not street.can_redo


def test_history_is_bounded():
    layout = Layout(np.zeros((1, HISTORY + 5), int), LABEL_SET)
    for column in range(HISTORY + 5):
        layout.draw(mask_of(layout, 0, column), CAR)
    for _ in range(HISTORY):
        layout.undo()
    assert not layout.can_undo
    assert layout.labels.sum() == 5 * CAR
    for _ in range(HISTORY):
        layout.redo()
    assert layout.labels.sum() == (HISTORY + 5) * CAR


def test_history_is_lean():
    layout = Layout(np.zeros((256, 512), int), LABEL_SET)
    mask = mask_of(layout, slice(100, 140), slice(50, 150))
    before = len(pickle.dumps(layout))
    car = layout.draw(mask, CAR)
    layout.move(car, 40, 300)
    layout.change_class(0, ROAD)
    # One map of the layout has 131,072 pixels.
    assert before < len(pickle.dumps(layout)) < before + 10_000
    for _ in range(3):
        layout.undo()
    assert not layout.labels.any() and not layout.can_undo


def random_edit(layout, generator):
    """Makes one edit, and returns the id it is about and whether that is new."""
    instance = int(generator.choice(layout.ids()))
    rows, columns = (int(n) for n in generator.integers(-3, 4, 2))
    class_id = int(generator.integers(3))
    mask = generator.random(layout.labels.shape) < 0.1
    points = generator.uniform(-2, 12, (int(generator.integers(3, 7)), 2))
    kind = generator.integers(8)
    if kind == 0:
        return layout.change_class(instance, class_id)
    if kind == 1:
        return layout.draw(mask, class_id)
    if kind == 2:
        layout.draw(mask, class_id, instance)
        return None
    if kind == 3:
        return layout.draw_polygon(points, class_id)
    if kind == 4:
        return layout.move(instance, rows, columns)
    if kind == 5:
        return layout.move(instance, rows, columns, class_id)
    if kind == 6:
        return layout.copy(instance, rows, columns)
    return layout.delete(instance, class_id if rows > 0 else None)


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_keep_the_invariants(seed):
    generator = np.random.default_rng(seed)
    layout = Layout(generator.integers(0, 3, (9, 10)), LABEL_SET)
    states, used, refused = [state(layout)], set(layout.ids()), 0
    for _ in range(80):
        try:
            new = random_edit(layout, generator)
        except ValueError:
            refused += 1
            assert state(layout) == states[-1]
            continue
        if new is not None:
            assert new not in used and new in layout.ids()
            used.add(new)
        # Filling with a class that is nowhere makes an instance without saying so.
        assert all(i > max(used) for i in set(layout.ids()) - used)
        used.update(layout.ids())
        LABEL_SET.check(layout.labels)
        assert layout.labels.dtype == np.uint8 and layout.instances.dtype == np.int32
        assert all(layout.mask(i).any() for i in layout.ids())
        assert sum(layout.mask(i).sum() for i in layout.ids()) == 90
        if state(layout) != states[-1]:
            states.append(state(layout))
    assert refused < 40 and len(states) > 40
    for expected in states[-2::-1]:
        layout.undo()
        assert state(layout) == expected
    assert not layout.can_undo
    for expected in states[1:]:
        layout.redo()
        assert state(layout) == expected
    assert not layout.can_redo


def test_a_polygon_of_two_corners_is_refused(street):
    with pytest.raises(ValueError, match="at least 3 corners"):
        street.draw_polygon([(0, 0), (1, 1)], CAR)

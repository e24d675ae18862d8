"""New layouts of known ones: what moves, where it may lie, and what is kept."""

import numpy as np
import pytest

from tfsynth.layouts.recombination import Recombination

DISH, CELL, SKY, ROAD, CAR, WALL = range(6)


def dish(*cells, size=(40, 60)):
    """A dish with square cells (top, left, side)."""
    labels = np.full(size, DISH, np.uint8)
    instances = np.zeros(size, np.int32)
    for number, (top, left, side) in enumerate(cells, start=1):
        square = slice(top, top + side), slice(left, left + side)
        labels[square], instances[square] = CELL, number
    return labels, instances


def street(*cars):
    """A road of 20 rows below the sky, with cars (foot, left, height, width)."""
    labels = np.full((40, 60), SKY, np.uint8)
    labels[20:] = ROAD
    instances = labels.astype(np.int32)
    for number, (foot, left, height, width) in enumerate(cars):
        square = slice(foot - height, foot), slice(left, left + width)
        labels[square], instances[square] = CAR, 100 + number
    return labels, instances


def boxes(labels, instances, class_id):
    """Returns the sorted (top, left, height, width) of the instances of a class."""
    found = []
    for instance in np.unique(instances[labels == class_id]):
        rows, columns = np.nonzero(instances == instance)
        top, left = int(rows.min()), int(columns.min())
        found.append((top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1))
    return sorted(found)


def test_objects_and_the_way_up_are_read_off_the_layouts():
    cells = Recombination([dish((5, 5, 4), (20, 20, 4)), dish()], 6)
    assert (cells.object_classes, cells.upright) == ((CELL,), False)
    streets = Recombination([street((30, 5, 8, 8), (34, 30, 8, 8))], 6)
    assert (streets.object_classes, streets.upright) == ((CAR,), True)
    # One car in each street could as well be scenery.
    assert Recombination([street((30, 5, 8, 8))] * 3, 6).object_classes == ()


def test_cells_keep_their_number_and_shapes_and_lie_apart_in_the_dish():
    known = [dish((5, 5, 4), (20, 20, 4), (30, 40, 5)), dish((10, 30, 4), (25, 10, 4))]
    recombined = Recombination(known, 6, seed=3)
    places, counts = set(), []
    for k in range(40):
        labels, instances = recombined.layout(k)
        assert labels.dtype == np.uint8 and instances.dtype == np.int32
        assert sorted(np.unique(instances)) == list(range(instances.max() + 1))
        found = boxes(labels, instances, CELL)
        whole = [box for box in found if box[2:] in ((4, 4), (5, 5))]
        places |= {box[:2] for box in whole}
        # What is neither was cut by the border of the picture.
        assert all(
            0 in box[:2] or box[0] + box[2] == 40 or box[1] + box[3] == 60
            for box in found
            if box not in whole
        )
        counts.append(len(found))
    assert len(places) > 40
    # 3 and 2 in turn; what leaves on one side is made up by what comes in.
    assert np.mean(counts) == pytest.approx(2.5, abs=0.3)


def test_an_upright_object_keeps_its_row_and_stands_on_its_ground():
    known = [street((30, 5, 8, 8), (36, 30, 6, 10))]
    recombined = Recombination(known, 6)
    lefts = set()
    for k in range(40):
        labels, instances = recombined.layout(k)
        assert (labels[39] == ROAD).all() and (labels[0] == SKY).all()
        for top, left, height, width in boxes(labels, instances, CAR):
            foot = top + height
            assert min(abs(foot - 30), abs(foot - 36)) <= 1
            assert (labels[foot, left : left + width] != SKY).all()
            lefts.add(left)
        # Where a car was, there is what is nearest: sky above the horizon, road below.
        assert (labels[:20] != ROAD).all() and (labels[20:] != SKY).all()
    assert len(lefts) > 20


def test_a_nearer_object_is_not_covered_by_a_farther_one():
    known = [street((30, 10, 8, 8), (38, 12, 14, 30))]
    recombined = Recombination(known, 6)
    for k in range(40):
        labels, instances = recombined.layout(k)
        nearest = max(boxes(labels, instances, CAR), key=lambda box: box[0] + box[2])
        assert nearest[2:] == (14, 30)
        rows, columns = slice(nearest[0], nearest[0] + 14), slice(nearest[1], nearest[1] + 30)
        assert len(np.unique(instances[rows, columns])) == 1


def test_objects_come_from_other_layouts_too_and_of_like_size():
    known = [
        dish((5, 5, 5), (20, 20, 5)),
        dish((5, 5, 6), (20, 20, 6)),
        dish((10, 10, 12), (10, 30, 12)),
    ]
    recombined = Recombination(known, 6)
    sides = set()
    for k in range(0, 90, 3):  # Those that begin with cells of 5 x 5.
        sides |= {box[2:] for box in boxes(*recombined.layout(k), CELL)}
    # 36 pixels are less than 1.5 times 25, 144 are more.
    assert (6, 6) in sides and (5, 5) in sides
    assert max(max(side) for side in sides) == 6


def test_a_layout_depends_on_its_number_and_the_seed_alone():
    known = [dish((5, 5, 4), (20, 20, 4)), dish((10, 30, 4), (25, 10, 4))]
    first, again, other = (Recombination(known, 6, seed=seed) for seed in (0, 0, 1))
    for array, same in zip(first.layout(5), again.layout(5), strict=True):
        np.testing.assert_array_equal(array, same)
    assert any((first.layout(k)[0] != other.layout(k)[0]).any() for k in range(4))
    assert (known[0][0] == dish((5, 5, 4), (20, 20, 4))[0]).all()  # Its own are left alone.


def test_layouts_without_objects_are_mirrored_and_shifted_alone():
    labels = np.zeros((8, 8), np.uint8)
    labels[:, 2] = 1
    recombined = Recombination([(labels, labels)], 2)
    assert recombined.object_classes == ()
    for k in range(10):
        columns = recombined.layout(k)[0]
        assert (columns == columns[0]).all()


def test_what_cannot_be_recombined_is_refused():
    with pytest.raises(ValueError, match="New layouts are made of known ones; got none"):
        Recombination([], 2)
    with pytest.raises(ValueError, match="Layouts that are recombined have one size"):
        Recombination([dish(), dish(size=(20, 20))], 6)

"""Objects of drawn streets: which count, and how they are found at another size."""

import numpy as np

from tests.reproduction.drawn import Drawn, Street
from tfsynth.data import PairedFolders
from tfsynth.reproduction.drawn_objects import drawn_objects
from tfsynth.streets import classes
from tfsynth.streets.cars import CAR_COLOURS


def test_objects_of_a_class_with_their_paint_and_colour():
    split = Drawn([Street(("red", (200, 10, 30)), ("blue", (0, 0, 90)))])
    red, blue = drawn_objects(split, (16, 24), classes.CAR)
    assert (red.colour, blue.colour) == (CAR_COLOURS["red"], CAR_COLOURS["blue"])
    assert red.mask.sum() == 64 and red.instances[red.mask].tolist() == [red.id] * 64
    np.testing.assert_array_equal(red.mean_colour(red.image), [200, 10, 30])
    assert drawn_objects(split, (16, 24), classes.BUILDING) == []


def test_small_objects_and_later_pictures_do_not_count():
    small = Street(("red", (1, 1, 1)), side=7)  # 49 pixels.
    large = Street(("red", (1, 1, 1)))
    split = Drawn([small, large, large])
    assert len(drawn_objects(split, (16, 24), classes.CAR)) == 2
    assert len(drawn_objects(split, (16, 24), classes.CAR, limit=2)) == 1


def test_at_twice_the_size_an_object_has_four_times_the_pixels():
    split = Drawn([Street(("red", (200, 10, 30)), side=4)])  # 16 pixels.
    assert drawn_objects(split, (16, 24), classes.CAR) == []
    (car,) = drawn_objects(split, (32, 48), classes.CAR)
    assert car.mask.sum() == 64


def test_photographs_tell_nothing(tmp_path):
    from tests import tiny

    node = tiny.paired_folders(tmp_path, train=1, test=1)
    split = PairedFolders(root=node["root"]).split("test")
    assert drawn_objects(split, (32, 64), 1) == []

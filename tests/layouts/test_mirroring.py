import numpy as np
import pytest

from tfsynth.layouts.mirroring import mirrored, shifted

LABELS = np.array([[0, 1, 1, 0], [2, 2, 0, 3]])
INSTANCES = LABELS * 10


def test_rows_and_columns_are_reversed():
    labels, instances = mirrored(LABELS, INSTANCES, columns=True)
    assert labels.tolist() == [[0, 1, 1, 0], [3, 0, 2, 2]]
    assert (instances == labels * 10).all()
    assert mirrored(LABELS, INSTANCES, rows=True)[0].tolist() == [[2, 2, 0, 3], [0, 1, 1, 0]]
    assert (mirrored(LABELS, INSTANCES)[0] == LABELS).all()


def test_what_comes_in_is_the_mirror_image_of_what_is_beside_it():
    labels, instances = shifted(LABELS, INSTANCES, 1, 2)
    assert labels.tolist() == [[1, 0, 0, 1], [1, 0, 0, 1]]
    assert (instances == labels * 10).all()
    assert (shifted(LABELS, INSTANCES, 0, 0)[0] == LABELS).all()
    # By the whole width: the picture's own mirror image.
    assert shifted(LABELS, INSTANCES, 0, 4)[0].tolist() == LABELS[:, ::-1].tolist()


def test_a_mirror_image_of_an_object_is_another_object():
    row = np.array([[5, 0, 5, 0, 0, 0, 0]])
    # The first one touches the border and grows; of the second one there are two.
    labels, instances = shifted(row, np.array([[7, 0, 8, 0, 0, 0, 0]]), 0, 3, objects=[5])
    assert labels.tolist() == [[5, 0, 5, 5, 0, 5, 0]]
    first, _, own, again, _, last, _ = instances[0].tolist()
    assert (own, again, last) == (7, 7, 8)
    assert first not in (0, 7, 8)
    # Of a class without objects it is the same.
    assert shifted(row, row, 0, 3)[1].tolist() == [[5, 0, 5, 5, 0, 5, 0]]


def test_a_distance_beyond_the_picture_is_refused():
    with pytest.raises(ValueError, match="A layout of 2 x 4 is shifted by 0 up to its size; got 3"):
        shifted(LABELS, INSTANCES, 3, 0)
    with pytest.raises(ValueError, match="got 0 rows and -1 columns"):
        shifted(LABELS, INSTANCES, 0, -1)

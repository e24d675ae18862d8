"""Batches without TensorFlow: those of `tf.data`, in whatever order they are asked for."""

import functools
import threading
from collections import Counter

import numpy as np
import pytest

from tests.data.numbered import Numbered
from tfsynth.data import DataError, augment, batches
from tfsynth.data.numpy_batches import batches_of, surface_data_errors
from tfsynth.data.stream import Stream

SIZE = (16, 24)


class Counted(Numbered):
    """Notes how often each example is read, in whatever thread."""

    def __init__(self, count):
        super().__init__(count)
        self.reads, self.lock = Counter(), threading.Lock()

    def load(self, index):
        with self.lock:
            self.reads[index] += 1
        return super().load(index)


def in_order(split, last, batch_size=3, first=0, drop_remainder=False, **settings):
    return batches_of(Stream(split, SIZE, **settings), first, last, batch_size, drop_remainder)


def numbers(batch):
    return batch["image"][:, 0, 0, 0].tolist()


def assert_same(batch, expected):
    assert list(batch) == ["labels", "instances", "image"]
    for name, array in batch.items():
        np.testing.assert_array_equal(array, expected[name])
        assert array.dtype == expected[name].dtype


def test_one_pass_is_that_of_tensorflow_with_a_last_smaller_batch():
    split = Numbered(7)
    found = in_order(split, last=7)
    assert found.num_batches == 3
    assert [numbers(found[i]) for i in range(3)] == [[0, 1, 2], [3, 4, 5], [6]]
    expected = batches(split, batch_size=3, size=SIZE, training=False).as_numpy_iterator()
    for index, batch in enumerate(expected):
        assert_same(found[index], batch)
    assert in_order(split, last=7, drop_remainder=True).num_batches == 2
    assert in_order(split, last=6).num_batches == 2
    later = in_order(split, first=3, last=7)
    assert (later.num_batches, numbers(later[0]), numbers(later[1])) == (2, [3, 4, 5], [6])


@pytest.mark.parametrize("order", [(3, 0, 2, 1, 3, 3), (0, 1, 2, 3, 0), (9, 0, 9)])
def test_the_order_of_asking_changes_nothing(order):
    split, load_size = Numbered(5), (20, 30)
    geometry = functools.partial(
        augment.random_geometry, load_size=load_size, crop=True, flip=True, keep_aspect=True
    )
    found = in_order(split, None, seed=3, random_geometry=geometry)
    assert found.num_batches is None
    settings = {"batch_size": 3, "size": SIZE, "load_size": load_size, "seed": 3, "steps": 10}
    expected = list(batches(split, **settings).as_numpy_iterator())
    for index in order:
        assert_same(found[index], expected[index])


def test_in_order_each_example_is_read_once_and_at_most_four_batches_ahead():
    split = Counted(40)
    found = in_order(split, last=40, batch_size=2)
    assert numbers(found[0]) == [0, 1]
    with split.lock:
        assert set(split.reads) <= set(range(2 + 4 * 2))
    for index in range(1, 20):
        assert numbers(found[index]) == [2 * index, 2 * index + 1]
    assert split.reads == Counter(range(40))


def test_a_bad_example_raises_its_data_error_and_the_others_come():
    class Broken(Numbered):
        def load(self, index):
            if index == 4:
                raise DataError("n4.png: the photo cannot be read.")
            return super().load(index)

    found = in_order(Broken(7), last=7)
    assert numbers(found[0]) == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(DataError) as caught, surface_data_errors():
            found[1]
        assert str(caught.value) == "n4.png: the photo cannot be read."
    assert numbers(found[2]) == [6]


def test_too_many_instances_are_named_with_the_example():
    found = in_order(Numbered(2), last=2, batch_size=1, max_instances=3)
    with pytest.raises(DataError, match="^n1: 4 instances, and max_instances is 3. Raise max_ins"):
        found[1]


def test_warps_are_those_of_tensorflow():
    geometry = functools.partial(augment.random_geometry, flip=True)
    stream = {"seed": 3, "random_geometry": geometry, "label_warp": 0.1}
    found = in_order(Numbered(5), last=None, **stream)
    expected = batches(Numbered(5), batch_size=3, size=SIZE, seed=3, steps=3, label_warp=0.1)
    for index, batch in enumerate(expected.as_numpy_iterator()):
        assert list(found[index]) == ["labels", "instances", "image", "sources"]
        for name, array in batch.items():
            np.testing.assert_array_equal(found[index][name], array)
            assert found[index][name].dtype == array.dtype

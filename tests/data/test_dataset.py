"""What a split promises, and the check that any data set gets."""

import numpy as np
import pytest

from tfsynth.data import CheckReport, DataError, Split
from tfsynth.data.dataset import compact_ids, count_instances
from tfsynth.layouts.labels import LabelSet


class Given(Split):
    """The examples it is given."""

    def __init__(self, *examples):
        self.label_set = LabelSet(["a", "b"], [(0, 0, 0), (255, 255, 255)])
        self.examples = examples
        self.stems = [f"example{i}" for i in range(len(examples))]

    def load(self, index):
        return self.examples[index]


def sound(**changes):
    labels = np.zeros((4, 6), np.uint8)
    labels[:, 3:] = 1
    example = {"labels": labels, "image": np.zeros((4, 6, 3), np.uint8)}
    example["instances"] = labels.astype(np.int32) + 26000
    return {**example, **changes}


def test_a_split_is_a_sequence():
    split = Given(sound(), sound(image=np.ones((4, 6, 3), np.uint8)))
    assert len(split) == 2
    assert split[-1]["image"][0, 0, 0] == 1
    assert [example["image"].max() for example in split] == [0, 1]
    with pytest.raises(IndexError, match="Example 2 of a split of 2 examples"):
        split[2]


def test_check_reports(capsys):
    three = sound(instances=np.arange(24, dtype=np.int32).reshape(4, 6) // 10)
    assert Given(sound(), three, sound()).check() == CheckReport(3, 3, "example1")
    assert "checking" in capsys.readouterr().err
    Given(sound()).check(progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.full((4, 6), 2, np.uint8)}, "label id 2 is out of range"),
        ({"image": np.zeros((4, 6), np.uint8)}, r"a photo is \(height, width, 3\) of uint8"),
        ({"image": np.zeros((4, 6, 3), np.float32)}, "of float32"),
        ({"image": np.zeros((8, 6, 3), np.uint8)}, "the photo is 6 x 8 pixels .* label map 6 x 4"),
        ({"instances": np.zeros((4, 6), np.uint16)}, "an instance map is .* int32"),
        ({"instances": np.zeros((4, 5), np.int32)}, "the instance map is 5 x 4 pixels"),
    ],
)
def test_check_finds_the_bad_example(changes, message):
    with pytest.raises(DataError, match=f"^example1: .*{message}"):
        Given(sound(), sound(**changes)).check(progress=False)


def test_check_limits_instances():
    with pytest.raises(DataError, match="^example0: 2 instances, and max_instances is 1"):
        Given(sound()).check(progress=False, max_instances=1)


@pytest.mark.parametrize(
    "ids",
    [
        np.array([[26003, 7], [7, 33001]], np.int32),
        np.array([[0, 2**31 - 1], [5, 5]], np.int32),
        np.array([[-4, 9], [0, 9]], np.int32),
        np.array([[3, 3]], np.uint16),
    ],
)
def test_compact_ids(ids):
    values, places = np.unique(ids, return_inverse=True)
    compact, count = compact_ids(ids)
    assert compact.dtype == np.int32 and count == len(values)
    np.testing.assert_array_equal(compact, places.reshape(ids.shape))


def test_labels_count_where_there_are_no_instances():
    example = sound()
    del example["instances"]
    assert count_instances(example) == 2

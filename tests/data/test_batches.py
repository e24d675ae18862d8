"""Batches: what they hold, that they come again, and what happens to a bad example."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.data.numbered import Numbered
from tfsynth.data import (
    DataError,
    PairedFolders,
    batches,
    nearest_size,
    steps_per_epoch,
    surface_data_errors,
)


def numbers(dataset):
    """The example numbers of each batch, read from the photos."""
    return [batch["image"][:, 0, 0, 0].tolist() for batch in dataset.as_numpy_iterator()]


def test_what_a_batch_holds():
    dataset = batches(Numbered(5), batch_size=2, size=(16, 24), steps=1)
    specs: Any = dataset.element_spec
    assert {key: (spec.shape, spec.dtype.name) for key, spec in specs.items()} == {
        "labels": ((2, 16, 24), "uint8"),
        "instances": ((2, 16, 24), "int32"),
        "image": ((2, 16, 24, 3), "uint8"),
    }
    (batch,) = dataset.as_numpy_iterator()
    assert batch["image"].shape == (2, 16, 24, 3)
    for labels, instances in zip(batch["labels"], batch["instances"], strict=True):
        # Raw ids were class * 1000 + number; they come as 0..m-1 in the same order.
        np.testing.assert_array_equal(instances, np.unique(labels, return_inverse=True)[1])


@pytest.mark.parametrize(("num_classes", "dtype"), [(256, "uint8"), (300, "uint16")])
def test_labels_take_the_dtype_that_holds_them(num_classes, dtype):
    split = Numbered(2, num_classes=num_classes)
    (batch,) = batches(split, batch_size=2, size=(16, 24), steps=1, max_instances=999)
    assert batch["labels"].dtype.name == dtype


def test_without_instance_maps_the_labels_stand_in():
    split = Numbered(3, instances=False)
    for batch in batches(split, batch_size=3, size=(16, 24), steps=2):
        np.testing.assert_array_equal(batch["instances"], batch["labels"])
        assert batch["instances"].dtype == tf.int32


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_an_epoch_holds_every_example_once(batch_size):
    count = 7
    dataset = batches(Numbered(count), batch_size=batch_size, size=(16, 24), steps=21)
    flat = sum(numbers(dataset), [])
    epochs = [flat[i : i + count] for i in range(0, len(flat) - count + 1, count)]
    assert len(epochs) >= 3
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_two_runs_are_identical_and_seeds_differ():
    def run(seed):
        arguments: dict[str, Any] = dict(
            batch_size=4, size=(8, 12), load_size=(10, 15), steps=6, seed=seed
        )
        dataset: Any = batches(Numbered(9), **arguments)
        return [b for batch in dataset.as_numpy_iterator() for b in batch.values()]

    first, second, other = run(3), run(3), run(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_starting_late_continues_the_stream():
    arguments: dict[str, Any] = dict(batch_size=3, size=(8, 12), load_size=(10, 15), seed=1)
    whole = list(batches(Numbered(7), steps=9, **arguments).as_numpy_iterator())
    late = list(batches(Numbered(7), start_step=5, steps=4, **arguments).as_numpy_iterator())
    skipped = batches(Numbered(7), **arguments).skip(5).take(4).as_numpy_iterator()
    assert len(late) == 4
    for a, b, c in zip(whole[5:], late, skipped, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])
            np.testing.assert_array_equal(a[key], c[key])


def test_examples_are_augmented_differently_each_time():
    dataset = batches(Numbered(1), batch_size=1, size=(8, 12), load_size=(16, 24), steps=20)
    seen = {batch["labels"].tobytes() for batch in dataset.as_numpy_iterator()}
    assert len(seen) > 10


def test_stretched_to_the_size_a_training_picture_is_that_of_a_pass():
    split = Numbered(1)
    # Half as wide: kept in shape, a window would show half of it.
    shared = {"batch_size": 1, "size": (16, 12), "steps": 1}
    stretched = batches(split, keep_aspect=False, flip=False, **shared)
    cropped = batches(split, flip=False, **shared)
    first, other = (next(d.as_numpy_iterator()) for d in (stretched, cropped))
    expected = next(batches(split, training=False, **shared).as_numpy_iterator())
    for key, array in expected.items():
        np.testing.assert_array_equal(first[key], array)
    assert not np.array_equal(other["labels"], expected["labels"])


def test_one_pass_is_in_order_and_untouched():
    split = Numbered(7)
    dataset = batches(split, batch_size=3, size=(16, 24), training=False)
    assert numbers(dataset) == [[0, 1, 2], [3, 4, 5], [6]]
    first = next(dataset.as_numpy_iterator())
    np.testing.assert_array_equal(first["labels"][2], split[2]["labels"])
    dropped = batches(split, batch_size=3, size=(16, 24), training=False, drop_remainder=True)
    assert numbers(dropped) == [[0, 1, 2], [3, 4, 5]]
    later = batches(split, batch_size=3, size=(16, 24), training=False, start_step=1, steps=1)
    assert numbers(later) == [[3, 4, 5]]
    beyond = batches(split, batch_size=3, size=(16, 24), training=False, start_step=9)
    assert numbers(beyond) == []


def test_one_pass_resizes_to_size():
    dataset = batches(Numbered(2), batch_size=2, size=(32, 24), training=False)
    assert next(dataset.as_numpy_iterator())["labels"].shape == (2, 32, 24)


def test_native_size_needs_batches_of_one():
    (batch,) = batches(Numbered(1, 17, 31), batch_size=1, training=False)
    assert batch["image"].shape == (1, 17, 31, 3)
    with pytest.raises(ValueError, match="batch_size must be 1; got 2"):
        batches(Numbered(3), batch_size=2)


def test_training_is_endless_and_says_so():
    dataset = batches(Numbered(2), batch_size=2, size=(16, 24))
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    assert len(numbers(dataset.take(5))) == 5
    assert batches(Numbered(5), batch_size=2, size=(8, 8), training=False).cardinality() == 3


def test_photos_stay_aligned_with_their_labels(folders, label_file):
    split = PairedFolders(folders, label_file).split("train")
    palette = split.label_set.palette.astype(int)
    arguments: dict[str, Any] = dict(batch_size=5, size=(24, 40), load_size=(30, 50), steps=4)
    for batch in batches(split, **arguments).as_numpy_iterator():
        distance = np.abs(batch["image"][..., None, :] - palette).sum(-1)
        assert (distance.argmin(-1) == batch["labels"]).mean() > 0.9
        for labels, instances in zip(batch["labels"], batch["instances"], strict=True):
            # An instance has one label: the two maps moved together.
            for i in range(instances.max() + 1):
                assert len(np.unique(labels[instances == i])) == 1


def test_too_many_instances():
    dataset = batches(Numbered(2), batch_size=1, size=(16, 24), training=False, max_instances=3)
    message = "^n0: 4 instances, and max_instances is 3. Raise max_instances"
    with pytest.raises(DataError, match=message), surface_data_errors():
        list(dataset)


def test_a_bad_example_surfaces_with_its_message(folders, label_file):
    split = PairedFolders(folders, label_file).split("train")
    split.pairs[2].photo.write_bytes(b"no image")
    dataset = batches(split, batch_size=1, size=(8, 8), training=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="train2.png: the photo cannot be"):
        list(dataset)
    with pytest.raises(DataError) as caught, surface_data_errors():
        list(dataset)
    text = str(caught.value)
    assert text.startswith(str(split.pairs[2].photo))
    assert text.endswith("or no image: replace it.")
    assert "\n" not in text


def test_a_bad_example_surfaces_from_keras_fit():
    model = keras.Sequential([keras.layers.Conv2D(3, 1)])
    model.compile("sgd", "mse")
    split = Numbered(2)
    dataset = batches(split, batch_size=1, size=(16, 24), max_instances=1).map(
        lambda batch: (tf.cast(batch["image"], tf.float32), tf.cast(batch["image"], tf.float32))
    )
    with pytest.raises(DataError, match="4 instances, and max_instances is 1"):
        with surface_data_errors():
            model.fit(dataset, steps_per_epoch=2, verbose=0, shuffle=False)


def test_other_errors_pass_unchanged():
    with pytest.raises(tf.errors.InvalidArgumentError, match="mine"), surface_data_errors():
        raise tf.errors.InvalidArgumentError(None, None, "mine")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
        ({"seed": -1}, "seed must be at least 0; got -1"),
        ({"start_step": -1}, "start_step must be at least 0; got -1"),
        ({"steps": -1}, "steps must be at least 0; got -1"),
        ({"max_instances": 0}, "max_instances must be at least 1; got 0"),
        ({"size": (0, 8)}, r"size is \(height, width\), in pixels; got \(0, 8\)"),
        ({"load_size": (15, 40)}, r"load_size must cover size=\(16, 24\); got \(15, 40\)"),
        ({"load_size": (20, 40), "crop": False}, "needs crop=True"),
        ({"label_warp": -0.1}, "label_warp must be in 0..0.2; got -0.1"),
        ({"label_warp": 0.3}, "label_warp must be in 0..0.2; got 0.3"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        batches(Numbered(2), **{"batch_size": 1, "size": (16, 24), **arguments})


def test_an_empty_split():
    with pytest.raises(DataError, match="no examples"):
        batches(Numbered(0), batch_size=1, size=(16, 24))


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ((96, 192, 16), (96, 192)),
        ((100, 190, 16), (96, 192)),
        ((104, 8, 16), (112, 16)),
        ((3, 1080, 32), (32, 1088)),
    ],
)
def test_nearest_size(arguments, size):
    assert nearest_size(*arguments) == size


def test_steps_per_epoch():
    assert [steps_per_epoch(Numbered(7), size) for size in (1, 3, 7, 8)] == [7, 3, 1, 1]


def warped(seed=3, **settings):
    arguments: dict[str, Any] = dict(batch_size=4, size=(16, 24), load_size=(20, 30), seed=seed)
    dataset: Any = batches(Numbered(9), **{**arguments, "label_warp": 0.1, **settings})
    return dataset


def test_a_warp_comes_beside_straight_layouts_and_photographs():
    bent = list(warped(steps=6).as_numpy_iterator())
    plain = list(warped(steps=6, label_warp=0.0).as_numpy_iterator())
    straight = np.arange(16 * 24).reshape(16, 24)
    moved = 0
    for batch, expected in zip(bent, plain, strict=True):
        assert list(batch) == [*expected, "sources"]
        assert (batch["sources"].dtype, batch["sources"].shape) == (np.int32, (4, 16, 24))
        for key, array in expected.items():
            np.testing.assert_array_equal(batch[key], array)
        moved += (batch["sources"] != straight).any(axis=(1, 2)).sum()
    # Half of 24.
    assert 6 <= moved <= 18


def test_warps_come_again_and_go_on_where_a_run_stopped():
    whole = [b["sources"] for b in warped(steps=6).as_numpy_iterator()]
    late = [b["sources"] for b in warped(start_step=4, steps=2).as_numpy_iterator()]
    other = [b["sources"] for b in warped(seed=4, steps=6).as_numpy_iterator()]
    np.testing.assert_array_equal(whole[4:], late)
    assert not np.array_equal(whole, other)


def test_one_pass_is_never_warped():
    arguments: dict[str, Any] = dict(batch_size=3, size=(16, 24), training=False)
    for batch in batches(Numbered(6), label_warp=0.1, **arguments).as_numpy_iterator():
        assert set(batch) == {"labels", "instances", "image"}

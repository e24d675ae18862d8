"""Choosing among GPUs, by name: these tests run where there are none."""

from collections import namedtuple

import pytest

from tfsynth.trainers import choose_devices, devices

GPU = namedtuple("GPU", "name")
GPUS = [GPU(f"gpu {index}") for index in range(4)]


@pytest.mark.parametrize(
    ("device", "batch_size", "expected"),
    [
        ("auto", 1, GPUS[:1]),
        (None, 2, GPUS[:2]),
        ("auto", 3, GPUS[:3]),
        ("auto", 6, GPUS[:3]),
        ("auto", 8, GPUS),
        ("auto", 7, GPUS[:1]),
        ("cpu", 8, []),
        ("gpu", 8, GPUS[:1]),
        ("gpu:2", 8, GPUS[2:3]),
    ],
)
def test_auto_takes_as_many_gpus_as_share_the_batch_evenly(device, batch_size, expected):
    assert devices.wanted_gpus(device, GPUS, GPUS, batch_size) == expected


def test_auto_leaves_hidden_gpus_hidden_and_a_name_does_not():
    assert devices.wanted_gpus("auto", GPUS, GPUS[1:2], 4) == GPUS[1:2]
    assert devices.wanted_gpus("gpu:3", GPUS, GPUS[1:2], 4) == GPUS[3:]
    assert devices.wanted_gpus("auto", [], [], 4) == []


@pytest.mark.parametrize(
    ("device", "message"), [("tpu", "Received: 'tpu'"), ("gpu:4", "'gpu:4': TensorFlow sees 4")]
)
def test_a_device_that_is_not_there_is_refused(device, message):
    with pytest.raises(ValueError, match=message):
        devices.wanted_gpus(device, GPUS, GPUS, 1)


def test_once_tensorflow_has_started_only_another_choice_is_refused():
    too_late = RuntimeError("Visible devices cannot be modified after being initialized")
    for device, gpus, visible in (
        ("auto", GPUS[:1], GPUS),
        (None, [], []),
        ("cpu", [], []),
        ("gpu:1", GPUS[1:2], GPUS[1:2]),
    ):
        devices.require_agreement(device, gpus, visible, too_late)
    with pytest.raises(ValueError, match="'cpu' comes too late: .* computes on gpu 0, gpu 1, gpu"):
        devices.require_agreement("cpu", [], GPUS, too_late)
    with pytest.raises(ValueError, match="'gpu:1' comes too late: .* computes on the CPU"):
        devices.require_agreement("gpu:1", GPUS[1:2], [], too_late)


def test_without_gpus_there_is_no_strategy():
    assert choose_devices("auto", batch_size=4) is None
    assert choose_devices("cpu") is None

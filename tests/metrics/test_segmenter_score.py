"""The protocol: it learns, scores what a segmenter reads, and keeps it whole in a cache."""

import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest

from tests.harness import round_trip
from tests.metrics.scenes import LABELS, Scenes, pairs, scenes
from tfsynth.metrics import FittedSegmenter, SegmenterProtocol, flat_pairs, mean_colours
from tfsynth.metrics.segmenter import Segmenter
from tfsynth.metrics.segmenter_cache import CachedSegmenter
from tfsynth.metrics.segmenter_training import weighted_cross_entropy

# A network of one level is traced in a second; that is what a test of the cache costs.
TINY = {"filters": (4,), "blocks": (0,), "batch_size": 4, "precision": "float32"}


def tiny(**options):
    return SegmenterProtocol(**{**TINY, "steps": 2, **options})


def test_a_short_training_learns_to_read_easy_pictures():
    protocol = tiny(filters=(8, 8), blocks=(0, 1), steps=80, learning_rate=0.02)
    train, test = scenes(16), scenes(8, seed=1)
    fitted = protocol.fit(train, progress=False, validation=test)
    oracle = protocol.score(fitted, pairs(test))
    assert oracle["mean_iou"] > 0.85
    assert set(oracle["per_class_iou"]) == {"ground", "disc", "ring"}
    assert min(oracle["per_class_iou"].values()) > 0.7
    assert oracle["pixel_accuracy"] > 0.95
    # The strip of void is 3 of 32 rows, all of them errors in this accuracy.
    expected = oracle["pixel_accuracy"] * 29 / 32
    assert oracle["pixel_accuracy_with_void"] == pytest.approx(expected)
    assert fitted.validation == oracle
    # The reference rows fall where they should.
    colours = mean_colours(pairs(train), LABELS.num_classes)
    flat = protocol.score(fitted, flat_pairs(pairs(test), colours))
    grey = protocol.score(fitted, [(x, np.full_like(y, 128)) for x, y in pairs(test)])
    assert flat["mean_iou"] > 0.85
    assert grey["mean_iou"] < 0.5
    assert 0 not in fitted.read(np.stack([image for _, image in pairs(test)]))


def fixed(answer, size=(32, 48)):
    """A segmenter that answers with one position everywhere: a head without weights but bias."""
    network = Segmenter(3, (4,), (0,), seed=0)
    head = network.get_layer("head")
    head.set_weights([np.zeros(head.kernel.shape), np.eye(3)[answer]])
    return FittedSegmenter(network, LABELS, size)


def test_scores_are_those_of_the_whole_set_and_skip_what_is_not_there():
    ground = np.ones((4, 6), np.uint8)
    mixed = ground.copy()
    mixed[0], mixed[1] = 2, 0  # 6 pixels of disc, 6 of void.
    image = np.zeros((4, 6, 3), np.uint8)
    scores = tiny().score(fixed(0, (4, 6)), [(ground, image), (mixed, image)])
    assert scores["per_class_iou"] == {"ground": 36 / 42, "disc": 0.0, "ring": None}
    assert scores["mean_iou"] == pytest.approx(18 / 42)
    assert scores["pixel_accuracy"] == pytest.approx(36 / 42)
    assert scores["pixel_accuracy_with_void"] == pytest.approx(36 / 48)
    void = tiny().score(fixed(0, (4, 6)), [(np.zeros((4, 6), np.uint8), image)])
    assert (void["mean_iou"], void["pixel_accuracy"]) == (None, None)
    assert void["mean_iou_interval"] is None
    assert void["pixel_accuracy_with_void"] == 0.0
    assert json.loads(json.dumps(void, allow_nan=False)) == void


def test_the_interval_is_that_of_the_pictures():
    ground, disc = np.ones((4, 6), np.uint8), np.full((4, 6), 2, np.uint8)
    image = np.zeros((4, 6, 3), np.uint8)
    pairs = [(ground, image)] * 30 + [(disc, image)] * 10
    scores = tiny().score(fixed(0, (4, 6)), pairs)
    assert scores["mean_iou"] == pytest.approx(0.375)
    # Half of the share of ground among 40 pictures drawn anew: a deviation of 0.034.
    low, high = scores["mean_iou_interval"]
    assert low == pytest.approx(0.375 - 1.96 * 0.0342, abs=0.013)
    assert high == pytest.approx(0.375 + 1.96 * 0.0342, abs=0.013)
    assert tiny(seed=3).score(fixed(0, (4, 6)), pairs)["mean_iou_interval"] == [low, high]
    alone = tiny().score(fixed(0, (4, 6)), pairs[:1])
    assert alone["mean_iou_interval"] == [1.0, 1.0]


class Perfect(FittedSegmenter):
    """Reads ground and the disc: the red pixels."""

    def read(self, images, scales=(1.0,)):
        return np.where(images[..., 0] > 128, 2, 1)


def test_objects_are_connected_parts_of_what_was_read():
    labels, instances = np.ones((8, 12), np.uint8), np.zeros((8, 12), np.int32)
    for number, columns in enumerate([slice(0, 2), slice(4, 6), slice(6, 8)], start=1):
        labels[2:6, columns], instances[2:6, columns] = 2, number
    labels[7], instances[7] = 0, 9
    image = np.zeros((8, 12, 3), np.uint8)
    image[2:6, 0:2] = image[2:6, 4:8] = 255  # Two that touch are read as one.
    image[7, 3] = 255  # In void nothing counts.
    eye = Perfect(fixed(0).network, LABELS, (8, 12))
    pair, maps = [(labels, image)] * 3, [instances] * 3
    found = tiny().score(eye, pair, maps, things=(2, 3))["instances"]
    assert found["count_error"] == 1.0 and found["count_error_interval"] == [1.0, 1.0]
    # One is found whole, one by half, which is IoU 1/2: two hits of three true, of two read.
    assert found["mean_matched_iou"] == pytest.approx(0.75)
    assert (found["recall"], found["precision"]) == (2 / 3, 1.0)
    assert "instances" not in tiny().score(eye, pair)
    assert "instances" not in tiny().score(eye, pair, maps)
    # At the size of training.
    double = [np.repeat(np.repeat(a, 2, 0), 2, 1) for a in (labels, image, instances)]
    again = tiny().score(eye, [double[:2]], double[2:], things=(2, 3))["instances"]
    assert again["mean_matched_iou"] == pytest.approx(0.75)


def test_any_number_of_pictures_is_scored_at_the_size_of_training():
    many = pairs(scenes(7, size=(20, 33)))  # Neither size is a multiple of the network's.
    pixels = sum((labels > 0).sum() for labels, _ in many)
    hits = sum((labels == 2).sum() for labels, _ in many)
    scores = tiny().score(fixed(1, (20, 33)), many)
    assert scores["pixel_accuracy"] == pytest.approx(hits / pixels)
    labels = np.repeat(np.repeat(np.uint8([[2, 1], [1, 0]]), 8, 0), 8, 1)
    image = np.zeros((16, 16, 3), np.uint8)
    scores = tiny().score(fixed(1, (8, 6)), [(labels, image)])
    assert scores["pixel_accuracy_with_void"] == 0.25
    fitted = tiny(height=8, width=12).fit(scenes(2), progress=False)
    assert fitted.size == (8, 12)
    assert tiny().fit(scenes(2), progress=False).size == (32, 48)


def test_what_cannot_be_scored_is_refused():
    labels, image = pairs(scenes(1))[0]
    with pytest.raises(ValueError, match="no pair was given"):
        tiny().score(fixed(0), [])
    with pytest.raises(ValueError, match=r"one size.*\(32, 48\) and \(31, 48\)"):
        tiny().score(fixed(0), [(labels, image[1:])])
    with pytest.raises(ValueError, match="integer ids 0..3"):
        tiny().score(fixed(0), [(labels + 9, image)])


def test_the_mirror_image_counts_as_much_as_the_picture():
    fitted = FittedSegmenter(Segmenter(3, (4,), (1,), seed=0), LABELS, (10, 14))
    images = np.random.default_rng(0).integers(0, 256, (2, 10, 14, 3), np.uint8)
    np.testing.assert_array_equal(fitted.read(images[:, :, ::-1])[:, :, ::-1], fitted.read(images))
    assert fitted.read(images[:, :9, :13]).shape == (2, 9, 13)


def test_several_scales_are_added_up():
    fitted = FittedSegmenter(Segmenter(3, (4,), (1,), seed=0), LABELS, (24, 36))
    smooth = np.repeat(np.repeat(np.arange(0, 240, 20, dtype=np.uint8), 3)[None], 24, 0)
    images = np.stack([smooth, smooth.copy(), smooth[:, ::-1]], axis=-1)[None]
    one, two = fitted.read(images, (1.0,)), fitted.read(images, (1.5,))
    both = fitted.read(images, (1.0, 1.5))
    assert two.shape == both.shape == one.shape == (1, 24, 36)
    # A ramp of few steps reads nearly alike in both sizes.
    assert (one == two).mean() > 0.7
    agreed = one == two
    np.testing.assert_array_equal(both[agreed], one[agreed])


def test_the_loss_is_the_weighted_mean_over_what_is_not_void():
    loss = weighted_cross_entropy(np.float32([1.0, 3.0, 0.0]))
    positions = np.int32([[[0, 1, 2]]])
    logits = np.log(np.float32([[[[0.5, 0.5], [0.8, 0.2], [0.1, 0.9]]]]))
    value = loss(positions, logits)
    assert keras.ops.dtype(value) == "float32"
    assert float(value) == pytest.approx((np.log(2) + 3 * np.log(5)) / 4, rel=1e-5)
    assert float(loss(np.int32([[[2, 2, 2]]]), logits)) == 0.0


def test_training_is_reproducible_and_leaves_keras_as_it_was():
    policy = keras.config.dtype_policy().name
    runs = [tiny().fit(scenes(4), progress=False).network.get_weights() for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert keras.config.dtype_policy().name == policy
    mixed = tiny(precision="mixed_bfloat16").fit(scenes(4), progress=False)
    assert mixed.network.get_layer("down0_conv").compute_dtype == "float32"
    assert keras.config.dtype_policy().name == policy


def test_the_name_tells_protocols_apart_and_the_config_comes_back():
    protocol = SegmenterProtocol(96, 192, precision="float32")
    assert protocol.name == (
        "segmenter-v1@96x192/filters32-64-96-128/blocks1-1-1-1/steps800x8/lr0.007/"
        "decay0.0001/balance0.25/zoom1/jitter0.3/seed0/float32/scales1/flip-mean"
    )
    assert round_trip(protocol).name == protocol.name
    others = {
        **{"height": 64, "width": 128, "steps": 5, "batch_size": 2, "filters": (8,) * 4},
        **{"blocks": (0,) * 4, "learning_rate": 1e-3, "weight_decay": 0.0, "balance": 0.5},
        **{"zoom": 1.5, "jitter": 0.0, "seed": 1, "precision": "mixed_bfloat16"},
        **{"scales": (1.0, 1.25), "half": 1},
    }
    # Counting objects asks for no other segmenter.
    assert set(others) == set(protocol.get_config()) - {"instances"}
    assert SegmenterProtocol(96, 192, precision="float32", instances=True).name == protocol.name
    names = {SegmenterProtocol(**{**protocol.get_config(), k: v}).name for k, v in others.items()}
    assert len(names) == len(others) and protocol.name not in names
    assert SegmenterProtocol().name.split("/")[-3] in ("float32", "mixed_bfloat16")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 96}, "both `height` and `width`"),
        ({"steps": 0}, "`steps` must be >= 1. Received: 0"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"zoom": 0.5}, "`zoom`"),
        ({"jitter": 1.5}, "`jitter` must be <= 1"),
        ({"scales": (1.0, 0.0)}, "`scales` must be > 0"),
        ({"balance": -0.1}, "`balance`"),
        ({"learning_rate": 0.0}, "`learning_rate` must be > 0"),
        ({"precision": "float16"}, "one of auto, float32, mixed_bfloat16"),
        ({"half": 2}, "`half` is 0 or 1, or null for all training pairs. Received: 2"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SegmenterProtocol(**arguments)


# The cache.


def contents(folder):
    """Every file below with its bytes and time, so that nothing can be rewritten unseen."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def same_weights(a, b):
    pair = zip(a.network.get_weights(), b.network.get_weights(), strict=True)
    return all(np.array_equal(x, y) for x, y in pair)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cache with one segmenter, and that segmenter."""
    folder = tmp_path_factory.mktemp("trained") / "segmenters"
    validation = scenes(2, seed=1)
    return folder, tiny().fit(scenes(4), "abc", folder, progress=False, validation=validation)


@pytest.fixture
def cache(trained, tmp_path):
    return shutil.copytree(trained[0], tmp_path / "segmenters")


@pytest.fixture
def fitted(trained):
    return trained[1]


def test_the_second_time_nothing_is_trained(cache, fitted):
    kept = contents(cache)
    assert [path.name for path in kept] == ["protocol.json", "segmenter.keras"]
    again = tiny().fit(Scenes(), "abc", cache)  # Without an example there is nothing to train on.
    assert same_weights(again, fitted) and again.size == fitted.size == (32, 48)
    assert again.validation == fitted.validation and fitted.validation["mean_iou"] >= 0
    assert contents(cache) == kept
    record = json.loads(next(cache.rglob("*.json")).read_text())
    assert record["protocol"] == tiny().name
    assert SegmenterProtocol(**record["config"]).name == tiny().name
    assert record["validation"] == fitted.validation
    assert record["dataset"] == "abc"
    assert again.sha256 == fitted.sha256 == record["sha256"]
    assert tiny().cached(Scenes(), "abc", cache).sha256 == record["sha256"]
    assert tiny(seed=1).cached(Scenes(), "abc", cache) is None
    assert tiny().fit(scenes(2), progress=False).sha256 is None


@pytest.mark.parametrize("change", [{"steps": 3}, {"seed": 1}, {"jitter": 0.9}])
def test_another_protocol_has_its_own_segmenter(cache, fitted, change):
    kept = contents(cache)
    other = tiny(**change).fit(scenes(4), "abc", cache, progress=False)
    assert not same_weights(other, fitted)
    assert len(contents(cache)) == 4
    assert kept.items() <= contents(cache).items()


def test_other_data_has_its_own_segmenter(cache, fitted):
    other = tiny().fit(scenes(4, seed=9), "def", cache, progress=False)
    assert not same_weights(other, fitted)
    assert len(contents(cache)) == 4


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("segmenter.keras", cut_in_half),
        ("segmenter.keras", lambda path: path.write_bytes(b"")),
        ("segmenter.keras", lambda path: path.unlink()),
        ("protocol.json", cut_in_half),
        ("protocol.json", lambda path: path.write_text("[]")),
        ("protocol.json", lambda path: path.write_bytes(b"\xff\xfe\x00")),
    ],
)
def test_a_damaged_segmenter_is_trained_again_with_a_warning(cache, fitted, name, damage):
    damage(next(cache.rglob(name)))
    with pytest.warns(UserWarning, match="damaged and is trained again"):
        again = tiny().fit(scenes(4), "abc", cache, progress=False)
    assert len(again.network.get_weights()) == len(fitted.network.get_weights())
    kept = contents(cache)
    assert same_weights(tiny().fit(Scenes(), "abc", cache), again)
    assert contents(cache) == kept


def test_weights_without_a_record_were_never_finished(cache, fitted):
    next(cache.rglob("protocol.json")).unlink()
    tiny().fit(scenes(4), "abc", cache, progress=False)
    assert [path.name for path in contents(cache)] == ["protocol.json", "segmenter.keras"]


class PressesCtrlC(Scenes):
    """A split of which reading the last example is interrupted."""

    def __getitem__(self, index):
        if index == len(self) - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return super().__getitem__(index)


class Watched(Scenes):
    """A split that knows which of its examples were read."""

    def __init__(self, examples):
        super().__init__(examples)
        self.read = set()

    def __getitem__(self, index):
        self.read.add(index)
        return super().__getitem__(index)


def test_two_halves_have_no_pair_in_common_and_segmenters_of_their_own(tmp_path):
    for half, positions in ((0, {0, 2, 4}), (1, {1, 3}), (None, set(range(5)))):
        split = Watched(scenes(5))
        tiny(half=half).fit(split, "abc", tmp_path, progress=False)
        assert split.read == positions
    assert len(list(tmp_path.iterdir())) == 3
    assert tiny(half=1).name == f"{tiny().name}/half1"
    assert round_trip(tiny(half=0)).name.endswith("/flip-mean/half0")


def test_a_half_without_pairs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`half` 1 of the training split has no pairs.* has 1"):
        tiny(half=1).fit(scenes(1), "abc", tmp_path, progress=False)
    assert tiny(half=0).fit(scenes(1), progress=False).size == (32, 48)


def test_ctrl_c_leaves_the_cache_as_it_was(cache, fitted):
    kept = contents(cache)
    # Shells start background jobs with Ctrl-C ignored, and Python leaves it at that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            tiny(seed=5).fit(PressesCtrlC(scenes(4)), "abc", cache, progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert contents(cache) == kept
    assert len(list(cache.iterdir())) == 1


def test_a_disk_that_refuses_costs_only_the_cache(tmp_path):
    (tmp_path / "segmenters").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="could not be kept"):
        fitted = tiny().fit(scenes(4), "abc", tmp_path / "segmenters", progress=False)
    assert fitted.read(scenes(1)[0]["image"][None]).shape == (1, 32, 48)


def test_the_place_follows_from_protocol_data_and_classes(tmp_path):
    places = {
        CachedSegmenter(tmp_path, name, data, LABELS).path.name
        for name in ("a", "b")
        for data in ("c", "d")
    }
    assert len(places) == 4 and all(len(place) == 16 for place in places)


def test_training_needs_examples_classes_and_a_key(tmp_path):
    with pytest.raises(ValueError, match="split is empty"):
        tiny().fit(Scenes(), progress=False)
    with pytest.raises(ValueError, match="fingerprint"):
        tiny().fit(scenes(1), None, tmp_path)
    one = scenes(1)
    one.label_set = type(LABELS)(LABELS.names, LABELS.colours, [0, 2, 3])
    with pytest.raises(ValueError, match="at least 2 classes.*has 1"):
        tiny().fit(one, progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": [4, 4], "blocks": [0]}, "`filters` and `blocks` have one entry per level"),
        ({"filters": []}, "one entry per level, at least one"),
        ({"filters": [10**9], "blocks": [0]}, "`filters` takes 1 .* to 4096"),
        ({"filters": [0], "blocks": [0]}, "`filters` takes 1"),
        ({"filters": [4], "blocks": [-1]}, "`blocks` takes 1 .blocks: 0. to 4096"),
        ({"batch_size": 10**9}, "`batch_size` takes 1"),
    ],
)
def test_sizes_that_nobody_means_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SegmenterProtocol(**arguments)

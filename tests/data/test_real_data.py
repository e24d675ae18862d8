"""Real photographs, where they lie beside the checkout: counts, ids, sizes and types."""

import numpy as np
import pytest

from tfsynth.data import PairedFolders, batches


@pytest.fixture
def camvid(shared_data):
    root = shared_data / "camvid_256x192"
    if not root.is_dir():
        pytest.skip(f"No CamVid at {root}.")
    return PairedFolders(root, "camvid")


@pytest.fixture
def cityscapes(shared_data):
    root = shared_data / "cityscapes_sample_512x256"
    if not root.is_dir():
        pytest.skip(f"No Cityscapes sample at {root}.")
    return PairedFolders(root, "cityscapes35", instances="required")


@pytest.mark.parametrize(
    ("name", "count", "first"),
    [("train", 367, "0001TP_006690"), ("validation", 101, "0016E5_07959"), ("test", 233, None)],
)
def test_camvid(camvid, name, count, first):
    split = camvid.split(name)
    assert len(split) == count
    assert first is None or split.stems[0] == first
    report = split.check(progress=False, max_instances=64)
    assert report.examples == count and report.most_instances > 20
    example = split[0]
    assert example["labels"].shape == (192, 256) and example["labels"].dtype == np.uint8
    assert example["image"].shape == (192, 256, 3) and example["image"].dtype == np.uint8
    assert example["instances"].shape == (192, 256) and example["instances"].dtype == np.int32


def test_camvid_classes_fit_the_label_file(camvid):
    # Shares in percent from the data set's README: sky, road and void, over the whole split.
    counts = np.zeros(12, np.int64)
    for example in camvid.split("validation"):
        counts += np.bincount(example["labels"].ravel(), minlength=12)
    shares = 100 * counts / counts.sum()
    np.testing.assert_allclose(shares[[0, 3, 11]], [9.172, 28.952, 1.710], atol=0.001)


def test_camvid_without_a_label_file(camvid):
    inferred = PairedFolders(camvid.root).label_set
    assert inferred.num_classes == 12
    assert inferred.aliases == ()


def test_camvid_batches(camvid):
    split = camvid.split("train")
    dataset = batches(split, batch_size=4, size=(96, 128), load_size=(108, 144), steps=2)
    for batch in dataset.as_numpy_iterator():
        assert batch["image"].shape == (4, 96, 128, 3)
        assert batch["labels"].max() < 12
        assert 0 == batch["instances"].min() < batch["instances"].max() < 256
        assert 50 < batch["image"].mean() < 200


def test_cityscapes(cityscapes):
    train, validation = cityscapes.split("train"), cityscapes.split("validation")
    assert (len(train), len(validation)) == (8, 3)
    assert train.stems[0] == "aachen_000000_000019"
    assert train.check(progress=False).most_instances == 41
    seen = set()
    for example in [*train, *validation]:
        labels, instances = example["labels"], example["instances"]
        assert labels.shape == (256, 512) and example["image"].shape == (256, 512, 3)
        assert instances.dtype == np.int32
        # Below 1000 the number is the class; above, class * 1000 + number. No id has overflowed.
        np.testing.assert_array_equal(
            np.where(instances < 1000, instances, instances // 1000), labels
        )
        seen.update(np.unique(labels).tolist())
    assert {7, 11, 23, 26, 33} <= seen and max(seen) == 33


def test_cityscapes_has_ids_above_15_bits(cityscapes):
    assert max(int(example["instances"].max()) for example in cityscapes.split("train")) == 33001

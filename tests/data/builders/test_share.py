"""A share of the training pairs: which they are, and that all else is left whole."""

import numpy as np
import pytest

from tests.data.numbered import Numbered
from tfsynth import registry
from tfsynth.data import (
    Dataset,
    PairedFolders,
    Share,
    Streets,
    write_instance_map,
    write_label_map,
    write_photo,
)
from tfsynth.layouts import LabelSet
from tfsynth.metrics import has_own_instances


class Crops(Dataset):
    """Photographs of `counts` crops each for training, and three for testing."""

    def __init__(self, counts=(), fingerprint="a"):
        self.train = Numbered(sum(counts))
        self.train.stems = [f"p{i}_{j}" for i, count in enumerate(counts) for j in range(count)]
        self.test = Numbered(3)
        self.label_set = self.train.label_set
        self.fingerprint = fingerprint

    @property
    def split_names(self):
        return ("train", "test")

    def split(self, name):
        return getattr(self, name)

    def get_config(self):
        return {}


def stems(counts, share, **options):
    return Share(Crops(counts), share, **options).split("train").stems


def test_smaller_shares_are_parts_of_larger_ones():
    ones = (1,) * 40
    found = [stems(ones, share) for share in (0.1, 0.25, 0.5, 1.0)]
    assert [len(names) for names in found] == [4, 10, 20, 40]
    for smaller, larger in zip(found, found[1:], strict=False):
        assert set(smaller) < set(larger)
    assert found[-1] == Crops(ones).train.stems
    assert found[1] == sorted(found[1], key=found[-1].index)
    # Not the first ones, and others for another seed.
    assert found[1] != found[-1][:10] and found[1] != stems(ones, 0.25, seed=1)


def test_a_pair_that_is_added_moves_no_other():
    before, after = stems((1,) * 40, 0.5), stems((1,) * 41, 0.5)
    assert len(set(before) & set(after)) >= 19


def test_crops_of_one_photograph_stay_together():
    counts = (1, 8, 2, 5, 3, 1, 4)
    for share in (0.1, 0.25, 0.5, 0.75):
        names = stems(counts, share, source_separator="_")
        for i, count in enumerate(counts):
            assert sum(name.startswith(f"p{i}_") for name in names) in (0, count)
    # 24 pairs: never more than half of the largest source away.
    assert abs(len(stems(counts, 0.5, source_separator="_")) - 12) <= 4
    assert len(stems((9, 9), 0.01, source_separator="_")) == 9


def test_a_share_has_the_pairs_that_it_names_and_all_of_the_test_split():
    whole = Crops((1,) * 8)
    part = Share(whole, 0.5)
    train = part.split("train")
    assert len(train) == 4
    for index, stem in enumerate(train.stems):
        expected = whole.train[whole.train.stems.index(stem)]
        np.testing.assert_array_equal(train[index]["image"], expected["image"])
    assert part.split("test") is whole.test
    assert (part.split_names, part.label_set) == (("train", "test"), whole.label_set)
    report = train.check(progress=False)
    assert (report.examples, report.most_instances) == (4, 4)


def test_instances_that_were_made_of_labels_are_not_the_own_ones_of_a_share(tmp_path):
    label_set = LabelSet.load("camvid")
    for number in range(2):
        for kind in ("label", "img", "inst"):
            (tmp_path / f"train_{kind}").mkdir(exist_ok=True)
        name, labels = f"{number}.png", np.eye(8, dtype=np.uint8)
        write_label_map(tmp_path / "train_label" / name, labels, label_set)
        write_instance_map(tmp_path / "train_inst" / name, labels.astype(np.int32))
        write_photo(tmp_path / "train_img" / name, np.zeros((8, 8, 3), np.uint8))
    own = PairedFolders(tmp_path, "camvid", instances="required")
    made = PairedFolders(tmp_path, "camvid", instances="none", instances_from="components")
    for whole, expected in ((own, True), (made, False)):
        part = Share(Share(whole, 0.9), 0.5)
        assert "instances" in part.split("train")[0]
        assert has_own_instances(whole) == has_own_instances(part) == expected
    assert Share(made, 0.5).instances_from == "components"
    assert Share(Crops((1,)), 0.5).instances_from is None


def test_fingerprints_tell_shares_apart():
    whole = Crops((1, 1))
    parts = [
        Share(whole, 0.5),
        Share(whole, 1.0),
        Share(whole, 0.5, seed=1),
        Share(whole, 0.5, source_separator="_"),
        Share(Crops((1, 1), "b"), 0.5),
    ]
    assert len({part.fingerprint for part in parts} | {whole.fingerprint}) == 6
    assert len({part.inventory for part in parts}) == 5
    assert Share(whole, 1).fingerprint == Share(whole, 1.0).fingerprint


def test_a_config_names_a_share_and_what_it_is_of():
    streets = {"class": "Streets", "height": 32, "width": 64, "train": 8, "test": 2}
    node = {"class": "Share", "dataset": streets, "share": 0.5}
    built = registry.build(node, Dataset)
    assert isinstance(built.dataset, Streets) and built.dataset.train == 8
    described = registry.describe(built)
    assert described["dataset"]["class"] == "Streets" and described["share"] == 0.5
    assert registry.build(described, Dataset).fingerprint == built.fingerprint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"share": 0}, "`share` must be above 0, and 1 at most. Received: 0."),
        ({"share": float("nan")}, "`share` must be above 0"),
        ({"share": 1.5}, "Received: 1.5."),
        ({"share": 0.5, "seed": -1}, "`seed` is a whole number of at least 0"),
        ({"share": 0.5, "source_separator": ""}, "`source_separator` is a text such as '_'"),
        ({"share": 0.5, "dataset": "streets"}, "`dataset` is the whole data set"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Share(**{"dataset": Crops((1,)), **arguments})

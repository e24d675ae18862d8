"""Drawn cells: labels and instances that agree, and the statistics of each kind of picture."""

import numpy as np
import pytest
from PIL import Image

from tfsynth.layouts import LabelSet
from tfsynth.layouts.cells import MODALITIES, draw_cells

COUNT = 50


def cells(modality):
    return [draw_cells(256, 256, seed, modality) for seed in range(COUNT)]


def statistics(pairs):
    """Returns the mean number of nuclei, their median area, share of pixels, share that touch."""
    counts, areas, covered, touching = [], [], [], []
    for _, instances in pairs:
        sizes = np.bincount(instances.ravel())[1:]
        counts.append((sizes > 0).sum())
        areas += sizes[sizes > 0].tolist()
        covered.append((instances > 0).mean())
        together = []
        for a, b in (
            (instances[:, 1:], instances[:, :-1]),
            (instances[1:], instances[:-1]),
        ):
            both = (a > 0) & (b > 0) & (a != b)
            together += [a[both], b[both]]
        touching.append(len(np.unique(np.concatenate(together))) / max(1, counts[-1]))
    return np.array([np.mean(counts), np.median(areas), np.mean(covered), np.mean(touching)])


def test_the_label_file_has_the_classes():
    label_set = LabelSet.load("nuclei")
    for kind, name in enumerate(MODALITIES):
        assert label_set.names[2 * kind] == f"background {name}"
        assert label_set.names[2 * kind + 1] == f"nucleus {name}"
    assert label_set.colours[3] == (110, 30, 160) and label_set.void_ids == ()


@pytest.mark.parametrize("modality", MODALITIES)
def test_labels_say_where_the_instances_are_and_of_which_kind(modality):
    kind = MODALITIES.index(modality)
    for labels, instances in cells(modality)[:12]:
        assert labels.dtype == np.uint8 and instances.dtype == np.int32
        np.testing.assert_array_equal(labels, np.where(instances > 0, 2 * kind + 1, 2 * kind))
        assert np.unique(instances).tolist() == list(range(instances.max() + 1))
        assert instances.max() >= 1


def test_a_picture_without_background_keeps_all_of_its_nuclei():
    # Nuclei that are larger than the picture.
    drawn = [draw_cells(32, 32, seed, "stained", scale=4.0) for seed in range(30)]
    full = [(labels, instances) for labels, instances in drawn if instances.min() > 0]
    assert full
    for labels, instances in full:
        assert np.unique(instances).tolist() == list(range(1, instances.max() + 1))
        assert (labels == 3).all()


# Of the training split of nuclei_256: nuclei of a crop, their median area with those that an edge
# cuts, percent of the pixels, percent of the nuclei that touch another.
@pytest.mark.parametrize(
    ("modality", "measured"),
    [
        ("fluorescence", (22.4, 225, 14.0, 18.6)),
        ("stained", (34.8, 272, 21.7, 34.2)),
        ("bright-field", (6.2, 192, 2.1, 20.2)),
    ],
)
def test_cells_are_as_many_as_large_and_as_close_as_in_nuclei_256(modality, measured):
    ratios = statistics(cells(modality)) * (1, 1, 100, 100) / measured
    assert (0.6 < ratios).all() and (ratios < 1.7).all()


def test_modalities_are_drawn_as_often_as_they_are_in_the_data():
    kinds = [draw_cells(64, 64, seed)[0].min() // 2 for seed in range(150)]
    shares = np.bincount(kinds, minlength=3) / len(kinds)
    np.testing.assert_allclose(shares, [0.734, 0.087, 0.179], atol=0.09)


def test_a_seed_gives_the_same_cells():
    first, second = draw_cells(96, 80, 4), draw_cells(96, 80, 4)
    np.testing.assert_array_equal(first[1], second[1])
    assert np.any(first[1] != draw_cells(96, 80, 5)[1])


def test_larger_pictures_have_more_cells_and_halved_ones_smaller():
    def mean_area_and_count(size, scale):
        drawn = [draw_cells(size, size, seed, "stained", scale)[1] for seed in range(30)]
        return np.mean([(i > 0).sum() for i in drawn]), np.mean([i.max() for i in drawn])

    area, count = mean_area_and_count(256, 1.0)
    halved_area, halved_count = mean_area_and_count(128, 0.5)
    assert 0.7 < halved_count / count < 1.3 and 0.17 < halved_area / area < 0.33
    assert 2.5 < mean_area_and_count(512, 1.0)[1] / count < 5.5


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="one of .*'stained'.*; got 'phase contrast'"):
        draw_cells(64, 64, modality="phase contrast")
    with pytest.raises(ValueError, match="sides of at least 32; got 64 x 8"):
        draw_cells(64, 8)


def test_cells_beside_the_crops_themselves(shared_data):
    folder = shared_data / "nuclei_256"
    if not folder.is_dir():
        pytest.skip(f"No nuclei_256 at {folder}.")
    found = {modality: [] for modality in MODALITIES}
    for path in sorted((folder / "train_label").glob("*.png"))[::4]:
        labels = np.array(Image.open(path))
        instances = np.array(Image.open(folder / "train_inst" / path.name)).astype(int)
        found[MODALITIES[labels.min() // 2]].append((labels, instances))
    for modality, crops in found.items():
        ratios = statistics(cells(modality)) / statistics(crops)
        assert (0.5 < ratios).all() and (ratios < 2).all(), (modality, ratios)

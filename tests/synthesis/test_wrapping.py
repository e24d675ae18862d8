"""Photographs whose edges join: the seam beside the columns around it."""

import keras
import numpy as np
import pytest
from PIL import Image

from tests.synthesis.synthesizers import (
    INSTANCES,
    LABELS,
    LAYOUT,
    noisy_synthesizer,
    picture_synthesizer,
    styled_synthesizer,
    synthesizer,
)
from tfsynth import exporters
from tfsynth.data import write_label_map
from tfsynth.layers import Conditioning
from tfsynth.layouts import LabelSet
from tfsynth.layouts.regions import components
from tfsynth.layouts.worlds import draw_world
from tfsynth.networks import GlobalGenerator
from tfsynth.synthesis import deployment
from tfsynth.synthesis.deployment import open_model
from tfsynth.synthesis.synthesizer import Synthesizer
from tfsynth.synthesis.wrapping import unwrapped

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow


def smooth_synthesizer():
    """Returns a model of planet whose pictures are smooth, as those of trained ones are."""
    keras.utils.set_random_seed(3)
    conditioning = Conditioning(16, edges=False)
    generator = GlobalGenerator(conditioning.channels, filters=8, num_downsamples=3, num_blocks=3)
    for weight in generator.trainable_weights:
        if len(weight.shape) == 4:
            kernel = np.asarray(weight)
            weight.assign(np.broadcast_to(3 * kernel.mean((0, 1), keepdims=True), kernel.shape))
    return Synthesizer(generator, conditioning, LabelSet.load("planet"))


def steps(picture, near=32):
    """Returns the mean difference across the seam, and those of the columns near it."""
    picture = picture.astype(float)
    differences = np.abs(picture - np.roll(picture, 1, axis=1)).mean(axis=(0, 2))
    return differences[0], np.concatenate([differences[1 : near + 1], differences[-near:]])


def test_a_seam_is_no_more_visible_than_the_columns_beside_it():
    model, ratios = smooth_synthesizer(), {True: [], False: []}
    for seed in range(3):
        world = draw_world(128, 256, seed, whole=True)
        # The seam goes through the most land.
        world = np.roll(world, -int((world > 1).sum(axis=0).argmax()), axis=1)
        for wrap in ratios:
            seam, near = steps(model.synthesize(world, wrap=wrap))
            ratios[wrap].append(seam / near.mean())
    assert np.mean(ratios[True]) < 1.3
    assert np.mean(ratios[False]) > 5


def test_noise_that_is_drawn_by_place_joins_too():
    model = noisy_synthesizer()
    layout = np.zeros((32, 64), "uint8")
    layout[16:] = 1
    picture = model.synthesize(layout, seed=5, wrap=True)
    # The first column is the one that was synthesised to the right of the last.
    wide = np.take(layout, np.arange(-16, 80) % 64, axis=1)
    made = model.synthesize(wide, seed=5)
    np.testing.assert_array_equal(picture[:, 0], made[:, 80])
    np.testing.assert_array_equal(picture[:, 8:], made[:, 24:80])
    half = (made[:, 84].astype(float) + made[:, 20]) / 2
    assert np.abs(picture[:, 4] - half).max() <= 0.5


def test_batches_instances_styles_and_condition_pictures_are_wrapped():
    model = styled_synthesizer()
    one = model.synthesize(LAYOUT, INSTANCES, {201: [0.5, -0.5]}, seed=3, wrap=True)
    assert one.shape == (8, 12, 3)
    batch = model.synthesize(
        np.stack([LAYOUT] * 2), np.stack([INSTANCES] * 2), {201: [0.5, -0.5]}, [3, 4], wrap=True
    )
    assert batch.shape == (2, 8, 12, 3)
    assert np.abs(batch[0].astype(int) - one).max() <= 1
    assert model.synthesize_all(LAYOUT, INSTANCES, wrap=True).shape == (1, 8, 12, 3)
    picture = np.random.default_rng(0).integers(0, 256, (16, 24, 1), dtype=np.uint8)
    assert picture_synthesizer().synthesize(picture, wrap=True).shape == (16, 24, 1)


def test_what_does_not_fit_is_refused_as_without_wrapping():
    model = synthesizer()
    for labels, instances, message in (
        (LAYOUT, INSTANCES[:, :4], r"must be an integer array \(8, 12\)"),
        (LAYOUT + 9, INSTANCES, "out of range"),
        (LAYOUT, None, "This model reads instances"),
    ):
        with pytest.raises(ValueError, match=message):
            model.synthesize(labels, instances, wrap=True)


def test_a_wide_margin_fades_no_further_than_the_picture():
    made = np.zeros((4, 12 + 2 * 32, 3), np.uint8)
    made[:, 44:] = 120
    joined = unwrapped(made, 32)
    assert joined.shape == (4, 12, 3)
    np.testing.assert_array_equal(joined[0, :, 0], 120 - 10 * np.arange(12))


def test_files_are_wrapped_when_told(tmp_path):
    synthesizer().save(tmp_path / "model.keras")
    write_label_map(tmp_path / "a.png", LAYOUT, LABELS)
    for name, wrap in (("plain", None), ("joined", True)):
        deployment.synthesize(
            tmp_path / "model.keras", [tmp_path / "a.png"], tmp_path / name, wrap=wrap
        )
        with Image.open(tmp_path / name / "a.png") as photograph:
            expected = synthesizer().synthesize(LAYOUT, LAYOUT, wrap=bool(wrap))
            np.testing.assert_array_equal(np.asarray(photograph), expected)


def test_an_object_across_the_seam_is_one_component(tmp_path):
    synthesizer().save(tmp_path / "model.keras")
    labels = np.zeros((16, 24), "uint8")
    labels[3:9, :5] = labels[3:9, -6:] = 2
    write_label_map(tmp_path / "a.png", labels, LABELS)
    (written,) = deployment.synthesize(
        *(tmp_path / "model.keras", [tmp_path / "a.png"], tmp_path / "joined"),
        instances_from="components",
        wrap=True,
    )
    with Image.open(written) as photograph:
        # Two classes of one part each.
        expected = synthesizer().synthesize(labels, labels, wrap=True)
        np.testing.assert_array_equal(np.asarray(photograph), expected)
    # Two parts have an edge between them.
    apart = synthesizer().synthesize(labels, components(labels), wrap=True)
    assert np.any(apart != expected)


def test_an_exported_model_joins_edges_unless_it_has_one_size(tmp_path):
    model = styled_synthesizer()
    exporters.export(model, tmp_path / "1")
    made = open_model(tmp_path / "1").synthesize(LAYOUT, INSTANCES, seed=1, wrap=True)
    expected = model.synthesize(LAYOUT, INSTANCES, seed=1, wrap=True)
    assert np.abs(made.astype(int) - expected).max() <= 1
    exporters.export(model, tmp_path / "one.tflite", "tflite", size=(8, 12))
    write_label_map(tmp_path / "a.png", LAYOUT, LABELS)
    with pytest.raises(ValueError, match="a.png: This exported model takes pictures of 8 x 12"):
        deployment.synthesize(
            tmp_path / "one.tflite", [tmp_path / "a.png"], tmp_path / "out", wrap=True
        )
    assert not (tmp_path / "out").exists()

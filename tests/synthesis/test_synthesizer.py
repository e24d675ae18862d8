import concurrent.futures
from pathlib import Path

import keras
import numpy as np
import pytest

import tfsynth
from tests.synthesis.synthesizers import (
    LABELS,
    layout,
    noisy_synthesizer,
    picture_synthesizer,
    synthesizer,
)
from tfsynth.layers import Conditioning
from tfsynth.synthesis.synthesizer import FORMAT_VERSION, Synthesizer

STORED = Path(__file__).parents[1] / "goldens" / "synthesizer_format_1.keras"


@pytest.mark.parametrize("size", [(16, 24), (17, 23), (3, 5), (1, 1), (46, 62)])
def test_any_size_comes_out_at_its_size(size):
    labels, instances = layout(*size)
    photograph = synthesizer().synthesize(labels, instances)
    assert photograph.shape == (*size, 3)
    assert photograph.dtype == np.uint8


def test_a_good_size_is_the_generators_picture_rounded():
    model = synthesizer()
    labels, instances = layout(16, 24)
    image = model.generator(model.conditioning(labels[None], instances[None]))
    expected = np.round((np.asarray(image)[0] + 1) * 127.5)
    photograph = model.synthesize(labels, instances)
    np.testing.assert_allclose(photograph, expected, atol=1)
    # Cut off instead of rounded, half of the values would be one lower.
    assert (photograph == expected).mean() > 0.99


def test_an_odd_size_is_the_padded_layout_cropped():
    model = synthesizer()
    labels, instances = layout(17, 23)
    padded = [np.pad(m, ((0, 3), (0, 1)), mode="edge") for m in (labels, instances)]
    expected = model.synthesize(*padded)[:17, :23]
    np.testing.assert_array_equal(model.synthesize(labels, instances), expected)


def test_a_batch_is_its_pictures_one_by_one():
    model = synthesizer()
    labels = np.stack([layout(16, 16)[0], layout(16, 16)[0][::-1]])
    together = model.synthesize(labels, labels.astype("int64"))
    alone = [model.synthesize(m, m.astype("int64")) for m in labels]
    np.testing.assert_allclose(together.astype(int), np.stack(alone).astype(int), atol=1)


@pytest.mark.parametrize("batch", [1, 3])
def test_several_replicas_draw_each_picture_once(batch, two_replicas):
    labels = np.stack([layout(16, 16)[0]] * batch)
    labels[-1, :4] = 2
    expected = synthesizer().synthesize(labels, labels)
    with two_replicas.scope():
        together = synthesizer().synthesize(labels, labels)
    assert together.shape == (batch, 16, 16, 3)
    np.testing.assert_allclose(together.astype(int), expected.astype(int), atol=1)


def test_without_edges_no_instances_are_needed():
    labels, _ = layout(16, 16)
    assert synthesizer(edges=False).synthesize(labels).shape == (16, 16, 3)


def test_one_file_holds_everything(tmp_path):
    model = synthesizer()
    model.save(tmp_path / "model.keras")
    loaded = tfsynth.load_model(tmp_path / "model.keras")
    assert loaded.label_set == LABELS
    assert loaded.provenance == {"steps": 5}
    assert loaded.format_version == FORMAT_VERSION == 5
    labels, instances = layout(16, 24)
    np.testing.assert_array_equal(
        loaded.synthesize(labels, instances), model.synthesize(labels, instances)
    )


def test_a_model_trained_in_bfloat16_loads_in_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = synthesizer()
        model.save(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    loaded = tfsynth.load_model(tmp_path / "model.keras")
    # So do files of formats before 3, which name the policy.
    before = Synthesizer.from_config({**model.get_config(), "dtype": "mixed_bfloat16"})
    layers = [*loaded.generator.layers, loaded.conditioning, loaded, before]
    assert {layer.compute_dtype for layer in layers} == {"float32"}
    labels, instances = layout(16, 24)
    difference = loaded.synthesize(labels, instances).astype(int) - model.synthesize(
        labels, instances
    )
    assert np.abs(difference).max() <= 2  # Of bfloat16's 8 bits.


def test_a_file_of_format_1_is_still_read():
    # Written once by `synthesizer().save(...)` above, with the first format.
    loaded = tfsynth.load_model(STORED)
    assert loaded.format_version == 1
    assert loaded.label_set == LABELS
    labels, instances = layout(4, 6)
    with np.load(STORED.with_suffix(".npz")) as stored:
        difference = loaded.synthesize(labels, instances).astype(int) - stored["photograph"]
    assert np.abs(difference).max() <= 1


def test_a_later_format_is_refused():
    config = {**synthesizer().get_config(), "format_version": FORMAT_VERSION + 1}
    with pytest.raises(ValueError, match="format version 6; .* Upgrade tfsynth"):
        Synthesizer.from_config(config)


@pytest.mark.parametrize(
    ("labels", "instances", "message"),
    [
        (np.full((4, 4), 3), np.zeros((4, 4), int), "`labels`.* 3 .*0.*2"),
        (np.zeros((4, 4)), np.zeros((4, 4), int), "integer array .* Received: float64"),
        (np.zeros((4, 4, 3, 1), int), None, r"Received: int64 \(4, 4, 3, 1\)"),
        (np.zeros((4, 4), int), None, "give `instances`"),
        (np.zeros((4, 4), int), np.zeros((4, 5), int), r"Received: int64 \(4, 5\)"),
        (np.zeros((4, 4), int), np.zeros((4, 4)), r"Received: float64 \(4, 4\)"),
        (np.zeros((4, 4), int), np.full((4, 4), 2**31), "Ids in `instances` have 32 bits"),
        (np.zeros((4, 4), int), [[0, 1], [0]], "`instances` is one array; its rows are of one"),
        ([[0, 1], [0]], None, "A condition is one array; its rows are of one length"),
        (np.full((4, 5, 3), 128), np.zeros((4, 5), int), "seems to be a picture coded by colour"),
    ],
)
def test_bad_arrays_are_refused_with_the_rule(labels, instances, message):
    with pytest.raises(ValueError, match=message):
        synthesizer().synthesize(labels, instances)


@pytest.mark.parametrize("seed", [-1, 0.5, "1", None])
def test_a_seed_is_a_whole_number(seed):
    for draw in (synthesizer().synthesize, synthesizer().synthesize_all):
        with pytest.raises(ValueError, match="`seed` is a whole number, 0 or more. Received: "):
            draw(*layout(4, 4), seed=seed)


def test_a_check_refuses_what_synthesising_would(monkeypatch):
    model = synthesizer()
    monkeypatch.setattr(model, "predict_on_batch", None)  # It would be called.
    model.check(*layout(4, 4))
    with pytest.raises(ValueError, match="give `instances`"):
        model.check(np.zeros((4, 4), int))


def test_a_label_set_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="has 3 classes, the conditioning 4"):
        Synthesizer(synthesizer().generator, Conditioning(4), LABELS)


@pytest.mark.parametrize(("channels", "output_channels"), [(1, 1), (3, 4)])
def test_pictures_of_any_size_and_in_batches(channels, output_channels, tmp_path):
    model = picture_synthesizer(channels, output_channels)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 17, 23, channels)).astype("uint8")
    together = model.synthesize(pictures)
    assert together.shape == (2, 17, 23, output_channels) and together.dtype == np.uint8
    alone = model.synthesize(pictures[1])
    np.testing.assert_allclose(alone.astype(int), together[1].astype(int), atol=1)
    padded = np.pad(pictures, ((0, 0), (0, 3), (0, 1), (0, 0)), mode="edge")
    image = model.generator(padded.astype("float32") / 127.5 - 1)
    expected = np.round((np.asarray(image)[:, :17, :23] + 1) * 127.5)
    np.testing.assert_allclose(together, expected, atol=1)
    model.save(tmp_path / "model.keras")
    loaded = tfsynth.load_model(tmp_path / "model.keras")
    assert loaded.label_set is None
    np.testing.assert_array_equal(loaded.synthesize(pictures[1]), alone)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 4), "uint8"), r"uint8 array \(height, width, 1\).*Received: uint8 \(4, 4\)"),
        (np.zeros((4, 4, 3), "uint8"), r"Received: uint8 \(4, 4, 3\)"),
        (np.zeros((4, 4, 1)), "Received: float64"),
        (np.zeros((0, 4, 1), "uint8"), r"Received: uint8 \(0, 4, 1\)"),
        (np.zeros((4, 4, 1), "uint8"), "give `instances`.* pass zeros: all of it is one object"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        picture_synthesizer(edges=True).synthesize(picture)


def test_pictures_have_no_label_set():
    model = picture_synthesizer()
    with pytest.raises(ValueError, match="has 3 classes, the conditioning None"):
        Synthesizer(model.generator, model.conditioning, LABELS)
    with pytest.raises(ValueError, match="has None classes, the conditioning 3"):
        Synthesizer(synthesizer().generator, Conditioning(3))


def test_noise_is_that_of_the_seed(tmp_path):
    model = noisy_synthesizer()
    assert model.input_names == ["labels", "seed"]
    labels, _ = layout(17, 23)
    drawn = [model.synthesize(labels, seed=seed) for seed in (0, 1, 0, 2**40)]
    assert drawn[0].shape == (17, 23, 3)
    np.testing.assert_array_equal(drawn[0], drawn[2])
    for other in (drawn[1], drawn[3]):
        # 2**40 is 0, as 31 bits count; any other seed is other noise.
        assert (np.abs(drawn[0].astype(int) - other).mean() > 1) == (other is drawn[1])
    np.testing.assert_array_equal(model.synthesize(labels), drawn[0])
    model.save(tmp_path / "model.keras")
    loaded = tfsynth.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.synthesize(labels, seed=1), drawn[1])


def test_a_picture_does_not_depend_on_the_others_of_its_batch():
    model = noisy_synthesizer()
    labels, _ = layout(17, 23)
    maps, seeds = np.stack([labels, labels[::-1], labels, labels]), [3, 5, 3, 2**31 + 4]
    together = model.synthesize(maps, seed=seeds)
    for picture, one, seed in zip(together, maps, seeds, strict=True):
        np.testing.assert_array_equal(picture, model.synthesize(one, seed=seed))
    np.testing.assert_array_equal(together[0], together[2])
    assert (together[0] != together[3]).any()
    # One seed is that of each picture.
    both = model.synthesize(np.stack([labels, labels]), seed=3)
    np.testing.assert_array_equal(both, together[[0, 2]])


@pytest.mark.parametrize("seed", [[1], [1, 2, 3], [1, -2], [0.5, 1], "ab"])
def test_seeds_are_one_for_each_picture(seed):
    maps = np.stack([layout(4, 4)[0]] * 2)
    with pytest.raises(ValueError, match="or more, or 2 of them, one for each picture. Received"):
        noisy_synthesizer().synthesize(maps, seed=seed)


@pytest.mark.parametrize("way", ["call", "synthesize"])
def test_threads_draw_the_noise_of_their_own_seeds(way):
    model = noisy_synthesizer()
    labels = layout(16, 24)[0]

    def draw(seed):
        if way == "synthesize":
            return model.synthesize(labels, seed=seed)
        inputs = {"labels": labels[None], "seed": np.array([seed], "int32")}
        return np.asarray(model(inputs))[0]

    seeds = [17 * i for i in range(64)]
    # Before anything was drawn: the first calls of threads trace the function together.
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(draw, seeds))
    for seed, picture in zip(seeds, drawn, strict=True):
        np.testing.assert_array_equal(picture, draw(seed))
    assert (drawn[0] != drawn[1]).any()


def test_without_dropout_there_is_no_seed():
    model = noisy_synthesizer(dropout=0.0)
    assert model.input_names == ["labels"]
    labels, _ = layout(8, 8)
    first, second = (model.synthesize(labels, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(first, second)


def test_drawing_leaves_the_generators_own_noise(two_replicas):
    for scope in (None, two_replicas):
        if scope is None:
            model = noisy_synthesizer()
        else:
            with scope.scope():
                model = noisy_synthesizer()
        x = np.ones((1, 8, 8, 3), "float32")
        before = np.asarray(model.generator(x))
        labels, _ = layout(8, 8)
        first, second = (model.synthesize(labels, seed=seed) for seed in (4, 5))
        assert (first != second).any()
        np.testing.assert_array_equal(model.generator(x), before)

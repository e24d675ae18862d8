"""The best of several pictures: equations 2 and 3, their identities, gradients and passes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import check_loss, round_trip
from tfsynth.losses import PUBLISHED_LAYER_WEIGHTS, DiversityLoss, PerceptualLoss

CLASSES = 3
LAYERS = {"image": 1.0, "full": 30.0, "half": 70.0}


@pytest.fixture(scope="module")
def features():
    """Two layers of random features, one at half the size."""
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    full = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    half = keras.layers.AveragePooling2D(2)(full)
    half = keras.layers.Conv2D(5, 3, padding="same", activation="relu")(half)
    return keras.Model(image, {"full": full, "half": half})


def loss(features, **settings):
    return DiversityLoss(features, layer_weights=LAYERS, **settings)


def inputs(k, batch=2):
    random = np.random.default_rng(0)
    real = random.uniform(-1, 1, (batch, 8, 12, 3)).astype("float32")
    fake = random.uniform(-1, 1, (batch, k, 8, 12, 3)).astype("float32")
    masks = np.eye(CLASSES, dtype="float32")[random.integers(0, CLASSES, (batch, 8, 12))]
    return real, fake, masks


@pytest.mark.parametrize("scope", ["image", "class"])
def test_one_picture_makes_it_the_perceptual_loss(features, scope):
    real, fake, masks = inputs(1)
    expected = PerceptualLoss(features, layer_weights=LAYERS)(real, fake[:, 0])
    assert float(expected) > 50
    check_loss(loss(features, scope=scope)(real, fake, masks), float(expected))
    check_loss(loss(features, scope=scope)(real, fake[:, 0], masks), float(expected))


def test_the_best_per_class_is_no_worse_than_the_best_picture(features):
    real, fake, masks = inputs(4)
    of_class = float(loss(features)(real, fake, masks))
    hindsight = float(loss(features, scope="image", mean_share=0.0)(real, fake))
    plain = PerceptualLoss(features, layer_weights=LAYERS)
    each = [[float(plain(real[i : i + 1], fake[i : i + 1, u])) for u in range(4)] for i in range(2)]
    # Equation 2 is the mean over the batch of each layout's best picture.
    assert hindsight == pytest.approx(np.min(each, axis=1).mean(), rel=1e-6)
    assert of_class < 0.999 * hindsight + 0.001 * np.mean(each)


def test_classes_choose_apart_and_layers_together():
    # Grey levels by which two pictures are off, of two classes of 8 pixels each.
    real = np.zeros((1, 4, 4, 1), "float32")
    masks = np.zeros((1, 4, 4, 2), "float32")
    masks[:, :2, :, 0] = masks[:, 2:, :, 1] = 1
    fake = np.zeros((1, 2, 4, 4, 1), "float32")
    fake[0, 0, :2], fake[0, 0, 2:] = 2 / 127.5, 6 / 127.5
    fake[0, 1, :2], fake[0, 1, 2:] = 4 / 127.5, 1 / 127.5
    alone = {"layer_weights": {"image": 1.0}}
    # Each class has half of the pixels: (2 + 1) / 2, and in the mean (8 + 5) / 4.
    check_loss(DiversityLoss(**alone)(real, fake, masks), 0.999 * 1.5 + 0.001 * 3.25)
    check_loss(DiversityLoss(**alone, mean_share=0.0)(real, fake, masks), 1.5)
    check_loss(DiversityLoss(**alone, scope="image", mean_share=0.0)(real, fake), 2.5)


def test_one_picture_is_the_best_of_all_layers_together():
    image = keras.Input((None, None, 3))
    apart = keras.Model(image, {"red": image[..., :1], "green": image[..., 1:2]})
    fake = np.zeros((1, 2, 4, 4, 3), "float32")
    fake[0, 0] += np.array([1, 5, 0], "float32")
    fake[0, 1] += np.array([4, 1, 0], "float32")
    settings = {"layer_weights": {"red": 1.0, "green": 1.0}, "mean_share": 0.0}
    # 4 + 1 is less than 1 + 5; were each layer to choose its own, it would be 2.
    value = DiversityLoss(apart, scope="image", **settings)
    np.testing.assert_allclose(value.terms(np.zeros((1, 4, 4, 3)), fake), [4, 1], rtol=1e-6)


def test_masks_are_averaged_down_to_each_layer():
    image = keras.Input((None, None, 1))
    half = keras.Model(image, {"half": keras.layers.AveragePooling2D(2)(image)})
    # The map has two pixels; a quarter of the left one is of the first class.
    masks = np.zeros((1, 2, 4, 2), "float32")
    masks[..., 1] = 1
    masks[0, 0, 0] = 1, 0
    real, fake = np.zeros((1, 2, 4, 1), "float32"), np.zeros((1, 2, 2, 4, 1), "float32")
    fake[0, 0, :, :2], fake[0, 0, :, 2:] = 0.1, 0.5
    fake[0, 1, :, :2], fake[0, 1, :, 2:] = 0.3, 0.0
    value = DiversityLoss(half, layer_weights={"half": 1.0}, mean_share=0.0)
    # The first class is best in the first picture, 0.1 * 0.25 / 2; the rest in the second,
    # 0.3 * 0.75 / 2.
    terms = value.terms(real, fake, masks)
    np.testing.assert_allclose(terms, [0.0125 + 0.1125], rtol=1e-6)
    # Of the mean over pictures the classes are all: ((0.1 + 0.5) / 2 + 0.3 / 2) / 2.
    everything = DiversityLoss(half, layer_weights={"half": 1.0}, mean_share=1.0)
    np.testing.assert_allclose(everything.terms(real, fake, masks), [0.225], rtol=1e-6)
    assert value.size_multiple == 2


@pytest.mark.parametrize("mean_share", [0.0, 0.001])
def test_gradients_flow_into_the_best_picture(features, mean_share):
    real, fake, _ = inputs(3, batch=1)
    fake[0, 1] = 0.7 * real[0] + 0.3 * fake[0, 1]
    fake = tf.constant(fake)
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = loss(features, scope="image", mean_share=mean_share)(real, fake)
    gradient = tape.gradient(value, fake).numpy()
    best, plain = fake[:, 1], PerceptualLoss(features, layer_weights=LAYERS)
    with tf.GradientTape() as tape:
        tape.watch(best)
        value = plain(real, best)
    expected = tape.gradient(value, best).numpy()
    share = 1 - mean_share + mean_share / 3
    np.testing.assert_allclose(gradient[:, 1], share * expected, rtol=1e-4, atol=1e-6)
    others = np.abs(gradient[:, [0, 2]]).max()
    assert others == 0 if mean_share == 0 else 0 < others < 0.001 * np.abs(expected).max()


def test_each_class_draws_its_own_best_picture(features):
    real, fake, masks = inputs(2, batch=1)
    masks[:] = 0
    masks[:, :, :4, 0] = masks[:, :, 4:, 1] = 1
    fake[0, 0, :, :4], fake[0, 1, :, 4:] = real[0, :, :4], real[0, :, 4:]
    fake = tf.constant(fake)
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = DiversityLoss(layer_weights={"image": 1.0}, mean_share=0.0)(real, fake, masks)
    assert float(value) == 0
    gradient = tape.gradient(value, fake).numpy()
    assert not gradient[0, 0, :, 4:].any() and not gradient[0, 1, :, :4].any()


def value_and_gradient(value, real, fake, masks, xla=None):
    def compute(fake):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            result = value(real, fake, masks)
        return result, tape.gradient(result, fake)

    run = compute if xla is None else tf.function(compute, jit_compile=xla)
    return [np.array(part) for part in run(tf.constant(fake))]


def test_passes_of_any_size_give_the_same(features):
    real, fake, masks = inputs(5)
    expected = value_and_gradient(loss(features, chunk=5), real, fake, masks)
    for chunk, xla in ((1, None), (2, None), (2, False), (2, True)):
        found = value_and_gradient(loss(features, chunk=chunk), real, fake, masks, xla)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_terms_are_the_layers_and_factors_decide_with_them(features):
    real, fake, masks = inputs(3)
    value = loss(features)
    terms = value.terms(real, fake, masks)
    assert value.layers == ("image", "full", "half")
    assert float(keras.ops.sum(terms)) == pytest.approx(float(value(real, fake, masks)), rel=1e-6)
    factors = np.array([0.5, 4.0, 0.0], "float32")
    scaled = {name: w * f for (name, w), f in zip(LAYERS.items(), factors, strict=True)}
    expected = DiversityLoss(features, layer_weights=scaled).terms(real, fake, masks)
    np.testing.assert_allclose(value.terms(real, fake, masks, factors), expected, rtol=1e-6)


def test_it_is_computed_in_float32_whatever_the_policy(features, tmp_path):
    features.save(tmp_path / "features.keras")
    real, fake, masks = inputs(2)
    expected = float(loss(features)(real, fake, masks))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        value = round_trip(
            DiversityLoss(str(tmp_path / "features.keras"), layer_weights=LAYERS, chunk=2)
        )
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert value.weight == 1.0 and value.chunk == 2
    check_loss(value(real, fake, masks), expected)


def test_published_weights_are_the_divisors_of_the_programs():
    weights = PUBLISHED_LAYER_WEIGHTS["crn_cityscapes_512"]
    assert list(weights) == ["image", *(f"relu{level}_2" for level in range(1, 6))]
    expected = [1, 0.38462, 0.20833, 0.27027, 0.17857, 6.66667]
    assert list(weights.values()) == pytest.approx(expected, rel=1e-4)
    for name, last in (("initial", 10.0), ("cityscapes_256", 12.5), ("gta_256", 16.12903)):
        assert PUBLISHED_LAYER_WEIGHTS[f"crn_{name}"]["relu5_2"] == pytest.approx(last, rel=1e-5)


def test_bad_settings_are_refused(features):
    for settings, message in (
        ({"scope": "pixel"}, "`scope` is one of image, class. Received: 'pixel'"),
        ({"mean_share": 2.0}, "`mean_share` is in 0..1"),
        ({"chunk": 0}, "`chunk` must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            loss(features, **settings)
    with pytest.raises(ValueError, match="are a feature network's: give `features`"):
        DiversityLoss(layer_weights={"image": 1.0, "relu1_2": 1.0})
    with pytest.raises(ValueError, match="one of pix2pixhd, crn_initial, .*Received: 'crn'"):
        DiversityLoss(layer_weights="crn")
    with pytest.raises(ValueError, match='Scope "class" needs `masks`'):
        loss(features)(*inputs(2)[:2])
    image = keras.Input((None, None, 3))
    valid = keras.Model(image, {"valid": keras.layers.Conv2D(2, 3)(image)})
    with pytest.raises(ValueError, match="a whole number of times smaller.* of 1024 rows .* 1022"):
        DiversityLoss(valid, layer_weights={"valid": 1.0})

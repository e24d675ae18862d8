from pathlib import Path

import keras
import numpy as np
import pytest

from tests.harness import (
    assert_conforms,
    check_loss,
    check_network,
    count_parameters,
    fill_convolutions,
)
from tfsynth.losses import FeatureMatchingLoss, LeastSquaresLoss
from tfsynth.networks import (
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
)

GOLDENS = Path(__file__).parents[1] / "goldens" / "pix2pixhd.npz"


@pytest.fixture(scope="module")
def goldens():
    with np.load(GOLDENS) as arrays:
        return {name: np.moveaxis(arrays[name], 1, -1) for name in arrays.files}


@pytest.fixture(scope="module")
def discriminator():
    network = MultiscaleDiscriminator(5, filters=4, num_layers=3, num_scales=2)
    order = [(scale, layer) for scale in (0, 1) for layer in range(5)]
    fill_convolutions([network.get_layer(f"scale{s}_layer{j}_conv") for s, j in order])
    return network


def test_generator_agrees_with_an_independent_evaluation(goldens, tmp_path):
    generator = GlobalGenerator(4, filters=4, num_downsamples=2, num_blocks=2)
    fill_convolutions([layer for layer in generator.layers if hasattr(layer, "kernel")])
    output = check_network(generator, goldens["generator_input"], tmp_path)
    assert_conforms(output, goldens["generator_output"])
    # The same, as printed in the specification.
    assert output.mean() == pytest.approx(0.04589497, abs=1e-6)
    assert output.std() == pytest.approx(0.41485519, abs=1e-6)
    assert output[0, 7, 11, 1] == pytest.approx(0.64928204, abs=1e-5)
    assert output[0, 0, 23, 0] == pytest.approx(0.14791558, abs=1e-5)


def test_discriminator_agrees_with_an_independent_evaluation(goldens, discriminator, tmp_path):
    outputs = check_network(discriminator, goldens["discriminator_fake"], tmp_path)
    assert [len(scale) for scale in outputs] == [5, 5]
    for i, scale in enumerate(outputs):
        for j, features in enumerate(scale):
            assert_conforms(features, goldens[f"discriminator_{i}{j}"])


def test_enhancer_agrees_with_an_independent_evaluation(goldens, tmp_path):
    generator = LocalEnhancer(
        4, filters=2, num_downsamples=2, num_blocks=2, num_enhancers=1, num_local_blocks=1
    )
    fill_convolutions(
        [
            layer
            for section in generator.sections
            for layer in generator.section_layers(section)
            if hasattr(layer, "kernel")
        ]
    )
    output = check_network(generator, goldens["enhancer_input"], tmp_path)
    assert_conforms(output, goldens["enhancer_output"])
    assert output.mean() == pytest.approx(-0.12359553, abs=1e-6)
    assert output.std() == pytest.approx(0.39052921, abs=1e-6)
    assert output[0, 15, 23, 1] == pytest.approx(0.63669730, abs=1e-5)
    inner = keras.Model(
        generator.input,
        [generator.get_layer(name).output for name in ("half1", "up0_relu", "enhancer1_down_relu")],
    )
    halved, trunk, local = map(np.asarray, inner(goldens["enhancer_input"]))
    assert halved[0, 0, 0, 0] == pytest.approx(-0.35443650, abs=1e-5)
    assert halved[0, 15, 23, 3] == pytest.approx(0.26874216, abs=1e-5)
    assert trunk.mean() == pytest.approx(0.36955778, abs=1e-5)
    assert trunk[0, 15, 23, 3] == pytest.approx(0.28223515, abs=1e-5)
    assert local.mean() == pytest.approx(0.39187337, abs=1e-5)
    assert local[0, 0, 0, 0] == pytest.approx(0.54267036, abs=1e-5)


def test_encoder_agrees_with_an_independent_evaluation(goldens, tmp_path):
    encoder = FeatureEncoder(filters=4, num_downsamples=2, max_instances=4)
    fill_convolutions([layer for layer in encoder.layers if hasattr(layer, "kernel")])
    # The ids of both pictures, numbered from 0.
    ids = np.unique(goldens["encoder_instances"], return_inverse=True)[1]
    instances = ids.reshape(2, 16, 24).astype("int32")
    output = check_network(encoder, [goldens["encoder_input"], instances], tmp_path)
    assert_conforms(output, goldens["encoder_output"])
    assert output.std() == pytest.approx(0.33327667, abs=1e-6)
    assert output[1, 10, 7, 2] == pytest.approx(-0.28473750, abs=1e-5)
    raw = keras.Model(encoder.inputs, encoder.get_layer("features").output)
    assert_conforms(np.asarray(raw([goldens["encoder_input"], instances])), goldens["encoder_raw"])


def test_losses_agree_with_an_independent_evaluation(goldens, discriminator):
    fake = discriminator(goldens["discriminator_fake"])
    real = discriminator(goldens["discriminator_real"])
    fake_logits, real_logits = ([s[-1] for s in scales] for scales in (fake, real))
    loss = LeastSquaresLoss()
    check_loss(loss.generator(fake_logits), 1.9742961883)
    expected = 0.5 * (1.0239329728 + 1.8874421141)
    check_loss(loss.discriminator(real_logits, fake_logits), expected)
    matching = FeatureMatchingLoss()
    value = matching([s[:-1] for s in real], [s[:-1] for s in fake])
    check_loss(matching.weight * value, 19.5877907768)


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"input_channels": 36}, 182_546_755),
        ({"input_channels": 35}, 182_543_619),
        ({"input_channels": 3}, 182_443_267),
        ({"input_channels": 39}, 182_556_163),
        ({"input_channels": 36, "filters": 32}, 45_672_611),
    ],
)
def test_generator_has_the_published_number_of_parameters(arguments, parameters):
    assert count_parameters(GlobalGenerator, **arguments) == parameters


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"input_channels": 36}, 182_857_059),
        ({"input_channels": 39}, 182_871_171),
        ({"input_channels": 3}, 182_701_827),
        ({"input_channels": 36, "filters": 64}, 731_036_355),
        ({"input_channels": 36, "filters": 16, "num_enhancers": 2}, 182_947_699),
    ],
)
def test_enhancer_has_the_published_number_of_parameters(arguments, parameters):
    assert count_parameters(LocalEnhancer, **arguments) == parameters


def test_encoder_has_the_published_number_of_parameters():
    assert FeatureEncoder().count_params() == 788_803


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"input_channels": 39, "num_scales": 1}, 2_801_601),
        ({"input_channels": 39}, 5_603_202),
        ({"input_channels": 39, "num_scales": 3}, 8_404_803),
        ({"input_channels": 6}, 5_535_618),
        ({"input_channels": 6, "num_scales": 3}, 8_303_427),
        ({"input_channels": 38}, 5_601_154),
    ],
)
def test_discriminator_has_the_published_number_of_parameters(arguments, parameters):
    assert count_parameters(MultiscaleDiscriminator, **arguments) == parameters


@pytest.mark.parametrize("num_scales", [1, 2, 3])
def test_discriminator_gives_one_list_per_scale(num_scales):
    network = MultiscaleDiscriminator(5, filters=4, num_scales=num_scales)
    scales = network(np.zeros((2, 32, 64, 5), "float32"))
    assert [len(scale) for scale in scales] == [5] * num_scales
    logits = [tuple(scale[-1].shape) for scale in scales]
    assert logits == [(2, 7, 11, 1), (2, 5, 7, 1), (2, 4, 5, 1)][:num_scales]


@pytest.mark.parametrize(
    ("normalization", "norms", "vectors"),
    [("instance", 6, 0), ("spectral", 0, 10), ("spectral_instance", 6, 10)],
)
def test_discriminator_normalises_kernels_or_maps_or_both(normalization, norms, vectors, tmp_path):
    network = MultiscaleDiscriminator(5, filters=4, normalization=normalization)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("InstanceNormalization") == norms
    assert kinds.count("SpectralConv2D") == vectors
    inputs = np.random.default_rng(0).normal(size=(1, 16, 32, 5)).astype("float32")
    outputs = check_network(network, inputs, tmp_path)
    assert all(np.isfinite(features).all() for scale in outputs for features in scale)
    # What trains is the same, by name and by shape.
    plain = MultiscaleDiscriminator(5, filters=4)
    shapes = [
        [(w.path.partition("/")[2], w.shape) for w in n.trainable_weights] for n in (network, plain)
    ]
    assert shapes[0] == shapes[1]


def test_an_unknown_normalization_names_the_known_ones():
    with pytest.raises(ValueError, match="one of instance, spectral, .*Received: 'batch'"):
        MultiscaleDiscriminator(5, normalization="batch")


def test_generator_picture_is_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator = GlobalGenerator(2, filters=2, num_downsamples=1, num_blocks=1)
    finally:
        keras.config.set_dtype_policy("float32")
    assert generator.get_layer("stem_conv").compute_dtype == "bfloat16"
    image = generator(np.zeros((1, 8, 8, 2), "float32"))
    assert keras.ops.dtype(image) == "float32"


def test_sections_of_an_enhancer_hold_each_layer_once():
    generator = LocalEnhancer(4, filters=2, num_downsamples=1, num_blocks=1, num_enhancers=2)
    assert generator.sections == ("global", "enhancer1", "enhancer2")
    layers = [layer.name for s in generator.sections for layer in generator.section_layers(s)]
    assert sorted(layers) == sorted(layer.name for layer in generator.layers)
    coarse = GlobalGenerator(4, filters=8, num_downsamples=1, num_blocks=1)
    shared = {layer.name for layer in generator.section_layers("global") if layer.weights}
    expected = {layer.name for layer in coarse.layers if layer.weights} - {"head_conv"}
    assert shared == expected
    with pytest.raises(ValueError, match="one of .*enhancer2.*Received: 'local'"):
        generator.section_layers("local")


def test_enhancers_take_multiples_of_their_size():
    generator = LocalEnhancer(4, filters=2, num_downsamples=2, num_blocks=1, num_enhancers=2)
    assert (generator.size_multiple, generator.minimum_size) == (16, 32)
    output = generator(np.random.default_rng(0).normal(size=(1, 32, 48, 4)))
    assert output.shape == (1, 32, 48, 3)
    assert np.isfinite(output).all()


@pytest.mark.parametrize("network", [GlobalGenerator, LocalEnhancer, MultiscaleDiscriminator])
@pytest.mark.parametrize("argument", ["input_channels", "filters"])
def test_sizes_must_be_positive(network, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be at least 1. Received: 0"):
        network(**{"input_channels": 4, argument: 0})


def test_sizes_that_the_networks_take():
    generator = GlobalGenerator(4, filters=2, num_downsamples=3, num_blocks=1)
    assert generator.size_multiple == 8
    side = generator.minimum_size
    assert side == 16
    output = generator(np.random.default_rng(0).normal(size=(1, side, side, 4)))
    assert output.shape == (1, 16, 16, 3)
    assert np.isfinite(output).all()
    assert MultiscaleDiscriminator(4, filters=2, num_scales=3).minimum_size == 5


@pytest.mark.parametrize("kind", [GlobalGenerator, LocalEnhancer, FeatureEncoder])
def test_a_config_of_version_0_1_says_its_padding(kind):
    network = kind(3, filters=2, num_downsamples=1)
    stored = {**network.get_config(), "padding": "zeros"}
    again = kind.from_config(stored)
    assert type(again) is kind and again.get_config() == network.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in network.weights]
    with pytest.raises(ValueError, match="convolutions by 'reflect', which tfsynth has no more"):
        kind.from_config({**stored, "padding": "reflect"})

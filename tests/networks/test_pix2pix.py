import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import check_network, count_parameters
from tfsynth.layers import BatchStatisticsNormalization, DropoutNoise
from tfsynth.networks import PatchDiscriminator, UNetGenerator


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"input_channels": 3}, 54_413_955),
        ({"input_channels": 20}, 54_431_363),
        ({"input_channels": 3, "skips": False}, 39_075_459),
    ],
)
def test_generator_has_the_published_number_of_parameters(arguments, parameters):
    assert count_parameters(UNetGenerator, **arguments) == parameters


@pytest.mark.parametrize(
    ("num_layers", "parameters", "logits"),
    [
        (1, 139_585, 126),
        (2, 666_433, 62),
        (3, 2_768_705, 30),
        (4, 6_964_033, 14),
        (5, 11_159_361, 6),
    ],
)
def test_discriminator_has_the_published_number_of_parameters(num_layers, parameters, logits):
    network = PatchDiscriminator(6, num_layers=num_layers)
    assert network.count_params() == parameters
    *features, last = network.compute_output_spec(keras.KerasTensor((1, 256, 256, 6)))
    assert last.shape == (1, logits, logits, 1)
    assert len(features) == num_layers + 1
    widths = [64, 128, 256, 512, 512, 512][: num_layers + 1]
    assert [f.shape[-1] for f in features] == widths


@pytest.mark.parametrize(
    ("num_layers", "field"), [(0, 1), (1, 16), (2, 34), (3, 70), (4, 142), (5, 286)]
)
def test_a_logit_sees_its_patch_and_no_more(num_layers, field):
    # Without a norm, which would let every logit see all, and with weights that cannot cancel.
    network = PatchDiscriminator(1, filters=1, num_layers=num_layers, normalization=None)
    for weight in network.trainable_weights:
        weight.assign(np.full(weight.shape, 0.1))
    side = field + 3 * 2**num_layers
    picture = tf.ones((1, side, side, 1))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        ((*_, logits),) = network(picture)
        middle = logits.shape[1] // 2
        logit = logits[0, middle, middle, 0]
    seen = np.argwhere(tape.gradient(logit, picture)[0, :, :, 0].numpy() > 0)
    np.testing.assert_array_equal(seen.max(0) - seen.min(0) + 1, [field, field])
    assert len(seen) == field**2


def strided(x, kernel):
    """A 4 x 4 convolution with stride 2 of (height, width, channels), padded by 1."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows, columns = x.shape[0] // 2, x.shape[1] // 2
    output = np.zeros((rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            window = padded[2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
            output[i, j] = np.einsum("rsc,rscf->f", window, kernel)
    return output


def transposed(x, kernel):
    """The transpose of `strided`; the kernel is (4, 4, out, in)."""
    rows, columns, _ = x.shape
    padded = np.zeros((2 * rows + 2, 2 * columns + 2, kernel.shape[2]))
    for i in range(rows):
        for j in range(columns):
            spread = np.einsum("rsfc,c->rsf", kernel, x[i, j])
            padded[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += spread
    return padded[1:-1, 1:-1]


def normalized(x, layer):
    x = (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-5)
    return x * layer.gamma.numpy() + layer.beta.numpy()


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


@pytest.mark.parametrize("skips", [True, False])
def test_generator_agrees_with_its_definition_in_numpy(skips, tmp_path):
    generator = UNetGenerator(2, filters=2, depth=3, skips=skips, dropout=0.0)
    rng = np.random.default_rng(0)
    # Larger than the first weights, so that every branch counts.
    for weight in generator.trainable_weights:
        weight.assign(rng.normal(0.3 if "gamma" in weight.path else 0, 0.5, weight.shape))
    picture = rng.normal(size=(1, 8, 16, 2)).astype("float32")
    output = check_network(generator, picture, tmp_path)

    def layer(name):
        return generator.get_layer(name)

    def kernel(name):
        return layer(name).kernel.numpy().astype("float64")

    e1 = strided(picture[0].astype("float64"), kernel("down0_conv"))
    e2 = normalized(strided(leaky(e1), kernel("down1_conv")), layer("down1_norm"))
    e3 = strided(leaky(e2), kernel("down2_conv"))
    assert e3.shape == (1, 2, 8)
    d = normalized(transposed(np.maximum(e3, 0), kernel("up2_conv")), layer("up2_norm"))
    d = np.concatenate([d, e2], axis=-1) if skips else d
    d = normalized(transposed(np.maximum(d, 0), kernel("up1_conv")), layer("up1_norm"))
    d = np.concatenate([d, e1], axis=-1) if skips else d
    d = transposed(np.maximum(d, 0), kernel("up0_conv")) + layer("up0_conv").bias.numpy()
    assert np.std(np.tanh(d)) > 0.3
    np.testing.assert_allclose(output[0], np.tanh(d), atol=1e-5)


def test_norms_noise_and_biases_are_where_the_paper_has_them():
    generator = UNetGenerator(3, filters=1, depth=8)
    kinds = {BatchStatisticsNormalization: [], DropoutNoise: []}
    for layer in generator.layers:
        kinds.get(type(layer), []).append(layer.name.split("_")[0])
    downs, ups = [f"down{i}" for i in range(1, 7)], [f"up{i}" for i in range(7, 0, -1)]
    assert kinds[BatchStatisticsNormalization] == downs + ups
    assert kinds[DropoutNoise] == ["up7", "up6", "up5"]
    biased = [v.name for v in generator.layers if getattr(v, "bias", None) is not None]
    assert biased == ["up0_conv"]
    plain = UNetGenerator(3, filters=1, depth=2, normalization=None)
    assert len([v for v in plain.layers if getattr(v, "bias", None) is not None]) == 4
    names = [layer.name for layer in plain.layers]
    assert "up1_noise" in names and "up0_noise" not in names


def test_weights_begin_as_published():
    generator = UNetGenerator(3, filters=16, depth=5)
    kernels = [w for w in generator.weights if w.path.endswith("kernel")]
    assert [np.std(w) for w in kernels] == pytest.approx([0.02] * 10, rel=0.08)
    gammas = np.concatenate([w for w in generator.weights if w.path.endswith("gamma")])
    assert gammas.mean() == pytest.approx(1, abs=0.005)
    assert gammas.std() == pytest.approx(0.02, rel=0.2)
    assert all(np.all(w == 0) for w in generator.weights if w.path.endswith(("beta", "bias")))


@pytest.mark.parametrize("normalization", ["batch", "instance", None])
def test_any_depth_and_any_multiple_of_its_size(normalization, tmp_path):
    for depth in (1, 2, 4):
        generator = UNetGenerator(4, 1, 2, depth, normalization=normalization)
        side = 2**depth
        assert (generator.size_multiple, generator.minimum_size) == (side, side)
        inputs = np.random.default_rng(0).normal(size=(1, side, 3 * side, 4)).astype("float32")
        output = check_network(generator, inputs, tmp_path)
        assert output.shape == (1, side, 3 * side, 1)
        assert 0 < np.abs(output).max() < 1


def test_the_picture_is_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator = UNetGenerator(3, filters=2, depth=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert generator.get_layer("up2_noise").compute_dtype == "bfloat16"
    assert {w.dtype for w in generator.weights} == {"float32"}
    assert keras.ops.dtype(generator(np.zeros((1, 8, 8, 3), "float32"))) == "float32"


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_discriminator_is_one_scale_with_its_norms(num_layers, tmp_path):
    network = PatchDiscriminator(4, filters=2, num_layers=num_layers)
    side = network.minimum_size
    assert side == {0: 2, 1: 6, 3: 24}[num_layers]
    inputs = np.random.default_rng(0).normal(size=(1, side, side, 4)).astype("float32")
    (scale,) = check_network(network, inputs, tmp_path)
    assert scale[-1].shape[1:3] == ((2, 2) if num_layers == 0 else (1, 1))
    norms = [v.name for v in network.layers if isinstance(v, BatchStatisticsNormalization)]
    assert norms == [f"layer{i}_norm" for i in range(1, max(num_layers, 1) + 1)]
    biases = [v.name for v in network.layers if getattr(v, "bias", None) is not None]
    assert biases == ["layer0_conv", f"layer{max(num_layers, 1) + 1}_conv"]
    assert scale[0].min() < 0 < scale[0].max()  # Leaky.


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UNetGenerator(0), "`input_channels` must be at least 1. Received: 0"),
        (lambda: UNetGenerator(3, depth=0), "`depth` must be at least 1. Received: 0"),
        (lambda: UNetGenerator(3, depth=2, dropout=1.0), "`rate` is at least 0 and below 1"),
        (lambda: UNetGenerator(3, normalization="layer"), "'batch', 'instance' or None.*'layer'"),
        (lambda: PatchDiscriminator(3, filters=0), "`filters` must be at least 1. Received: 0"),
        (lambda: PatchDiscriminator(3, num_layers=-1), "`num_layers` must be at least 0.*-1"),
        (lambda: PatchDiscriminator(3, normalization="spectral"), "or None. Received: 'spectral'"),
    ],
)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()

"""The projected discriminator: mixing and projection against a second evaluation."""

import keras
import numpy as np
import pytest

from tests.harness import check_network
from tests.networks import arithmetic as by_hand
from tfsynth.networks import FeatureNetwork, ProjectedDiscriminator
from tfsynth.networks.cost import network_cost
from tfsynth.networks.projected import InnerProduct

CHANNELS = (4, 6, 8)


def inputs(batch=2, size=16, classes=5, channels=CHANNELS, seed=0):
    """Returns condition, picture and maps."""
    rng = np.random.default_rng(seed)
    condition = np.eye(classes, dtype="float32")[rng.integers(0, classes, (batch, size, size))]
    image = rng.uniform(-1, 1, (batch, size, size, 3)).astype("float32")
    sizes = [size // 2**i for i in range(len(channels))]
    maps = [rng.normal(size=(batch, n, n, c)) for n, c in zip(sizes, channels, strict=True)]
    return [condition, image, *(m.astype("float32") for m in maps)]


def judge(condition_channels=5, **settings):
    settings = {"mixed_channels": 6, "filters": 4, "seed": 2, **settings}
    return ProjectedDiscriminator(condition_channels, CHANNELS, **settings)


def test_maps_are_mixed_over_channels_and_from_coarse_to_fine():
    network, given = judge(), inputs()
    mixed = keras.Model(
        network.inputs, [network.get_layer(n).output for n in ("mix0_add", "mix1_add", "mix2")]
    )(given)
    seen = [m[0].astype("float64") for m in given[1:]]
    seen = [np.concatenate([seen[1], seen[0]], axis=-1), *seen[2:]]
    expected = None
    for i in (2, 1, 0):
        kernel = np.asarray(network.get_layer(f"mix{i}").kernel, "float64")
        at_once = by_hand.conv(seen[i], kernel)
        expected = at_once if expected is None else at_once + by_hand.double(expected)
        np.testing.assert_allclose(mixed[i][0], expected, atol=1e-5)


def test_the_mixing_is_random_of_unit_gain_and_never_trains():
    network = judge(mixed_channels=512)
    for i, width in enumerate((7, 6, 8)):
        kernel = np.asarray(network.get_layer(f"mix{i}").kernel)
        assert kernel.var() == pytest.approx(1 / width, rel=0.1)
    assert all("mix" not in weight.path for weight in network.trainable_weights)
    first, again, other = (
        np.asarray(judge(seed=seed).get_layer("mix1").kernel) for seed in (2, 2, 3)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_logits_are_psi_of_the_features_and_their_product_with_the_embedded_layout():
    network, given = judge(), inputs()
    y = given[0].astype("float64")
    for i, (_, phi, logits) in enumerate(network(given)):
        y = np.stack([by_hand.half(one) for one in y])
        psi = network.get_layer(f"scale{i}_logits")
        kernel = np.asarray(psi.kernel, "float64")[0, 0]  # (filters, 1), of spectral norm 1.
        embedding = np.asarray(network.get_layer(f"scale{i}_embedding").kernel, "float64")[0, 0]
        phi = np.asarray(phi, "float64")
        expected = phi @ (kernel / np.linalg.norm(kernel)) + np.asarray(psi.bias)
        product = (phi * (y @ embedding)).sum(axis=-1, keepdims=True) / np.sqrt(4)
        assert np.abs(product).max() > 0.01
        np.testing.assert_allclose(logits, expected + product, atol=1e-5)


def test_an_inner_product_by_hand():
    parts = [np.full((1, 1, 1, n), v, "float32") for n, v in ((1, 0.5), (4, 2.0), (4, 3.0))]
    # 0.5 + 4 x 6 / 2.
    layer = InnerProduct()
    assert float(np.asarray(layer(parts)).item()) == 12.5
    assert layer.compute_output_shape([x.shape for x in parts]) == (1, 1, 1, 1)


def test_scales_features_and_a_file(tmp_path):
    network, given = judge(), inputs()
    outputs = check_network(network, given, tmp_path)
    assert [[found.shape[1:] for found in scale] for scale in outputs] == [
        [(2 * n, 2 * n, 4), (n, n, 4), (n, n, 1)] for n in (8, 4, 2)
    ]
    assert (network.size_multiple, network.minimum_size) == (8, 8)
    assert network.input_reductions == [1, 1, 1, 2, 4]
    single = ProjectedDiscriminator(0, (4,), mixed_channels=6, filters=4, picture=False)
    (scale,) = single(given[2:3])
    assert [found.shape for found in scale] == [(2, 16, 16, 4), (2, 8, 8, 4), (2, 8, 8, 1)]


def test_without_a_condition_or_the_picture_they_are_no_inputs():
    given = inputs()
    alone, blind = judge(0), judge(picture=False)
    assert len(alone(given[1:])) == len(blind([given[0], *given[2:]])) == 3
    assert not [layer for layer in alone.layers if "embedding" in layer.name]
    other = [given[0], -given[1], *given[2:]]
    network = judge()
    assert np.abs(network(given)[0][-1] - network(other)[0][-1]).max() > 0.01


def test_its_cost_counts_maps_at_their_own_sizes():
    network = judge()
    cost = network_cost(network, 16, 16)
    mixing = 256 * 7 * 6 + 64 * 6 * 6 + 16 * 8 * 6
    heads = (256 + 64 + 16) * 9 * 6 * 4 + (64 + 16 + 4) * (16 * 4 * 4 + 4 + 5 * 4)
    assert cost.macs == mixing + heads
    assert cost.trained_parameters == cost.parameters - (7 + 6 + 8) * 6 - u_vectors(network)


def u_vectors(network):
    """Number of values in the vectors of spectral norm, which do not train."""
    return sum(layer.u.shape[-1] for layer in network.layers if hasattr(layer, "u"))


def test_the_maps_of_a_feature_network_fit_it():
    features = FeatureNetwork(5, filters=CHANNELS)
    condition, image, *_ = inputs(size=24)
    condition, image = (keras.ops.convert_to_tensor(x) for x in (condition, image))
    maps = features(image)
    outputs = judge()([condition, image, *(maps[name] for name in features.channels)])
    assert [scale[-1].shape for scale in outputs] == [(2, n, n, 1) for n in (12, 6, 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"condition_channels": -1}, "`condition_channels` must be at least 0"),
        ({"feature_channels": ()}, "`feature_channels` has one number per part"),
        ({"feature_channels": [4] * 64}, "at most 13. Received: 64 of them"),
        ({"mixed_channels": 10**6}, "`mixed_channels` must be at most 8192"),
        ({"filters": 0}, "`filters` must be at least 1"),
    ],
)
def test_impossible_networks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ProjectedDiscriminator(**{"condition_channels": 5, "feature_channels": (4,), **arguments})

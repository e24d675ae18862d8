import pytest

from tests import tiny
from tfsynth import experiment
from tfsynth.config import parse_config
from tfsynth.networks import (
    CascadedRefinementNetwork,
    FeatureNetwork,
    FullResolutionNetwork,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
)
from tfsynth.networks.cost import Cost, network_cost, training_bytes


def test_generator_costs_what_the_paper_s_table_sums_to():
    # 59.19 + 8 x 9.66 + 9 x 38.65 + 4.93 GMAC at 512 x 1024.
    cost = network_cost(GlobalGenerator(36), 512, 1024)
    assert cost.parameters == cost.trained_parameters == 182_546_755
    assert cost.macs / 1e9 == pytest.approx(489.3, abs=0.05)
    assert cost.kept_values == cost.activation_values


def test_two_discriminators_cost():
    cost = network_cost(MultiscaleDiscriminator(39), 512, 1024)
    assert cost.macs / 1e9 == pytest.approx(40.3, abs=0.05)


def small(rematerialize=False):
    return GlobalGenerator(
        1,
        output_channels=1,
        filters=1,
        num_downsamples=0,
        num_blocks=1,
        rematerialize=rematerialize,
    )


# Padding 14 x 14; conv, norm and ReLU 8 x 8.
STEM = [196, 64, 64, 64]
# Padding 10 x 10, conv, norm and ReLU, padding, conv, norm and sum.
BLOCK = [100, 64, 64, 64, 100, 64, 64, 64]
# Padding 14 x 14; conv and tanh 8 x 8.
HEAD = [196, 64, 64]


def test_activations_of_a_network_small_enough_to_count():
    values = sum(STEM + BLOCK + HEAD)
    macs = 2 * 49 * 64 + 2 * 9 * 64
    parameters = 2 * (49 + 1) + 2 * (9 + 1)
    assert network_cost(small(), 8, 8) == Cost(parameters, macs, values, parameters, values)


def test_rematerialised_networks_keep_the_ends_of_segments_and_the_largest_of_them():
    cost = network_cost(small(rematerialize=True), 8, 8)
    assert cost.activation_values == sum(STEM + BLOCK + HEAD)
    # What leaves stem, block and head; and the block, which is the largest.
    assert cost.kept_values == STEM[-1] + BLOCK[-1] + HEAD[-1] + sum(BLOCK)


def test_what_does_not_train_keeps_nothing():
    network = small()
    head = network.get_layer("head_conv")
    cost = network_cost(network, 8, 8, head.trainable_variables)
    # The head, and with its padding what its kernel reads.
    assert (cost.trained_parameters, cost.kept_values) == (49 + 1, sum(HEAD))
    # Upstream the rest depends on it: the stem trains, so everything is kept.
    stem = network.get_layer("stem_conv").trainable_variables
    assert network_cost(network, 8, 8, stem).kept_values == sum(STEM + BLOCK + HEAD)
    assert network_cost(network, 8, 8, []).kept_values == 0
    again = small(rematerialize=True)
    head = again.get_layer("head_conv").trainable_variables
    assert network_cost(again, 8, 8, head).kept_values == BLOCK[-1] + HEAD[-1] + sum(HEAD)


def test_a_frozen_coarse_generator_leaves_the_enhancer():
    network = LocalEnhancer(5, filters=4, num_downsamples=1, num_blocks=2, num_local_blocks=1)
    coarse = {id(w) for v in network.section_layers("global") for w in v.trainable_variables}
    trained = [w for w in network.trainable_variables if id(w) not in coarse]
    cost, whole = (network_cost(network, 32, 32, t) for t in (trained, None))
    assert cost.parameters == whole.parameters
    assert cost.trained_parameters == sum(int(w.numpy().size) for w in trained)
    names = [layer for layer in network.layers if layer.name.startswith("enhancer1")]
    outputs = [layer.output.shape[-1] for layer in names]
    assert len(outputs) > 10 and 0 < cost.kept_values < whole.kept_values


def test_training_memory_counts_weights_once_and_activations_per_pass():
    costs = {"generator": Cost(10, 0, 100, 6, 90), "discriminator": Cost(5, 0, 7, 5, 7)}
    passes = {"generator": 1, "discriminator": 2}
    # Weights; gradients and moments of those that train; what is kept.
    expected = 15 * 4 + 11 * 12 + (90 + 14) * 2 * 3
    assert training_bytes(costs, 3, 2, passes) == expected
    assert training_bytes(costs, 3, 2, passes, ["generator"]) == expected + 10 * 4


def needed(changes, ema_decay=None):
    """Returns the GiB in float32 that `describe` tells."""
    tree = tiny.tree("unused")
    tree["data"]["size"] = [512, 1024]
    tree["game"] |= changes
    tree["train"]["ema_decay"] = ema_decay
    cost = experiment.describe(parse_config(tree))
    (line,) = [line for line in cost.splitlines() if "float32: about" in line]
    return float(line.split()[-2])


def test_describe_knows_what_is_frozen_averaged_and_rematerialised():
    generator = tiny.tree("unused")["game"]["generator"]
    wide = {"generator": generator | {"filters": 32, "num_blocks": 9}}
    before = needed(wide)
    # 2,820,739 weights are 0.0105 GiB; the text has two places.
    assert needed(wide, ema_decay=0.9) - before == pytest.approx(0.0105, abs=0.0101)
    again = {"generator": wide["generator"] | {"rematerialize": True}}
    assert needed(again) < 0.6 * before


@pytest.mark.parametrize("network", [CascadedRefinementNetwork, FullResolutionNetwork])
def test_rematerialised_cascades_keep_less(network):
    settings = {"widths": (8, 8)} if network is CascadedRefinementNetwork else {"filters": 8}
    whole, lean = (network_cost(network(5, rematerialize=r, **settings), 8, 8) for r in (0, 1))
    assert lean.kept_values < whole.kept_values and lean.macs == whole.macs


def test_fixed_features_keep_what_the_generators_gradient_passes_through():
    network = FeatureNetwork(3, filters=(2,), seed=0)
    network.trainable = False
    cost = network_cost(network, 8, 8, [], passed=True)
    # Two convolutions and ReLUs of two channels and their scale; lateral, head
    # and logits of three. The coarsest level has neither sum nor ReLU.
    assert cost.activation_values == 64 * (5 * 2 + 3 + 3 + 3)
    assert (cost.trained_parameters, cost.kept_values) == (0, cost.activation_values)
    assert network_cost(network, 8, 8, []).kept_values == 0

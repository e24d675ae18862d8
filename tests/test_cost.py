import pytest

from tfsynth.cost import Cost, network_cost, training_bytes
from tfsynth.networks import GlobalGenerator, MultiscaleDiscriminator


def test_generator_costs_what_the_paper_s_table_sums_to():
    # 59.19 + 8 x 9.66 + 9 x 38.65 + 4.93 GMAC at 512 x 1024.
    cost = network_cost(GlobalGenerator(36), 512, 1024)
    assert cost.parameters == 182_546_755
    assert cost.macs / 1e9 == pytest.approx(489.3, abs=0.05)


def test_two_discriminators_cost():
    cost = network_cost(MultiscaleDiscriminator(39), 512, 1024)
    assert cost.macs / 1e9 == pytest.approx(40.3, abs=0.05)


def test_activations_of_a_network_small_enough_to_count():
    generator = GlobalGenerator(1, output_channels=1, filters=1, num_downsamples=0, num_blocks=0)
    cost = network_cost(generator, 8, 8)
    # Padding 14 x 14, conv, norm and ReLU 8 x 8, padding 14 x 14, conv and tanh 8 x 8.
    assert cost == Cost(
        parameters=2 * (49 + 1), macs=2 * 49 * 64, activation_values=2 * 196 + 5 * 64
    )


def test_training_memory_counts_weights_once_and_activations_per_pass():
    costs = {"generator": Cost(10, 0, 100), "discriminator": Cost(5, 0, 7)}
    passes = {"generator": 1, "discriminator": 2}
    assert training_bytes(costs, 3, 2, passes) == 15 * 16 + (100 + 14) * 2 * 3

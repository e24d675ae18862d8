import keras
import numpy as np
import pytest

from tests.harness import check_loss, round_trip
from tfsynth.losses import CrossEntropyLoss, LeastSquaresLoss

REAL = [np.array([[1.0, 0.0]], "float32"), np.array([[2.0]], "float32")]
FAKE = [np.array([[0.5, -1.0]], "float32"), np.array([[3.0]], "float32")]
LOG2 = 0.69314718056


def test_least_squares_sums_over_scales_and_halves_the_discriminator():
    loss = round_trip(LeastSquaresLoss())
    # Generator: (0.25 + 4) / 2 + 4. Real: (0 + 1) / 2 + 1. Fake: (0.25 + 1) / 2 + 9.
    check_loss(loss.generator(FAKE), 6.125)
    check_loss(loss.discriminator(REAL, FAKE), 0.5 * (1.5 + 9.625))


def test_cross_entropy_of_undecided_logits_is_log_2_per_scale():
    loss = round_trip(CrossEntropyLoss(weight=2.0))
    assert loss.weight == 2.0
    zeros = [np.zeros((1, 2), "float32")] * 3
    check_loss(loss.generator(zeros), 3 * LOG2)
    check_loss(loss.discriminator(zeros, zeros), 3 * LOG2)


def test_cross_entropy_is_finite_where_a_sigmoid_rounds_to_zero():
    certain = [np.array([[-200.0]], "float32")]
    check_loss(CrossEntropyLoss().generator(certain), 200.0)
    check_loss(CrossEntropyLoss().discriminator(certain, certain), 100.0)


# 4,096 logits that bfloat16 holds, whose squares and sums it does not.
COARSE = keras.ops.cast(np.linspace(-2, 2, 4096).reshape(1, 64, 64, 1), "bfloat16")
EXACT = np.array(keras.ops.cast(COARSE, "float32"), "float64")


def softplus(x):
    return np.log1p(np.exp(x))


@pytest.mark.parametrize(
    ("loss", "real", "fake"),
    [
        (LeastSquaresLoss(), lambda x: (x - 1) ** 2, lambda x: x**2),
        (CrossEntropyLoss(), lambda x: softplus(-x), softplus),
    ],
)
def test_losses_are_computed_and_reduced_in_float32(loss, real, fake):
    check_loss(loss.generator([COARSE]), real(EXACT).mean())
    expected = 0.5 * (real(EXACT).mean() + fake(EXACT).mean())
    check_loss(loss.discriminator([COARSE], [COARSE]), expected)

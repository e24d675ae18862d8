import keras
import numpy as np
import pytest

from tests.harness import check_loss, round_trip
from tfsynth.losses import CrossEntropyLoss, HingeLoss, LeastSquaresLoss

REAL = [np.array([[1.0, 0.0]], "float32"), np.array([[2.0]], "float32")]
FAKE = [np.array([[0.5, -1.0]], "float32"), np.array([[3.0]], "float32")]
LOG2 = 0.69314718056


def test_least_squares_sums_over_scales_and_halves_the_discriminator():
    loss = round_trip(LeastSquaresLoss())
    # Generator: (0.25 + 4) / 2 + 4. Real: (0 + 1) / 2 + 1. Fake: (0.25 + 1) / 2 + 9.
    check_loss(loss.generator(FAKE), 6.125)
    check_loss(loss.discriminator(REAL, FAKE), 0.5 * (1.5 + 9.625))


def test_hinge_counts_what_is_within_the_margin_or_beyond_the_other_side():
    loss = round_trip(HingeLoss())
    real = [np.array([[2.0, 0.25]], "float32"), np.array([[-1.5]], "float32")]
    fake = [np.array([[-3.0, -0.5]], "float32"), np.array([[0.75]], "float32")]
    # Generator, minus the means, without a margin: 3.5 / 2 - 0.75.
    check_loss(loss.generator(fake), 1.0)
    # Real: max(0, 1 - 2) = 0 and 1 - 0.25 = 0.75, of mean 0.375; then 1 + 1.5 = 2.5: 2.875.
    # Fake: max(0, 1 - 3) = 0 and 1 - 0.5 = 0.5, of mean 0.25; then 1 + 0.75 = 1.75: 2.
    check_loss(loss.discriminator(real, fake), 0.5 * (2.875 + 2.0))


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
        (HingeLoss(), lambda x: np.maximum(0, 1 - x), lambda x: np.maximum(0, 1 + x)),
    ],
)
def test_losses_are_computed_and_reduced_in_float32(loss, real, fake):
    # Hinge has no margin for the generator; logits in pairs of opposite sign have the mean 0.
    expected = 0.0 if isinstance(loss, HingeLoss) else real(EXACT).mean()
    np.testing.assert_allclose(loss.generator([COARSE]), expected, rtol=1e-6, atol=1e-6)
    expected = 0.5 * (real(EXACT).mean() + fake(EXACT).mean())
    check_loss(loss.discriminator([COARSE], [COARSE]), expected)

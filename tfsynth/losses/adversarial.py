"""Adversarial losses, in pairs: what each of the two players minimises.

Logits come as one tensor per discriminator. The terms of the discriminators are
summed, not averaged, and the discriminator's loss is half the sum of its real and
its fake term: pix2pixHD, https://arxiv.org/abs/1711.11585, equation 3, and its
published implementation.
"""

from keras import ops

from tfsynth.losses.loss import Loss
from tfsynth.registry import register


class AdversarialLoss(Loss):
    """The base of the pairs: `generator(fake)` and `discriminator(real, fake)`, of logits."""

    name = "adversarial"


@register
class LeastSquaresLoss(AdversarialLoss):
    """Least-squares GAN loss, https://arxiv.org/abs/1611.04076, equation 9.

    Real is 1 and fake is 0; logits are unbounded.

    Args:
        weight: Factor in the generator's total; 1 in pix2pixHD.

    Example:

    >>> logits = [keras.ops.array([[0.5, 1.0]])]
    >>> float(LeastSquaresLoss().generator(logits))
    0.125
    """

    def generator(self, fake):
        """Returns the sum over scales of mean((fake - 1)^2).

        Args:
            fake: List of logits of synthesised pictures, one tensor per scale.
        """
        return _sum_of_means([ops.square(_float(logits) - 1.0) for logits in fake])

    def discriminator(self, real, fake):
        """Returns half the sum of mean((real - 1)^2) and mean(fake^2) over scales.

        Args:
            real: List of logits of photographs, one tensor per scale.
            fake: The same of synthesised pictures.
        """
        real_loss = _sum_of_means([ops.square(_float(logits) - 1.0) for logits in real])
        fake_loss = _sum_of_means([ops.square(_float(logits)) for logits in fake])
        return 0.5 * (real_loss + fake_loss)


@register
class CrossEntropyLoss(AdversarialLoss):
    """The original GAN loss with the non-saturating generator, from logits.

    https://arxiv.org/abs/1406.2661, section 3; pix2pix's, https://arxiv.org/abs/1611.07004,
    section 3.3, which halves the discriminator's loss as all pairs here do (its published
    program minimises the whole sum; under Adam only the relation to its epsilon differs).
    Computed as softplus of the logits, which is -log(sigmoid) without the sigmoid's rounding
    to 0 and 1.

    Args:
        weight: Factor in the generator's total.

    Example:

    >>> logits = [keras.ops.zeros((1, 2))]
    >>> round(float(CrossEntropyLoss().generator(logits)), 4)
    0.6931
    """

    def generator(self, fake):
        """Returns the sum over scales of mean(-log sigmoid(fake)).

        Args:
            fake: List of logits of synthesised pictures, one tensor per scale.
        """
        return _sum_of_means([ops.softplus(-_float(logits)) for logits in fake])

    def discriminator(self, real, fake):
        """Returns half the sum of -log sigmoid(real) and -log(1 - sigmoid(fake)).

        Args:
            real: List of logits of photographs, one tensor per scale.
            fake: The same of synthesised pictures.
        """
        real_loss = _sum_of_means([ops.softplus(-_float(logits)) for logits in real])
        fake_loss = _sum_of_means([ops.softplus(_float(logits)) for logits in fake])
        return 0.5 * (real_loss + fake_loss)


@register
class HingeLoss(AdversarialLoss):
    """Hinge GAN loss, https://arxiv.org/abs/1705.02894, section 3.1.

    Args:
        weight: Factor in the generator's total.

    Example: a logit of 0.5 is half a unit inside the margin.

    >>> logits = [keras.ops.array([[0.5]])]
    >>> float(HingeLoss().discriminator(real=logits, fake=logits))
    1.0
    """

    def generator(self, fake):
        """Returns minus the sum over scales of mean(fake).

        Args:
            fake: List of logits of synthesised pictures, one tensor per scale.
        """
        return _sum_of_means([-_float(logits) for logits in fake])

    def discriminator(self, real, fake):
        """Returns half the sum of mean(max(0, 1 - real)) and mean(max(0, 1 + fake)) over scales.

        Args:
            real: List of logits of photographs, one tensor per scale.
            fake: The same of synthesised pictures.
        """
        real_loss = _sum_of_means([ops.relu(1.0 - _float(logits)) for logits in real])
        fake_loss = _sum_of_means([ops.relu(1.0 + _float(logits)) for logits in fake])
        return 0.5 * (real_loss + fake_loss)


def _float(logits):
    return ops.cast(logits, "float32")


def _sum_of_means(maps):
    # One mean per scale: every scale counts alike, also the one of fewest logits.
    return ops.sum(ops.stack([ops.mean(m) for m in maps]))

"""What a game requires of its terms, each mistake by a term that makes it."""

import keras
import pytest
from keras import ops

from tests.runs.several import SeveralPictures
from tfsynth.games import AdversarialGame, RegressionGame
from tfsynth.layers import Conditioning, PictureConditioning
from tfsynth.losses import L1Loss, PerceptualLoss
from tfsynth.losses.loss import Loss
from tfsynth.networks import GlobalGenerator, MultiscaleDiscriminator


class Brightness(Loss):
    """Mean of the synthesised picture: as little as a term can be."""

    name = "brightness"
    asks = ("fake",)

    def __call__(self, fake):
        return ops.mean(fake)


class Misspelt(Brightness):
    asks = ("fakes",)


class OneName(Brightness):
    asks = "fake"


class NoName(Brightness):
    name = ""


class NameOfTheGame(Brightness):
    name = "generator_loss"


class OtherCall(Brightness):
    asks = ("real", "fake")


class NotReduced(Brightness):
    def __call__(self, fake):
        return ops.mean(fake, axis=(1, 2, 3))


def game(*terms):
    generator = GlobalGenerator(4, filters=2, num_downsamples=0, num_blocks=0)
    return RegressionGame(Conditioning(3), generator, terms)


def batch():
    labels = keras.ops.zeros((2, 4, 4), "int32")
    image = keras.ops.ones((2, 4, 4, 3), "uint8")
    return {"labels": labels, "instances": labels, "image": image}


class OfItsOwnName(PerceptualLoss):
    name = "second"


def test_layers_of_two_terms_are_not_mixed_up():
    terms = [
        PerceptualLoss(None, layer_weights={"image": 1.0}),
        OfItsOwnName(None, layer_weights={"image": 5.0}),
    ]
    with pytest.raises(ValueError, match="Two of `terms` log a layer called image"):
        game(*terms)
    _, logs = game(*terms[:1]).compute_losses(batch())
    assert float(logs["layer_image"]) == pytest.approx(float(logs["perceptual"]), rel=1e-6)


def test_a_term_is_asked_weighted_and_logged():
    losses, logs = game(Brightness(weight=3.0), L1Loss(2.0)).compute_losses(batch())
    expected = 3 * logs["brightness"] + 2 * logs["l1"]
    assert float(losses["generator"]) == pytest.approx(float(expected), rel=1e-6)
    assert list(logs) == ["generator_loss", "l1", "brightness"]


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([Misspelt()], "asks for fakes, and this game shows real, fake, .* Did you mean `fake`?"),
        ([OneName()], "`asks` of OneName is a tuple of names. Received: the text 'fake'"),
        ([NoName()], "not one of the game's own: generator_loss. Give NoName one; received: ''"),
        ([NameOfTheGame()], "Give NameOfTheGame one; received: 'generator_loss'"),
        ([OtherCall()], "OtherCall is called with .* real, fake, by keyword; its call takes fake"),
        (
            [Brightness(), Brightness()],
            "Two of `terms` are called `brightness`.* List Brightness o",
        ),
        ([Loss()], "A Loss is none of it: its `asks` names no input"),
        ([], "needs something to minimise"),
        *(
            ([Brightness(weight)], "`weight` of Brightness is a finite number, 0 or more. Rec")
            for weight in ("10", None, True, [1], -1, float("nan"))
        ),
        ([{"weight": 5}], "A Dict is none of it"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_the_game_is_built(terms, message):
    with pytest.raises(ValueError, match=message):
        game(*terms)


def test_a_term_that_is_no_mean_is_refused_when_it_is_played():
    with pytest.raises(
        ValueError, match=r"`brightness` returns the mean .* returned a tensor \(2,\)"
    ):
        game(NotReduced()).compute_losses(batch())


def test_one_picture_is_compared_unless_a_term_says_otherwise():
    several = SeveralPictures(4, num_outputs=2)
    with pytest.raises(ValueError, match="A Brightness compares one picture, and .* makes 2"):
        RegressionGame(Conditioning(3), several, [Brightness()])
    assert RegressionGame(Conditioning(3), several, [L1Loss()]).logs == ("generator_loss", "l1")


def test_condition_pictures_show_no_labels():
    class OfLabels(Brightness):
        asks = ("labels",)

        def __call__(self, labels):
            return ops.mean(labels)

    generator = GlobalGenerator(3, filters=2, num_downsamples=0, num_blocks=0)
    with pytest.raises(ValueError, match="asks for labels, and this game shows real, fake."):
        RegressionGame(PictureConditioning(3, edges=False), generator, [OfLabels()])


def test_parts_of_another_kind_are_named():
    generator = GlobalGenerator(4, filters=2, num_downsamples=0, num_blocks=0)
    with pytest.raises(ValueError, match="`generator` is a part such as GlobalGenerator. R"):
        RegressionGame(Conditioning(3), None, [Brightness()])
    with pytest.raises(ValueError, match="`conditioning` is a part such as Conditioning. R"):
        RegressionGame(5, generator, [Brightness()])
    judge = MultiscaleDiscriminator(7, filters=2)
    with pytest.raises(ValueError, match="`adversarial_loss` is .* LeastSquaresLoss. Received: L"):
        AdversarialGame(Conditioning(3), generator, judge, L1Loss())
    with pytest.raises(ValueError, match="`terms` is a list of losses. Received: L1Loss"):
        RegressionGame(Conditioning(3), generator, L1Loss())

"""Samples of one model side by side; the sheet of a whole table is tested where one is made."""

import numpy as np

from tests.reproduction.drawn import LABELS, Painter, Street
from tfsynth.reproduction.table_sheets import SAMPLES, draw_samples

STREET = Street(("red", (200, 10, 30)))
EXAMPLE = {"labels": STREET.labels, "instances": STREET.instances, "image": STREET.image}


def pictures(sheet):
    """Returns the pictures of one row, 24 pixels wide, 2 between them and around."""
    assert (sheet.shape[1] - 2) % 26 == 0
    lefts = range(2, sheet.shape[1], 26)
    return [sheet[-18:-2, left : left + 24] for left in lefts]


def test_own_styles_and_samples_of_a_model_with_an_encoder():
    labels, own, *samples, real = pictures(draw_samples(Painter((0, 50, 100)), [EXAMPLE]))
    np.testing.assert_array_equal(labels, LABELS.paint(STREET.labels))
    # The painter's own styles are the photograph's mean colours, and each object is of one.
    np.testing.assert_array_equal(own, STREET.image)
    np.testing.assert_array_equal(real, STREET.image)
    assert len(samples) == SAMPLES
    assert [int(picture.max()) for picture in samples] == [0, 50, 100, 0, 50]


def test_all_pictures_of_a_model_that_makes_several():
    sheet = draw_samples(Painter((0, 50, 100), num_outputs=3), [EXAMPLE, EXAMPLE])
    labels, *made, real = pictures(sheet)
    assert [int(picture.max()) for picture in made] == [0, 50, 100]
    np.testing.assert_array_equal(real, STREET.image)

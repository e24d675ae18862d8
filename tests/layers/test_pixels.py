import numpy as np

from tfsynth.layers import to_unit_range, with_channels


def test_bytes_become_minus_one_to_one():
    pixels = np.array([0, 51, 255], "uint8")
    np.testing.assert_allclose(to_unit_range(pixels), [-1, -0.6, 1], atol=1e-7)


def test_a_grey_picture_is_repeated_and_a_coloured_one_is_not():
    grey = np.arange(4, dtype="float32").reshape(1, 2, 2, 1)
    found = np.asarray(with_channels(grey, 3))
    assert found[0, 1].tolist() == [[2, 2, 2], [3, 3, 3]]
    colours = np.zeros((1, 2, 2, 3), "float32")
    assert with_channels(colours, 3) is colours

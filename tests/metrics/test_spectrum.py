"""Power spectra of pictures whose spectra are known."""

import numpy as np
import pytest

from tfsynth.metrics import radial_power_spectrum, spectrum_error


def waves(period, amplitude=50):
    """Vertical stripes of so many pixels."""
    wave = 128 + amplitude * np.cos(2 * np.pi * np.arange(128) / period)
    return np.rint(np.broadcast_to(wave[None, :, None], (64, 128, 3))).astype("uint8")


def test_a_wave_has_its_power_in_its_band():
    power = radial_power_spectrum([waves(8)], bins=16)
    # 1/8 cycle per pixel is at the border of bands 3 and 4 of 16.
    assert power[3:5].sum() / power.sum() > 0.95


def test_power_grows_with_the_square_of_contrast():
    ratio = spectrum_error([waves(6, 60)], [waves(6, 30)], bins=4)
    strongest = np.argmax(radial_power_spectrum([waves(6)], bins=4))
    powers = [radial_power_spectrum([waves(6, a)], bins=4)[strongest] for a in (60, 30)]
    assert powers[0] / powers[1] == pytest.approx(4, rel=0.01)
    assert ratio > 0


def test_white_noise_is_flat_and_too_much_counts_as_too_little():
    random = np.random.default_rng(0)
    noise = [random.integers(0, 256, (64, 64, 3)).astype("uint8") for _ in range(40)]
    power = radial_power_spectrum(noise, bins=8)[1:]
    assert power.max() / power.min() < 1.25
    half = [((n.astype(float) - 127.5) / 2 + 127.5).astype("uint8") for n in noise]
    # Half of the contrast is a quarter of the power: 6.02 dB, either way.
    assert spectrum_error(half, noise, 8) == pytest.approx(6.02, abs=0.1)
    assert spectrum_error(noise, half, 8) == pytest.approx(6.02, abs=0.1)
    assert spectrum_error(noise, noise, 8) == 0


@pytest.mark.parametrize("images, message", [([], "needs a picture"), (None, "fewer `bins`")])
def test_what_cannot_be_measured_is_refused(images, message):
    images = [np.zeros((8, 8, 3), "uint8")] if images is None else images
    with pytest.raises(ValueError, match=message):
        radial_power_spectrum(images)

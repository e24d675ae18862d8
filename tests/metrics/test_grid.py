"""Grids that are drawn into noise, spectra and streets: what was put in is found, and no more."""

import numpy as np
import pytest

from tfsynth import streets
from tfsynth.metrics import GridPeak, grid_peak
from tfsynth.streets import classes

ROWS, COLUMNS = np.indices((64, 128))


@pytest.fixture(scope="module")
def drawn():
    """Streets: (labels, image)."""
    made = [streets.draw_street(64, 128, seed=3, index=index) for index in range(12)]
    return [street.labels for street in made], [street.image for street in made]


def noise(count=12, level=20, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(128, level, (64, 128, 3)).round().astype("uint8") for _ in range(count)]


def woven(images, period, amplitude, down=True, across=True, colour=(1, 1, 1)):
    """Adds waves of a period to pictures."""
    waves = [np.cos(2 * np.pi * places / period) for places in (ROWS, COLUMNS)]
    grid = amplitude * (down * waves[0] + across * waves[1])[..., None] * np.array(colour)
    return [np.clip(np.rint(image + grid), 0, 255).astype("uint8") for image in images]


def coloured_noise(power, seed=0):
    """Noise whose power falls with so high a power of the frequency."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128))
    frequency[0, 0] = np.inf
    found = []
    for _ in range(16):
        spectrum = np.fft.rfft2(random.normal(size=(128, 128))) / frequency ** (power / 2)
        picture = np.fft.irfft2(spectrum)
        picture = 128 + 30 * picture / picture.std()
        found.append(np.repeat(np.clip(np.rint(picture), 0, 255)[..., None], 3, 2).astype("uint8"))
    return found


@pytest.mark.parametrize("period, cycles", [(4, (4, 2, 6)), (2, (8, 6, 6))])
def test_one_segment_is_the_sum_by_hand(period, cycles):
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (1, 16, 3)).astype("uint8")
    places = np.arange(16)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * places / 16)
    power = []
    for count in cycles:
        wave = np.exp(-2j * np.pi * count * places / 16)
        sums = [((c - c.mean()) * window * wave).sum() for c in image[0].T.astype(float)]
        power.append(np.mean(np.abs(sums) ** 2) / (window**2).sum() + 1 / 12)
    at, below, above = power
    between = below ** (np.log(1.5) / np.log(3)) * above ** (np.log(2) / np.log(3))
    found = grid_peak([image], periods=[period])
    assert found.ratios == pytest.approx({period: at / between}, rel=1e-4)
    assert (found.peak, found.period) == (found.ratios[period], period)


def test_noise_has_no_grid():
    assert list(grid_peak(noise()).ratios.values()) == pytest.approx([1, 1, 1], abs=0.06)
    assert grid_peak(noise(1, level=0)).peak == pytest.approx(1)  # One grey.


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_spectra_that_fall_have_no_grid(power):
    found = grid_peak(coloured_noise(power), periods=(4, 8, 16))
    assert list(found.ratios.values()) == pytest.approx([1, 1, 1], abs=0.13)


def test_drawn_streets_have_no_grid(drawn):
    labels, images = drawn
    assert grid_peak(images).peak < 1.1
    for class_id in (classes.BUILDING, classes.SKY):
        assert grid_peak(images, [ids == class_id for ids in labels]).peak < 1.2


@pytest.mark.parametrize("period", [2, 4, 8])
def test_it_grows_with_the_amplitude_at_its_period(drawn, period):
    labels, images = drawn
    facades = [ids == classes.BUILDING for ids in labels]
    clean = grid_peak(images, facades)
    found = [grid_peak(woven(images, period, a), facades) for a in (2, 4, 8, 16)]
    ratios = [clean.ratios[period], *(peak.ratios[period] for peak in found)]
    assert ratios == sorted(ratios)
    assert found[1].over(clean) > 1.1 and found[-1].over(clean) > 2
    assert all(peak.period == period for peak in found[2:])
    # A grid of two grey levels is seen in skies, where the eye sees it as well.
    skies = [ids == classes.SKY for ids in labels]
    assert grid_peak(woven(images, period, 2), skies).over(grid_peak(images, skies)) > 1.5


@pytest.mark.parametrize(
    "settings",
    [{"down": False}, {"across": False}, {"colour": (1, 0, -1)}],
    ids=["columns", "rows", "colour"],
)
def test_every_kind_of_grid_counts(settings):
    clean, found = (grid_peak(woven(noise(4), 4, a, **settings)) for a in (0, 20))
    assert found.period == 4 and found.over(clean) > 2.5


def test_a_checkerboard_has_period_2():
    board = 12 * np.where((ROWS + COLUMNS) % 2, 1, -1)[..., None]
    found = grid_peak([np.clip(image + board, 0, 255).astype("uint8") for image in noise(4)])
    assert found.period == 2 and found.peak > 2
    assert found.ratios[4] == pytest.approx(1, abs=0.1)


def test_regions_are_told_apart():
    left = COLUMNS < 64
    images = [np.where(left[..., None], w, n) for n in noise(4) for w in woven([n], 4, 20)]
    inside, outside = (grid_peak(images, [mask] * 4) for mask in (left, ~left))
    assert inside.period == 4 and inside.peak > 3
    assert outside.ratios[4] == pytest.approx(1, abs=0.1)


def test_one_bright_edge_does_not_hide_a_grid():
    images = woven(noise(4, level=3), 4, 4)
    alone = grid_peak(images).ratios[4]
    for image in images:
        image[:, 100:] = 255
    assert grid_peak(images).ratios[4] > alone / 2


def test_a_grid_that_nobody_sees_counts_less():
    found = []
    for levels in (1, 4):
        images = noise(4)
        for image in images:
            image[:, 64:] = 128 + levels * (COLUMNS[:, 64:, None] % 4 < 2)
        found.append(grid_peak(images).ratios[4])
    assert found[0] < 1.4 < 2.2 < found[1]


def test_small_regions_have_no_number():
    narrow = (ROWS < 10) & (COLUMNS < 20)
    found = grid_peak(noise(2), [narrow] * 2)
    assert np.isfinite([found.ratios[2], found.ratios[4]]).all() and np.isnan(found.ratios[8])
    nothing = grid_peak(noise(1), [COLUMNS < 0])
    assert np.isnan(nothing.peak) and nothing.period is None
    assert np.isnan(nothing.over(found)) and np.isnan(found.over(nothing))


def test_quotients_are_of_one_period():
    made, real = GridPeak({2: 1.2, 4: 1.5}, 1.5, 4), GridPeak({2: 0.6, 4: 1.5, 8: 2}, 2, 8)
    assert made.over(real) == 2


@pytest.mark.parametrize(
    "images, masks, periods, message",
    [
        ([], None, (2, 4), "needs a picture; got none"),
        (1, [np.ones((64, 64), bool)], (2, 4), r"Mask number 0 is \(64, 64\), its picture \(64,"),
        (2, [np.ones((64, 128), bool)], (2, 4), "shorter"),
        (1, None, (1, 2), r"2 or more; got \(1, 2\)"),
        (1, None, (), "2 or more"),
    ],
)
def test_what_cannot_be_measured_is_refused(images, masks, periods, message):
    with pytest.raises(ValueError, match=message):
        grid_peak(noise(images) if images else [], masks, periods)

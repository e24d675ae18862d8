"""Numbers of pictures whose numbers are known, and of streets with one fault each."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from tfsynth import streets
from tfsynth.metrics import border_energy, fixed_pattern, high_frequency_energy, saturation

ROWS, COLUMNS = np.indices((64, 128))


@pytest.fixture(scope="module")
def drawn():
    """Streets: (labels, images)."""
    made = [streets.draw_street(64, 128, seed=3, index=index) for index in range(12)]
    return [street.labels for street in made], [street.image for street in made]


def noise(count, seed=0, size=(32, 32), low=1, high=255):
    random = np.random.default_rng(seed)
    return [random.integers(low, high, (*size, 3)).astype("uint8") for _ in range(count)]


def test_high_frequencies_are_those_of_short_waves():
    def stripes(period, amplitude=50):
        wave = 128 + amplitude * np.cos(2 * np.pi * COLUMNS[..., None] / period)
        return [np.rint(np.broadcast_to(wave, (64, 128, 3))).astype("uint8")]

    # 0.33 and 0.125 cycles per pixel.
    assert high_frequency_energy(stripes(3)) > 1000 * high_frequency_energy(stripes(8))
    doubled = high_frequency_energy(stripes(3, 60)) / high_frequency_energy(stripes(3, 30))
    assert doubled == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize("side, bands", [(8, 2), (22, 4), (64, 16), (256, 32)])
def test_white_noise_has_its_variance_at_high_frequencies(side, bands):
    pictures = noise(60 if side < 100 else 2, size=(side, side))
    variance = 254**2 / 12 * (0.299**2 + 0.587**2 + 0.114**2)  # Of the luma.
    window = np.square(np.hanning(side)).mean() ** 2
    assert high_frequency_energy(pictures) == pytest.approx(variance * window, rel=0.1)


def test_saturation_counts_values():
    picture = np.full((2, 2, 3), 128, "uint8")
    picture[0, 0] = 0, 7, 255
    picture[1, 1] = 255
    assert saturation([picture]) == 5 / 12
    assert saturation([picture, np.full((4, 4, 3), 1, "uint8")]) == 5 / 60


def test_border_energy_by_hand():
    """8 x 12 pixels: borders of 2 pixels, and 32 inside."""
    picture = np.full((8, 12, 3), 100, "uint8")
    picture[0, 5] = 103  # Its left, right and lower neighbours differ by 3.
    picture[4, 4] = 101  # Four neighbours differ by 1.
    picture[6, 11] = 98  # Its left, upper and lower neighbours differ by 2.
    inside = 4 / 32
    sides = {"upper": 27 / 24, "lower": 8 / 24, "left": 0, "right": 12 / 16}
    found = border_energy([picture])
    assert found == pytest.approx({side: energy / inside for side, energy in sides.items()})
    assert border_energy([picture], border=100) == found
    assert border_energy([picture], border=1)["upper"] == pytest.approx((27 / 12) / (8 / 60))


def test_border_energy_without_an_inside_has_no_number():
    for images in ([np.full((9, 9, 3), 7, "uint8")], noise(1, size=(2, 2))):
        assert np.isnan([*border_energy(images).values()]).all()
    energies = border_energy(noise(40, size=(64, 96)))
    assert list(energies.values()) == pytest.approx([1, 1, 1, 1], abs=0.12)


def test_fixed_pattern_is_the_mean_correlation_of_pairs():
    images, labels = noise(4), [ids[..., 0] % 3 for ids in noise(4, seed=1)]
    rests = []
    for image, ids in zip(images, labels, strict=True):
        rest = image.astype(float)
        for class_id in range(3):
            rest[ids == class_id] -= rest[ids == class_id].mean(axis=0)
        rests.append(rest.ravel() / np.linalg.norm(rest))
    pairs = [rests[i] @ rests[j] for i in range(4) for j in range(i)]
    assert fixed_pattern(images, labels) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_fixed_pattern_of_chance_and_of_copies():
    images, flat = noise(12), [np.zeros((32, 32), "uint8")] * 12
    assert fixed_pattern(images, flat) == pytest.approx(0, abs=0.01)
    assert fixed_pattern([images[0]] * 3, flat[:3]) == pytest.approx(1)
    # The colours of classes are no pattern, also where the layouts are equal.
    halves = np.repeat([[0, 1]], 32, axis=0).repeat(16, axis=1)
    coloured = [np.clip(i // 4 + 60 * halves[..., None], 0, 255).astype("uint8") for i in images]
    assert fixed_pattern(coloured, flat) > 0.5
    assert fixed_pattern(coloured, [halves] * 12) == pytest.approx(0, abs=0.01)
    one_flat = [np.full((32, 32, 3), 9, "uint8")]
    assert np.isnan(fixed_pattern(one_flat * 2 + images[:1], flat[:3]))


def blurred(image):
    return uniform_filter(image, (3, 3, 1))


def noisy(image):
    random = np.random.default_rng(int(image.sum()))
    return np.clip(np.rint(image + random.normal(0, 30, (64, 128, 1))), 0, 255).astype("uint8")


def burnt(image):
    return np.clip(1.5 * image.astype(float), 0, 255).astype("uint8")


def specked(image):
    """White specks at the upper edge."""
    image = image.copy()
    random = np.random.default_rng(int(image.sum()))
    image[0, random.integers(0, 128, 20)] = 254
    return image


def upper_border(images):
    return border_energy(images)["upper"]


def scarred(image):
    scar = np.abs(ROWS - COLUMNS / 2) < 4
    return np.where(scar[..., None], np.uint8(200), image)


@pytest.mark.parametrize(
    "fault, measure, low, high",
    [
        (blurred, high_frequency_energy, 0, 0.2),
        (noisy, high_frequency_energy, 1.5, 3),
        (burnt, saturation, 50, 1000),
        (specked, upper_border, 2.2, 4),
    ],
)
def test_a_fault_moves_its_number(drawn, fault, measure, low, high):
    images = drawn[1]
    assert low < measure([fault(image) for image in images]) / measure(images) < high


def test_a_scar_moves_the_fixed_pattern(drawn):
    labels, images = drawn
    assert fixed_pattern(images, labels) == pytest.approx(0.046, abs=0.03)
    scars = [scarred(image) for image in images]
    assert fixed_pattern(scars, labels) > fixed_pattern(images, labels) + 0.05


@pytest.mark.parametrize("measure", [high_frequency_energy, saturation, border_energy])
def test_no_pictures_are_refused(measure):
    with pytest.raises(ValueError, match="needs a picture; got none"):
        measure([])


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="sides of 8 pixels or more; the shorter one has 7"):
        high_frequency_energy(noise(1, size=(7, 32)))
    with pytest.raises(ValueError, match="needs 2 pictures or more; got 1"):
        fixed_pattern(noise(1), [np.zeros((32, 32), int)])
    with pytest.raises(ValueError, match="shorter"):
        fixed_pattern(noise(3), [np.zeros((32, 32), int)] * 2)

"""Periodic fractal noise, from which layouts are drawn."""

from collections.abc import Sequence

import numpy as np


class NoiseFields:
    """Draws noise fields of one size, one after the other, by one seed.

    A field is the inverse Fourier transform of random numbers whose amplitudes fall with the
    frequency, so that it repeats itself without a seam. A side that is not to repeat is drawn
    longer and cut. Platforms differ in the last bits of a float64 at most.

    Args:
        shape: `(height, width)` in pixels.
        seed: Whole number, 0 or more, or a sequence of them.
        periodic: Whether the left and right edges of the fields join.
    """

    def __init__(
        self, shape: tuple[int, int], seed: int | Sequence[int], periodic: bool = False
    ) -> None:
        import scipy.fft

        self.rng = np.random.default_rng(seed)
        self.shape = shape
        # An eighth more parts the top of a periodic field from its bottom; a field that is not
        # to repeat at all needs waves longer than itself.
        sides = (shape[0] * 9 // 8, shape[1]) if periodic else (2 * shape[0], 2 * shape[1])
        height = scipy.fft.next_fast_len(sides[0], real=True)
        width = sides[1] if periodic else scipy.fft.next_fast_len(sides[1], real=True)
        self._drawn = (height, width)
        self._rows, self._columns = np.fft.fftfreq(height), np.fft.rfftfreq(width)

    def field(self, longest: float, shortest: float, slope: float = 1.8) -> np.ndarray:
        """Returns a field of mean 0 and standard deviation 1, both over many seeds.

        Args:
            longest: Wavelength in pixels above which waves grow no further.
            shortest: Wavelength in pixels below which waves vanish: the blur of contours.
            slope: Between the two, amplitudes fall as frequency ** -slope: 1.5 gives ragged
                contours, 2.5 smooth ones.

        Returns:
            `(height, width)` float64.
        """
        import scipy.fft

        # Beyond the last frequency drawn amplitudes are under a thousandth of what they were.
        last = 3.8 / shortest
        rows = np.flatnonzero(np.abs(self._rows) <= last)
        columns = np.count_nonzero(self._columns <= last)
        frequency = np.hypot(self._rows[rows, None], self._columns[None, :columns])
        amplitude = np.maximum(frequency, 1.0 / longest) ** -slope
        amplitude *= np.exp(-0.5 * (frequency * shortest) ** 2)
        amplitude[0, 0] = 0.0
        # All columns of a half spectrum but the first stand for two.
        power = 2 * (amplitude**2).sum() - (amplitude[:, 0] ** 2).sum()
        parts = self.rng.standard_normal((2, *amplitude.shape))
        spectrum = np.zeros((len(self._rows), len(self._columns)), complex)
        spectrum[rows, :columns] = (parts[0] + 1j * parts[1]) * amplitude * np.sqrt(0.5 / power)
        field = scipy.fft.irfft2(spectrum, s=self._drawn, norm="forward")
        return field[: self.shape[0], : self.shape[1]]

"""Power spectra: how much coarse and fine structure pictures have.

A blurred picture lacks power at high frequencies, a checkerboard has too much of it
(https://arxiv.org/abs/2003.01826, section 3, uses the same azimuthal average).
"""

import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def radial_power_spectrum(images, bins=32):
    """Returns the mean power of pictures by frequency, over all directions.

    Args:
        images: Iterable of uint8 arrays (height, width, 3), all of one size.
        bins: Bands of equal width between 0 and 0.5 cycles per pixel.

    Returns:
        Float array (bins,): mean squared magnitude of the discrete Fourier transform of the
        luma (0..255, its mean taken off, under a Hann window), divided by the number of pixels.

    Raises:
        ValueError: If there is no picture, or a band holds no frequency of pictures so small.
    """
    total, count = None, 0
    for image in images:
        luma = np.asarray(image, np.float64) @ _LUMA
        height, width = luma.shape
        window = np.hanning(height)[:, None] * np.hanning(width)
        power = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2 / luma.size
        total = power if total is None else total + power
        count += 1
    if total is None:
        raise ValueError("A power spectrum needs a picture; got none.")
    rows, columns = np.fft.fftfreq(total.shape[0]), np.fft.fftfreq(total.shape[1])
    radius = np.hypot(rows[:, None], columns)
    band = np.floor(radius * 2 * bins).astype(int)
    inside = (band < bins) & (radius > 0)
    sizes = np.bincount(band[inside], minlength=bins)
    if (sizes == 0).any():
        raise ValueError(
            f"Pictures of {total.shape[0]} x {total.shape[1]} pixels have no frequency in some of "
            f"{bins} bands. Take fewer `bins`."
        )
    return np.bincount(band[inside], weights=total[inside], minlength=bins) / sizes / count


def spectrum_error(images, references, bins=32):
    """Returns how far the power of pictures is from that of others, in decibels.

    Too much power counts as much as too little: the mean over all bands of the absolute
    difference of levels, 10 log10 of the ratio.

    Args:
        images, references: Iterables of uint8 pictures, all of one size.
        bins: See `radial_power_spectrum`.

    Returns:
        A float, 0 for equal spectra.
    """
    powers = [radial_power_spectrum(pictures, bins) for pictures in (images, references)]
    floor = np.finfo(np.float64).tiny
    levels = [10 * np.log10(np.maximum(power, floor)) for power in powers]
    return float(np.mean(np.abs(levels[0] - levels[1])))

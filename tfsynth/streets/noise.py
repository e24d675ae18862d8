"""Periodic noise tiles, which every texture samples; quantised, so the same everywhere."""

from functools import cache

import numpy as np

TILE = 256  # a power of two: indices wrap with a bit mask


@cache
def smooth(slope: float, seed: int) -> np.ndarray:
    """Returns a periodic (256, 256) float32 tile of 1/f**slope noise in [0, 1]; 2 is cloudy."""
    frequency = np.fft.fftfreq(TILE) * TILE
    radius = np.hypot(frequency[:, None], frequency[None, : TILE // 2 + 1])
    radius[0, 0] = np.inf
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((TILE, TILE)))
    field = np.fft.irfft2(spectrum / radius**slope, s=(TILE, TILE))
    return _quantise(0.5 + field / (4.5 * field.std()))


@cache
def white(seed: int) -> np.ndarray:
    """Returns a (256, 256) float32 tile of independent uniform values in [0, 1)."""
    return np.random.default_rng(seed).integers(0, 256, (TILE, TILE)).astype(np.float32) / 256


def sample(tile: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Returns the nearest texels at columns `u`, rows `v` (float arrays), wrapped."""
    column = np.floor(u).astype(np.int32) & (TILE - 1)
    row = np.floor(v).astype(np.int32) & (TILE - 1)
    return tile.ravel()[row * TILE + column]


def fraction(x: np.ndarray) -> np.ndarray:
    """Returns x - floor(x), several times as fast as `x % 1`."""
    return x - np.floor(x)


def cell_hash(i: np.ndarray, j: np.ndarray, seed: np.ndarray | int) -> np.ndarray:
    """Returns a value in [0, 1) for every integer cell (i, j) of a pattern numbered `seed`."""
    i = np.asarray(i).astype(np.int32)
    j = np.asarray(j).astype(np.int32)
    row = (i * 37 + np.asarray(seed).astype(np.int32) * 101) & (TILE - 1)
    column = (j * 59 + row * 17) & (TILE - 1)
    return white(11).ravel()[row * TILE + column]


def _quantise(field: np.ndarray) -> np.ndarray:
    return np.round(np.clip(field, 0, 1) * 255).astype(np.float32) / 255

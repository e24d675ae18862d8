"""Fences and garden walls painted per pixel: planks, pickets, railings, rough stone."""

from typing import Any, NamedTuple

import numpy as np

from tfsynth.streets import noise
from tfsynth.streets.camera import Camera
from tfsynth.streets.facade import trace

FENCE_PATTERNS = ("planks", "pickets", "railings", "stone")


class Fence(NamedTuple):
    """One fence, or one array per field; the fields are those of `facade.Wall`."""

    x: Any
    z: Any
    dx: Any
    dz: Any
    lateral: Any
    height: Any
    red: Any
    green: Any
    blue: Any
    pattern: Any
    seed: Any
    normal_x: Any
    normal_z: Any


def paint(
    camera: Camera, fences: np.ndarray, number: np.ndarray, column: np.ndarray, row: np.ndarray
):
    """Paints fence pixels; arguments as in `facade.paint`.

    Returns:
        Colour (n, 3), height y and depth in metres.
    """
    fence = Fence(*(fences[:, i][number] for i in range(fences.shape[1])))
    u, y, depth = trace(camera, fence.x, fence.z, fence.dx, fence.dz, column, row)
    pixel = depth / camera.focal
    fine = np.clip(0.10 / pixel, 0.25, 1)
    base = np.stack([fence.red, fence.green, fence.blue], -1)
    board = np.floor(u / 0.34)
    inside = u / 0.34 - board
    tone = noise.cell_hash(board, board * 0, fence.seed) - 0.5
    grain = noise.sample(noise.smooth(0.9, 53), u * 14, y * 3) - 0.5
    # Every other board is lighter.
    relief = 0.40 * (board % 2) - 0.16 + 0.16 * tone + 0.10 * grain - 0.50 * (inside < 0.16)
    planks = base * (0.92 + fine * relief)[:, None]
    behind = noise.sample(noise.smooth(1.2, 55), u * 16, y * 16)
    green = np.stack([0.24 + 0.30 * behind, 0.26 + 0.36 * behind, 0.20 + 0.28 * behind], -1)
    rail = (np.abs(y - fence.height + 0.16) < 0.07) | (np.abs(y - 0.3) < 0.08)
    post = inside < 0.52
    pickets = np.where((post | rail)[:, None], base * (1.15 + 0.1 * tone)[:, None], green * 0.5)
    bars = np.where(((inside < 0.38) | rail)[:, None], base * 0.25, green + 0.35)
    foot = y < 0.42
    bars[foot] = (0.52 + 0.2 * grain[foot])[:, None]
    course = np.floor(y / 0.3)
    stone_u = u / 0.55 + 0.37 * course
    joint = (y / 0.3 - course < 0.16) | (stone_u - np.floor(stone_u) < 0.10)
    stones = noise.cell_hash(np.floor(stone_u), course, fence.seed) - 0.5
    stone = (base * 0.45 + 0.28) * (1 + fine * (0.40 * stones + 0.2 * grain - 0.32 * joint))[
        :, None
    ]
    stone[y > fence.height - 0.14] *= 1.25
    pattern = fence.pattern.astype(np.int32)
    colour = np.choose(pattern[:, None], [planks, pickets, bars, stone])
    return colour * np.clip(0.7 + 0.8 * y, 0.7, 1)[:, None], y, depth

"""The sky: a gradient, clouds in perspective, glow around the sun, stars and a moon."""

import numpy as np

from tfsynth.streets import noise
from tfsynth.streets.camera import Camera
from tfsynth.streets.scene import Scene


def paint(scene: Scene, camera: Camera, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Returns the colour (n, 3) of sky pixels at `column`, `row` (canvas pixels)."""
    light = scene.light
    right = (column - camera.horizon_x) / camera.focal
    up = np.maximum((camera.horizon_y - row) / camera.focal, 0)
    zenith, horizon = np.asarray(light.zenith, np.float32), np.asarray(light.horizon, np.float32)
    blend = np.minimum(up * 1.9, 1.0)[:, None] ** 0.75
    colour = horizon + (zenith - horizon) * blend
    sun_x, sun_y, sun_z = light.sun
    cosine = (right * sun_x + up * sun_y + sun_z) / np.sqrt(1 + right**2 + up**2)
    glow = np.maximum(cosine, 0) ** 8
    colour += (glow * 0.55)[:, None] * np.asarray(light.sun_colour, np.float32)
    if light.name == "night":
        colour = _stars(scene, colour, right, up)
    return _clouds(scene, colour, right, up, glow)


def _clouds(
    scene: Scene, colour: np.ndarray, right: np.ndarray, up: np.ndarray, glow: np.ndarray
) -> np.ndarray:
    light = scene.light
    # A flat layer of cloud overhead: what is low in the sky is far away and small.
    depth = 1 / (up + 0.22)
    u, v = right * depth * 24 + scene.seed % 211, depth * 34 + scene.seed % 173
    shape = (
        noise.sample(noise.smooth(1.7, 21), u, v) * 0.75
        + noise.sample(noise.smooth(1.4, 23), u * 3, v * 3) * 0.25
    )
    cover = 0.60 - 0.22 * noise.white(29)[scene.seed % 256, 3]
    if light.name == "overcast":
        cover = 0.34
    density = np.clip((shape - cover) * 5, 0, 1)
    lit = np.clip(1.15 - (shape - cover) * 1.3, 0.55, 1.1)
    base = (
        np.asarray(light.horizon, np.float32) * 0.55
        + np.asarray(light.sun_colour, np.float32) * 0.55
    )
    white = (base + 0.08)[None] * lit[:, None] + (glow * 0.3)[:, None]
    if light.name == "night":
        white = white * 0.75
    elif light.name == "overcast":
        white = white + 0.24
    return colour + (white - colour) * (density * 0.85)[:, None]


def _stars(scene: Scene, colour: np.ndarray, right: np.ndarray, up: np.ndarray) -> np.ndarray:
    star = noise.sample(noise.white(31), right * 130 + scene.seed % 89, up * 130) > 0.988
    colour[star & (up > 0.08)] += 0.45
    moon_x = (scene.seed % 1000) / 1000 - 0.5
    moon = (right - moon_x) ** 2 + (up - 0.30) ** 2
    colour += (0.10 * np.exp(-moon * 60))[:, None]
    colour[moon < 0.030**2] = (0.96, 0.95, 0.86)
    return colour

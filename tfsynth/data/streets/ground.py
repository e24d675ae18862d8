"""Road, lane marks, pavements and grass: the class of a ground pixel, and its colour."""

from dataclasses import dataclass

import numpy as np

from tfsynth.data.streets import classes, noise
from tfsynth.data.streets.camera import Camera
from tfsynth.data.streets.scene import FAR, Scene


@dataclass(frozen=True)
class GroundMap:
    """Where the pixels from `first_row` down look: float32 `lateral` and `z`, in metres."""

    first_row: int
    lateral: np.ndarray
    z: np.ndarray


def map_ground(scene: Scene, camera: Camera, height: int, width: int) -> GroundMap:
    """Returns where on the ground every pixel below the horizon looks, arrays of (rows, width)."""
    first_row = int(np.clip(np.ceil(camera.horizon_y + 0.5), 0, height - 1))
    rows = np.arange(first_row, height, dtype=np.float32)[:, None] + 0.5
    columns = np.arange(width, dtype=np.float32)[None] + 0.5
    z = np.minimum(camera.focal * camera.height / np.maximum(rows - camera.horizon_y, 1e-3), FAR)
    z = z.astype(np.float32)
    x = (columns - camera.horizon_x) * (z / camera.focal)
    lateral = x - scene.middle(z)
    return GroundMap(first_row, lateral.astype(np.float32), np.broadcast_to(z, lateral.shape))


def classify(scene: Scene, ground: GroundMap) -> np.ndarray:
    """Returns the class of every ground pixel, int32 (rows, width)."""
    lateral, z = ground.lateral, ground.z
    distance, z = np.abs(lateral), z[:, :1]
    labels = np.full(lateral.shape, classes.GRASS, np.int32)
    for side in (-1, 1):
        i = (side + 1) // 2
        start, end = scene.road, scene.road + scene.pavement[i]
        if scene.verge_at_kerb[i]:
            start, end = start + scene.verge[i], end + scene.verge[i]
        paved = (distance >= start) & (distance < end)
        kerbstone = (distance >= scene.road) & (distance < scene.road + 0.3)
        labels[(paved | kerbstone) & (lateral * side > 0)] = classes.PAVEMENT
    crossing = (z > scene.end + 3) & (z < scene.end + 10)
    labels[(distance < scene.road) & (z < scene.end + 10) | crossing] = classes.ROAD
    labels[_lane_marks(scene, ground)] = classes.LANE_MARK
    return labels


def _lane_marks(scene: Scene, ground: GroundMap) -> np.ndarray:
    lateral, rows = ground.lateral, ground.z[:, :1]
    # Paint keeps about 1.2 pixels of a 192-pixel-wide picture as it recedes, up to 0.36 m: thin
    # lines are no class.
    half = np.clip(1.2 * rows / 110, 0.15, 0.36) / 2 + 0.02
    marks = np.abs(lateral) < half
    if scene.centre_line == "dashed":
        marks &= noise.fraction((rows + scene.seed % 7) / 6.5) < 0.6
    if scene.parking:
        marks |= np.abs(np.abs(lateral) - (scene.road - 2.15)) < half * 0.9
    else:
        marks |= np.abs(np.abs(lateral) - (scene.road - 0.35)) < half * 0.9
    marks &= rows < min(scene.end, 60)
    if scene.zebra > 0:
        z0 = scene.zebra
        marks &= (rows < z0 - 2.2) | (rows > z0 + 3.6)
        stripes = (noise.fraction(lateral / 1.1) < 0.5) & (rows > z0) & (rows < z0 + 3.0)
        near = (rows > z0 - 1.7) & (rows < z0 - 1.15)
        stop_line = near & (lateral * np.sign(-scene.offset) > 0.3)
        marks |= (stripes | stop_line) & (np.abs(lateral) < scene.road - 0.3)
    return marks


def paint(
    scene: Scene, label: np.ndarray, lateral: np.ndarray, z: np.ndarray, pixel: np.ndarray
) -> np.ndarray:
    """Returns the colour (n, 3) of ground pixels.

    Args:
        label: (n,) their classes.
        lateral, z: (n,) their street coordinates.
        pixel: (n,) how many metres a pixel covers there.
    """
    shift = scene.seed % 97
    grain = noise.sample(noise.white(3), lateral * 14 + shift, z * 9) - 0.5
    grain *= np.clip(0.10 / pixel, 0.15, 1)
    patches = noise.sample(noise.smooth(1.4, 5), lateral * 7 + shift, z * 5 + shift) - 0.5
    colour = np.empty((label.size, 3), np.float32)
    for class_id, painter in _PAINTERS.items():
        chosen = np.flatnonzero(label == class_id)
        if chosen.size:
            colour[chosen] = painter(
                scene, lateral[chosen], z[chosen], grain[chosen], patches[chosen], pixel[chosen]
            )
    return colour


def _tone(scene: Scene, number: int) -> float:
    return float(noise.white(7)[scene.seed % 256, number])


def _paint_road(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    value = 0.33 + 0.12 * _tone(scene, 1) + 0.14 * grain + 0.22 * patches
    lane = scene.road - (2.1 if scene.parking else 0.5)
    track = np.cos((np.abs(lateral) / lane - 0.5) * 2 * np.pi * 1.7)
    value -= 0.025 * track * (np.abs(lateral) < lane)
    # Repaired strips and cracks: darker lines that wander.
    wander = noise.sample(noise.smooth(1.8, 9), z * 2.2, lateral * 0 + scene.seed % 251) * 6 - 3
    crack = np.abs(lateral - wander) < 0.05 + 0.3 * pixel
    value -= 0.10 * crack * np.clip(0.08 / pixel, 0, 1)
    gutter = np.abs(lateral) > scene.road - 0.3
    value -= 0.07 * gutter
    warm = 0.03 * (_tone(scene, 2) - 0.5)
    return np.stack([value + warm, value, value * 1.03 - warm], -1)


def _paint_lane_mark(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    worn = np.clip(0.86 + 0.35 * grain + 0.30 * patches, 0.45, 1.0)
    colour = (0.98, 0.80, 0.25) if scene.line_yellow else (0.96, 0.96, 0.93)
    return worn[:, None] * np.asarray(colour, np.float32)


def _paint_pavement(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    size = 0.7 + 0.5 * _tone(scene, 3)
    cell_l, cell_z = np.floor(lateral / size), np.floor(z / size)
    value = 0.55 + 0.10 * _tone(scene, 4) + 0.14 * grain + 0.10 * patches
    value += 0.11 * (noise.cell_hash(cell_l, cell_z, scene.seed & 255) - 0.5)
    gap = 0.05 + 0.25 * pixel
    joint = (lateral / size - cell_l < gap / size) | (
        z / size - cell_z < np.minimum(gap * 2.0 / size, 0.4)
    )
    value -= 0.17 * joint * np.clip(0.12 / pixel, 0.2, 1)
    kerb = np.abs(lateral) < scene.road + 0.3
    value = np.where(kerb, 0.74 + 0.12 * grain - 0.25 * ((z % 1.6) < 0.1), value)
    warm = 0.10 * (_tone(scene, 5) - 0.3) * ~kerb
    return np.stack([value + warm, value + 0.35 * warm, value - warm * 0.5], -1)


def _paint_grass(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    blades = noise.sample(noise.white(13), lateral * 22, z * 5) - 0.5
    blades *= np.clip(0.12 / pixel, 0.25, 1)
    value = 0.46 + 0.42 * blades + 0.30 * patches + 0.10 * grain
    dry = 0.35 * _tone(scene, 6)
    colour = np.stack([value * (0.62 + dry), value * 0.98, value * 0.34], -1)
    flower = noise.sample(noise.white(17), lateral * 5 + 9, z * 3.3) > 0.975
    flower &= pixel < 0.10
    hue = ((0.98, 0.95, 0.9), (0.98, 0.85, 0.2), (0.85, 0.4, 0.75))[scene.seed % 3]
    colour[flower] = hue
    return colour


_PAINTERS = {
    classes.ROAD: _paint_road,
    classes.PAVEMENT: _paint_pavement,
    classes.LANE_MARK: _paint_lane_mark,
    classes.GRASS: _paint_grass,
}

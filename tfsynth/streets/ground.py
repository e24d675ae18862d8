"""Road, lane marks, pavements and grass: the class of a ground pixel, and its colour."""

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from tfsynth.streets import classes, noise
from tfsynth.streets.camera import Camera
from tfsynth.streets.scene import FAR, Scene


@dataclass(frozen=True)
class Surfacing:
    """What a road, a pavement or a verge is made of.

    Args:
        share: Of the streets that have it.
        colour: RGB in 0..1.
        pattern: Which texture it is given.
    """

    share: float
    colour: tuple[float, float, float]
    pattern: str


# One surfacing of each prevails, as in a real town; the others share the colours of their
# neighbours, so that pattern and place distinguish what colour alone does not.
ROADS = (
    Surfacing(0.50, (0.34, 0.34, 0.36), "asphalt"),
    Surfacing(0.14, (0.50, 0.50, 0.50), "asphalt"),
    Surfacing(0.24, (0.80, 0.78, 0.74), "slabs"),
    Surfacing(0.12, (0.66, 0.46, 0.40), "asphalt"),
)
LIGHT_MARKS = ((0.97, 0.97, 0.95), (0.99, 0.80, 0.22))
DARK_MARK = (0.10, 0.18, 0.54)
PAVEMENTS = (
    Surfacing(0.48, (0.70, 0.62, 0.52), "flags"),
    Surfacing(0.28, (0.58, 0.50, 0.48), "chequers"),
    Surfacing(0.24, (0.44, 0.46, 0.52), "flags"),
)
VERGES = (
    Surfacing(0.58, (0.37, 0.58, 0.21), "blades"),
    Surfacing(0.14, (0.84, 0.64, 0.34), "blades"),
    Surfacing(0.28, (0.72, 0.42, 0.86), "heather"),
)


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
    # Paint keeps about 1.8 pixels of a 192-pixel-wide picture as it recedes, up to 0.48 m: thin
    # lines are no class.
    half = np.clip(1.8 * rows / 110, 0.20, 0.48) / 2 + 0.02
    marks = np.abs(lateral) < half
    if scene.centre_line == "dashed":
        marks &= noise.fraction((rows + scene.seed % 7) / 6.5) < 0.6
    if scene.parking:
        marks |= np.abs(np.abs(lateral) - (scene.road - 2.15)) < half * 0.9
    else:
        marks |= np.abs(np.abs(lateral) - (scene.road - 0.35)) < half * 0.9
    marks &= rows < min(scene.end, 45)
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
    grain = noise.sample(noise.smooth(0.9, 3), lateral * 8 + shift, z * 5) - 0.5
    grain *= np.clip(0.08 / pixel, 0.05, 1)
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


def _surfacing(scene: Scene, number: int, choice: tuple[Surfacing, ...]) -> Surfacing:
    return choice[bisect(list(accumulate(one.share for one in choice[:-1])), _tone(scene, number))]


def _paint_road(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    road = _surfacing(scene, 1, ROADS)
    value = 1 + 0.16 * (_tone(scene, 2) - 0.5) + 0.10 * grain + 0.30 * patches
    lane = scene.road - (2.1 if scene.parking else 0.5)
    track = np.cos((np.abs(lateral) / lane - 0.5) * 2 * np.pi * 1.7)
    value -= 0.06 * track * (np.abs(lateral) < lane)
    if road.pattern == "asphalt":
        # Repaired cracks: darker lines that wander.
        wander = noise.sample(noise.smooth(1.8, 9), z * 2.2, lateral * 0 + scene.seed % 251) * 6
        crack = np.abs(lateral - wander + 3) < 0.05 + 0.3 * pixel
        value -= 0.28 * crack * np.clip(0.08 / pixel, 0, 1)
    else:
        joint = noise.fraction(z / 4.5) * 4.5 < 0.10 + pixel
        joint |= np.abs(np.abs(lateral) - lane / 2) < 0.05 + 0.3 * pixel
        value -= 0.10 * joint * np.clip(0.14 / pixel, 0.1, 1)
    gutter = np.abs(lateral) > scene.road - 0.3
    value -= 0.26 * gutter
    return value[:, None] * np.asarray(road.colour, np.float32)


def _paint_lane_mark(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    road = _surfacing(scene, 1, ROADS)
    if road.pattern == "slabs":
        colour = DARK_MARK
    else:
        colour = LIGHT_MARKS[scene.line_yellow]
    worn = np.clip(0.92 + 0.25 * grain + 0.25 * patches, 0.6, 1.0)
    return worn[:, None] * np.asarray(colour, np.float32)


def _paint_pavement(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    stone = _surfacing(scene, 3, PAVEMENTS)
    size = 0.75 + 0.45 * _tone(scene, 4)
    cell_l, cell_z = np.floor(lateral / size), np.floor(z / size)
    value = 1 + 0.14 * grain + 0.14 * patches
    fine = np.clip(0.16 / pixel, 0.2, 1)
    if stone.pattern == "chequers":
        value += fine * 0.66 * (np.floor((cell_l + cell_z) / 2) * 2 == cell_l + cell_z) - 0.33
    else:
        value += fine * 0.26 * (noise.cell_hash(cell_l, cell_z, scene.seed & 255) - 0.5)
        gap = 0.06 + 0.25 * pixel
        joint = lateral / size - cell_l < gap / size
        joint |= z / size - cell_z < np.minimum(gap * 2.0 / size, 0.4)
        bright = 0.50 if stone.colour[0] < 0.5 else -0.42
        value += bright * joint * fine
    colour = value[:, None] * np.asarray(stone.colour, np.float32)
    kerb = np.flatnonzero(np.abs(lateral) < scene.road + 0.3)
    stones = 0.74 + 0.10 * grain[kerb] - 0.36 * (noise.fraction(z[kerb] / 1.6) < 0.3)
    colour[kerb] = stones[:, None]
    return colour


def _paint_grass(scene, lateral, z, grain, patches, pixel) -> np.ndarray:
    verge = _surfacing(scene, 6, VERGES)
    fine = np.clip(0.16 / pixel, 0.3, 1)
    heather = verge.pattern == "heather"
    # Tufts stand up: they look longer towards the horizon than across.
    tufts = noise.sample(noise.smooth(0.9, 13), lateral * 8, z * (3.5 if heather else 2.2)) - 0.5
    value = 1 + (1.9 * tufts + 0.5 * patches) * fine
    if heather:
        value += 0.30 * fine * (noise.fraction(lateral / 0.7) < 0.5) - 0.15
    colour = np.maximum(value, 0.25)[:, None] * np.asarray(verge.colour, np.float32)
    flower = noise.sample(noise.white(17), lateral * 4 + 9, z * 2.6) > 0.95
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

"""Walls painted per pixel: bricks, windows with reflections or light, doors, shops with awnings.

Each wall pixel is traced back to (u, y) metres on its wall, so every pattern is in true perspective
at any size.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tfsynth.streets import noise
from tfsynth.streets.camera import Camera
from tfsynth.streets.lighting import Light

STOREY = 3.0  # metres
WINDOW_PATTERNS = ("sash", "casement", "ribbon", "tall", "balcony", "square")
_BALCONY = WINDOW_PATTERNS.index("balcony")
#                 width, height of the window as shares of bay and storey; bars across and along
_WINDOWS = np.array(
    [
        (0.46, 0.56, 1, 1),
        (0.55, 0.48, 1, 0),
        (1.00, 0.46, 1, 0),
        (0.36, 0.70, 1, 1),
        (0.56, 0.66, 1, 0),
        (0.42, 0.40, 0, 0),
    ],
    np.float32,
)


class Wall(NamedTuple):
    """One wall, or one array per field with a value for each pixel.

    Args:
        x, z, dx, dz: Where it starts on the ground, and its unit direction.
        length, height, bay: Metres.
        normal_x, normal_z: Which way it faces.
        blind: 1 for an end wall with hardly any windows.
        lateral: Where the building's street wall is, in street coordinates.
        red, green, blue, awning_red, awning_green, awning_blue, trim: Paint, in 0..1.
        material: 0 plaster, 1 brick, 2 planks, 3 panels.
        pattern: The number of its window pattern.
        shop: 1 for a shop on the ground floor.
        seed: What its windows and bricks are drawn with.
        lit: The share of windows with light inside.
    """

    x: Any
    z: Any
    dx: Any
    dz: Any
    length: Any
    height: Any
    normal_x: Any
    normal_z: Any
    blind: Any
    lateral: Any
    red: Any
    green: Any
    blue: Any
    material: Any
    pattern: Any
    bay: Any
    trim: Any
    shop: Any
    awning_red: Any
    awning_green: Any
    awning_blue: Any
    seed: Any
    lit: Any


def trace(camera: Camera, x, z, dx, dz, column, row):
    """Returns metres along (`u`) and up (`y`), and depth, of pixels on vertical planes."""
    slope = (column - camera.horizon_x) / camera.focal
    across = dx - slope * dz
    across = np.where(np.abs(across) < 1e-4, 1e-4, across)
    u = (slope * z - x) / across
    depth = np.maximum(z + u * dz, camera.near)
    y = camera.height - (row - camera.horizon_y) * depth / camera.focal
    return u, y, depth


@dataclass
class Pixels:
    """Wall pixels: which wall, and where on it; all arrays are (n,) float32 except `number`.

    Args:
        walls: A `Wall` with an array per field, one value per wall.
        number: The wall of each pixel.
        u, y: Metres along and up.
        bay: Width of a bay in metres.
        i, j: Number of bay and storey.
        across, up: Metres inside the bay and the storey.
        size: How many metres a pixel covers there.
    """

    walls: Wall
    number: np.ndarray
    u: np.ndarray
    y: np.ndarray
    bay: np.ndarray
    i: np.ndarray
    j: np.ndarray
    across: np.ndarray
    up: np.ndarray
    size: np.ndarray

    def of(self, field: str) -> np.ndarray:
        """Returns a field of each pixel's wall."""
        return getattr(self.walls, field).take(self.number)

    def choose(self, chosen: np.ndarray) -> "Pixels":
        """Returns some of the pixels, by their numbers."""
        return Pixels(
            self.walls,
            number=self.number.take(chosen),
            u=self.u.take(chosen),
            y=self.y.take(chosen),
            bay=self.bay.take(chosen),
            i=self.i.take(chosen),
            j=self.j.take(chosen),
            across=self.across.take(chosen),
            up=self.up.take(chosen),
            size=self.size.take(chosen),
        )


def paint(
    camera: Camera,
    light: Light,
    walls: Wall,
    number: np.ndarray,
    column: np.ndarray,
    row: np.ndarray,
):
    """Paints wall pixels.

    Args:
        walls: A `Wall` with an array per field, one value per wall.
        number: (n,) the wall of each pixel; `column`, `row` its place on the canvas.

    Returns:
        Colour (n, 3), how much each pixel shines by itself (n,), height y, depth in metres.
    """
    x, z, dx, dz = (a.take(number) for a in (walls.x, walls.z, walls.dx, walls.dz))
    u, y, depth = trace(camera, x, z, dx, dz, column, row)
    bay = (walls.length / np.maximum(np.round(walls.length / walls.bay), 1)).take(number)
    i, j = np.floor(u / bay), np.floor(y / STOREY)
    pixels = Pixels(
        walls, number, u, y, bay, i, j, u - i * bay, y - j * STOREY, depth / camera.focal
    )
    colour = _masonry(pixels)
    shine = np.zeros_like(u)
    top = y - pixels.of("height")
    ground_floor, shop, blind = j < 1, pixels.of("shop") > 0.5, pixels.of("blind") > 0.5
    # An end wall has few windows, and none on the ground.
    spared = ~blind | ((noise.cell_hash(i, j, pixels.of("seed") + 7) < 0.3) & ~ground_floor)
    windowed = (top < -0.5) & spared & (y > 0)
    _add_windows(colour, shine, light, pixels, np.flatnonzero(windowed & ~(ground_floor & shop)))
    _add_shops(colour, shine, light, pixels, np.flatnonzero(windowed & ground_floor & shop))
    cornice = np.flatnonzero(top > -0.5)
    colour[cornice] *= np.where(top[cornice] > -0.16, 1.25, 0.86).astype(np.float32)[:, None]
    colour *= np.clip(0.72 + 0.5 * np.abs(y), 0.72, 1)[:, None]  # dirt and little sky at the foot
    return colour, shine, y, depth


def _masonry(pixels: Pixels) -> np.ndarray:
    base = np.stack([pixels.of("red"), pixels.of("green"), pixels.of("blue")], -1)
    rough = noise.sample(noise.smooth(1.6, 41), pixels.u * 9 + pixels.of("seed"), pixels.y * 9)
    value = 0.84 + 0.16 * rough
    material = pixels.of("material")
    for number, relief in ((1, _bricks), (2, _planks), (3, _panels)):
        chosen = np.flatnonzero(material == number)
        some = pixels.choose(chosen)
        value[chosen] += np.minimum(0.07 / some.size, 1) ** 1.5 * relief(some)
    return base * value[:, None]


def _bricks(pixels: Pixels) -> np.ndarray:
    # Twice life size, or none would be seen in a small picture.
    course = np.floor(pixels.y / 0.26)
    place = pixels.u / 0.6 + noise.fraction(course * 0.5)
    mortar = (noise.fraction(pixels.y / 0.26) < 0.18) | (noise.fraction(place) < 0.09)
    tone = noise.cell_hash(np.floor(place), course, pixels.of("seed")) - 0.5
    return 0.30 * tone - 0.04 + 0.20 * mortar


def _planks(pixels: Pixels) -> np.ndarray:
    return -0.22 * (noise.fraction(pixels.y / 0.3) < 0.2)


def _panels(pixels: Pixels) -> np.ndarray:
    u, y = noise.fraction(pixels.u / 1.5), noise.fraction(pixels.y / 1.5)
    return -0.25 * ((u < 0.05) | (y < 0.05))


def _add_windows(colour, shine, light: Light, pixels: Pixels, chosen: np.ndarray) -> None:
    pixels = pixels.choose(chosen)
    seed, pattern = pixels.of("seed"), pixels.of("pattern").astype(np.int32)
    share, tall, upright_bar, cross_bar = (column.take(pattern) for column in _WINDOWS.T)
    bay, i, j = pixels.bay, pixels.i, pixels.j
    dx, dy = pixels.across - bay / 2, pixels.up - STOREY * 0.56
    ribbon = share == 1  # two panes a bay, without a wall between
    dx = np.where(ribbon, noise.fraction(pixels.across * 2 / bay) * bay - bay / 2, dx)
    door = (j < 1) & (noise.cell_hash(i, j * 0 + 5, seed) < 0.3)
    half_height = np.where(door, 1.15, tall * STOREY / 2)
    half_width = np.where(door, np.minimum(0.6, share * bay / 2), share * bay / 2)
    dy = np.where(door, pixels.up - 1.15, dy)
    frame = 0.07 + 0.5 * pixels.size
    ax, ay = np.abs(dx), np.abs(dy)
    inside = (ax < half_width) & (ay < half_height)
    border = (ax < half_width + frame) & (ay < half_height + frame)
    bars = (ax < frame * 0.45) & (upright_bar > 0)
    bars |= (np.abs(dy - half_height * 0.24) < frame * 0.45) & (cross_bar > 0)
    low = -half_height - dy  # metres below the window
    sill = (ax < half_width + 0.15) & (low > 0) & (low < 0.16) & ~door
    woodwork = np.flatnonzero(border | sill)
    trim = pixels.of("trim")[woodwork, None]
    colour[chosen[woodwork]] = trim * np.array([0.97, 0.95, 0.9], np.float32)
    glass = np.flatnonzero(inside & ~bars & ~door)
    _glaze(colour, shine, light, pixels.choose(glass), chosen[glass], dx[glass], dy[glass])
    leaf = np.flatnonzero(door & inside)
    hue = noise.cell_hash(i[leaf], j[leaf], seed[leaf] + 3)
    paints = (0.25 + 0.3 * hue, 0.37 - 0.15 * hue, 0.45 - 0.25 * hue)
    colour[chosen[leaf]] = np.stack(paints, -1)
    balcony = (pattern == _BALCONY) & (j >= 1) & (ax < half_width + 0.35) & (pixels.up < 1.0)
    grid = (noise.fraction(pixels.across * 6) < 0.42) | (pixels.up > 0.86) | (pixels.up < 0.18)
    rail = chosen[balcony & grid & (pixels.up > 0.05)]
    colour[rail], shine[rail] = 0.22, 0


def _glaze(colour, shine, light: Light, pixels: Pixels, chosen: np.ndarray, dx, dy) -> None:
    i, j, seed = pixels.i, pixels.j, pixels.of("seed")
    lit = noise.cell_hash(i, j, seed) < pixels.of("lit")
    variety = noise.cell_hash(j, i, seed + 1)
    streak = noise.fraction((dx * 0.8 + dy * 0.6 + variety * 3) / 1.1) < 0.38
    reflection = np.clip(0.16 + 0.30 * variety + 0.16 * streak + 0.10 * dy, 0.05, 0.8)[:, None]
    sky = np.asarray(light.horizon, np.float32) * 0.6 + np.asarray(light.zenith, np.float32) * 0.5
    dark = np.array([0.10, 0.13, 0.17], np.float32)
    pane = dark + (sky - dark) * reflection
    curtain = (variety > 0.6) & (np.abs(dx) > 0.28)
    pane[curtain] = pane[curtain] * 0.4 + 0.42
    warm = np.array([1.0, 0.80, 0.46], np.float32) * (0.75 + 0.3 * variety[:, None])
    colour[chosen] = np.where(lit[:, None], warm, pane)
    shine[chosen] = lit


def _add_shops(colour, shine, light: Light, pixels: Pixels, chosen: np.ndarray) -> None:
    if not chosen.size:
        return
    pixels = pixels.choose(chosen)
    y, bay, seed = pixels.y, pixels.bay, pixels.of("seed")
    bands = ("awning_red", "awning_green", "awning_blue")
    awning = np.stack([pixels.of(band) for band in bands], -1)
    dx = pixels.across - bay / 2
    frame = 0.06 + 0.4 * pixels.size
    edge = np.maximum(np.abs(dx) - bay / 2 + 0.15, np.abs(y - 1.3) - 0.8)  # metres outside the pane
    border, glass = (edge > 0) & (edge < frame), edge < 0
    colour[chosen[border]] = awning[border] * 0.55
    goods = noise.sample(noise.white(47), pixels.u * 3 + seed, y * 3.5)
    tint = noise.sample(noise.white(49), pixels.u * 3 + seed, y * 3.5)
    pane = np.stack([0.22 + 0.4 * goods, 0.22 + 0.3 * tint, 0.54 - 0.3 * goods], -1)
    pane *= (y < 1.35)[:, None]
    streak = 0.12 + 0.14 * (noise.fraction((dx + y * 0.7) / 1.3) < 0.3)
    pane += streak[:, None] * np.asarray(light.horizon, np.float32)
    bright = light.window_light > 0.05
    if bright:
        pane = pane * 0.6 + np.array([0.62, 0.5, 0.32], np.float32)
    colour[chosen[glass]] = pane[glass]
    shine[chosen[glass]] = 0.9 * bright
    board = (y >= 2.15) & (y < 2.75)
    stripes = (noise.fraction(pixels.u * 2.2) < 0.5)[:, None]
    colour[chosen[board]] = np.where(stripes, awning, np.float32(0.93))[board]

"""Puts lots on the canvas: buildings with roofs, gardens and parks behind fences."""

from collections.abc import Sequence

import numpy as np

from tfsynth.streets import classes
from tfsynth.streets.canvas import FENCE_KIND, OBJECT_KIND, WALL_KIND
from tfsynth.streets.chance import pick
from tfsynth.streets.facade import WINDOW_PATTERNS, Wall
from tfsynth.streets.fences import FENCE_PATTERNS, Fence
from tfsynth.streets.scene import Lot
from tfsynth.streets.stage import Stage, tone
from tfsynth.streets.trees import draw_tree

FACADE_COLOURS = (
    (187, 97, 78),
    (229, 215, 164),
    (225, 231, 225),
    (134, 158, 185),
    (211, 153, 122),
    (120, 172, 218),
    (118, 82, 70),
    (223, 187, 96),
    (97, 105, 118),
    (148, 185, 159),
)
FENCE_COLOURS = (
    (241, 156, 103),
    (252, 252, 252),
    (131, 132, 153),
    (142, 188, 161),
    (252, 226, 198),
)
_ROOF_COLOURS = ((150, 74, 56), (96, 92, 98), (120, 84, 66), (84, 96, 108))
_AWNING_COLOURS = ((196, 92, 70), (60, 110, 90), (232, 205, 150), (60, 110, 90))
_FENCED = 38.0  # metres; the boards of a fence farther away could not be distinguished
_DEPTH = 9.0  # metres from the front of a building to its back


def draw_lot(stage: Stage, lot: Lot) -> None:
    """Draws one lot; lots are to be drawn far to near."""
    rng = np.random.default_rng(lot.seed)
    if lot.kind == "building":
        _draw_building(stage, lot, rng, inset=0.0)
    elif lot.kind == "garden":
        if lot.end - lot.start > 8:
            _draw_building(stage, lot, rng, inset=1.2)
        _draw_trees(stage, lot, rng, int(rng.integers(0, 3)), (1.2, 2.2), 0.62)
        if lot.start < _FENCED:
            _draw_fence(stage, lot, rng)
    elif lot.kind == "park":
        count = int(rng.integers(3, 6)) if lot.start < 30 else 2
        _draw_trees(stage, lot, rng, count, (1.8, 8.0), 1.0)
        if rng.random() < 0.75 and lot.start < _FENCED:
            _draw_fence(stage, lot, rng)


def draw_end_of_street(stage: Stage) -> None:
    """Draws the row of houses that closes the street, and the trees beyond."""
    rng = np.random.default_rng(stage.scene.seed)
    z = stage.scene.end + 13.0
    for lateral in range(-84, 90, 24):
        draw_tree(stage, lateral + float(rng.uniform(-3, 3)), z + 25, _seed(rng), 2.2)
    lateral = -70.0
    while lateral < 70:
        width = float(rng.uniform(9, 18))
        height = 3.0 * int(rng.integers(2, 6)) + 0.9
        if rng.random() < 0.82:
            left = stage.scene.middle(z) + lateral
            facade = Facade(stage, rng, lateral)
            facade.add_wall((left, z), (left + width, z), height)
        else:
            draw_tree(stage, lateral + width / 2, z + 3, _seed(rng), 1.3)
        lateral += width


class Facade:
    """Colours and materials of one building, for each of its walls.

    Args:
        rng: The generator that they are drawn with.
        lateral: Where its street wall stands, in street coordinates.
        shops: Whether it may have a shop on the ground floor.
    """

    def __init__(
        self, stage: Stage, rng: np.random.Generator, lateral: float, shops: bool = True
    ) -> None:
        self._stage = stage
        colour = pick(rng, FACADE_COLOURS)
        pattern = int(rng.integers(len(WINDOW_PATTERNS)))
        self.instance = stage.canvas.instance(classes.BUILDING, colour, WINDOW_PATTERNS[pattern])
        awning = pick(rng, _AWNING_COLOURS)
        self._style = {
            "lateral": lateral,
            **_bands(colour),
            "material": pick(rng, range(4), (0.4, 0.35, 0.13, 0.12)),
            "pattern": pattern,
            "bay": float(rng.uniform(2.1, 3.4)),
            "trim": float(rng.uniform(0.75, 1.0)),
            "shop": float(rng.random() < 0.45 and shops),
            **_bands(awning, "awning_"),
            "seed": int(rng.integers(1 << 12)),
            "lit": stage.scene.light.window_light,
        }

    def add_wall(
        self, start, end, height: float, blind: bool = False, gable: Sequence = ()
    ) -> None:
        """Marks a wall.

        Args:
            start, end: Its ends (x, z), as one sees them from left to right.
            height: Metres.
            blind: Whether it has hardly any windows.
            gable: World points above the wall that belong to it.
        """
        (x1, z1), (x2, z2) = start, end
        length, dx, dz = _line(x1, z1, x2, z2)
        place = {"x": x1, "z": z1, "dx": dx, "dz": dz, "normal_x": dz, "normal_z": -dx}
        wall = Wall(**place, length=length, height=height, blind=float(blind), **self._style)
        surface = self._stage.canvas.surface(self.instance, WALL_KIND, (z1 + z2) / 2, 1.0, wall)
        outline = [(x1, 0, z1), (x1, height, z1), *gable, (x2, height, z2), (x2, 0, z2)]
        self._stage.mark(outline, surface)


def _draw_building(stage: Stage, lot: Lot, rng: np.random.Generator, inset: float) -> None:
    """Draws a building `inset` metres from the ends of its lot."""
    lateral = lot.side * (stage.scene.frontage(lot.side) + lot.setback)
    facade = Facade(stage, rng, lateral, shops=lot.kind == "building")
    near, far = lot.start + inset, lot.end - inset
    x_near, x_far = stage.scene.middle(near) + lateral, stage.scene.middle(far) + lateral
    gable = []
    if lot.height < 14 and rng.random() < 0.75:
        middle = lot.side * _DEPTH / 2
        ridge = lot.height + _DEPTH / 2 * float(rng.uniform(0.7, 1.1))
        gable = [(x_near + middle, ridge, near)]
        eaves = [(x_near, lot.height, near), (x_far, lot.height, far)]
        quad = [*eaves, (x_far + middle, ridge, far), *gable]
        _draw_roof(stage, facade.instance, quad, lot.side, pick(rng, _ROOF_COLOURS))
    if near > 0.8:  # the end wall that faces us shows where the next house is lower or stands back
        left, right = sorted(((x_near, near), (x_near + lot.side * _DEPTH, near)))
        facade.add_wall(left, right, lot.height, lot.kind == "building", gable)
    left, right = (x_far, far), (x_near, near)
    if lot.side < 0:
        left, right = right, left
    facade.add_wall(left, right, lot.height)


def _draw_roof(stage: Stage, instance: int, quad: list, side: int, colour) -> None:
    """Draws a roof: near eaves, far eaves, far ridge, near ridge; close by with rows of tiles."""
    near, far = quad[0][2], quad[1][2]
    surface = stage.canvas.surface(instance, OBJECT_KIND, far, 0.8)
    bright = stage.scene.light.facing(-side * 0.7, 0.7, 0)
    stage.polygon(quad, surface, tone(colour, bright))
    if near > 40:
        return
    for part in np.linspace(0.15, 0.95, 6).tolist():
        low = [_between(quad[0], quad[3], part), _between(quad[1], quad[2], part)]
        part += 0.05
        high = [_between(quad[1], quad[2], part), _between(quad[0], quad[3], part)]
        stage.detail([*low, *high], tone(colour, bright * 0.82))


def _draw_trees(stage: Stage, lot: Lot, rng, count: int, distances, scale: float) -> None:
    for z in sorted(rng.uniform(lot.start + 0.8, lot.end - 0.5, count).tolist(), reverse=True):
        behind = stage.scene.frontage(lot.side) + float(rng.uniform(*distances))
        draw_tree(stage, lot.side * behind, z, _seed(rng), scale)


def _draw_fence(stage: Stage, lot: Lot, rng: np.random.Generator) -> None:
    colour = pick(rng, FENCE_COLOURS)
    pattern = pick(rng, range(len(FENCE_PATTERNS)), (0.34, 0.38, 0.20, 0.08))
    instance = stage.canvas.instance(classes.FENCE, colour, FENCE_PATTERNS[pattern])
    lateral = lot.side * (stage.scene.frontage(lot.side) + 0.15)
    height = float(rng.uniform(1.6, 2.2))
    z1, z2 = lot.start, lot.end
    x1, x2 = stage.scene.middle(z1) + lateral, stage.scene.middle(z2) + lateral
    _, dx, dz = _line(x1, z1, x2, z2)
    fence = Fence(
        x=x1,
        z=z1,
        dx=dx,
        dz=dz,
        lateral=lateral,
        height=height,
        **_bands(colour),
        pattern=pattern,
        seed=int(rng.integers(1 << 12)),
        normal_x=-lot.side * abs(dz),
        normal_z=lot.side * dx,
    )
    surface = stage.canvas.surface(instance, FENCE_KIND, (z1 + z2) / 2, 1.0, fence)
    stage.mark([(x1, 0, z1), (x1, height, z1), (x2, height, z2), (x2, 0, z2)], surface)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 30))


def _bands(colour, prefix: str = "") -> dict[str, float]:
    return {prefix + n: c / 255 for n, c in zip(("red", "green", "blue"), colour, strict=True)}


def _line(x1: float, z1: float, x2: float, z2: float) -> tuple[float, float, float]:
    """Returns the length of a line on the ground and its unit direction (x, z)."""
    length = float(np.hypot(x2 - x1, z2 - z1))
    return length, (x2 - x1) / length, (z2 - z1) / length


def _between(first, second, part: float) -> tuple[float, float, float]:
    x, y, z = (a + (b - a) * part for a, b in zip(first, second, strict=True))
    return x, y, z

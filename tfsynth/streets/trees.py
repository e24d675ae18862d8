"""Trees: a trunk and a crown of clumps, lit from the sun's side; leaves are added per pixel."""

import math

import numpy as np

from tfsynth.streets import classes
from tfsynth.streets.canvas import LEAF_KIND, OBJECT_KIND
from tfsynth.streets.chance import pick
from tfsynth.streets.stage import Stage, tone

# Green prevails; the other strong colours make the mean of all a dull green, no tree's own.
CROWN_COLOURS = {
    "green": (64, 122, 38),
    "dark green": (44, 92, 56),
    "blue spruce": (74, 122, 158),
    "autumn": (206, 100, 34),
    "gold": (214, 162, 40),
    "copper beech": (120, 46, 66),
    "lilac": (136, 98, 186),
    "blossom": (232, 132, 174),
}
_CROWN_SHARES = (0.44, 0.16, 0.05, 0.11, 0.05, 0.05, 0.05, 0.09)
_CONICAL = ("dark green", "blue spruce")

Clump = tuple[float, float, float]  # metres from the trunk to the right, height, radius


def draw_tree(stage: Stage, lateral: float, z: float, seed: int, scale: float = 1.0) -> None:
    """Draws one tree at street coordinates (lateral, z); `scale` 1 is about 7 m tall."""
    x = stage.scene.middle(z) + lateral
    if z < 2.5 or not stage.sees(x, z, 7 * scale):
        return
    rng = np.random.default_rng(seed)
    name = pick(rng, list(CROWN_COLOURS), _CROWN_SHARES)
    colour = CROWN_COLOURS[name]
    conical = name in _CONICAL and rng.random() < 0.6
    instance = stage.canvas.instance(classes.TREE, colour, "cone" if conical else "round")
    leaves = stage.canvas.surface(instance, LEAF_KIND, z, 1.0, (lateral, z, seed % 4096))
    wood = stage.canvas.surface(instance, OBJECT_KIND, z, 0.7)
    tall = float(rng.uniform(5.6, 8.4)) * scale
    foot = 0.18 * tall if conical else float(rng.uniform(0.30, 0.38)) * tall
    _draw_trunk(stage, x, z, 0.13 + 0.05 * scale, foot * 1.5, int(rng.integers(60, 92)), wood)
    clumps = _cone(rng, tall, foot) if conical else _round(rng, tall, foot, detailed=z < 45)
    _draw_clumps(stage, x, z, clumps, leaves, colour, rng)
    if z < 60:
        _cast_shadow(stage, x, z, tall, foot)


def _draw_trunk(stage: Stage, x, z, half, top, bark, surface) -> None:
    paint = (bark + 24, bark + 4, bark - 16)
    wide, slim = half * 1.35, half * 0.8
    trunk = [(x - wide, 0, z), (x - slim, top, z), (x + slim, top, z), (x + wide, 0, z)]
    stage.polygon(trunk, surface, paint)
    inner = x + half * 0.2
    stage.detail([(inner, 0, z), (inner, top, z), *trunk[2:]], tone(paint, 0.7))


def _round(rng: np.random.Generator, tall: float, foot: float, detailed: bool) -> list[Clump]:
    middle, rise = (tall + foot) / 2, (tall - foot) / 2
    reach = 0.36 * tall * float(rng.uniform(0.85, 1.15))
    clumps = [(0.0, middle, 0.62 * rise)]
    inner, outer = (13, 18) if detailed else (5, 0)
    random = rng.random((inner + outer, 2)).tolist()
    for k, (turn, grow) in enumerate(random):
        if k < inner:  # spread over the crown, as the seeds of a sunflower
            angle, out = k * 2.4 + 0.8 * turn - 0.4, math.sqrt((k + 0.8) / inner) * 0.78
            size = 0.26 + 0.16 * grow
        else:  # small tufts on the outline
            angle = (k - inner) * 2 * math.pi / outer + 0.3 * turn - 0.15
            out, size = 0.80 + 0.16 * grow, 0.14 + 0.12 * grow
        y = middle + rise * out * math.sin(angle)
        clumps.append((reach * out * math.cos(angle), y, size * rise))
    return clumps


def _cone(rng: np.random.Generator, tall: float, foot: float) -> list[Clump]:
    clumps = []
    for level in np.linspace(0, 1, 9).tolist():
        reach = 0.24 * tall * (1 - level) + 0.12
        y = foot + (tall - foot) * level
        for part in (-0.75, 0.0, 0.75):
            shift, lift = rng.uniform(-0.1, 0.1, 2).tolist()
            clumps.append((reach * (part + shift), y + lift, reach * 0.42 + 0.1))
    return clumps


def _draw_clumps(stage: Stage, x, z, clumps: list[Clump], surface, colour, rng) -> None:
    sun_x, sun_y, _ = stage.scene.light.sun
    low = min(y for _, y, _ in clumps)
    rise = max(y for _, y, _ in clumps) - low + 1e-6
    order = sorted(clumps, key=lambda clump: clump[1] * 0.6 + clump[0] * sun_x)
    variety = (1 + rng.uniform(-0.06, 0.06, len(order))).tolist()
    for (dx, y, radius), vary in zip(order, variety, strict=True):
        bright = (0.62 + 0.40 * (y - low) / rise + 0.32 * dx * sun_x / rise) * vary
        column, row = stage.camera.project(x + dx, y, z)
        r = max(radius * stage.camera.focal / z, 0.8)
        box = (column - r, row - r * 0.9, column + r, row + r * 0.9)
        stage.canvas.ellipse(box, surface, tone(colour, bright))
        if r > 5:  # the side towards the sun
            column, row = column + r * 0.25 * sun_x, row - r * (0.28 * sun_y + 0.1)
            box = (column - r * 0.6, row - r * 0.48, column + r * 0.6, row + r * 0.48)
            stage.canvas.dab(box, tone(colour, bright + 0.13))


def _cast_shadow(stage: Stage, x, z, tall, foot) -> None:
    sun_x, sun_y, sun_z = stage.scene.light.sun
    steep = max(sun_y, 0.2)
    length, reach = (tall + foot) / 2 / steep, 0.26 * tall
    cx, cz = x - sun_x * length, z - sun_z * length
    stretch = min(1 / steep, 2.5)
    crown = []
    for k in range(14):
        angle = k * 2 * math.pi / 14
        size = reach * (0.85 + 0.25 * ((k * 5) % 7) / 7)
        along, across = math.cos(angle) * size * stretch, math.sin(angle) * size
        crown.append((cx + along * sun_x - across * sun_z, 0, cz + along * sun_z + across * sun_x))
    stage.shade(crown, 60)
    trunk = [(x - 0.2, 0, z), (cx - 0.2, 0, cz), (cx + 0.2, 0, cz), (x + 0.2, 0, z)]
    stage.shade(trunk, 60)

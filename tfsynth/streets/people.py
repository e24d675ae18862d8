"""People on foot: head, coat, legs in mid-step; the colour of the coat is that of the instance."""

import numpy as np

from tfsynth.streets import classes
from tfsynth.streets.canvas import OBJECT_KIND
from tfsynth.streets.chance import pick
from tfsynth.streets.scene import Placed
from tfsynth.streets.stage import Stage, tone

COAT_COLOURS = {
    "red": (222, 40, 44),
    "blue": (50, 112, 226),
    "yellow": (246, 206, 50),
    "white": (246, 244, 238),
    "orange": (240, 130, 40),
    "green": (60, 180, 90),
    "pink": (240, 130, 180),
    "teal": (60, 190, 196),
}
_SKIN = ((236, 196, 164), (206, 152, 112), (146, 98, 66), (96, 64, 46))
_HAIR = ((40, 30, 26), (96, 62, 34), (190, 150, 84), (120, 120, 124))
_LEGS = ((34, 40, 62), (50, 46, 44), (60, 40, 40), (26, 26, 30))
_SHOE = (30, 26, 24)


def draw_person(stage: Stage, placed: Placed, sunlit: float) -> None:
    """Draws one person, 1.6 to 1.9 m tall, with a shadow."""
    rng = np.random.default_rng(placed.seed)
    coat = pick(rng, list(COAT_COLOURS.values()))
    skin, hair, legs = (pick(rng, colours) for colours in (_SKIN, _HAIR, _LEGS))
    skirt = rng.random() < 0.35
    tall = float(rng.uniform(1.6, 1.9))
    step = float(rng.uniform(0.05, 0.24)) * (1.4 if placed.heading == 0 else 0.9)
    x, z = stage.scene.middle(placed.z) + placed.lateral, placed.z
    instance = stage.canvas.instance(classes.PERSON, coat, "skirt" if skirt else "trousers")
    surface = stage.canvas.surface(instance, OBJECT_KIND, z, sunlit)
    unit = tall / 1.75

    def shape(points, colour) -> None:
        stage.polygon([(x + dx * unit, y * unit, z) for dx, y in points], surface, colour)

    def ball(y, radius, colour) -> None:
        column, row = stage.camera.project(x, y * unit, z)
        r = radius * unit * stage.camera.focal / z
        box = (column - r * 0.9, row - r, column + r * 0.9, row + r)
        stage.canvas.ellipse(box, surface, colour)

    _cast_shadow(stage, x, z, tall)
    for foot, left, paint in ((-step, -0.19, tone(legs, 0.72)), (step, -0.02, legs)):
        shape([(left, 0.86), (left + 0.21, 0.86), (foot + 0.10, 0.05), (foot - 0.09, 0.05)], paint)
        sole = [(foot - 0.1, 0.1), (foot + 0.12, 0.1), (foot + 0.15, 0.0), (foot - 0.12, 0.0)]
        shape(sole, _SHOE)
    if skirt:
        shape([(-0.20, 0.95), (0.20, 0.95), (0.30, 0.48), (-0.30, 0.48)], coat)
    for side in (-1, 1):  # arms
        hand = 0.22 + step * 0.5
        arm = [(0.26, 1.42), (0.16, 1.46), (hand, 0.84), (hand + 0.12, 0.86)]
        shape([(side * dx, y) for dx, y in arm], tone(coat, 0.70))
    chest = [(-0.22, 0.80), (-0.25, 1.45), (-0.10, 1.52)]
    shape([*chest, *((-dx, y) for dx, y in reversed(chest))], coat)
    side = 1 if stage.scene.light.sun[0] > 0 else -1
    edge = [(0.06, 1.48), (0.23, 1.43), (0.20, 0.84), (0.08, 0.84)]
    bright = tone(coat, 1.16)
    stage.detail([(x + side * dx * unit, y * unit, z) for dx, y in edge], bright)
    ball(1.64, 0.165, hair)
    if placed.heading <= 0:
        ball(1.60, 0.13, skin)
    if rng.random() < 0.35:
        red, green, blue = rng.integers(40, 200, 3).tolist()
        bag = [(0.20, 0.95), (0.42, 0.95), (0.44, 0.62), (0.20, 0.62)]
        shape(bag, (red, green, blue))


def _cast_shadow(stage: Stage, x: float, z: float, tall: float) -> None:
    light = stage.scene.light
    sun_x, sun_y, sun_z = light.sun
    reach = tall / max(sun_y, 0.25) if light.casts_shadows else 0.2
    tip_x, tip_z = x - sun_x * reach, z - sun_z * reach
    ground = [(x - 0.22, z), (tip_x - 0.16, tip_z), (tip_x + 0.16, tip_z), (x + 0.22, z)]
    feet = [(x - 0.3, z - 0.12), (x - 0.3, z + 0.12), (x + 0.3, z + 0.12), (x + 0.3, z - 0.12)]
    for outline in (ground, feet):
        stage.shade([(px, 0, pz) for px, pz in outline], 50)

"""Street lamps and traffic signs; posts are a little thicker than life, so that they are seen."""

import math

import numpy as np

from tfsynth.streets import classes
from tfsynth.streets.canvas import OBJECT_KIND
from tfsynth.streets.chance import pick
from tfsynth.streets.scene import Placed
from tfsynth.streets.stage import Stage, tone

SIGN_COLOURS = {
    "limit": (184, 28, 31),
    "stop": (176, 23, 26),
    "warning": (193, 38, 31),
    "order": (27, 84, 163),
    "parking": (31, 87, 169),
    "priority": (221, 186, 31),
    "direction": (27, 118, 64),
}
_SIGN_SHARES = (0.14, 0.16, 0.10, 0.17, 0.16, 0.10, 0.17)
_POST_COLOURS = ((112, 102, 94), (84, 100, 88), (132, 128, 122), (92, 88, 86))
_GREY, _WHITE, _BLACK = (130, 126, 120), (240, 242, 240), (25, 25, 27)


def draw_lamp(stage: Stage, placed: Placed, sunlit: float) -> None:
    """Draws one street lamp, an arm over the road or a globe; at night it shines."""
    rng = np.random.default_rng(stage.scene.seed)  # all lamps of a street are alike
    colour = pick(rng, _POST_COLOURS)
    arm = pick(rng, (1.7, 0.0))
    tall = float(rng.uniform(5.4, 7.0)) if arm else float(rng.uniform(3.7, 4.5))
    x, z = stage.scene.middle(placed.z) + placed.lateral, placed.z
    instance = stage.canvas.instance(classes.POLE, colour, "arm" if arm else "globe")
    surface = stage.canvas.surface(instance, OBJECT_KIND, z, sunlit)
    half = _draw_post(stage, x, z, tall, colour, surface, 0.12)
    lit = stage.scene.light.lamps_lit
    paint = (255, 226, 160) if lit else (226, 228, 226)
    if arm:
        tip = x - math.copysign(arm, placed.lateral)
        beam = [(x, tall - 0.1), (x, tall + 0.12), (tip, tall + 0.42), (tip, tall + 0.2)]
        stage.polygon([(px, y, z) for px, y in beam], surface, colour)
        stage.polygon(_box(tip, tall + 0.305, z, 0.5, 0.155), surface, colour)
        stage.detail(_box(tip, tall + 0.225, z, 0.5, 0.075), paint, lit)
    else:
        stage.polygon(_disc(x, tall + 0.25, z, 0.36, 12), surface, colour)
        stage.detail(_disc(x, tall + 0.25, z, 0.3, 12), paint, lit)
        cap = [(x - 0.3, tall + 0.5, z), (x, tall + 0.78, z), (x + 0.3, tall + 0.5, z)]
        stage.polygon(cap, surface, colour)
    foot, top = half * 1.9, half * 1.5
    base = [(x - foot, 0, z), (x - top, 0.7, z), (x + top, 0.7, z), (x + foot, 0, z)]
    stage.polygon(base, surface, tone(colour, 0.85))


def draw_sign(stage: Stage, placed: Placed, sunlit: float) -> None:
    """Draws one traffic sign on its post; the post is of class pole."""
    rng = np.random.default_rng(placed.seed)
    kind = pick(rng, list(SIGN_COLOURS), _SIGN_SHARES)
    x, z = stage.scene.middle(placed.z) + placed.lateral, placed.z
    y = float(rng.uniform(2.35, 2.9))
    canvas = stage.canvas
    post = canvas.instance(classes.POLE, _GREY, "post")
    _draw_post(stage, x, z, y, _GREY, canvas.surface(post, OBJECT_KIND, z, sunlit), 0.095)
    plate = canvas.instance(classes.TRAFFIC_SIGN, SIGN_COLOURS[kind], kind)
    surface = canvas.surface(plate, OBJECT_KIND, z - 0.05, sunlit)
    (outline, rim), *details = _plate(kind, x, y, z, SIGN_COLOURS[kind])
    stage.polygon(outline, surface, rim)
    for points, paint in details:
        stage.detail(points, paint)


def _draw_post(stage: Stage, x, z, tall, colour, surface, half) -> float:
    """Draws an upright post with its shadow and returns its half width in metres."""
    half = max(half, 1.5 * z / 110)  # at least 3 pixels of a picture 192 wide
    slim = half * 0.85
    quad = [(x - half, 0, z), (x - slim, tall, z), (x + slim, tall, z), (x + half, 0, z)]
    stage.polygon(quad, surface, colour)
    sun_x, sun_y, sun_z = stage.scene.light.sun
    # Round and polished: bright towards the sun, dark on the other side.
    side = math.copysign(half * 0.85, sun_x)
    for inner, outer, paint in ((0.05, 1.0, tone(colour, 1.9)), (-1.0, -0.05, tone(colour, 0.3))):
        near, far = x + side * inner, x + side * outer
        stage.detail([(near, 0, z), (near, tall, z), (far, tall, z), (far, 0, z)], paint)
    reach = tall / max(sun_y, 0.2)
    tip_x, tip_z = x - sun_x * reach, z - sun_z * reach
    cast = [(x - 0.1, 0, z), (tip_x - 0.1, 0, tip_z), (tip_x + 0.1, 0, tip_z), (x + 0.1, 0, z)]
    stage.shade(cast, 70)
    return half


def _plate(kind: str, x: float, y: float, z: float, colour) -> list:
    """Returns the plate of a sign and what is on it: (points, paint), the outline first."""
    if kind == "limit":
        digits = [(_box(x + dx, y, z, 0.075, 0.17), _BLACK) for dx in (-0.13, 0.13)]
        disc = _disc(x, y, z, 0.60, 18)
        return [(disc, colour), (_disc(x, y, z, 0.41, 16), _WHITE), *digits]
    if kind == "stop":
        turn = math.pi / 8
        face = (_disc(x, y, z, 0.56, 8, turn), colour)
        bar = (_box(x, y, z, 0.40, 0.11), _WHITE)
        return [(_disc(x, y, z, 0.64, 8, turn), _WHITE), face, bar]
    if kind == "warning":
        y -= 0.05
        face = (_disc(x, y, z, 0.44, 3, math.pi / 2), _WHITE)
        mark = (_box(x, y + 0.05, z, 0.06, 0.16), _BLACK)
        return [(_disc(x, y, z, 0.76, 3, math.pi / 2), colour), face, mark]
    if kind == "order":
        face = (_disc(x, y, z, 0.54, 18), colour)
        shaft = (_box(x, y - 0.08, z, 0.07, 0.24), _WHITE)
        head = (_disc(x, y + 0.18, z, 0.22, 3, math.pi / 2), _WHITE)
        return [(_disc(x, y, z, 0.60, 18), _WHITE), face, shaft, head]
    if kind == "parking":
        face = (_box(x, y, z, 0.5, 0.5), colour)
        stem = (_box(x - 0.12, y, z, 0.07, 0.32), _WHITE)
        bowl = (_disc(x + 0.03, y + 0.13, z, 0.2, 10), _WHITE)
        hole = (_disc(x + 0.03, y + 0.13, z, 0.09, 10), colour)
        return [(_box(x, y, z, 0.56, 0.56), _WHITE), face, stem, bowl, hole]
    if kind == "priority":
        return [(_disc(x, y, z, 0.72, 4), _WHITE), (_disc(x, y, z, 0.55, 4), colour)]
    face = (_box(x, y, z, 0.88, 0.39), colour)
    lines = [
        (_box(x - 0.15, y + 0.14, z, 0.55, 0.075), _WHITE),
        (_box(x - 0.28, y - 0.12, z, 0.42, 0.075), _WHITE),
    ]
    arrow = (_disc(x + 0.62, y, z, 0.2, 3), _WHITE)
    return [(_box(x, y, z, 0.95, 0.46), _WHITE), face, *lines, arrow]


def _disc(x, y, z, radius, corners, turn=0.0) -> list:
    angles = [turn + k * 2 * math.pi / corners for k in range(corners)]
    return [(x + radius * math.cos(a), y + radius * math.sin(a), z) for a in angles]


def _box(x, y, z, half_width, half_height) -> list:
    left, right, low, high = x - half_width, x + half_width, y - half_height, y + half_height
    return [(left, low, z), (left, high, z), (right, high, z), (right, low, z)]

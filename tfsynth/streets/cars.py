"""Cars: three body shapes in eight paints, seen from behind or from the front."""

import numpy as np

from tfsynth.streets import classes
from tfsynth.streets.bodies import GLASS, PLASTIC, Body, tinted
from tfsynth.streets.canvas import OBJECT_KIND
from tfsynth.streets.chance import pick
from tfsynth.streets.scene import Placed
from tfsynth.streets.stage import Stage

CAR_COLOURS = {
    "red": (206, 32, 36),
    "blue": (36, 84, 190),
    "green": (70, 150, 96),
    "cream": (240, 216, 170),
    "white": (240, 240, 238),
    "black": (40, 42, 48),
    "silver": (176, 182, 192),
    "pale blue": (132, 178, 220),
}
_CAR_SHARES = (0.16, 0.13, 0.07, 0.17, 0.21, 0.03, 0.14, 0.09)

# Side profiles: metres along from the rear bumper, height; and which two strips are windscreens.
_SHAPES = {
    "hatchback": (
        [(0.0, 0.3), (0.0, 0.80), (0.10, 0.95), (0.45, 1.44), (0.75, 1.52)]
        + [(2.15, 1.50), (3.0, 0.98), (3.95, 0.80), (4.1, 0.6), (4.1, 0.3)],
        (2, 5),
    ),
    "saloon": (
        [(0.0, 0.3), (0.0, 0.88), (0.15, 0.96), (0.75, 0.98), (1.35, 1.42), (1.6, 1.46)]
        + [(2.6, 1.44), (3.3, 0.98), (4.3, 0.82), (4.45, 0.6), (4.45, 0.3)],
        (3, 6),
    ),
    "estate": (
        [(0.0, 0.3), (0.0, 0.90), (0.05, 1.0), (0.25, 1.60), (0.45, 1.68)]
        + [(2.6, 1.66), (3.35, 1.08), (4.2, 0.92), (4.35, 0.6), (4.35, 0.3)],
        (2, 5),
    ),
}
_HALF = 0.92  # metres, half the width


def draw_car(stage: Stage, placed: Placed, sunlit: float) -> None:
    """Draws one car, with its shadow on the ground."""
    rng = np.random.default_rng(placed.seed)
    colour = CAR_COLOURS[pick(rng, list(CAR_COLOURS), _CAR_SHARES)]
    shape = pick(rng, list(_SHAPES))
    profile, glass = _SHAPES[shape]
    widths = [_HALF * (1 - 0.16 * max(0.0, y - 0.95) / 0.55) for _, y in profile]
    body = Body(stage, placed, profile, _HALF, colour, widths)
    if not body.visible():
        return
    instance = stage.canvas.instance(classes.CAR, colour, shape)
    body.surface = stage.canvas.surface(instance, OBJECT_KIND, placed.z, sunlit)
    body.cast_shadow(1.1)
    body.draw_underside(0.36)
    body.draw_skin(glass)
    if body.flank:
        body.draw_flank()
        _draw_side_windows(body, glass, widths)
        body.draw_wheels((0.78, body.length - 0.82), 0.34)
    _draw_face(body)


def _draw_side_windows(body: Body, glass, widths) -> None:
    rear, front = glass
    low_rear, high_rear = body.profile[rear], body.profile[rear + 1]
    high_front, low_front = body.profile[front], body.profile[front + 1]
    belt = max(low_rear[1], low_front[1]) + 0.03
    head = min(high_rear[1], high_front[1]) - 0.08
    low_side, high_side = widths[rear] * body.flank, widths[front] * body.flank

    def along(low, high, y: float) -> float:
        return low[0] + (high[0] - low[0]) * (y - low[1]) / (high[1] - low[1])

    start = along(low_rear, high_rear, belt) + 0.28, along(low_rear, high_rear, head) + 0.22
    end = along(low_front, high_front, belt) - 0.12, along(low_front, high_front, head) - 0.10
    pillar = (start[0] + end[0]) / 2
    bright = tinted(30, body.light.horizon, 70)
    for (s0, s1), (s2, s3), paint in (
        (start, (pillar - 0.1, pillar - 0.1), GLASS),
        ((pillar + 0.01, pillar + 0.01), end, bright),
    ):
        pane = [(s0, belt, low_side), (s1, head, high_side), (s3, head, high_side)]
        body.detail([*pane, (s2, belt, low_side)], paint)


def _draw_face(body: Body) -> None:
    """Paints lamps, number plate and bumper on the end that looks at us."""
    if body.place(0 if body.rear else body.length, 0, 0)[2] < 0.9:
        return
    half = body.half
    body.patch(0.32, 0.47, -half * 0.96, half * 0.96, PLASTIC)
    if not body.rear and body.fine:
        body.patch(0.49, 0.60, -half * 0.5, half * 0.5, (26, 26, 30))
    body.patch(0.46, 0.58, -0.27, 0.27, (240, 210, 90) if body.rear else (236, 232, 208))
    low, high = (0.62, 0.80) if body.rear else (0.47, 0.62)
    paint = (226, 28, 24) if body.rear else (255, 250, 224)
    for left in (-half * 0.97, half * 0.60):
        body.patch(low, high, left, left + half * 0.37, paint, body.light.lamps_lit)

"""City buses: long boxes with a band of windows and a lit display."""

import numpy as np

from tfsynth.streets import classes
from tfsynth.streets.bodies import GLASS, PLASTIC, Body, tinted
from tfsynth.streets.canvas import OBJECT_KIND
from tfsynth.streets.chance import pick
from tfsynth.streets.scene import Placed
from tfsynth.streets.stage import Stage

BUS_COLOURS = {
    "red": (190, 30, 36),
    "yellow": (238, 186, 36),
    "blue": (60, 120, 200),
    "green": (72, 150, 110),
    "white": (232, 232, 230),
}
_PROFILE = [(0.0, 0.35), (0.0, 2.95), (0.15, 3.1), (10.2, 3.1), (10.4, 2.9), (10.5, 0.35)]
_CREAM = (238, 236, 228)  # of the band and of the cap, which no car has
_HALF = 1.25  # metres, half the width


def draw_bus(stage: Stage, placed: Placed, sunlit: float) -> None:
    """Draws one city bus, with its shadow on the ground."""
    rng = np.random.default_rng(placed.seed)
    colour = BUS_COLOURS[pick(rng, list(BUS_COLOURS))]
    body = Body(stage, placed, _PROFILE, _HALF, colour)
    if not body.visible() or min(body.place(0, 0, 0)[2], body.place(body.length, 0, 0)[2]) < 2:
        return
    instance = stage.canvas.instance(classes.BUS, colour, "city bus")
    body.surface = stage.canvas.surface(instance, OBJECT_KIND, placed.z, sunlit)
    body.cast_shadow(3.0)
    body.draw_underside(0.4)
    body.draw_skin()
    if body.flank:
        body.draw_flank()
        _draw_windows(body)
        body.draw_wheels((2.6, 8.1), 0.48)
    _draw_face(body)


def _draw_windows(body: Body) -> None:
    side = body.half * body.flank
    band = [(0.2, 0.62, side), (0.2, 0.80, side), (10.3, 0.80, side), (10.3, 0.62, side)]
    body.detail(band, _CREAM)
    cap = [(0.2, 2.55, side), (0.2, 2.92, side), (10.3, 2.88, side), (10.3, 2.55, side)]
    body.detail(cap, _CREAM)
    night = body.light.lamps_lit
    for k in range(7):
        s, end = 0.35 + k * 1.42, 1.57 + k * 1.42
        pane = [(s, 1.35, side), (s, 2.45, side), (end, 2.45, side), (end, 1.35, side)]
        tone = 14 * (k % 3)
        body.detail(pane, (236, 220, 160) if night else (50 + tone, 62 + tone, 76 + tone), night)


def _draw_face(body: Body) -> None:
    half, lamps = body.half, body.light.lamps_lit
    body.patch(0.4, 0.58, -half, half, PLASTIC)
    body.patch(2.58, 2.92, -half, half, _CREAM)
    if body.rear:
        body.patch(1.65, 2.55, -half * 0.8, half * 0.8, GLASS)
        body.patch(0.85, 1.4, -half * 0.55, half * 0.55, (30, 30, 32))
        low, high, paint = 0.65, 1.25, (226, 28, 24)
    else:
        body.patch(1.15, 2.5, -half * 0.92, half * 0.92, GLASS)
        glint = tinted(40, body.light.horizon, 90)
        body.patch(1.25, 2.4, -half * 0.75, -half * 0.35, glint)
        body.patch(2.62, 2.9, -half * 0.65, half * 0.65, (255, 176, 40), True)
        low, high, paint = 0.62, 0.85, (255, 250, 224)
    for left in (-half * 0.95, half * 0.68):
        body.patch(low, high, left, left + half * 0.27, paint, lamps)

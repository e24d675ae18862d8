"""The body of a vehicle: a side profile drawn out to its width, in true perspective."""

import math
from collections.abc import Sequence

from tfsynth.streets.scene import Placed
from tfsynth.streets.stage import Stage, tone

Profile = Sequence[tuple[float, float]]
Colour = tuple[int, int, int]

GLASS, PLASTIC = (60, 68, 78), (66, 62, 62)
_TYRE = (32, 30, 32)
_RING = [(math.cos(k * math.pi / 5), math.sin(k * math.pi / 5)) for k in range(10)]
_WHEEL = ((1.18, (30, 28, 30)), (1.0, _TYRE), (0.58, (176, 178, 182)), (0.2, (70, 70, 74)))


class Body:
    """Draws a vehicle in its own metres: (along from the rear bumper, up, across from the middle).

    Args:
        profile: Points (along, up) from the bottom of the rear over the roof to that of the front.
        half: Half its width in metres; `widths` gives it for every point of the profile instead.
        colour: Its paint, RGB in 0..255.
    """

    def __init__(
        self,
        stage: Stage,
        placed: Placed,
        profile: Profile,
        half: float,
        colour: Colour,
        widths: Sequence[float] | None = None,
    ) -> None:
        scene = stage.scene
        self._stage, self.light, self.placed = stage, scene.light, placed
        self.profile, self.half, self.colour = profile, half, colour
        self.length = profile[-1][0]
        self.surface = -1  # set before anything is drawn
        self._widths = [half] * len(profile) if widths is None else widths
        self._x, self._z = float(scene.middle(placed.z)) + placed.lateral, placed.z
        angle = math.atan(2 * scene.curve * placed.z)
        self._ax, self._az = math.sin(angle) * placed.heading, math.cos(angle) * placed.heading
        # Where the camera is across the body: which flank it sees, if any.
        across = -(self._x * self._az - self._z * self._ax)
        self.flank = 1 if across > half else -1 if across < -half else 0
        self.rear = placed.heading > 0  # whether it shows us its rear
        # Whether a handbreadth can be seen; what is smaller is left out.
        self.fine = stage.camera.focal / max(placed.z, 1) > 7

    def place(self, along: float, up: float, across: float) -> tuple[float, float, float]:
        """Returns the world point of a point of the body."""
        s = along - self.length / 2
        x = self._x + s * self._ax + across * self._az
        return x, up, self._z + s * self._az - across * self._ax

    def visible(self) -> bool:
        """Returns whether any of it can be in the picture."""
        return self._stage.sees(self._x, max(self._z, 1.5), self.length / 2 + 3)

    def polygon(self, points, colour: Colour) -> None:
        """Marks and paints a face."""
        self._stage.polygon([self.place(*point) for point in points], self.surface, colour)

    def detail(self, points, colour: Colour, shining: bool = False) -> None:
        """Paints a part of a face that is drawn already."""
        self._stage.detail([self.place(*point) for point in points], colour, shining)

    def patch(
        self, low: float, high: float, left: float, right: float, colour, shining=False
    ) -> None:
        """Paints a rectangle on the end that looks at us, rear or front: heights, then across."""
        end = -0.01 if self.rear else self.length + 0.01
        corners = [(end, low, left), (end, high, left), (end, high, right), (end, low, right)]
        self.detail(corners, colour, shining)

    def cast_shadow(self, height: float) -> None:
        """Darkens the ground beneath and where the sun throws the shadow of `height` metres."""
        sun_x, sun_y, sun_z = self.light.sun
        half, length = self.half, self.length
        shade = self._stage.shade
        outline = ((0.1, -half), (0.1, half), (length, half), (length, -half))
        foot = [self.place(along, 0, across) for along, across in outline]
        if self.light.casts_shadows:
            reach = min(height / max(sun_y, 0.25), 2.6)
            tip = [(x - sun_x * reach, 0.0, z - sun_z * reach) for x, _, z in foot]
            for k in range(4):
                n = (k + 1) % 4
                shade([foot[k], foot[n], tip[n], tip[k]], 40)
            shade(tip, 40)
        half += 0.1
        outline = ((-0.1, -half), (-0.1, half), (length, half), (length, -half))
        shade([self.place(along, 0, across) for along, across in outline], 0)

    def draw_underside(self, height: float) -> None:
        """Draws the tyres and the dark belly that show below the bumper."""
        end, half = (0.05 if self.rear else self.length - 0.05), self.half
        for left, right in ((-half + 0.03, -half + 0.32), (half - 0.32, half - 0.03)):
            tyre = [(end, 0, left), (end, height, left), (end, height, right), (end, 0, right)]
            self.polygon(tyre, _TYRE)
        belly = [(end, 0.17, -half), (end, height, -half), (end, height, half), (end, 0.17, half)]
        self.polygon(belly, PLASTIC)

    def draw_skin(self, glass: Sequence[int] = ()) -> None:
        """Paints the strips between neighbouring profile points that look at us, far ones first.

        Args:
            glass: Numbers of the strips that are windscreens.
        """
        strips = []
        for k in range(len(self.profile) - 1):
            (s0, y0), (s1, y1) = self.profile[k : k + 2]
            size = math.hypot(s1 - s0, y1 - y0)
            along, up = -(y1 - y0) / size, (s1 - s0) / size
            x, y, z = self.place((s0 + s1) / 2, (y0 + y1) / 2, 0)
            normal_x, normal_z = along * self._ax, along * self._az
            if normal_x * x + up * (y - self._stage.camera.height) + normal_z * z < 0:
                strips.append((z, k, self.light.facing(normal_x, up, normal_z)))
        for _, k, factor in sorted(strips, reverse=True):
            (s0, y0), (s1, y1) = self.profile[k : k + 2]
            w0, w1 = self._widths[k : k + 2]
            corners = [(s0, y0, -w0), (s1, y1, -w1), (s1, y1, w1), (s0, y0, w0)]
            self.polygon(corners, tone(self.colour, factor))
            if k in glass:
                self._draw_windscreen((s0, y0, w0), (s1, y1, w1))

    def _draw_windscreen(self, low, high) -> None:
        def quad(*corners):
            points = []
            for part, share in corners:
                s, y, w = (a + (b - a) * part for a, b in zip(low, high, strict=True))
                points.append((s, y, w * share))
            return points

        glint = tinted(40, self.light.horizon, 110)
        self.detail(quad((0.06, -0.88), (0.93, -0.88), (0.93, 0.88), (0.06, 0.88)), GLASS)
        if not self.fine:
            return
        self.detail(quad((0.1, -0.7), (0.9, -0.35), (0.9, 0.0), (0.1, -0.4)), glint)
        self.detail(quad((0.15, 0.3), (0.55, 0.33), (0.55, 0.6), (0.15, 0.64)), (22, 24, 28))

    def draw_flank(self) -> None:
        """Paints the side that looks at us: its outline, a dark sill and a bright crease."""
        normal_x, normal_z = self.flank * self._az, -self.flank * self._ax
        factor = self.light.facing(normal_x, 0.1, normal_z)
        outline = [
            (s, y, self.flank * w) for (s, y), w in zip(self.profile, self._widths, strict=True)
        ]
        self.polygon(outline, tone(self.colour, factor))
        if not self.fine:
            return
        end, side = self.length - 0.1, self._widths[0] * self.flank
        sill = [(0.05, 0.3, side), (0.05, 0.52, side), (end, 0.52, side), (end, 0.3, side)]
        self.detail(sill, tone(self.colour, factor * 0.68))
        end -= 0.2
        crease = [(0.1, 0.80, side), (0.1, 0.86, side), (end, 0.78, side), (end, 0.72, side)]
        self.detail(crease, tone(self.colour, min(factor * 1.22, 1.5)))

    def draw_wheels(self, places: Sequence[float], radius: float) -> None:
        """Draws wheels on the side that looks at us; far ones are plainer."""
        side = self.flank * (self.half + 0.01)
        for s in places:
            for share, paint in _WHEEL if self.fine else _WHEEL[1:3]:
                ring = _RING[:6] if share > 1 else _RING  # the arch is a half disc
                reach = radius * share
                self.polygon([(s + reach * c, radius + reach * n, side) for c, n in ring], paint)


def tinted(grey: int, tint: Sequence[float], share: int) -> Colour:
    """Returns grey (0..255) plus `share` of a tint of bands in 0..1, cut at 255."""
    red, green, blue = (int(min(255, grey + share * band)) for band in tint)
    return red, green, blue

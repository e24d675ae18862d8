"""The sheet everything is drawn on: labels and photo come from one map, so they cannot disagree.

Every visible thing is made of *surfaces* (a wall, a car, the grass). Painters mark them far to
near. Solid objects bring their own paint; walls, ground, sky and leaves are only marked here and
painted per pixel afterwards.
"""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from tfsynth.streets import classes

SKY_KIND, GROUND_KIND, WALL_KIND, FENCE_KIND, OBJECT_KIND, LEAF_KIND = range(6)


@dataclass(frozen=True)
class Look:
    """The appearance of one instance: its main colour (RGB 0..255) and its pattern."""

    instance_id: int
    class_id: int
    colour: tuple[int, int, int]
    pattern: str


@dataclass
class Surface:
    """One row of the surface table.

    Args:
        instance_id: Its instance, or its class id if that has no instances.
        kind: Who paints it, one of the kinds above.
        depth: Metres from the camera, for haze.
        sunlit: The share of the sun that an object gets, in [0, 1].
        values: Arguments for the per-pixel painter of its kind.
    """

    instance_id: int
    kind: int
    depth: float
    sunlit: float = 1.0
    values: tuple[float, ...] = ()


@dataclass
class Canvas:
    """Surface map, paint and cast shadows of one size (pixels of the supersampled photo)."""

    height: int
    width: int
    surfaces: list[Surface] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = (self.width, self.height)
        self._counts = [0] * len(classes.CLASS_NAMES)
        # The fourth band is 255 for what is lit by the scene and 0 for what shines by itself.
        self.paint = Image.new("RGBA", size, (0, 0, 0, 255))
        self.shadow = Image.new("L", size, 255)
        self._draw_paint = ImageDraw.Draw(self.paint)
        self._draw_shadow = ImageDraw.Draw(self.shadow)
        self.start(np.zeros((self.height, self.width), np.int32))

    def start(self, surface_map: np.ndarray) -> None:
        """Replaces the surface map by an (H, W) int32 array, the backdrop to draw over."""
        self.ids = Image.fromarray(np.ascontiguousarray(surface_map, np.int32))
        self._draw_ids = ImageDraw.Draw(self.ids)

    def instance(self, class_id: int, colour: tuple[int, int, int], pattern: str) -> int:
        """Opens a new instance of a class and returns its id, `class_id * 1000 + k`."""
        identity = class_id * classes.INSTANCES_PER_CLASS + self._counts[class_id]
        self._counts[class_id] += 1
        self.looks.append(Look(identity, class_id, colour, pattern))
        return identity

    def surface(self, instance_id: int, kind: int, depth: float, sunlit=1.0, values=()) -> int:
        """Adds a surface of an instance (or of a stuff class) and returns its number."""
        self.surfaces.append(Surface(instance_id, kind, depth, sunlit, tuple(values)))
        return len(self.surfaces) - 1

    def mark(self, points, surface: int) -> None:
        """Marks a polygon (list of pixel points) as a surface without painting it."""
        if len(points) > 2:
            self._draw_ids.polygon(points, fill=surface)

    def polygon(self, points, surface: int, colour) -> None:
        """Marks and paints a polygon; `colour` is RGB in 0..255."""
        if len(points) > 2:
            self._draw_ids.polygon(points, fill=surface)
            self._draw_paint.polygon(points, fill=colour)

    def ellipse(self, box, surface: int, colour) -> None:
        """Marks and paints an ellipse in the box (left, top, right, bottom)."""
        self._draw_ids.ellipse(box, fill=surface)
        self._draw_paint.ellipse(box, fill=colour)

    def dab(self, box, colour) -> None:
        """Paints an ellipse on what is already marked there, like `detail`."""
        self._draw_paint.ellipse(box, fill=colour)

    def shows(self, column: float, reach: float) -> bool:
        """Returns whether something within `reach` pixels of a column can be in the picture."""
        return -reach < column < self.width + reach

    def detail(self, points, colour) -> None:
        """Paints a polygon on its own surface, marked already; it must not reach beyond."""
        if len(points) > 2:
            self._draw_paint.polygon(points, fill=colour)

    def light(self, points, colour) -> None:
        """Paints a detail that shines by itself: by day little, by night a lot."""
        if len(points) > 2:
            self._draw_paint.polygon(points, fill=(*colour, 0))

    def shade(self, points, level: int) -> None:
        """Lays a cast shadow on the ground: `level` 0 is black, 255 none."""
        if len(points) > 2:
            self._draw_shadow.polygon(points, fill=level)

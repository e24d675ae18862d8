"""The input of every painter: the plan of the street, the camera, and the canvas to draw on."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfsynth.streets.camera import Camera, Point
from tfsynth.streets.canvas import Canvas
from tfsynth.streets.scene import Scene


@dataclass(frozen=True)
class Stage:
    """A street in the making; its methods take world points (x, y, z) in metres."""

    scene: Scene
    camera: Camera
    canvas: Canvas

    def mark(self, points: Sequence[Point], surface: int) -> None:
        """Marks a polygon as a surface that is painted per pixel later."""
        self.canvas.mark(self.camera.polygon(points), surface)

    def polygon(self, points: Sequence[Point], surface: int, colour) -> None:
        """Marks and paints a polygon."""
        self.canvas.polygon(self.camera.polygon(points), surface, colour)

    def detail(self, points: Sequence[Point], colour, shining: bool = False) -> None:
        """Paints a polygon on a surface that is marked already."""
        paint = self.canvas.light if shining else self.canvas.detail
        paint(self.camera.polygon(points), colour)

    def shade(self, points: Sequence[Point], level: int) -> None:
        """Lays a cast shadow on the ground, 0 black to 255 none."""
        self.canvas.shade(self.camera.polygon(points), level)

    def sees(self, x: float, z: float, reach: float) -> bool:
        """Returns whether an object within `reach` metres of (x, z) can be in the picture."""
        column, _ = self.camera.project(x, 0, z)
        return self.canvas.shows(column, reach * self.camera.focal / z)


def tone(colour, factor: float) -> tuple[int, int, int]:
    """Returns a colour (RGB, 0..255) times `factor`, cut at 255."""
    red, green, blue = colour
    return min(255, int(red * factor)), min(255, int(green * factor)), min(255, int(blue * factor))

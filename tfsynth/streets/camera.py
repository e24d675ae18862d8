"""A pinhole camera behind a windscreen: world metres (x right, y up, z ahead) to pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """Projects world points onto a canvas.

    Args:
        focal: focal length in pixels of the canvas.
        horizon_x: column of the vanishing point of the street, in pixels.
        horizon_y: row of the horizon, in pixels.
        height: height of the lens above the ground in metres.
    """

    focal: float
    horizon_x: float
    horizon_y: float
    height: float

    near = 0.7  # metres; what is closer is cut off

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Returns the pixel (column, row) of a point with z > 0."""
        scale = self.focal / z
        return self.horizon_x + x * scale, self.horizon_y + (self.height - y) * scale

    def polygon(self, points: Sequence[Point]) -> list[tuple[float, float]]:
        """Returns the projected polygon, cut at the near plane; empty if all of it is nearer."""
        near, focal, height = self.near, self.focal, self.height
        column, row = self.horizon_x, self.horizon_y
        kept = []
        for x, y, z in points:
            if z < near:
                break
            kept.append((column + x * focal / z, row + (height - y) * focal / z))
        else:
            return kept
        kept = []
        for (x0, y0, z0), (x1, y1, z1) in zip(points, [*points[1:], points[0]], strict=True):
            if z0 >= near:
                kept.append(self.project(x0, y0, z0))
            if (z0 >= near) != (z1 >= near):
                t = (near - z0) / (z1 - z0)
                kept.append(self.project(x0 + t * (x1 - x0), y0 + t * (y1 - y0), near))
        return kept

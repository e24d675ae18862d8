"""Turns a drawn canvas into a photo: per-pixel painters, sun and shadow, haze, glow, film."""

import numpy as np
from PIL import Image, ImageFilter

from tfsynth.streets import canvas as kinds
from tfsynth.streets import facade, fences, ground, noise, sky
from tfsynth.streets.camera import Camera
from tfsynth.streets.canvas import Canvas
from tfsynth.streets.scene import Scene
from tfsynth.streets.shadows import SunVisibility


class Negative:
    """The photo being developed: flat arrays of all canvas pixels, filled kind by kind.

    Args:
        scene, camera, canvas: A street with everything drawn.
        ground_map: Where on the ground its pixels look.
    """

    def __init__(
        self, scene: Scene, camera: Camera, canvas: Canvas, ground_map: ground.GroundMap
    ) -> None:
        self.scene, self.camera, self.canvas, self.ground_map = scene, camera, canvas, ground_map
        self.ids = np.asarray(canvas.ids).ravel()
        surfaces = canvas.surfaces
        self._kind = np.array([s.kind for s in surfaces], np.uint8)[self.ids]
        self._depths = np.array([s.depth for s in surfaces], np.float32)
        paint = np.asarray(canvas.paint).reshape(-1, 4)
        self.colour = paint[:, :3] * np.float32(1 / 255)
        self.shine = np.float32(1) - paint[:, 3] * np.float32(1 / 255)
        self.depth = self._depths[self.ids]
        self.sun = np.ones(self.ids.size, np.float32)  # share of the sun's colour that a pixel gets
        self._sees_sun = SunVisibility(scene)

    def develop(self) -> np.ndarray:
        """Returns the photo, float32 (3, height, width), 1 is white."""
        self._objects()
        self._leaves()
        self._walls()
        self._fences()
        self._ground()
        self._sky()
        light = self.scene.light
        shine = self.shine * np.float32(0.35 + 0.65 * light.lamps)
        haze = 1 - np.exp(self.depth * np.float32(-1 / light.haze))
        haze *= 1 - np.float32(0.6) * shine
        open_sky = self._kind == kinds.SKY_KIND
        haze[open_sky], shine[open_sky] = 0, 1
        # Band by band: NumPy is several times as fast on long rows as on rows of three.
        photo = np.empty((3, self.ids.size), np.float32)
        for band in range(3):
            paint = np.ascontiguousarray(self.colour[:, band])
            lit = self.sun * np.float32(light.sun_colour[band])
            lit += np.float32(light.ambient[band])
            lit *= paint
            lit += (paint - lit) * shine
            lit += (np.float32(light.horizon[band]) - lit) * haze
            photo[band] = lit
        photo = photo.reshape(3, self.canvas.height, self.canvas.width)
        if light.lamps_lit:
            photo += self._bloom(photo)
        return photo

    def _of_kind(self, kind: int):
        chosen = np.flatnonzero(self._kind == kind)
        row, column = np.divmod(chosen, self.canvas.width)
        return chosen, column.astype(np.float32) + 0.5, row.astype(np.float32) + 0.5

    def _table(self, kind: int):
        """Returns the values of all surfaces of a kind, and each surface's row among them."""
        surfaces = self.canvas.surfaces
        numbers = [k for k, s in enumerate(surfaces) if s.kind == kind]
        rows = np.zeros(len(surfaces), np.int32)
        rows[numbers] = np.arange(len(numbers))
        return np.array([surfaces[k].values for k in numbers], np.float32), rows

    def _objects(self) -> None:
        chosen = np.flatnonzero(self._kind == kinds.OBJECT_KIND)
        sunlit = np.array([s.sunlit for s in self.canvas.surfaces], np.float32)
        self.sun[chosen] = 0.18 + 0.80 * sunlit[self.ids[chosen]]

    def _leaves(self) -> None:
        chosen, column, row = self._of_kind(kinds.LEAF_KIND)
        if not chosen.size:
            return
        table, rows = self._table(kinds.LEAF_KIND)
        lateral, z, seed = table[rows[self.ids[chosen]]].T
        metre = z / self.camera.focal
        u, v = column * metre, row * metre
        # Tufts of leaves with dark gaps; larger far away, where they would be mere noise.
        scale = np.minimum(np.float32(10), 90 / z)
        tuft = noise.sample(noise.smooth(1.05, 61), u * scale + seed, v * scale * 1.2) - 0.5
        self.colour[chosen] *= np.clip(1 + 2.5 * tuft, 0.30, 1.6)[:, None]
        y = self.camera.height - (row - self.camera.horizon_y) * metre
        self.sun[chosen] = 0.25 + 0.6 * self._sees_sun(lateral, y, z)

    def _walls(self) -> None:
        chosen, column, row = self._of_kind(kinds.WALL_KIND)
        if not chosen.size:
            return
        table, rows = self._table(kinds.WALL_KIND)
        number = rows[self.ids[chosen]]
        walls = facade.Wall(*np.ascontiguousarray(table.T))
        colour, shine, y, depth = facade.paint(
            self.camera, self.scene.light, walls, number, column, row
        )
        self.colour[chosen], self.shine[chosen], self.depth[chosen] = colour, shine, depth
        self._light_plane(chosen, number, walls, y, depth)

    def _fences(self) -> None:
        chosen, column, row = self._of_kind(kinds.FENCE_KIND)
        if not chosen.size:
            return
        table, rows = self._table(kinds.FENCE_KIND)
        number = rows[self.ids[chosen]]
        colour, y, depth = fences.paint(self.camera, table, number, column, row)
        self.colour[chosen], self.depth[chosen] = colour, depth
        self._light_plane(chosen, number, fences.Fence(*table.T), y, depth)

    def _light_plane(self, chosen, number, planes, y, depth) -> None:
        sun_x, _, sun_z = self.scene.light.sun
        lambert = np.maximum(planes.normal_x * sun_x + planes.normal_z * sun_z, 0)
        # End walls are lit as they face; walls along the street may stand in the shade.
        along = (np.abs(planes.normal_x) > 0.5).take(number)
        seen = np.where(along, self._sees_sun(planes.lateral.take(number) * 0.995, y, depth), 1)
        self.sun[chosen] = 0.08 + lambert.take(number) * seen

    def _ground(self) -> None:
        chosen, _, row = self._of_kind(kinds.GROUND_KIND)
        first = self.ground_map.first_row * self.canvas.width
        chosen = chosen[chosen >= first]
        if not chosen.size:
            return
        lateral, z = (
            self.ground_map.lateral.ravel()[chosen - first],
            self.ground_map.z.ravel()[chosen - first],
        )
        pixel = z / self.camera.focal
        self.colour[chosen] = ground.paint(self.scene, self.ids[chosen], lateral, z, pixel)
        self.depth[chosen] = z
        cast = np.asarray(self.canvas.shadow).ravel()[chosen] * np.float32(1 / 255)
        rise = self.scene.light.sun[1]
        self.sun[chosen] = (0.35 + 0.65 * rise) * np.minimum(self._sees_sun(lateral, 0.0, z), cast)
        self.colour[chosen] *= (0.50 + 0.50 * np.minimum(cast * 2.2, 1))[:, None]
        if self.scene.light.lamps > 0.5:
            self._pools_of_light(chosen, lateral, z)

    def _pools_of_light(self, chosen, lateral, z) -> None:
        """Adds what street lamps throw on the ground, and our own headlamps."""
        pool = 0.55 * np.exp(-((lateral / 2.6) ** 2) - ((z - 9) / 7) ** 2)
        for placed in self.scene.objects:
            if placed.kind == "lamp" and placed.z < 45:
                pool += 0.75 * np.exp(
                    -(((lateral - placed.lateral * 0.8) / 2.6) ** 2) - ((z - placed.z) / 3.0) ** 2
                )
        self.colour[chosen] *= 1 + pool[:, None] * np.array([1.5, 1.15, 0.6], np.float32)

    def _sky(self) -> None:
        chosen, column, row = self._of_kind(kinds.SKY_KIND)
        if chosen.size:
            self.colour[chosen] = sky.paint(self.scene, self.camera, column, row)

    def _bloom(self, photo: np.ndarray) -> np.ndarray:
        """Returns the glow around what shines: its light, blurred at a quarter of the size."""
        height, width = photo.shape[1:]
        source = np.clip(photo * (self.shine * 255).reshape(height, width), 0, 255)
        small = Image.fromarray(np.moveaxis(source.astype(np.uint8), 0, 2)).reduce(4)
        small = small.filter(ImageFilter.GaussianBlur(height / 4 * 0.022))
        wide = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
        return np.moveaxis(wide, 2, 0) * np.float32(0.9 * self.scene.light.lamps / 255)


def film(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Makes the picture of a camera: vignette, soft highlights, a little grain.

    Args:
        photo: (3, 2 * height, 2 * width) float32, 1 is white.
        rng: What the grain is drawn with.

    Returns:
        (height, width, 3) uint8.
    """
    small = photo[:, 0::2, 0::2] + photo[:, 0::2, 1::2]
    small += photo[:, 1::2, 0::2]
    small += photo[:, 1::2, 1::2]
    _, height, width = small.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    small *= np.float32(0.25) - np.float32(0.035) * (y[:, None] ** 2 + x**2)
    # A soft shoulder keeps bright walls from burning out.
    over = np.maximum(small - np.float32(0.8), 0)
    small += np.float32(0.2) * np.tanh(over * 5) - over
    small += rng.standard_normal((height, width), dtype=np.float32) * np.float32(0.004)
    pixels = (np.clip(small, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(pixels, 0, 2))

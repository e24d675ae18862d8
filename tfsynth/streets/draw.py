"""Draws one street: labels, instances and photo.

The same seed gives the same street at every size; only the share of it in view depends on the
aspect ratio.
"""

from dataclasses import dataclass

import numpy as np

from tfsynth.streets import classes, ground
from tfsynth.streets.buses import draw_bus
from tfsynth.streets.camera import Camera
from tfsynth.streets.canvas import GROUND_KIND, OBJECT_KIND, SKY_KIND, Canvas, Look
from tfsynth.streets.cars import draw_car
from tfsynth.streets.develop import Negative, film
from tfsynth.streets.furniture import draw_lamp, draw_sign
from tfsynth.streets.houses import draw_end_of_street, draw_lot
from tfsynth.streets.people import draw_person
from tfsynth.streets.scene import FAR, Placed, Scene, plan_scene
from tfsynth.streets.shadows import SunVisibility
from tfsynth.streets.stage import Stage, tone
from tfsynth.streets.trees import draw_tree

# Version of the pictures: raise it, and say why, whenever one pixel of them may change.
DRAWING_VERSION = "1.1.0"
DRAWING_NOTES = {
    "1.1.0": "One look of trees, roads and verges prevails, as in a real town; fewer nights.",
    "1.0.0": "First drawing.",
}
SPLIT_STREAMS: dict[str, int] = {"train": 0, "validation": 1, "test": 2}
SUPERSAMPLING = 2  # the canvas is twice as fine as the photo
_PAINTERS = {
    "car": draw_car,
    "bus": draw_bus,
    "person": draw_person,
    "lamp": draw_lamp,
    "sign": draw_sign,
}


@dataclass(frozen=True)
class Street:
    """One drawn street.

    Args:
        labels: (H, W) uint8, class ids of `classes.CLASS_NAMES`.
        instances: (H, W) int32, `class_id * 1000 + k` for things, the class id for the rest.
        image: (H, W, 3) uint8, the photo.
        looks: one `Look`, colour and pattern, per visible instance, by instance id.
        time_of_day: one of `lighting.TIMES_OF_DAY`.
    """

    labels: np.ndarray
    instances: np.ndarray
    image: np.ndarray
    looks: tuple[Look, ...]
    time_of_day: str


def draw_street(
    height: int, width: int, seed: int = 0, split: str = "train", index: int = 0
) -> Street:
    """Draws street number `index` of a split.

    Args:
        height, width: size in pixels, 32 or more.
        seed: any non-negative integer; another seed is another city.
        split: "train", "validation" or "test"; their streets never meet.
        index: number of the street, 0 or more.
    """
    if height < 32 or width < 32:
        raise ValueError(
            f"A street needs at least 32x32 pixels, got {height}x{width}. "
            "Draw it larger and resize it."
        )
    if split not in SPLIT_STREAMS:
        raise ValueError(f"`split` must be one of {sorted(SPLIT_STREAMS)}, got {split!r}.")
    rng = np.random.default_rng((seed, SPLIT_STREAMS[split], index))
    scene = plan_scene(rng)
    canvas = Canvas(height * SUPERSAMPLING, width * SUPERSAMPLING)
    camera = Camera(
        focal=scene.focal * max(canvas.width, 1.4 * canvas.height),
        horizon_x=scene.horizon_x * canvas.width,
        horizon_y=scene.horizon_y * canvas.height,
        height=scene.camera_height,
    )
    stage = Stage(scene, camera, canvas)
    ground_map = _lay_ground(stage)
    draw_end_of_street(stage)
    _draw_things(stage)
    _draw_bonnet(stage)
    negative = Negative(scene, camera, canvas, ground_map)
    image = film(negative.develop(), rng)
    return _print(canvas, image, scene)


def _lay_ground(stage: Stage) -> ground.GroundMap:
    canvas = stage.canvas
    # The first surfaces are the classes themselves: stuff is marked by its class id.
    for class_id in range(len(classes.CLASS_NAMES)):
        kind, depth = GROUND_KIND, FAR
        if class_id == classes.SKY:
            kind = SKY_KIND
        elif class_id == classes.VOID:
            kind, depth = OBJECT_KIND, 1.0
        canvas.surface(class_id, kind, depth)
    ground_map = ground.map_ground(stage.scene, stage.camera, canvas.height, canvas.width)
    backdrop = np.full((canvas.height, canvas.width), classes.SKY, np.int32)
    backdrop[ground_map.first_row :] = ground.classify(stage.scene, ground_map)
    canvas.start(backdrop)
    return ground_map


def _draw_things(stage: Stage) -> None:
    """Draws the lots and objects, far to near; an object is drawn before the lot beside it."""
    sees_sun = SunVisibility(stage.scene)
    things = [(lot.end, lot) for lot in stage.scene.lots if lot.end > 0.8]
    things += [(placed.z, placed) for placed in stage.scene.objects]
    for _, thing in sorted(things, key=lambda pair: -pair[0]):
        if not isinstance(thing, Placed):
            draw_lot(stage, thing)
        elif thing.kind == "tree":
            draw_tree(stage, thing.lateral, thing.z, thing.seed, 0.72)
        else:
            _PAINTERS[thing.kind](stage, thing, float(sees_sun(thing.lateral, 0.8, thing.z)))


def _draw_bonnet(stage: Stage) -> None:
    """Draws the bonnet of the camera's car: void, the same for a whole scene."""
    seed, canvas = stage.scene.seed, stage.canvas
    height, width = canvas.height, canvas.width
    rise = 0.05 + 0.05 * (seed % 101) / 100
    shift = 0.5 + 0.1 * ((seed // 101) % 21 - 10) / 10
    across = np.linspace(-0.2, 1.2, 29)
    body = ((40, 42, 48), (90, 24, 28), (150, 154, 160), (30, 48, 92))[(seed // 7) % 4]
    for share, factor in ((1.0, 0.45), (0.86, 1.0), (0.62, 1.3), (0.45, 0.95), (0.2, 0.7)):
        top = height * (1 - rise * share * (1 - 0.55 * np.abs((across - shift) / 0.62) ** 2.6))
        points = [
            (float(x * width), float(min(y, height + 2))) for x, y in zip(across, top, strict=True)
        ]
        points += [(1.3 * width, height + 4), (-0.3 * width, height + 4)]
        canvas.polygon(points, classes.VOID, tone(body, factor))


def _print(canvas: Canvas, image: np.ndarray, scene: Scene) -> Street:
    """Halves the surface map by majority and reads labels and instances off it."""
    ids = np.asarray(canvas.ids)
    instance_of = np.array([s.instance_id for s in canvas.surfaces], np.int32)
    fine = instance_of[ids]
    a, b, c, d = fine[0::2, 0::2], fine[0::2, 1::2], fine[1::2, 0::2], fine[1::2, 1::2]
    # The first of the four wins unless two others agree and it has no partner.
    alone = (a != b) & (a != c) & (a != d)
    instances = np.where(alone & ((b == c) | (b == d)), b, np.where(alone & (c == d), c, a))
    things = classes.INSTANCES_PER_CLASS
    labels = np.where(instances >= things, instances // things, instances).astype(np.uint8)
    seen = set(np.flatnonzero(np.bincount(instances.ravel())).tolist())
    looks = tuple(
        sorted((k for k in canvas.looks if k.instance_id in seen), key=lambda k: k.instance_id)
    )
    return Street(labels, instances.astype(np.int32), image, looks, scene.light.name)

"""The plan of a street: who stands where, in metres, before anything is drawn.

Street coordinates: `lateral` metres to the right of the road's middle line, `z` metres ahead along
it. The middle line bends as x = offset + curve * z**2, so a street may turn away and show its
houses. Nothing here knows the size of the picture.
"""

from dataclasses import dataclass, field

import numpy as np

from tfsynth.streets.chance import pick
from tfsynth.streets.lighting import Light, draw_light

FAR = 150.0  # metres; nothing is placed beyond


@dataclass(frozen=True)
class Lot:
    """A piece of one side of the street.

    Args:
        side: -1 left, +1 right.
        kind: "building", "garden", "park" or "gap".
        start, end: Metres ahead.
        setback: Metres from the frontage to the building.
        height: Metres, of its walls.
        seed: What its details are drawn with.
    """

    side: int
    kind: str
    start: float
    end: float
    setback: float
    height: float
    seed: int


@dataclass(frozen=True)
class Placed:
    """An object of the street.

    Args:
        kind: "car", "bus", "person", "lamp", "sign" or "tree".
        lateral, z: Where it stands.
        heading: +1 drives away, -1 comes, 0 neither.
        seed: Seed of its appearance.
    """

    kind: str
    lateral: float
    z: float
    heading: int
    seed: int


@dataclass
class Scene:
    """Everything that is drawn, in metres; positions in the picture are fractions of it.

    Args:
        light: The time of day.
        focal: Focal length in widths of the picture.
        horizon_x, horizon_y: The vanishing point.
        camera_height: Of the lens above the road.
        offset, curve: The road's middle line, see above.
        road: Half the width of the road.
        pavement, verge: Widths of the pavement and of the grass, left and right.
        verge_at_kerb: Whether the grass lies between road and pavement, left and right.
        parking: Whether there are bays along the kerbs.
        end: Where the street ends at a cross street.
        zebra: Where the crossing begins, negative for none.
        line_yellow, centre_line: Colour of the lane marks of a dark road; "dashed" or "solid".
        seed: What is common to the street is drawn with.
        lots, objects: What stands along it.
    """

    light: Light
    focal: float
    horizon_x: float
    horizon_y: float
    camera_height: float
    offset: float
    curve: float
    road: float
    pavement: tuple[float, float]
    verge: tuple[float, float]
    verge_at_kerb: tuple[bool, bool]
    parking: bool
    end: float
    zebra: float
    line_yellow: bool
    centre_line: str
    seed: int
    lots: list[Lot] = field(default_factory=list)
    objects: list[Placed] = field(default_factory=list)

    def middle(self, z):
        """Returns x of the road's middle at `z` (number or array)."""
        return self.offset + self.curve * z * z

    def frontage(self, side: int) -> float:
        """Returns how far from the middle the lots of a side (-1 left, +1 right) begin."""
        i = (side + 1) // 2
        return self.road + self.pavement[i] + self.verge[i]

    def skyline(self, side: int) -> np.ndarray:
        """Returns the heights of a side's buildings at every metre from z = -30 to FAR."""
        heights = np.zeros(int(FAR) + 31, np.float32)
        for lot in self.lots:
            if lot.side == side and lot.kind == "building":
                heights[max(0, int(lot.start) + 30) : max(0, int(lot.end) + 30)] = lot.height
        return heights


def plan_scene(rng: np.random.Generator) -> Scene:
    """Draws the plan of one street."""
    traffic = pick(rng, (-1, 1))  # +1: one drives on the right
    parking = bool(rng.random() < 0.92)
    lane = rng.uniform(3.0, 3.5)
    road = lane + (2.1 if parking else 0.5)
    verge = [float((rng.random() < 0.75) * rng.uniform(1.7, 3.3)) for _ in range(2)]
    if sum(verge) == 0:
        verge[int(rng.integers(2))] = float(rng.uniform(1.7, 3.3))
    scene = Scene(
        light=draw_light(rng),
        focal=float(rng.uniform(0.52, 0.62)),
        horizon_x=float(0.5 + traffic * rng.uniform(-0.13, 0.09)),
        horizon_y=float(rng.uniform(0.41, 0.49)),
        camera_height=float(rng.uniform(1.8, 2.5)),
        offset=float(-traffic * lane * rng.uniform(0.4, 0.55)),
        curve=float(pick(rng, (0.0, 1.0)) * rng.uniform(-0.0022, 0.0022)),
        road=float(road),
        pavement=(float(rng.uniform(2.6, 4.0)), float(rng.uniform(2.6, 4.0))),
        verge=(verge[0], verge[1]),
        verge_at_kerb=(bool(rng.random() < 0.6), bool(rng.random() < 0.6)),
        parking=parking,
        end=float(rng.uniform(45, 100)),
        zebra=float(rng.uniform(6.5, 16)) if rng.random() < 0.55 else -1.0,
        line_yellow=bool(rng.random() < 0.15),
        centre_line=pick(rng, ("dashed", "dashed", "solid")),
        seed=int(rng.integers(1 << 20)),
    )
    for side in (-1, 1):
        _plan_lots(scene, side, rng)
    if not any(lot.kind == "garden" and _in_view(lot) for lot in scene.lots):
        _turn_into_garden(scene, rng)
    _plan_vehicles(scene, traffic, rng)
    _plan_furniture(scene, rng)
    _plan_people(scene, rng)
    return scene


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 30))


def _plan_lots(scene: Scene, side: int, rng: np.random.Generator) -> None:
    z = float(rng.uniform(-8, -2))
    storeys = rng.integers(2, 6)
    while z < scene.end - 4:
        kind = pick(rng, ("building", "garden", "park", "gap"), (0.53, 0.31, 0.13, 0.03))
        longest = {"building": 17, "garden": 15, "park": 16}.get(kind, 5)
        length = float(rng.uniform(0.45, 1) * longest)
        floors = int(np.clip(storeys + rng.integers(-1, 3), 2, 7))
        if kind == "garden":
            floors = int(rng.integers(1, 4))
        height = floors * 3.0 + float(rng.uniform(0.6, 1.2))
        setback = 0.0 if kind == "building" else float(rng.uniform(3.0, 6.0))
        if kind == "building" and rng.random() < 0.25:
            setback = float(rng.uniform(0.3, 1.2))
        end = min(z + length, scene.end + 2)
        scene.lots.append(Lot(side, kind, z, end, setback, height, _seed(rng)))
        z = end


def _in_view(lot: Lot) -> bool:
    return lot.start < 15 and lot.end > 9


def _turn_into_garden(scene: Scene, rng: np.random.Generator) -> None:
    """Puts a fence close by, since fences would otherwise be rare."""
    i = pick(rng, [i for i, lot in enumerate(scene.lots) if _in_view(lot)])
    lot = scene.lots[i]
    scene.lots[i] = Lot(lot.side, "garden", lot.start, lot.end, 4.0, 6.8, lot.seed)


def _plan_vehicles(scene: Scene, traffic: int, rng: np.random.Generator) -> None:
    lane = (scene.road - (2.1 if scene.parking else 0.5)) * 0.5
    bay = scene.road - 1.15
    far = min(scene.end, 62)
    # Rows of vehicles: lateral place, heading, first z, range of gaps, share of places taken.
    rows = [
        (traffic * lane, 1, rng.uniform(9, 22), (10.0, 26.0), 1.0),
        (-traffic * lane, -1, rng.uniform(7, 26), (8.0, 30.0), 1.0),
    ]
    if scene.parking:
        for side in (-1, 1):
            first, taken = rng.uniform(3.6, 8.6), rng.uniform(0.3, 0.97)
            rows.append((side * bay, side * traffic, first, (0.4, 1.3), taken))
    bus = _plan_bus(scene, rows, rng)
    for lateral, heading, z, gap, taken in rows:
        parked = taken < 1
        while z < far:
            at_zebra = parked and scene.zebra > 0 and -2.6 < z - scene.zebra < 5.6
            at_bus = bus is not None and bus.lateral == lateral and abs(bus.z - z) < 8
            if rng.random() < taken and not at_zebra and not at_bus:
                place = lateral + parked * rng.uniform(-0.1, 0.1)
                scene.objects.append(Placed("car", float(place), float(z), heading, _seed(rng)))
            z += 4.3 + rng.uniform(*gap)


def _plan_bus(scene: Scene, rows: list, rng: np.random.Generator) -> Placed | None:
    """Puts a bus into most streets: in the lane ahead, the lane that comes, or at the kerb."""
    lateral, heading, *_ = pick(rng, rows)
    z = float(rng.uniform(13, 27))
    kerb = abs(lateral) > scene.road / 2
    if heading > 0 and not kerb:
        z += 5  # nearer, it would hide the street
    if rng.random() < 0.12 or (kerb and scene.zebra > 0 and -7 < z - scene.zebra < 9):
        return None
    bus = Placed("bus", float(lateral), z, heading, _seed(rng))
    scene.objects.append(bus)
    return bus


def _plan_furniture(scene: Scene, rng: np.random.Generator) -> None:
    add = scene.objects.append
    for side in (-1, 1):
        kerb = scene.road + 0.45
        if rng.random() < 0.85:
            step = float(rng.uniform(11, 17))
            for z in np.arange(rng.uniform(5, 11), min(scene.end, 52), step):
                add(Placed("lamp", side * kerb, float(z), 0, _seed(rng)))
        if rng.random() < 0.6:
            step = float(rng.uniform(7, 13))
            for z in np.arange(rng.uniform(6, 15), min(scene.end, 70), step):
                if rng.random() < 0.85:
                    add(Placed("tree", side * (kerb + 0.35), float(z) + 2.2, 0, _seed(rng)))
        for z in rng.uniform(6.5, 20, rng.integers(2, 5)):
            add(Placed("sign", side * (kerb + rng.uniform(0, 0.5)), float(z), 0, _seed(rng)))


def _plan_people(scene: Scene, rng: np.random.Generator) -> None:
    def add(lateral: float, z: float, heading: int) -> None:
        scene.objects.append(Placed("person", float(lateral), float(z), heading, _seed(rng)))

    for side in (-1, 1):
        inner = scene.road + 0.8
        outer = max(scene.frontage(side) - 0.4, inner + 0.1)
        for z in rng.uniform(4.5, 13, rng.integers(1, 5)):
            lateral = side * rng.uniform(inner, outer)
            add(lateral, z, pick(rng, (-1, 1)))
            if rng.random() < 0.3:  # a couple
                add(lateral + 0.55, z + 0.2, pick(rng, (-1, 1)))
    if scene.zebra > 0:
        for lateral in rng.uniform(-scene.road, scene.road, rng.integers(0, 4)):
            add(lateral, scene.zebra + rng.uniform(0.6, 2.6), 0)

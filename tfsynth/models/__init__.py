"""Trained models that ship with the package, each a `.keras` file in this folder, by name."""

import zipfile
from pathlib import Path

from tfsynth.hints import nearest

FOLDER = Path(__file__).parent
# The name of the model in the folder of a run or an import.
BUNDLE = "synthesizer.keras"


def model_names():
    """Returns the sorted names of the models that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.keras"))


def find_model(name_or_path):
    """Returns the path of a model: that path if it exists, else that of the shipped model.

    Args:
        name_or_path: A `.keras` file, a run folder, or one of `model_names`.

    Returns:
        A `pathlib.Path`.

    Raises:
        FileNotFoundError: If it is neither; names the nearest shipped one.
    """
    path = Path(name_or_path)
    if path.exists():
        return path
    names = model_names()
    if str(name_or_path) in names:
        return FOLDER / f"{name_or_path}.keras"
    hint = nearest(name_or_path, names, "'")
    raise FileNotFoundError(
        f"No model at {name_or_path}. Name a .keras file that training wrote, a run folder, or a "
        f"model that ships: {', '.join(names) or 'this installation has none'}.{hint}"
    )


def bundle_of(path):
    """Returns the `.keras` file of a model: of a folder the one in it, else the path itself."""
    path = Path(path)
    return path / BUNDLE if path.is_dir() else path


def read_model(path):
    """Returns the model in a `.keras` file, with the classes of tfsynth registered in Keras.

    Args:
        path: A `pathlib.Path`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no `.keras` file, damaged, or holds no Keras model.
    """
    # Names are found without Keras, which takes seconds to import.
    import keras

    from tfsynth import registry

    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is not there"
        raise FileNotFoundError(f"{path} {what}. Name a .keras file that training wrote.")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} cannot be loaded: it is no .keras file, or a damaged one. Name one that "
            "training wrote."
        )
    registry.import_registered_classes()
    try:
        with registry.own_random_numbers():
            return keras.saving.load_model(path)
    # Keras raises TypeError for an unknown class.
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be loaded: {str(error).rstrip('. ')}. Name a .keras file that training "
            "wrote."
        ) from error


def require_own(path):
    """Raises `ValueError` if a path is that of a shipped model, which belongs to the package."""
    if Path(path).absolute().parent == FOLDER.absolute():
        raise ValueError(
            f"{path} ships with the package and is not to be changed. Name another file to write."
        )

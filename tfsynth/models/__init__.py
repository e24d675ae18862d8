"""Trained models that ship with the package, each a `.keras` file in this folder, by name."""

import hashlib
import json
from pathlib import Path

from tfsynth.hints import nearest

FOLDER = Path(__file__).parent
# The name of the model in the folder of a run or an import.
BUNDLE = "synthesizer.keras"
# The SHA-256 of each model that ships, by its file's name.
CHECKSUMS = "sha256.json"


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


def read_model(path, compile=True):
    """Returns the model in a `.keras` file, with the classes of tfsynth registered in Keras.

    The one place that opens such files. Before anything is built, the file is checked: its
    members and sizes, the classes that it names, and its weights, which must be finite
    and as many as its config describes. See SECURITY.md for the bounds.

    Args:
        path: A `pathlib.Path`.
        compile: Whether a trainer is compiled with its optimizers.

    Raises:
        FileNotFoundError: If there is no such file.
        MemoryError: If there is too little memory; nothing is wrong with the file then.
        ValueError: If it is no `.keras` file, damaged, outside the bounds, or holds no Keras
            model; or if it ships with the package and was changed.
    """
    # Names are found without Keras, which takes seconds to import.
    from tfsynth.models import reading

    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is not there"
        raise FileNotFoundError(f"{path} {what}. Name a .keras file that training wrote.")
    known = _is_published(path)
    try:
        return reading.load(path, compile, known)
    except MemoryError:
        raise
    # Keras and its backends raise errors of many kinds for what a config says.
    except Exception as error:
        if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's `MemoryError`.
            raise
        reason = (str(error) or type(error).__name__).strip().rstrip(". ")
        reason = reason if len(reason) < 1000 else f"{reason[:1000]} ..."
        raise ValueError(
            f"{path} cannot be loaded: {reason}. Name a .keras file that training wrote."
        ) from error


def _is_published(path):
    """Returns whether a file is a model that ships; raises `ValueError` if it was changed."""
    if path.absolute().parent != FOLDER.absolute() or not (FOLDER / CHECKSUMS).is_file():
        return False
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = json.loads((FOLDER / CHECKSUMS).read_text(encoding="utf-8")).get(path.name)
    if expected not in (None, found):
        raise ValueError(
            f"{path} is not the model that ships with this version of tfsynth: its SHA-256 is "
            f"{found}, published is {expected}. Install tfsynth again, or move the file elsewhere "
            "and name it by its path if the change is yours."
        )
    return expected is not None


def require_own(path):
    """Raises `ValueError` if a path is that of a shipped model, which belongs to the package."""
    if Path(path).absolute().parent == FOLDER.absolute():
        raise ValueError(
            f"{path} ships with the package and is not to be changed. Name another file to write."
        )

"""Trained models: those that ship, each a `.keras` file in this folder, files, and presets."""

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from tfsynth.hints import nearest
from tfsynth.models import hub
from tfsynth.models.archive import CONFIG, WEIGHTS

FOLDER = Path(__file__).parent
# The name of the model in the folder of a run or an import.
BUNDLE = "synthesizer.keras"
# The SHA-256 of each model that ships, by its file's name.
CHECKSUMS = "sha256.json"
_NAME_A_FILE = "Name a .keras file that training wrote"


def model_names():
    """Returns the sorted names of the models that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.keras"))


def find_model(name_or_path):
    """Returns the path of a model: that path if it exists, else that of the shipped model.

    Args:
        name_or_path: A `.keras` file, a run folder, a preset folder, one of `model_names`, or
            `hf://owner/name[@revision]`, which is downloaded into the hub's cache.

    Returns:
        A `pathlib.Path`.

    Raises:
        FileNotFoundError: If it is none of these; names the nearest shipped one.
        ValueError, ModuleNotFoundError, ConnectionError: See `hub.download`.
    """
    if hub.is_uri(name_or_path):
        from tfsynth.models import presets

        return hub.download(name_or_path, presets.FILES)
    path = Path(name_or_path)
    if path.exists():
        return path
    names = model_names()
    if str(name_or_path) in names:
        return FOLDER / f"{name_or_path}.keras"
    hint = nearest(name_or_path, names, "'")
    raise FileNotFoundError(
        f"No model at {name_or_path}. Name a .keras file that training wrote, a run folder, a "
        "preset folder, or a model that ships: "
        f"{', '.join(names) or 'this installation has none'}.{hint}"
    )


def is_preset(path):
    """Returns whether a path is that of a preset, perhaps a damaged one; see `presets`."""
    path = Path(path)
    # `lexists`: a link to nothing is reported as a link.
    return (
        path.is_dir()
        and any(os.path.lexists(path / name) for name in (CONFIG, WEIGHTS))
        and not (path / BUNDLE).exists()
    )


def bundle_of(path):
    """Returns what `read_model` reads of a model: of a run folder its file, else the path."""
    path = Path(path)
    return path / BUNDLE if path.is_dir() and not is_preset(path) else path


def from_preset(preset) -> Any:
    """Returns the `Synthesizer` in a preset folder, or in any other model.

    Nothing in a preset runs: its configuration may name classes of tfsynth and a list of Keras's
    only, and its weights are compared with their SHA-256 before they are read; see
    docs/sharing.md.

    Args:
        preset: A folder that `Synthesizer.save_to_preset` wrote, `hf://owner/name` or
            `hf://owner/name@revision`, or the name of a model that ships, such as "streets"; also
            a run folder or a `.keras` file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, breaks a rule, or holds something else.
        ModuleNotFoundError: If an address of the hub needs the package `huggingface_hub`.
        ConnectionError: If it cannot be downloaded.
    """
    path = bundle_of(find_model(preset))
    if not path.is_file() and not is_preset(path):
        raise FileNotFoundError(
            f"No synthesizer at {path}. Name a .keras file that training wrote, a run folder, or a "
            "preset folder."
        )
    model = read_model(path)
    # By its registered name: the class itself is built on this part.
    import keras

    if not isinstance(model, keras.saving.get_registered_object("tfsynth>Synthesizer")):
        raise ValueError(
            f"{path} holds a {type(model).__name__}, not a Synthesizer. Name the {BUNDLE} of a run "
            "folder, or a preset folder."
        )
    return model


def read_model(path, compile=True):
    """Returns the model in a `.keras` file or a preset, with tfsynth's classes registered in Keras.

    The one place that opens such files. Before anything is built, the file is checked: its
    members and sizes, the classes that it names, and its weights, which must be finite
    and as many as its config describes. See SECURITY.md for the bounds.

    Args:
        path: A `pathlib.Path` of a file, or of the folder of a preset.
        compile: Whether a trainer is compiled with its optimizers.

    Raises:
        FileNotFoundError: If there is no such file.
        MemoryError: If there is too little memory; nothing is wrong with the file then.
        OSError: If there is no room on the disk for the copy of a preset.
        ValueError: If it is no `.keras` file, damaged, outside the bounds, or holds no Keras
            model; or if it ships with the package and was changed.
    """
    # Names are found without Keras, which takes seconds to import.
    from tfsynth.models import presets, reading

    preset = is_preset(path)
    if not preset and not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is not there"
        raise FileNotFoundError(f"{path} {what}. {_NAME_A_FILE}.")
    known = not preset and _is_published(path)
    try:
        return presets.load(path) if preset else reading.load(path, compile, known)
    except MemoryError:
        raise
    # Keras and its backends raise errors of many kinds for what a config says.
    except Exception as error:
        if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's `MemoryError`.
            raise
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise
        reason = (str(error) or type(error).__name__).strip().rstrip(". ")
        reason = reason if len(reason) < 1000 else f"{reason[:1000]} ..."
        other = "Write or download the preset again" if preset else _NAME_A_FILE
        raise ValueError(f"{path} cannot be loaded: {reason}. {other}.") from error


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
    """Raises `ValueError` if a path is that of a shipped model or a preset: neither is changed."""
    if Path(path).absolute().parent == FOLDER.absolute():
        raise ValueError(
            f"{path} ships with the package and is not to be changed. Name another file to write."
        )
    if is_preset(path):
        raise ValueError(f"{path} is a preset, which is not changed. Name a .keras file to write.")

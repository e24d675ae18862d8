"""Exported models as functions of arrays, each drawn by its own runtime, on the CPU.

A runtime has `description`, a dict of `description.describe`, and `run`: a dict of arrays, as the
description's `inputs`, of any batch -> uint8 pictures (batch, height, width, channels).
"""

import importlib
from pathlib import Path

_MAGIC_OF_LITERT = b"TFL3"


def kind_of(path):
    """Returns what draws what lies at a path, "saved_model", "litert" or "onnx"; `None` if nothing.

    The content decides, and not the name: a SavedModel is a folder with saved_model.pb, a LiteRT
    file has TFL3 after four bytes, and an ONNX file begins with the version of its format.

    Args:
        path: A `pathlib.Path`.
    """
    if path.is_dir():
        return "saved_model" if (path / "saved_model.pb").is_file() else None
    if not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(8)
    if start[4:] == _MAGIC_OF_LITERT:
        return "litert"
    # The field `ir_version`, a small number, and then another field of a model.
    return "onnx" if len(start) > 2 and start[0] == 8 and 0 < start[1] < 64 else None


def open_runtime(path):
    """Opens an exported model.

    Args:
        path: The file or folder that `exporters.export` wrote.

    Returns:
        A runtime.

    Raises:
        ValueError: If it is none, or damaged.
        ImportError: If a package is missing that draws its pictures.
    """
    path = Path(path)
    kind = kind_of(path)
    if kind is None:
        raise ValueError(f"{path} is no exported model. Name what `tfsynth export` wrote.")
    try:
        return importlib.import_module(f"tfsynth.exporters.runtimes.{kind}").Runtime(path)
    except ValueError as error:
        said = str(error).rstrip(".")
        said = said if said.startswith(str(path)) else f"{path} cannot be used: {said}"
        remedy = "" if "xport " in said else " Export the model again."
        raise ValueError(f"{said}.{remedy}") from error

"""Semantic image synthesis in Keras 3: photographs from label maps.

Importing this package imports nothing else: each public name below is resolved on its first use
(PEP 562), so that `tfsynth --help` starts quickly and a network can be loaded under another Keras
backend without TensorFlow.
"""

import importlib

__version__ = "0.1.0"

# Where each public name is defined.
_HOMES = {
    "LabelSet": "tfsynth.layouts",
    "Layout": "tfsynth.layouts",
    "PairedFolders": "tfsynth.data",
    "Streets": "tfsynth.data",
    "Synthesizer": "tfsynth.synthesis",
    "build": "tfsynth.registry",
    "describe": "tfsynth.registry",
    "from_preset": "tfsynth.models",
    "load_config": "tfsynth.config",
    "register": "tfsynth.registry",
}
_PARTS = (
    "config",
    "data",
    "experiment",
    "exporters",
    "games",
    "importers",
    "layers",
    "layouts",
    "losses",
    "metrics",
    "models",
    "networks",
    "registry",
    "sheets",
    "streets",
    "synthesis",
    "trainers",
)

__all__ = ["__version__", "load_model", *_HOMES, *_PARTS]  # pyright: ignore[reportUnsupportedDunderAll]


def load_model(path):
    """Returns the network, trainer or synthesizer saved as a `.keras` file.

    As `keras.saving.load_model`, with the classes of tfsynth registered in Keras, with errors that
    name the file, and with bounds: a file that names other classes than those of tfsynth and of a
    list of Keras's, whose weights are not finite, or that would become much more than it is, is
    refused before anything is built (see SECURITY.md).

    Args:
        path: A string or `pathlib.Path`; or the name of a model that ships, such as "streets".

    Raises:
        FileNotFoundError: If there is no such file and no such name.
        ValueError: If it holds no Keras model, is damaged, or is outside the bounds.
    """
    from tfsynth import models

    return models.read_model(models.find_model(path))


def __getattr__(name):
    if name in _PARTS:
        return importlib.import_module(f"tfsynth.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tfsynth' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)

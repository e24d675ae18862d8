"""Where a model comes from, as its provenance says.

That is plain data of any shape: a file may come from an older version, another program, or
somebody who means harm.
"""

import math
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath


def origin_of(provenance):
    """Returns what provenance says of data and training; `None` for what it does not say.

    Args:
        provenance: Plain data.

    Returns:
        Dict of `name` (of the config), `data` (class of the data set), `examples` (in words),
        `size` ([height, width]), `method` (in words), `precision`, `device`, `steps`, `minutes` and
        `seed`.
    """
    config = _dict(provenance).get("config")
    data = _dict(_dict(config).get("data"))
    dataset = _dict(data.get("dataset"))
    game = _dict(_dict(config).get("game") or _dict(config).get("trainer"))
    parts = [_dict(game.get(role)).get("class") for role in ("generator", "discriminator")]
    counts = [f"{dataset[s]} {s}" for s in ("train", "validation", "test") if _number(dataset, s)]
    size = data.get("size")
    whole = isinstance(size, list | tuple) and len(size) == 2 and all(type(n) is int for n in size)
    found = {
        "name": _dict(config).get("name"),
        "data": dataset.get("class"),
        "method": " + ".join(part for part in parts if isinstance(part, str)),
        **{name: _dict(provenance).get(name) for name in ("precision", "device")},
    }
    found = {name: one if isinstance(one, str) else None for name, one in found.items()}
    numbers = {name: _number(_dict(provenance), name) for name in ("steps", "minutes")}
    seed = _number(_dict(config), "seed")
    return {
        **found,
        **numbers,
        "seed": seed,
        "examples": ", ".join(counts),
        "size": size if whole else None,
    }


def without_paths(node):
    """Returns plain data in which every path of a machine is only the last of its names.

    Whoever shares a model need not tell the names of folders on a machine.
    """
    if isinstance(node, Mapping):
        return {key: without_paths(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [without_paths(value) for value in node]
    if isinstance(node, str):
        if node.startswith(("/", "~", "file:")):
            return PurePosixPath(node).name
        if PureWindowsPath(node).drive:
            return PureWindowsPath(node).name
    return node


def _dict(value):
    return value if isinstance(value, Mapping) else {}


def _number(node, name):
    value = node.get(name)
    return value if type(value) in (int, float) and math.isfinite(value) else None

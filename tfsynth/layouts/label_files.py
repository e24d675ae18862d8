"""Label files: the classes of a data set in YAML or JSON, and those that come with the package."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsynth.files import config_folder
from tfsynth.hints import nearest
from tfsynth.plain import read_yaml_file, shown

_CLASS_KEYS = ("name", "colour", "void", "id", "aliases", "values")


def read_label_file(path: str | Path) -> tuple[Any, Path]:
    """Returns what a label file holds, as plain types, and its path.

    Args:
        path: The file, or the bare name of an installed one.

    Raises:
        ValueError: no such file or name (listing those installed), or neither YAML nor JSON.
    """
    file = Path(path).expanduser()
    if not file.is_file() and str(path) in installed_label_sets():
        file = installed_label_sets()[str(path)]
    if not file.is_file():
        raise ValueError(
            f"There is no label file {str(path)!r}. Give the path of a YAML or JSON file, or "
            f"an installed name: {sorted(installed_label_sets())}."
        )
    return read_yaml_file(file), file  # JSON is YAML too.


def classes_in_order(node: Any, source: object) -> list[Mapping[str, Any]]:
    """Returns the entries of a label file in the order of their ids.

    Args:
        node: What the file holds; see `LabelSet.from_dict`.
        source: The file, for messages.

    Raises:
        ValueError: malformed; an unknown key names the nearest known one.
    """
    if not isinstance(node, Mapping) or not isinstance(node.get("classes"), Sequence):
        raise ValueError(
            f"{source}: expected a list under the key `classes`, each entry like "
            "`{name: road, colour: [128, 64, 128]}`."
        )
    _refuse_unknown_keys(node, ("classes",), source)
    classes = list(node["classes"])
    for entry in classes:
        if isinstance(entry, Mapping):
            _refuse_unknown_keys(entry, _CLASS_KEYS, source)
        if not isinstance(entry, Mapping) or not {"name", "colour"} <= set(entry):
            raise ValueError(f"{source}: a class needs `name` and `colour`; got {shown(entry)}.")
        _check_kinds(entry, source)
    return _in_order_of_ids(classes, source)


def installed_label_sets() -> dict[str, Path]:
    """Returns the label files that come with the package, by name."""
    files = sorted((config_folder() / "labels").glob("*.yaml"))
    return {file.stem: file for file in files}


def listed_values(key: str, classes: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Returns the pairs (value, id) that the classes' entries list under a key."""
    lists = [entry.get(key, []) for entry in classes]
    return [
        (value, i)
        for i, values in enumerate(lists)
        for value in ([values] if isinstance(values, int) else values)
    ]


def _in_order_of_ids(classes: list[Mapping[str, Any]], source: object) -> list[Mapping[str, Any]]:
    given = ["id" in entry for entry in classes]
    if not any(given):
        return classes
    if not all(given):
        missing = classes[given.index(False)]["name"]
        raise ValueError(f"{source}: `id` is given for some classes but not for {missing!r}.")
    ids = [entry["id"] for entry in classes]
    if sorted(ids) != list(range(len(ids))):
        raise ValueError(
            f"{source}: ids must be 0..{len(ids) - 1} without gaps or repeats; got {sorted(ids)}. "
            "Describe every id between; a lone high value such as 255 is written as an alias: "
            "`aliases: [255]` at its class, without `id`."
        )
    return sorted(classes, key=lambda entry: entry["id"])


def _check_kinds(entry: Mapping[str, Any], source: object) -> None:
    """Raises `ValueError` for a name or `void` that YAML reads as something else."""
    name, void = entry["name"], entry.get("void", False)
    if not isinstance(name, str):
        raise ValueError(
            f"{source}: the name of a class is text, and YAML reads this one as {shown(name)}. Put "
            'it in quotes: name: "..."'
        )
    if not isinstance(void, bool):
        raise ValueError(
            f"{source}: `void` of the class {name!r} takes true or false. Received: {void!r}."
        )
    if "id" in entry and type(entry["id"]) is not int:
        raise ValueError(
            f"{source}: the `id` of the class {name!r} is a whole number. Received: "
            f"{shown(entry['id'])}."
        )


def _refuse_unknown_keys(node: Mapping[str, Any], known: Sequence[str], source: object) -> None:
    for key in node:
        if key not in known:
            hint = nearest(key, known, "'")
            raise ValueError(f"{source}: unknown key {key!r}; known: {list(known)}.{hint}")

"""Configs from YAML files and `--set`: read, changed, and turned into settings."""

import copy
import dataclasses
import typing
from pathlib import Path

from tfsynth.config.checks import check_settings
from tfsynth.config.settings import Config, ConfigError
from tfsynth.files import config_folder
from tfsynth.hints import nearest, nearest_names
from tfsynth.plain import YamlError, check_kind, read_yaml, read_yaml_file, shown


def config_names():
    """Returns the sorted names of the installed configs."""
    return sorted(path.stem for path in config_folder().glob("*.yaml"))


def load_config(name_or_path, overrides=()):
    """Reads, overrides and checks a config.

    Args:
        name_or_path: Name of an installed config, or path of a YAML file.
        overrides: Strings `key.key=value`, the value in YAML.

    Returns:
        A `Config`.

    Raises:
        ConfigError: If there is no such config, a key is unknown, or a value is of the
            wrong kind. The message names the key and the nearest known one.
    """
    path = _find(name_or_path)
    try:
        tree = read_yaml_file(path)
    except YamlError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} must hold a mapping of settings. See `tfsynth train --help`.")
    if not overrides:
        return _parse_file(tree, path)
    changed = copy.deepcopy(tree)
    for override in overrides:
        set_key(changed, *parse_override(override))
    try:
        return parse_config(changed)
    except ConfigError:
        _parse_file(tree, path)  # If the file itself is wrong, it is named.
        raise


def _parse_file(tree, path):
    try:
        return parse_config(tree)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(tree):
    """Returns the `Config` of plain data.

    Raises:
        ConfigError: See `load_config`.
    """
    if not isinstance(tree, dict):
        raise ConfigError(f"A config is a mapping of settings. Received: {shown(tree)}.")
    if "trainer" in tree and "game" not in tree:
        raise ConfigError(
            "`trainer` is `game` now: its class AdversarialGame or RegressionGame, its losses but "
            "`adversarial_loss` a list `terms`, and `ema_decay`, `frozen`, `xla` keys of `train`."
        )
    config = _dataclass_from(Config, tree, "")
    check_settings(config)
    return config


def _find(name_or_path):
    path = Path(name_or_path)
    if path.is_file():
        return path
    if (path / "config.yaml").is_file():
        raise ConfigError(
            f"{path} is the folder of a run. Name its config: {path / 'config.yaml'}."
        )
    installed = config_folder() / f"{name_or_path}.yaml"
    if installed.is_file():
        return installed
    names = config_names()
    raise ConfigError(
        f"No config {str(name_or_path)!r}: neither a file nor an installed name. "
        f"Nearest: {nearest_names(name_or_path, names)}. Installed: {', '.join(names) or 'none'}."
    )


def set_key(tree, key, value):
    """Sets one key of a config as plain data.

    Args:
        tree: The config as plain data; changed.
        key: The key with its parents, as `game.generator.filters`; of a list the
            number of an entry, as `game.terms.0.weight`.
        value: Plain data.

    Raises:
        ConfigError: If a parent is unknown, or has no keys.
    """
    *parents, last = key.strip().split(".")
    node = tree
    for depth, part in enumerate(parents):
        if depth == 0 and part not in node and part in _field_names(Config):
            node[part] = {}
        node = _entry(node, part, ".".join(parents[: depth + 1]))
        if not isinstance(node, dict | list):
            raise ConfigError(
                f"`{'.'.join(parents[: depth + 1])}` is {shown(node)}: it has no keys."
            )
    if isinstance(node, list):
        _entry(node, last, key)
        node[int(last)] = value
    else:
        node[last] = value


def _entry(node, part, path):
    """Returns what a mapping or list holds under a key."""
    if isinstance(node, dict) and part in node:
        return node[part]
    if isinstance(node, list) and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    known = node if isinstance(node, dict) else [str(i) for i in range(len(node))]
    raise ConfigError(_unknown(path, part, known))


def parse_override(override):
    """Returns (key, value) of a string `key.key=value`, the value in YAML.

    Raises:
        ConfigError: If it has another form.
    """
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"An override has the form key.key=value. Received: {override!r}.")
    try:
        return key, read_yaml(text, f"The value of the override {override!r}")
    except YamlError as error:
        raise ConfigError(str(error)) from error


def _dataclass_from(cls, tree, prefix):
    known = _field_names(cls)
    for key in tree:
        if key not in known:
            raise ConfigError(_unknown(prefix + str(key), str(key), known))
    kinds, values = typing.get_type_hints(cls), {}
    for item in dataclasses.fields(cls):
        if item.name in tree:
            values[item.name] = _value(kinds[item.name], tree[item.name], prefix + item.name)
        elif item.default is item.default_factory is dataclasses.MISSING:
            raise ConfigError(
                f"The config lacks the key `{prefix}{item.name}`, which has no default. Add it."
            )
    return cls(**values)


def _value(kind, value, key):
    """Returns a setting, a list as a tuple; raises `ConfigError` if it is of another kind."""
    try:
        if dataclasses.is_dataclass(kind):
            check_kind(value, dict, key)
            return _dataclass_from(kind, value, f"{key}.")
        check_kind(value, kind, key)
    except ConfigError:
        raise
    except ValueError as error:
        if kind in (tuple[int, int], tuple[int, int] | None) and isinstance(value, list):
            raise ConfigError(
                f"`{key}` takes [height, width] in pixels. Received: {shown(value)}."
            ) from None
        raise ConfigError(str(error)) from None
    return tuple(value) if isinstance(value, list) else value


def _unknown(path, key, known):
    return f"Unknown key `{path}`.{nearest(key, known)} Known here: {', '.join(map(str, known))}."


def _field_names(cls):
    return [item.name for item in dataclasses.fields(cls)]

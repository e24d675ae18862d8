"""The file of a run's result: read, and refused where it is damaged or of another run."""

import json

from tfsynth.config import ConfigError, parse_config

# What every result says, with the kinds of its values.
_NUMBER = (int, float)
_KEYS = {
    "config": dict,
    "seed": int,
    "steps": int,
    "minutes": _NUMBER,
    "images_per_second": (*_NUMBER, type(None)),
    "precision": (str, type(None)),
    "machine": (str, type(None)),
    "version": (str, type(None)),
    "protocol": (str, type(None)),
    "examples": (int, type(None)),
    "measures": dict,
    "references": dict,
}
# What later ones say too.
_LATER = {
    "code": (dict, type(None)),
    "backend": (str, type(None)),
    "data_fingerprint": (str, type(None)),
    "second_protocol": (str, type(None)),
    "measure_features": (dict, type(None)),
}


def read_result(path):
    """Returns a result as plain data.

    Args:
        path: `pathlib.Path` of a JSON file that is there.

    Raises:
        ConfigError: If it is damaged; the message names the file.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # Bad JSON and bad UTF-8 both.
        raise _damaged(path, f"it is no JSON: {error}") from error
    if not isinstance(result, dict):
        raise _damaged(path, "it is not a mapping of keys to values")
    lacking = [key for key in _KEYS if key not in result]
    if lacking:
        raise _damaged(path, f"it lacks {', '.join(f'`{key}`' for key in lacking)}")
    for key, kinds in {**_KEYS, **_LATER}.items():
        if not isinstance(result.get(key), kinds) and key in result:
            raise _damaged(path, f"its `{key}` is a {type(result[key]).__name__}")
    if not all(
        value is None or isinstance(value, _NUMBER) for value in result["measures"].values()
    ):
        raise _damaged(path, "one of its `measures` is no number")
    if not all(isinstance(numbers, dict) for numbers in result["references"].values()):
        raise _damaged(path, "one of its `references` is no mapping of numbers")
    code = result.get("code")
    if code is not None and not ("training" in code and isinstance(code.get("measures"), dict)):
        raise _damaged(path, "its `code` lacks `training` or `measures`")
    return result


def require_same_run(result, path, config, key_of):
    """Raises `ConfigError` that names the file, unless a result is of a config and its seed.

    Args:
        result: What `read_result` returned.
        path: Its `pathlib.Path`, whose name says of which run it should be.
        config: The run's `Config`, with its seed.
        key_of: Function `Config` -> text that is the same for the same settings.
    """
    try:
        there = key_of(parse_config(result["config"]))
    except (ConfigError, KeyError, TypeError) as error:
        raise _damaged(path, f"its `config` cannot be read: {error}") from error
    wrong = []
    if there != (key := key_of(config)):
        wrong.append(f"its settings have the hash {there}, not {key}")
    seeds = (result["seed"], result["config"].get("seed"))
    if seeds != (config.seed, config.seed):
        wrong.append(f"its seed is {' and '.join(map(str, dict.fromkeys(seeds)))}")
    if wrong:
        raise ConfigError(
            f"{path} is not the result of the run that it is named after, seed {config.seed} of "
            f"`{config.name}`: {'; '.join(wrong)}. Give it the name of its own run, or remove it."
        )


def _damaged(path, problem):
    return ConfigError(
        f"{path} is no result of a run: {problem}. Restore the file, or remove it and train the "
        "run again."
    )

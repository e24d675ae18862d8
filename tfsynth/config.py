"""Settings of a run: one complete YAML file, checked before the run starts. Without Keras."""

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tfsynth.files import config_folder
from tfsynth.hints import nearest, nearest_names

# Not mixed_float16: its small gradients need a scaled loss, and a game has no single one.
PRECISIONS = ("auto", "float32", "mixed_bfloat16")
AFTER_TRAINING = ("evaluate", "export")

# YAML 1.1 reads a number with an exponent only with a dot and a sign: `2e-4` would be text.
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_FLOAT = "tag:yaml.org,2002:float"


class _Loader(yaml.SafeLoader):
    """Reads plain data, every number with an exponent as a number."""


class _Dumper(yaml.SafeDumper):
    """Writes plain data; text that `_Loader` would take for a number in quotes."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(_FLOAT, _EXPONENT, list("-+.0123456789"))


def read_yaml(text):
    """Returns the plain data of a YAML text."""
    return yaml.load(text, _Loader)


class ConfigError(ValueError):
    """A setting that is unknown, of the wrong kind or out of range."""


@dataclass(frozen=True)
class DataSettings:
    """The data, and the size in which it is read.

    Attributes:
        dataset: Node of a `Dataset`: `class:` and its arguments.
        size: (height, width) in pixels of a training batch, and of evaluation.
        load_size: (height, width) that a picture is resized to cover before the random
            crop of `size`, at least as large; `None` for `size` itself.
        keep_aspect: Whether a training picture keeps its aspect ratio when it is resized; `False`
            stretches it to `load_size`, as pictures of the other splits are to `size`.
        flip: Whether half of the training pictures are mirrored left to right.
        max_instances: Most instances in one picture; more is an error.
    """

    dataset: dict
    size: tuple[int, int]
    load_size: tuple[int, int] | None = None
    keep_aspect: bool = True
    flip: bool = True
    max_instances: int = 256


@dataclass(frozen=True)
class TrainSettings:
    """The length of training, and how often checkpoints and samples are written.

    Attributes:
        batch_size: Pictures in a step, over all devices.
        steps_per_epoch: Steps between two checkpoints and validations; `None` for one
            pass over the training split.
        minutes: Budget of wall time. The schedule is shortened in proportion, so that
            the decay ends with the budget; `None` for all epochs of the schedule.
        validation_examples: First pictures of the validation split that are scored
            after each epoch, a batch or more; 0 for none. Data without such a split
            has no validation scores.
        sample_rows: First pictures of the validation split (of the test split for
            `samples.png`) on a sample sheet.
        sample_every: Epochs between two sample sheets.
        keep_checkpoints: Checkpoints kept, at least 2: one may be damaged.
        then: Steps after training: any of "evaluate", "export".
        reestimate_epoch: Epoch, counted from 1, whose mean terms balance the layers of perceptual
            losses from the next epoch on; `None` for constant weights. See
            `trainers.ReestimateLayerWeights`.
        ema_decay: Decay of the moving averages of the weights of the networks that ship, such as
            0.999, which are validated, shown and shipped in their place; `None` for none.
        frozen: Parts that do not train: networks such as "encoder", or sections of one such as
            "generator.global".
        xla: Whether TensorFlow compiles losses and gradients with XLA; "auto" for yes on
            accelerators and no on CPUs. JAX always compiles.
    """

    batch_size: int = 1
    steps_per_epoch: int | None = None
    minutes: float | None = None
    validation_examples: int = 16
    sample_rows: int = 6
    sample_every: int = 1
    keep_checkpoints: int = 2
    then: tuple[str, ...] = ()
    reestimate_epoch: int | None = None
    ema_decay: float | None = None
    frozen: tuple[str, ...] = ()
    xla: str | bool = "auto"


@dataclass(frozen=True)
class Config:
    """One experiment.

    Attributes:
        name: Name of the result; the default run folder is `runs/<name>`.
        data: See `DataSettings`.
        game: Node of a `Game`: networks and losses are its arguments.
        optimizers: Node of an optimizer per player.
        schedule: Node of a learning-rate schedule; its `epochs` is the length of the run.
        train: See `TrainSettings`.
        evaluation: Node of a scoring protocol, or `None`.
        seed: Seed of the first weights, which differ between backends, of order and augmentation.
        precision: One of `PRECISIONS`; "auto" is mixed_bfloat16 where the machine
            computes faster in it, else float32.
        init_from: Source of the run's first weights: a run folder, an imported model's
            folder, a `.keras` file or a shipped model; `None` for random weights.
        init_except: Layers, or prefixes of their names, that start from random weights all the
            same or are left out: "generator.head", "discriminator". Any other one that does
            not fit is an error.
        phases: Mapping of phase name -> mapping of dotted key -> value in that phase; `None`
            for a run in one phase. See `tfsynth.runs.phases`.
    """

    name: str
    data: DataSettings
    game: dict
    optimizers: dict
    schedule: dict
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluation: dict | None = None
    seed: int = 0
    precision: str = "auto"
    init_from: str | None = None
    init_except: tuple[str, ...] = ()
    phases: dict | None = None

    def to_dict(self):
        """Returns the settings as plain data, defaults included."""
        return _plain(dataclasses.asdict(self))

    def to_yaml(self):
        """Returns the settings as YAML that `load_config` reads again."""
        return yaml.dump(self.to_dict(), Dumper=_Dumper, sort_keys=False)


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
        tree = read_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not readable YAML: {error}. Write `key: value` lines, in UTF-8."
        ) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} must hold a mapping of settings. See `tfsynth train --help`.")
    for override in overrides:
        set_key(tree, *parse_override(override))
    return parse_config(tree)


def parse_config(tree):
    """Returns the `Config` of plain data.

    Raises:
        ConfigError: See `load_config`.
    """
    if "trainer" in tree and "game" not in tree:
        raise ConfigError(
            "`trainer` is `game` now: its class AdversarialGame or RegressionGame, its losses but "
            "`adversarial_loss` a list `terms`, and `ema_decay`, `frozen`, `xla` keys of `train`."
        )
    config = _dataclass_from(Config, tree, "")
    _check(config)
    return config


def _find(name_or_path):
    path = Path(name_or_path)
    if path.is_file():
        return path
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
            raise ConfigError(f"`{'.'.join(parents[: depth + 1])}` is {node!r}: it has no keys.")
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
        return key, read_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"The value of the override {override!r} is not readable YAML: {error}. Write it as in "
            "a config, such as `data.size=[256, 512]`."
        ) from error


def _dataclass_from(cls, tree, prefix):
    known = _field_names(cls)
    for key in tree:
        if key not in known:
            raise ConfigError(_unknown(prefix + str(key), str(key), known))
    values = {}
    for item in dataclasses.fields(cls):
        if item.name not in tree:
            if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
                raise ConfigError(
                    f"The config lacks the key `{prefix}{item.name}`, which has no default. Add it."
                )
            continue
        values[item.name] = _value(item, tree[item.name], prefix + item.name)
    return cls(**values)


def _value(item, value, key):
    if dataclasses.is_dataclass(item.type):
        if not isinstance(value, dict):
            raise ConfigError(f"`{key}` takes a mapping of settings. Received: {value!r}.")
        return _dataclass_from(item.type, value, f"{key}.")
    kinds = _KINDS[item.type]
    if isinstance(value, list):
        value = tuple(value)
    texts = item.type == tuple[str, ...] and isinstance(value, tuple)
    if texts and not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f"`{key}` takes a list of texts. Received: {list(value)!r}.")
    if isinstance(value, bool) and bool not in kinds or not isinstance(value, kinds):
        names = " or ".join(_WORDS[kind] for kind in kinds)
        raise ConfigError(f"`{key}` takes {names}. Received: {value!r}.")
    return value


_NOTHING = type(None)
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping of settings",
    tuple: "a list, such as [a, b]",
    _NOTHING: "null",
}
_KINDS = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    dict: (dict,),
    str | None: (str, _NOTHING),
    int | None: (int, _NOTHING),
    float | None: (float, int, _NOTHING),
    dict | None: (dict, _NOTHING),
    tuple[int, int]: (tuple,),
    tuple[int, int] | None: (tuple, _NOTHING),
    tuple[str, ...]: (tuple,),
    str | bool: (str, bool),
}


def _check(config):
    for key, size in (("data.size", config.data.size), ("data.load_size", config.data.load_size)):
        numbers = size is None or (len(size) == 2 and all(type(n) is int and n > 0 for n in size))
        if not numbers:
            raise ConfigError(
                f"`{key}` takes [height, width] in pixels. Received: {list(size or ())}."
            )
    size, load_size = config.data.size, config.data.load_size
    if load_size is not None and (load_size[0] < size[0] or load_size[1] < size[1]):
        raise ConfigError(
            f"`data.load_size` must cover `data.size` {list(size)}, which is cut out of it. "
            f"Received: {list(load_size)}."
        )
    if config.precision not in PRECISIONS:
        raise ConfigError(
            f"`precision` takes one of {', '.join(PRECISIONS)}. Received: {config.precision!r}."
        )
    _check_training(config.train)
    if "evaluate" in config.train.then and config.evaluation is None:
        raise ConfigError(
            "`train.then` asks for `evaluate`: give an `evaluation`, or leave it out."
        )


def _check_training(train):
    for key, minimum in _MINIMA.items():
        value = getattr(train, key)
        if value is not None and value < minimum:
            raise ConfigError(f"`train.{key}` must be at least {minimum}. Received: {value}.")
    if train.minutes is not None and train.minutes <= 0:
        raise ConfigError(f"`train.minutes` must be above 0. Received: {train.minutes}.")
    if 0 < train.validation_examples < train.batch_size:
        raise ConfigError(
            f"`train.validation_examples` must make a whole batch: at least `train.batch_size` "
            f"{train.batch_size}, or 0 for no validation. Received: {train.validation_examples}."
        )
    for step in train.then:
        if step not in AFTER_TRAINING:
            raise ConfigError(
                f"`train.then` takes any of {', '.join(AFTER_TRAINING)}. Received: {step!r}."
            )


_MINIMA = {
    "batch_size": 1,
    "steps_per_epoch": 1,
    "validation_examples": 0,
    "sample_rows": 1,
    "sample_every": 1,
    "keep_checkpoints": 2,
    "reestimate_epoch": 1,
}


def _unknown(path, key, known):
    return f"Unknown key `{path}`.{nearest(key, known)} Known here: {', '.join(map(str, known))}."


def _field_names(cls):
    return [item.name for item in dataclasses.fields(cls)]


def _plain(node):
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    return node

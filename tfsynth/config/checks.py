"""The rules of the settings of a run that need neither Keras nor the data."""

import re

from tfsynth.config.settings import ConfigError
from tfsynth.plain import shown

# Not mixed_float16: its small gradients need a scaled loss, and a game has no single one.
PRECISIONS = ("auto", "float32", "mixed_bfloat16")
AFTER_TRAINING = ("evaluate", "export")

# TensorFlow's kernels count the values of a tensor in 32 bits, and a picture has 3 of each pixel.
MOST_PIXELS = 2**31 // 4
# A layout bent by more than this share of its height is another layout.
MOST_WARP = 0.2
# What every file system takes: a letter or digit first, no separator, no blank or dot at the end.
_NAME = re.compile(r"\w([\w .,+=@()-]*[\w+=@()-])?")
_MOST_NAME_BYTES = 120


def check_settings(config):
    """Raises `ConfigError` unless settings, each of the right kind, keep the rules.

    Args:
        config: A `Config`.
    """
    _check_name(config.name)
    _check_data(config.data, config.train.batch_size)
    if config.seed < 0:
        raise ConfigError(f"`seed` is 0 or more. Received: {config.seed}.")
    if config.precision not in PRECISIONS:
        raise ConfigError(
            f"`precision` takes one of {', '.join(PRECISIONS)}. Received: {config.precision!r}."
        )
    _check_training(config.train)
    for key in ("game", "schedule", *_OPTIONAL):
        _require_class(key, getattr(config, key))
    _require_class("data.dataset", config.data.dataset)
    for player, node in config.optimizers.items():
        _require_class(f"optimizers.{player}", node)
    _check_phases(config.phases or {})
    _check_judges(config.evaluation, config.second_evaluation)
    if "evaluate" in config.train.then and config.evaluation is None:
        raise ConfigError(
            "`train.then` asks for `evaluate`: give an `evaluation`, or leave it out."
        )


def _check_judges(first, second):
    if second is None:
        return
    if first is None:
        raise ConfigError(
            "`second_evaluation` stands beside `evaluation`, and there is none: give it, or leave "
            "the second one out."
        )
    if first == second:
        raise ConfigError(
            "`second_evaluation` is the same as `evaluation`, and says nothing more: give it other "
            "levels, another `seed` and another `half`, or leave it out."
        )


def _check_name(name):
    if not _NAME.fullmatch(name) or len(name.encode()) > _MOST_NAME_BYTES:
        raise ConfigError(
            "`name` is also the name of the run's folder: letters, digits, blanks and . , + = @ - "
            f"_ ( ), the first a letter, digit or _, at most {_MOST_NAME_BYTES} bytes. Received: "
            f"{name[:200]!r}. Another place for the run is named with --run-dir."
        )


def _check_data(data, batch_size):
    for key, size in (("data.size", data.size), ("data.load_size", data.load_size)):
        if size is not None and min(size) < 1:
            raise ConfigError(f"`{key}` takes [height, width] in pixels. Received: {list(size)}.")
    size, load_size = data.size, data.load_size
    if load_size is not None and (load_size[0] < size[0] or load_size[1] < size[1]):
        raise ConfigError(
            f"`data.load_size` must cover `data.size` {list(size)}, which is cut out of it. "
            f"Received: {list(load_size)}."
        )
    if data.max_instances < 1:
        raise ConfigError(
            f"`data.max_instances` must be at least 1. Received: {data.max_instances}."
        )
    if not 0 <= data.label_warp <= MOST_WARP:
        raise ConfigError(
            f"`data.label_warp` is 0..{MOST_WARP}, a share of the height. Received: "
            f"{data.label_warp}."
        )
    if load_size is not None and load_size[0] * load_size[1] > MOST_PIXELS:
        raise ConfigError(
            f"`data.load_size` has at most {MOST_PIXELS:,} pixels. Received: {list(load_size)}."
        )
    if batch_size * size[0] * size[1] > MOST_PIXELS:
        raise ConfigError(
            f"A batch has at most {MOST_PIXELS:,} pixels; `train.batch_size` {batch_size} of "
            f"`data.size` {list(size)} makes {batch_size * size[0] * size[1]:,}. Make one smaller."
        )


def _require_class(key, node):
    if node is None and key in _OPTIONAL:
        return
    if not isinstance(node, dict) or not isinstance(node.get("class"), str):
        raise ConfigError(
            f"`{key}` names a class and its arguments, such as {_EXAMPLES[key.partition('.')[0]]}. "
            f"Received: {shown(node)}."
        )


# Keys that name a part or nothing.
_OPTIONAL = ("evaluation", "second_evaluation", "feature_training")
_EXAMPLES = {
    "data": "{class: PairedFolders, root: FOLDER}",
    "game": "{class: AdversarialGame, ...}",
    "optimizers": "{class: keras.optimizers.Adam, learning_rate: 2.0e-4}",
    "schedule": "{class: ConstantThenLinearDecay}",
    "evaluation": "{class: SegmenterProtocol}",
    "feature_training": "{class: FeatureTraining, steps: 600}",
    "second_evaluation": "{class: SegmenterProtocol, seed: 1}",
}


def _check_phases(phases):
    for name, keys in phases.items():
        if not isinstance(keys, dict | None) or not all(isinstance(key, str) for key in keys or ()):
            raise ConfigError(
                f"`phases.{name}` takes the keys that it changes, such as `{{train.minutes: 2}}`. "
                f"Received: {shown(keys)}."
            )


def _check_training(train):
    for key, minimum in _MINIMA.items():
        value = getattr(train, key)
        if value is not None and value < minimum:
            raise ConfigError(f"`train.{key}` must be at least {minimum}. Received: {value}.")
    if train.minutes is not None and train.minutes <= 0:
        raise ConfigError(f"`train.minutes` must be above 0. Received: {train.minutes}.")
    if train.ema_decay is not None and not 0 <= train.ema_decay < 1:
        raise ConfigError(
            f"`train.ema_decay` is at least 0 and below 1. Received: {train.ema_decay}."
        )
    if train.ema_half_life is not None and not 0 < train.ema_half_life <= 1:
        raise ConfigError(
            "`train.ema_half_life` is above 0 and at most 1, a share of the pictures seen so far. "
            f"Received: {train.ema_half_life}."
        )
    if train.ema_half_life is not None and train.ema_decay is not None:
        raise ConfigError("Give `train.ema_decay` or `train.ema_half_life`, not both.")
    if train.xla not in ("auto", True, False):
        raise ConfigError(f"`train.xla` takes auto, true or false. Received: {train.xla!r}.")
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

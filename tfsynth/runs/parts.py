"""The parts of a run, built from its config; each is of its kind, or its key is named."""

import keras

from tfsynth import registry, trainers
from tfsynth.config import ConfigError
from tfsynth.data import Dataset
from tfsynth.games import Game
from tfsynth.metrics import FeatureTraining


def build_dataset(config):
    """Returns the `Dataset` of a config; raises `ValueError` if `data.dataset` names none."""
    return registry.build(config.data.dataset, Dataset, "data.dataset")


def build_protocols(config):
    """Returns dict of key -> scoring protocol: `evaluation` and `second_evaluation`, if named.

    Raises:
        ValueError: If one of them is none.
    """
    wanted = ("check_data", "fit", "cached", "score")
    return {
        key: _part(config, key, wanted, "SegmenterProtocol")
        for key in ("evaluation", "second_evaluation")
        if getattr(config, key) is not None
    }


def build_feature_training(config):
    """Returns the `FeatureTraining` of a config, or of its defaults if it names none."""
    if config.feature_training is None:
        return FeatureTraining()
    return registry.build(config.feature_training, FeatureTraining, "feature_training")


def build_schedule(config):
    """Returns the learning-rate schedule of a config; raises `ValueError` if it names none."""
    return _part(config, "schedule", ("epochs", "__call__"), "ConstantThenLinearDecay")


def build_optimizers(config):
    """Returns dict of player -> optimizer of a config; raises `ValueError` if one is none."""
    kind = keras.optimizers.Optimizer
    return {
        player: registry.build(node, kind, f"optimizers.{player}")
        for player, node in config.optimizers.items()
    }


def build_trainer(config):
    """Returns the compiled trainer of a config without phases; its seed makes the weights."""
    trainer = assemble_trainer(config)
    trainer.compile(build_optimizers(config))
    return trainer


def assemble_trainer(config):
    """Returns the trainer of a config without phases, without optimizers.

    Raises:
        ValueError: If a part of the config, also one that the trainer does not hold, is of
            another kind, or cannot be built; no file of the data is read.
    """
    registry.check(config.data.dataset, Dataset, "data.dataset")
    build_protocols(config)
    build_schedule(config)
    build_feature_training(config)
    optimizers, train = build_optimizers(config), config.train
    with registry.own_random_numbers(config.seed):
        game = registry.build(config.game, key="game")
        if not isinstance(game, Game):
            raise ConfigError(
                "`game` names a game, `class: AdversarialGame` or `RegressionGame`. Received: "
                f"{config.game.get('class')!r}."
            )
    trainer = trainers.Trainer(game, train.xla, train.frozen, train.ema_decay, train.ema_half_life)
    trainers.check_optimizers(trainer.players, optimizers)
    return trainer


def _part(config, key, wanted, example):
    part = registry.build(getattr(config, key), key=key)
    if not all(hasattr(part, attribute) for attribute in wanted):
        raise ConfigError(
            f"`{key}` names a part such as {example}. Received: a {type(part).__name__}."
        )
    return part

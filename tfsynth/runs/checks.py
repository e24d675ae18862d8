"""Whether the parts of a run fit each other: game, data, splits and schedule."""

import keras
import numpy as np

from tfsynth.config import ConfigError
from tfsynth.data import checking, nearest_size


def check_keras():
    """Raises `ConfigError` if Keras would end every training early, as its variables can ask."""
    for name in ("max_epochs", "max_steps_per_epoch"):
        # Keras before 3.12 has no such limits.
        limit = getattr(keras.config, name, lambda: None)()
        if limit is not None:
            raise ConfigError(
                f"Keras ends every training after {limit} {name.removeprefix('max_')}, by "
                f"KERAS_{name.upper()} or `keras.config.set_{name}`: the run would not be the "
                "config's. Leave it out; `schedule` and `train` say how long to train."
            )


def check_trainer(config, trainer, dataset, replicas):
    if config.train.batch_size % replicas:
        raise ConfigError(
            f"`train.batch_size` {config.train.batch_size} cannot be shared evenly by {replicas} "
            "devices. Make it a multiple of their number, or name fewer devices."
        )
    game = trainer.game
    check_size(game, config.data.size)
    check_channels(dataset, game)
    _check_features(game)
    if game.encoder is None:
        if config.train.styles_together:
            raise ConfigError(
                "`train.styles_together` is about the styles of an encoder, and this game has "
                "none: give `game.encoder`, or leave it out."
            )
        return
    if game.encoder.max_instances < config.data.max_instances:
        raise ConfigError(
            f"`data.max_instances` is {config.data.max_instances}, and the encoder takes "
            f"{game.encoder.max_instances}: set `game.encoder.max_instances` to the same."
        )


def check_feature_training(config, used):
    """Raises `ConfigError` if a config says how features are trained, and no phase has any.

    Args:
        config: A `Config`.
        used: Whether a phase has features.
    """
    if config.feature_training is not None and not used:
        raise ConfigError(
            "`feature_training` says how `game.features` is trained, and there is none: give it, "
            "or leave `feature_training` out."
        )


def _check_features(game):
    if game.features is None:
        return
    asked = {name for loss in game.terms for name in loss.asks}
    if not asked & {"real_maps", "fake_maps"} and not getattr(game, "projected", False):
        raise ConfigError(
            "`game.features` would be trained for nothing: no term and no discriminator reads it. "
            "List a `FeatureReconstructionLoss` in `game.terms`, or leave it out."
        )


def check_reestimation(epoch, trainer, schedule):
    if epoch is None:
        return
    if not any(trainer.game.layer_factors):
        raise ConfigError(
            "`train.reestimate_epoch` brings the layers of a perceptual loss into balance, and "
            "this game has none: list a `PerceptualLoss` in `game.terms`, or leave it out."
        )
    if epoch >= schedule.epochs:
        raise ConfigError(
            f"`train.reestimate_epoch` {epoch} must come before the last of the schedule's "
            f"{schedule.epochs} epochs: the weights found in it are those of the next one."
        )


def check_channels(dataset, game):
    """Raises `ConfigError` unless the game reads and makes what the data holds."""
    conditioning, channels = game.conditioning, dataset.condition_channels
    if (dataset.label_set is None) != (conditioning.num_classes is None):
        given, wanted = "label maps", "Conditioning"
        if dataset.label_set is None:
            given, wanted = "condition pictures", "PictureConditioning"
        raise ConfigError(
            f"The data has {given}, and `game.conditioning` is a {type(conditioning).__name__}: "
            f"use a {wanted}."
        )
    if dataset.label_set and dataset.label_set.num_classes != conditioning.num_classes:
        raise ConfigError(
            f"The data has {dataset.label_set.num_classes} classes, void ones included; "
            f"`game.conditioning.num_classes` is {conditioning.num_classes}. "
            f"{dataset.label_hint}".rstrip()
        )
    if dataset.label_set:
        for loss in game.terms:
            loss.check_labels(dataset.label_set)
    if channels != conditioning.condition_channels:
        raise ConfigError(
            f"The data's `condition_channels` is {channels}, and that of `game.conditioning` "
            f"{conditioning.condition_channels}; they must be the same."
        )
    if dataset.image_channels != game.generator.output_channels:
        raise ConfigError(
            f"The data's `image_channels` is {dataset.image_channels}, and "
            f"`game.generator.output_channels` {game.generator.output_channels}; they must be the "
            "same."
        )


def check_features(dataset, network, training):
    """Raises `ConfigError` unless a feature network can be trained on the data.

    Args:
        dataset: A `Dataset`.
        network: The game's `features`, or `None`.
        training: Its `FeatureTraining`.
    """
    if network is None:
        return
    if dataset.label_set is None:
        raise ConfigError(
            "`game.features` learns to read label maps, and the conditions of this data are "
            "pictures. Leave it out; a `PerceptualLoss` reads a network from a file."
        )
    if network.num_classes != (count := len(dataset.label_set.scored_ids)):
        raise ConfigError(
            f"`game.features.num_classes` must be {count}, the classes of the data that are not "
            f"void. Received: {network.num_classes}."
        )
    pairs = len(dataset.split("train"))
    if pairs < (1 if training.half is None else 2):
        raise ConfigError(
            f"The training split has {pairs} example, and `feature_training.half` takes every "
            "second one: set it to nothing, for all."
        )


def check_instances(game, split):
    if split.label_set is None and game.conditioning.edges and "instances" not in split[0]:
        raise ConfigError(
            "`game.conditioning.edges` is on, and the data has no instance maps to take edges "
            "from: give train_inst/ (and those of the other splits), or set `edges` to false."
        )


def check_size(game, size):
    """Raises `ConfigError` if the networks cannot take pictures of a size; names a good one."""
    height, width = size
    multiple, minimum = game.size_multiple, game.minimum_size
    good = tuple(max(n, minimum) for n in nearest_size(height, width, multiple))
    if (height, width) != good:
        raise ConfigError(
            f"`data.size` [{height}, {width}] does not fit the networks: height and width must "
            f"be multiples of {multiple}, at least {minimum}. Nearest good size: {list(good)}."
        )


def check_splits(config, splits):
    train = config.train
    if "evaluate" in train.then and len(splits.get("test", ())) < 2:
        raise ConfigError(
            "`train.then` asks for `evaluate`, and the data has no test split of 2 examples or "
            "more. Leave it out, or give one."
        )
    validated = min(train.validation_examples, len(splits.get("validation", ())))
    if 0 < validated < train.batch_size:
        raise ConfigError(
            f"The validation split has {len(splits['validation'])} examples, less than a batch: "
            f"`train.batch_size` is {train.batch_size}. Make it smaller, or set "
            "`train.validation_examples` to 0."
        )


def check_classes(dataset, split, verbose=True):
    """Raises `ConfigError` unless the classes that two splits show can be scored.

    Every label map of them is read once; what they show is kept as long as the data is the same.
    Classes that only the scored split has are printed.

    Args:
        dataset: A `Dataset` with classes.
        split: Name of the split that is scored, beside the training split.
        verbose: Whether to show progress.
    """
    learnt, scored = (_classes(dataset, name, verbose) for name in ("train", split))
    names = dataset.label_set.names
    if len(learnt) < 2:
        only = f"only {names[learnt[0]]!r}" if learnt else "none"
        raise ConfigError(
            "A score reads the pictures with a segmenter that learns from the training split, and "
            f"needs 2 classes there that are not void: it shows {only}. Give other label maps, or "
            "leave out `evaluation`, and `evaluate` in `train.then`."
        )
    if not scored:
        raise ConfigError(
            f"The {split} split shows no class but void ones: there is nothing to score. Give "
            "other label maps, or leave out `evaluation`, and `evaluate` in `train.then`."
        )
    if unknown := [names[i] for i in scored if i not in learnt]:
        print(
            f"The {split} split has classes that the training split never shows, so that neither "
            f"the model nor the segmenter learns them: {', '.join(unknown)}. Their IoU will be 0, "
            "and it counts in the mean."
        )


def _classes(dataset, name, verbose):
    """Returns the ids that are not void in the label maps of a split, sorted."""
    key = checking.digest(["classes", dataset.fingerprint, dataset.label_set.fingerprint, name])
    found = checking.recall(key)
    if found is None:
        split = dataset.split(name)

        def ids(index):
            return set(np.unique(split[index]["labels"]).tolist())

        text = f"reading the classes of {name}"
        seen = set().union(*checking.in_threads(ids, range(len(split)), text, verbose))
        found = sorted(seen & set(dataset.label_set.scored_ids))
        checking.remember(key, found)
    return found

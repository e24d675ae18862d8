"""What a run checks and builds before it writes to the disk, and how it locks its folder."""

import contextlib
import dataclasses
from typing import Any

import keras

from tfsynth import models, trainers
from tfsynth.config import ConfigError
from tfsynth.files import cache_folder, remove_abandoned
from tfsynth.runs.checks import (
    check_classes,
    check_feature_training,
    check_features,
    check_instances,
    check_reestimation,
    check_splits,
    check_trainer,
)
from tfsynth.runs.feature_network import start_from, without_features
from tfsynth.runs.folder import RunFolder, require_space
from tfsynth.runs.judges import loss_networks, refuse_known_judges
from tfsynth.runs.parts import (
    build_dataset,
    build_feature_training,
    build_protocols,
    build_schedule,
    build_trainer,
)
from tfsynth.runs.phases import split_into_phases

# Float32 weights and Adam's two moments.
CHECKPOINT_BYTES_PER_PARAMETER = 12


@dataclasses.dataclass
class Phase:
    """A part of a run that trains one game.

    Attributes:
        name: Its name; empty in a run of one phase.
        config: Its `Config`.
        schedule: Its learning-rate schedule.
        rates: Dict of player -> learning rate at the schedule's factor 1.
    """

    name: str
    config: object
    schedule: object
    rates: dict


@dataclasses.dataclass
class Setup:
    """What `prepare` builds.

    Attributes:
        config: The `Config`.
        dataset: Its `Dataset`.
        trainer: The trainer at work, compiled: at first that of the first phase.
        phases: List of `Phase`.
        splits: Dict of the name of each split that the data has -> `Split`.
        precision: Name of the dtype policy that its networks were built in.
        checkpoint_bytes: Size of a checkpoint, of each phase.
    """

    config: object
    dataset: object
    trainer: Any
    phases: list
    splits: dict
    precision: str
    checkpoint_bytes: list

    def shown_split(self, wanted):
        """Returns the name of the split to show pictures of: `wanted`, or the next best."""
        order = [wanted, *(name for name in ("validation", "test", "train") if name != wanted)]
        return next(name for name in order if name in self.splits)


def prepare(config, replicas=1, verbose=True, resuming=False):
    """Builds and checks all of a run but its folder; every file of the data is read.

    Args:
        config: A `Config`.
        replicas: Number of devices that share a batch.
        verbose: Whether to show progress.
        resuming: Whether the weights come from a checkpoint of the run: `init_from` is not
            read then.

    Returns:
        A `Setup`. The weights of its trainer are those of `init_from`, if any.

    Raises:
        ValueError: If settings or data break a rule.
    """
    parts = split_into_phases(config)
    dataset = build_dataset(config)
    for protocol in build_protocols(config).values():
        protocol.check_data(dataset)
    phases, before, sizes, fixed = [], None, [], []
    first: Any = None
    has_features = False
    for name, settings in parts:
        with _naming(name):
            trainer = build_trainer(settings)
            check_trainer(settings, trainer, dataset, replicas)
            check_features(dataset, trainer.game.features, build_feature_training(settings))
            shapes = trainers.layer_shapes(without_features(trainer.networks))
            if first is not None:
                trainers.plan_transfer(before, shapes, settings.init_except)
            elif settings.init_from and not resuming:
                start_from(trainer, networks_in(settings.init_from), settings.init_except)
            schedule = build_schedule(settings)
            check_reestimation(settings.train.reestimate_epoch, trainer, schedule)
        phases.append(Phase(name, settings, schedule, trainer.learning_rates))
        first, before = first or trainer, shapes
        fixed += loss_networks(trainer.game)
        has_features = has_features or trainer.game.features is not None
        parameters = sum(network.count_params() for network in trainer.networks.values())
        averaged = sum(network.count_params() for network in trainer.averages.values())
        sizes.append(CHECKPOINT_BYTES_PER_PARAMETER * parameters + 4 * averaged)
    check_feature_training(config, has_features)
    splits = {name: dataset.split(name) for name in ("train", *dataset.split_names)}
    for phase in phases:
        check_splits(phase.config, splits)
    check_instances(first.game, splits["train"])
    for split in splits.values():
        split.check(progress=verbose, max_instances=config.data.max_instances)
    if "evaluate" in config.train.then:
        check_classes(dataset, "test", verbose)
        refuse_known_judges(config, dataset, fixed)
    precision = keras.config.dtype_policy().name
    return Setup(config, dataset, first, phases, splits, precision, sizes)


def networks_in(path):
    """Returns the networks of a trained or imported model: where weights can come from.

    Args:
        path: A run folder, the folder of an imported model, a `.keras` file, a preset, or the
            name of a model that ships.

    Returns:
        Dict of role -> `keras.Model`: of a run its players' as of the last checkpoint, of a
        synthesizer its generator and encoder.

    Raises:
        ValueError: If there is no such model.
    """
    try:
        run = RunFolder(models.find_model(path))
    except FileNotFoundError as error:
        raise ConfigError(f"`init_from`: {error}") from error
    if found := _last_checkpoint(run):
        return found[0].networks
    file = models.bundle_of(run.path)
    if not file.is_file() and not models.is_preset(file):
        raise ConfigError(
            f"`init_from`: {path} holds no model: neither checkpoints of a run nor a "
            "synthesizer.keras. Name a run folder, an imported model's folder, a preset folder or "
            "a .keras file."
        )
    found = _read_model(file)
    if isinstance(found, trainers.Trainer):
        return found.networks
    if not hasattr(found, "generator"):
        raise ConfigError(
            f"`init_from`: {file} holds a {type(found).__name__}, not a synthesizer or trainer."
        )
    networks = {"generator": found.generator, "encoder": found.encoder}
    discriminator = file.with_name("discriminator.keras")
    if file.is_file() and discriminator.is_file():
        networks["discriminator"] = _read_model(discriminator)
    return {role: network for role, network in networks.items() if network is not None}


def _last_checkpoint(run):
    """Returns what `Checkpoints.latest` does of the last phase of a run that has any."""
    stores = [trainers.Checkpoints(run.checkpoints)]
    if run.config.is_file():
        stores = run.stores(run.read_config())
    for store in reversed(stores):
        if store.exist():
            try:
                return store.latest()
            except ValueError as error:
                raise ConfigError(
                    f"`init_from`: {error} Or name the synthesizer.keras of that run."
                ) from error
    return None


def _read_model(path):
    try:
        return models.read_model(path)
    except ValueError as error:
        raise ConfigError(f"`init_from`: {error}") from error


@contextlib.contextmanager
def _naming(phase):
    """Says in which phase an error of the block is."""
    try:
        yield
    except ValueError as error:
        if not phase:
            raise
        raise ConfigError(f"`phases.{phase}`: {error}") from error


@contextlib.contextmanager
def claimed(run, setup):
    """Creates or reopens a run's folder, and locks it for the length of the block.

    Args:
        run: A `RunFolder`.
        setup: A `Setup`.

    Raises:
        FileExistsError: If the folder holds another run.
        BlockingIOError: If another process trains in it.
        OSError: If it cannot be written, or the disk has no room for the checkpoints;
            nothing was written then.
    """
    # One more than are kept: a checkpoint is deleted only after the next one is written.
    kept = setup.config.train.keep_checkpoints + 1
    for folder in (run.path, cache_folder()):
        remove_abandoned(folder, within=True)
    there = sum(store.total_bytes() for store in run.stores(setup.config))
    require_space(run.path, kept * sum(setup.checkpoint_bytes) - there)
    with contextlib.ExitStack() as stack:
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(run.lock())
            # Once more: another run may have started and ended since the first check.
            run.refuse_other_config(setup.config)
            run.write_settings(setup.config, setup.dataset)
        except (FileExistsError, BlockingIOError):
            raise
        except OSError as error:
            raise OSError(f"The run folder {run.path} cannot be written: {error}.") from error
        yield

"""What a run checks and builds before it touches the disk, and how it takes its folder."""

import contextlib
import dataclasses
import math

from tfsynth import registry, styles, trainers
from tfsynth.config import ConfigError
from tfsynth.data import pipeline
from tfsynth.files import write_text
from tfsynth.run_folder import require_space

# Float32 weights and Adam's two moments.
CHECKPOINT_BYTES_PER_PARAMETER = 12


@dataclasses.dataclass
class Setup:
    """What `prepare` builds.

    Attributes:
        config: The `Config`.
        dataset: Its `Dataset`.
        schedule: Its learning-rate schedule.
        trainer: Its trainer, compiled.
        rates: Dict of player -> learning rate at the schedule's factor 1.
        splits: Dict of the name of each split that the data has -> `Split`.
        precision: Name of the dtype policy.
    """

    config: object
    dataset: object
    schedule: object
    trainer: trainers.Trainer
    rates: dict
    splits: dict
    precision: str

    def shown_split(self, wanted):
        """Returns the name of the split to show pictures of: `wanted`, or the next best."""
        order = [wanted, *(name for name in ("validation", "test", "train") if name != wanted)]
        return next(name for name in order if name in self.splits)


def prepare(config, replicas=1, verbose=True):
    """Builds and checks all of a run but its folder; every file of the data is read.

    Args:
        config: A `Config`.
        replicas: Number of devices that share a batch.
        verbose: Whether to show progress.

    Returns:
        A `Setup`.

    Raises:
        ValueError: If settings or data break a rule.
    """
    if config.train.batch_size % replicas:
        raise ConfigError(
            f"`train.batch_size` {config.train.batch_size} cannot be shared evenly by {replicas} "
            "devices. Make it a multiple of their number, or name fewer devices."
        )
    precision = trainers.choose_precision(config.precision)
    dataset = registry.build(config.data.dataset)
    trainer = registry.build(config.trainer)
    schedule = registry.build(config.schedule)
    check_size(trainer, config.data.size)
    check_channels(dataset, trainer)
    if trainer.encoder is not None and trainer.encoder.max_instances < config.data.max_instances:
        raise ConfigError(
            f"`data.max_instances` is {config.data.max_instances}, and the encoder takes "
            f"{trainer.encoder.max_instances}: set `trainer.encoder.max_instances` to the same."
        )
    if trainer.encoder is not None:
        styles.require_scikit_learn()
    trainer.compile(registry.build(config.optimizers))
    if config.evaluation:
        registry.build(config.evaluation).check_data(dataset)
    splits = {name: dataset.split(name) for name in ("train", *dataset.split_names)}
    _check_splits(config, splits)
    _check_instances(trainer, splits["train"])
    for split in splits.values():
        split.check(progress=verbose, max_instances=config.data.max_instances)
    return Setup(config, dataset, schedule, trainer, trainer.learning_rates, splits, precision)


def check_channels(dataset, trainer):
    """Raises `ConfigError` unless the trainer reads and makes what the data holds."""
    conditioning, channels = trainer.conditioning, dataset.condition_channels
    if (dataset.label_set is None) != (conditioning.num_classes is None):
        given, wanted = "label maps", "Conditioning"
        if dataset.label_set is None:
            given, wanted = "condition pictures", "PictureConditioning"
        raise ConfigError(
            f"The data has {given}, and `trainer.conditioning` is a {type(conditioning).__name__}: "
            f"use a {wanted}."
        )
    if dataset.label_set and dataset.label_set.num_classes != conditioning.num_classes:
        raise ConfigError(
            f"The data has {dataset.label_set.num_classes} classes, void ones included; "
            f"`trainer.conditioning.num_classes` is {conditioning.num_classes}."
        )
    if channels != conditioning.condition_channels:
        raise ConfigError(
            f"The data's `condition_channels` is {channels}, and that of `trainer.conditioning` "
            f"{conditioning.condition_channels}; they must be the same."
        )
    if dataset.image_channels != trainer.generator.output_channels:
        raise ConfigError(
            f"The data's `image_channels` is {dataset.image_channels}, and "
            f"`trainer.generator.output_channels` {trainer.generator.output_channels}; they must "
            "be the same."
        )


def _check_instances(trainer, split):
    if split.label_set is None and trainer.conditioning.edges and "instances" not in split[0]:
        raise ConfigError(
            "`trainer.conditioning.edges` is on, and the data has no instance maps to take edges "
            "from: give train_inst/ (and those of the other splits), or set `edges` to false."
        )


def check_size(trainer, size):
    """Raises `ConfigError` if the networks cannot take pictures of a size; names a good one."""
    height, width = size
    multiple = trainer.generator.size_multiple
    minimum = max(trainer.generator.minimum_size, trainer.discriminator.minimum_size)
    if trainer.encoder is not None:
        n = trainer.encoder_reduction
        multiple = math.lcm(multiple, n * trainer.encoder.size_multiple)
        minimum = max(minimum, n * trainer.encoder.minimum_size)
    good = tuple(max(n, minimum) for n in pipeline.nearest_size(height, width, multiple))
    if (height, width) != good:
        raise ConfigError(
            f"`data.size` [{height}, {width}] does not fit the networks: height and width must "
            f"be multiples of {multiple}, at least {minimum}. Nearest good size: {list(good)}."
        )


@contextlib.contextmanager
def claimed(run, setup):
    """Makes a run's folder, or takes it up again, and keeps other processes out of the block.

    Args:
        run: A `RunFolder`.
        setup: A `Setup`.

    Raises:
        FileExistsError: If the folder holds another run.
        BlockingIOError: If another process trains in it.
        OSError: If it cannot be written, or the disk has no room for the checkpoints;
            nothing was written then.
    """
    networks = [n for player in setup.trainer.players.values() for n in player]
    one = CHECKPOINT_BYTES_PER_PARAMETER * sum(n.count_params() for n in networks)
    # One more than are kept: a checkpoint goes only after its successor has come.
    there = sum(file.stat().st_size for file in run.checkpoints.glob("*.keras"))
    require_space(run.path, one * (setup.config.train.keep_checkpoints + 1) - there)
    with contextlib.ExitStack() as stack:
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(run.lock())
            # Once more: a run may have come and gone since the first look.
            run.refuse_other_config(setup.config)
            if not run.config.is_file():
                write_text(run.config, setup.config.to_yaml())
        except (FileExistsError, BlockingIOError):
            raise
        except OSError as error:
            raise OSError(f"The run folder {run.path} cannot be written: {error}.") from error
        yield


def _check_splits(config, splits):
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

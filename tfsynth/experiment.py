"""A run from its config to its pictures: train, evaluate, synthesize, export, describe.

Read this file first. What a run leaves behind is in `RunFolder`.
"""

import dataclasses
import shutil
from pathlib import Path

import keras

from tfsynth import cost, exporters, registry, sheets, trainers
from tfsynth.config import ConfigError
from tfsynth.data import pipeline
from tfsynth.data.examples import Examples
from tfsynth.deployment import export as export
from tfsynth.deployment import load_synthesizer as load_synthesizer
from tfsynth.deployment import synthesize as synthesize
from tfsynth.evaluation import evaluate as evaluate
from tfsynth.files import replace_file, write_text
from tfsynth.run_folder import RunFolder, require_space
from tfsynth.synthesizer import Synthesizer

# Float32 weights and Adam's two moments.
CHECKPOINT_BYTES_PER_PARAMETER = 12
# Forward passes in a training step: the discriminator sees real and fake.
PASSES = {"generator": 1, "discriminator": 2}


@dataclasses.dataclass
class Setup:
    """What `train` builds before it touches the disk."""

    config: object
    dataset: object
    schedule: object
    trainer: trainers.Trainer
    rates: dict
    splits: dict
    precision: str


def train(config, run_dir, *, device=None, verbose=True, callbacks=()):
    """Trains what a config describes, or goes on where the run in the folder stopped.

    Everything that can be checked is checked before the folder is made: settings,
    every file of the data, the size against the networks, the room on the disk.

    Args:
        config: A `Config`.
        run_dir: Folder of the run.
        device: See `trainers.choose_devices`.
        verbose: Whether to show progress.
        callbacks: Further Keras callbacks.

    Returns:
        The run folder's path.

    Raises:
        ValueError: If settings or data break a rule.
        FileExistsError: If the folder holds another run.
        OSError: If the folder cannot be written.
        KeyboardInterrupt: On Ctrl-C, after the state was saved.
    """
    run = RunFolder(Path(run_dir))
    run.refuse_other_config(config)
    strategy = trainers.choose_devices(device)
    keras.utils.set_random_seed(config.seed)
    with trainers.scope_of(strategy):
        setup = _prepare(config, verbose)
        _claim(run, setup)
        checkpoints = trainers.Checkpoints(run.checkpoints, config.train.keep_checkpoints)
        found = checkpoints.latest()
        if found:
            setup.trainer, state = found
            print(f"Resuming {run.path} at step {state['step']}.")
        clock = trainers.Clock(found[1]["seconds"] if found else 0.0)
    trained = _fit(setup, run, checkpoints, clock, verbose, callbacks)
    _finish(setup, run, trained or not run.synthesizer.exists())
    return run.path


def _prepare(config, verbose):
    precision = trainers.choose_precision(config.precision)
    dataset = registry.build(config.data.dataset)
    trainer = registry.build(config.trainer)
    schedule = registry.build(config.schedule)
    check_size(trainer, config.data.size)
    if dataset.label_set.num_classes != trainer.conditioning.num_classes:
        raise ConfigError(
            f"The data has {dataset.label_set.num_classes} classes, void ones included; "
            f"`trainer.conditioning.num_classes` is {trainer.conditioning.num_classes}."
        )
    trainer.compile(registry.build(config.optimizers))
    if config.evaluation:
        registry.build(config.evaluation)
    splits = {name: dataset.split(name) for name in ("train", *dataset.split_names)}
    if "evaluate" in config.train.then and "test" not in splits:
        raise ConfigError(
            "`train.then` asks for `evaluate`, and the data has no test split. Leave it out, or "
            "name one."
        )
    for split in splits.values():
        split.check(progress=verbose, max_instances=config.data.max_instances)
    # Data without a split shows the pictures of another on its sheets.
    splits.setdefault("validation", splits.get("test", splits["train"]))
    splits.setdefault("test", splits["validation"])
    return Setup(config, dataset, schedule, trainer, trainer.learning_rates, splits, precision)


def check_size(trainer, size):
    """Raises `ConfigError` if the networks cannot take pictures of a size; names a good one."""
    height, width = size
    multiple = trainer.generator.size_multiple
    minimum = max(trainer.generator.minimum_size, trainer.discriminator.minimum_size)
    good = tuple(max(n, minimum) for n in pipeline.nearest_size(height, width, multiple))
    if (height, width) != good:
        raise ConfigError(
            f"`data.size` [{height}, {width}] does not fit the networks: height and width must "
            f"be multiples of {multiple}, at least {minimum}. Nearest good size: {list(good)}."
        )


def _claim(run, setup):
    """Makes the folder, and finds out now whether the disk can hold the run."""
    networks = [n for player in setup.trainer.players.values() for n in player]
    one = CHECKPOINT_BYTES_PER_PARAMETER * sum(n.count_params() for n in networks)
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        write_text(run.config, setup.config.to_yaml())
    except OSError as error:
        raise OSError(f"The run folder {run.path} cannot be written: {error}.") from error
    require_space(run.path, one * (setup.config.train.keep_checkpoints + 1))


def _fit(setup, run, checkpoints, clock, verbose, more_callbacks):
    """Trains until the schedule or the budget ends; returns whether it took a step."""
    config, trainer = setup.config, setup.trainer
    train_split = setup.splits["train"]
    per_epoch = config.train.steps_per_epoch or pipeline.steps_per_epoch(
        train_split, config.train.batch_size
    )
    epochs, first = setup.schedule.epochs, trainer.step
    bar = trainers.ProgressBar(
        per_epoch * epochs, config.train.batch_size, clock, config.train.minutes
    )
    stop = trainers.StopBetweenSteps()
    callbacks = [
        trainers.NonFiniteGuard(),
        trainers.LearningRateByProgress(setup.schedule, setup.rates, clock, config.train.minutes),
        *_reporters(setup, run),
        *more_callbacks,
        trainers.SaveCheckpoint(checkpoints, clock),
        stop,
        *([bar] if verbose else []),
    ]
    validation = _validation_batches(setup)
    try:
        with pipeline.surface_data_errors():
            # A run that was stopped within an epoch ends that epoch first.
            for start, end in _whole_epochs(first, per_epoch, epochs):
                if _budget_spent(config, clock):
                    break
                trainer.fit(
                    _training_batches(setup, start),
                    validation_data=validation,
                    initial_epoch=start // per_epoch,
                    epochs=-(-end // per_epoch),
                    steps_per_epoch=min(per_epoch, end - start),
                    callbacks=callbacks,
                    verbose=0,
                )
    except KeyboardInterrupt:
        checkpoints.save(trainer, seconds=clock.seconds)
        raise
    finally:
        stop.release()
        bar.close()
    return trainer.step > first


def _whole_epochs(step, per_epoch, epochs):
    """Yields (first step, last step + 1): the rest of a broken epoch, then all whole ones."""
    total = per_epoch * epochs
    if step % per_epoch:
        end = -(-step // per_epoch) * per_epoch
        yield step, end
        step = end
    if step < total:
        yield step, total


def _budget_spent(config, clock):
    return config.train.minutes is not None and clock.seconds >= 60 * config.train.minutes


def _training_batches(setup, start_step):
    settings = setup.config.data
    return pipeline.batches(
        setup.splits["train"],
        batch_size=setup.config.train.batch_size,
        size=settings.size,
        seed=setup.config.seed,
        start_step=start_step,
        load_size=settings.load_size,
        flip=settings.flip,
        max_instances=settings.max_instances,
    )


def _validation_batches(setup):
    settings, train = setup.config.data, setup.config.train
    steps = min(train.validation_examples, len(setup.splits["validation"])) // train.batch_size
    if steps == 0:
        return None
    return pipeline.batches(
        setup.splits["validation"],
        batch_size=train.batch_size,
        size=settings.size,
        steps=steps,
        training=False,
        drop_remainder=True,
        max_instances=settings.max_instances,
    )


def _reporters(setup, run):
    config, trainer = setup.config, setup.trainer
    synthesizer = Synthesizer(trainer.generator, trainer.conditioning, setup.dataset.label_set)
    rows = list(_samples(setup, "validation"))

    def draw():
        return _sheet(synthesizer, rows)

    return [
        keras.callbacks.TensorBoard(run.logs, write_graph=False, profile_batch=0),
        trainers.SampleSheets(
            draw, sheets.write_sheet, run.samples, run.logs / "samples", config.train.sample_every
        ),
    ]


def _samples(setup, split):
    data, rows = setup.config.data, setup.config.train.sample_rows
    return Examples(setup.splits[split], data.size, data.max_instances, rows)


def _sheet(synthesizer, examples):
    rows = [
        (e["labels"], synthesizer.synthesize(e["labels"], e["instances"]), e["image"])
        for e in examples
    ]
    return sheets.sheet(rows, synthesizer.label_set)


def _finish(setup, run, renew):
    """Writes what a finished run leaves behind; keeps what is there unless told to renew."""
    config = setup.config
    if renew:
        provenance = {
            "config": config.to_dict(),
            "steps": setup.trainer.step,
            "precision": setup.precision,
        }
        trained = Synthesizer(
            setup.trainer.generator,
            setup.trainer.conditioning,
            setup.dataset.label_set,
            provenance,
        )
        replace_file(run.synthesizer, trained.save)
    # What ships is what is shown and scored: float32, read back from the file.
    keras.config.set_dtype_policy("float32")
    synthesizer = load_synthesizer(run.synthesizer)
    if renew or not run.sheet.exists():
        examples = _samples(setup, "test")
        sheets.write_sheet(run.sheet, _sheet(synthesizer, examples))
    if "export" in config.train.then and (renew or not run.export.exists()):
        shutil.rmtree(run.export, ignore_errors=True)
        exporters.export(synthesizer, run.export)
    if "evaluate" in config.train.then and (renew or not run.metrics.exists()):
        evaluate(run.path)


def describe(config):
    """Tells what a run would cost, before any training.

    Args:
        config: A `Config`.

    Returns:
        A text: parameters, multiply-accumulates and activations of each network for one
        picture of the config's size, and an estimate of the memory of a training step.

    Raises:
        ValueError: If the config cannot be built, or the networks cannot take its size.
    """
    trainer = registry.build(config.trainer)
    check_size(trainer, config.data.size)
    height, width = config.data.size
    networks = {"generator": trainer.generator, "discriminator": trainer.discriminator}
    costs = {role: cost.network_cost(n, height, width) for role, n in networks.items()}
    lines = [
        f"{config.name}: {height} x {width} pixels, {trainer.conditioning.channels} condition "
        "channels",
        f"{'network':40} {'parameters':>12} {'GMAC':>8} {'activations':>12}",
    ]
    for role, network in networks.items():
        c = costs[role]
        lines.append(
            f"{role + ' ' + type(network).__name__:40} {c.parameters:12,} {c.macs / 1e9:8.2f} "
            f"{c.activation_values:12,}"
        )
    batch = config.train.batch_size
    for name, size in (("float32", 4), ("mixed_bfloat16", 2)):
        needed = cost.training_bytes(costs, batch, size, PASSES)
        lines.append(f"training, batch {batch}, {name}: about {needed / 2**30:.2f} GiB")
    lines.append(
        "GMAC: 1e9 multiply-accumulates, one forward pass, one picture. The memory is an upper "
        "estimate:\nweights, gradients and Adam's moments, and every layer's output of each pass."
    )
    return "\n".join(lines)

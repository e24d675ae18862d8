"""A run from its config to its pictures: train, evaluate, synthesize, export, describe.

Read this file first. What is checked before is in `preparation`, what a run leaves behind
in `RunFolder`.
"""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
from tqdm import tqdm

from tfsynth import cost, exporters, registry, sheets, styles, trainers
from tfsynth.config import ConfigError
from tfsynth.data import pipeline, write_instance_map, write_label_map, write_photo
from tfsynth.data.examples import Examples
from tfsynth.deployment import export as export
from tfsynth.deployment import load_synthesizer as load_synthesizer
from tfsynth.deployment import synthesize as synthesize
from tfsynth.evaluation import evaluate as evaluate
from tfsynth.evaluation import own_config
from tfsynth.files import replace_file
from tfsynth.preparation import check_size, claimed, prepare
from tfsynth.run_folder import RunFolder
from tfsynth.synthesizer import Synthesizer

# Forward passes in a training step: the discriminator sees real and fake.
PASSES = {"generator": 1, "discriminator": 2, "encoder": 1}


def train(config, run_dir, *, device=None, strategy=None, verbose=True, callbacks=()):
    """Trains what a config describes, or goes on where the run in the folder stopped.

    Everything that can be checked is checked before the folder is made: settings,
    every file of the data, the size against the networks, the room on the disk.

    Args:
        config: A `Config`.
        run_dir: Folder of the run.
        device: See `trainers.choose_devices`.
        strategy: A `tf.distribute.Strategy` of the caller's to train under; `device` is
            then not looked at.
        verbose: Whether to show progress.
        callbacks: Further Keras callbacks.

    Returns:
        The run folder's path.

    Raises:
        ValueError: If settings or data break a rule, or a loss or weight became NaN or
            infinite.
        FileExistsError: If the folder holds another run.
        BlockingIOError: If another process trains in it.
        OSError: If the folder cannot be written.
        KeyboardInterrupt: On Ctrl-C, after the state was saved; on a second one, at once.
    """
    run = RunFolder(Path(run_dir))
    run.refuse_other_config(config)
    if strategy is None:
        strategy = trainers.choose_devices(device, config.train.batch_size)
    keras.utils.set_random_seed(config.seed)
    with trainers.scope_of(strategy):
        setup = prepare(config, strategy.num_replicas_in_sync if strategy else 1, verbose)
    with claimed(run, setup):
        checkpoints = trainers.Checkpoints(run.checkpoints, config.train.keep_checkpoints)
        with trainers.scope_of(strategy):
            found = checkpoints.latest()
        if found:
            setup.trainer, state = found
            print(f"Resuming {run.path} at step {state['step']}.")
        clock = trainers.Clock(found[1]["seconds"] if found else 0.0)
        trained = _fit(setup, run, checkpoints, clock, verbose, callbacks)
        _finish(setup, run, trained or not run.synthesizer.exists(), verbose)
    return run.path


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
                # A new run takes one step, however small its budget: something to look at.
                if trainer.step > 0 and _budget_spent(config, clock):
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
                if trainer.stop_training:
                    break
        stop.stop_if_asked()
    except KeyboardInterrupt:
        if not stop.at_once:
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
    split = setup.splits.get("validation", ())
    steps = min(train.validation_examples, len(split)) // train.batch_size
    if steps == 0:
        return None
    return pipeline.batches(
        split,
        batch_size=train.batch_size,
        size=settings.size,
        steps=steps,
        training=False,
        drop_remainder=True,
        max_instances=settings.max_instances,
    )


def _reporters(setup, run):
    config = setup.config
    synthesizer = _synthesizer(setup)
    rows = list(_samples(setup, "validation", f"the sheets in {run.samples} show"))

    def draw():
        return _sheet(synthesizer, rows)

    return [
        keras.callbacks.TensorBoard(run.logs, write_graph=False, profile_batch=0),
        trainers.SampleSheets(
            draw, sheets.write_sheet, run.samples, run.logs / "samples", config.train.sample_every
        ),
    ]


def _samples(setup, wanted, what):
    """Returns the first examples of a split; of another, saying so, if the data has no such."""
    data, rows = setup.config.data, setup.config.train.sample_rows
    name = setup.shown_split(wanted)
    if name != wanted:
        print(f"The data has no {wanted} split: {what} the {name} split.")
    return Examples(setup.splits[name], data.size, data.max_instances, rows)


def _synthesizer(setup, **more):
    trainer = setup.trainer
    return Synthesizer(
        trainer.generator,
        trainer.conditioning,
        setup.dataset.label_set,
        encoder=trainer.encoder,
        encoder_regions=trainer.encoder_regions,
        encoder_reduction=trainer.encoder_reduction,
        **more,
    )


def _sheet(synthesizer, examples):
    """Draws condition | synthesised | real; with an encoder, in the style of the real one."""
    rows, name = [], synthesizer.conditioning.condition_name
    for example in examples:
        condition, instances, image = (example[k] for k in (name, "instances", "image"))
        looks = synthesizer.encoder and synthesizer.encode(image, instances, example.get("labels"))
        rows.append((condition, synthesizer.synthesize(condition, instances, looks), image))
    return sheets.sheet(rows, synthesizer.label_set, (name, "synthesised", "real"))


def _finish(setup, run, renew, verbose):
    """Writes what a finished run leaves behind; keeps what is there unless told to renew."""
    config = setup.config
    if renew:
        provenance = {
            "config": config.to_dict(),
            "steps": setup.trainer.step,
            "precision": setup.precision,
        }
        trained = _synthesizer(setup, provenance=provenance)
        if trained.encoder is not None:
            data = config.data
            examples = Examples(setup.splits["train"], data.size, data.max_instances)
            bar = tqdm(examples, "collecting styles", unit="image", disable=not verbose)
            trained.styles = styles.collect(trained, bar, seed=config.seed)
        replace_file(run.synthesizer, trained.save)
    # What ships is what is shown and scored: float32, read back from the file.
    keras.config.set_dtype_policy("float32")
    synthesizer = load_synthesizer(run.synthesizer)
    examples = _samples(setup, "test", f"{run.sheet} and {run.layouts} show")
    if renew or not run.sheet.exists():
        sheets.write_sheet(run.sheet, _sheet(synthesizer, examples))
    _write_layouts(run, examples, synthesizer, renew)
    if "export" in config.train.then and (renew or not run.export.exists()):
        shutil.rmtree(run.export, ignore_errors=True)
        exporters.export(synthesizer, run.export)
    if "evaluate" in config.train.then and (renew or not run.metrics.exists()):
        evaluate(run.path, verbose=verbose)


def _write_layouts(run, examples, synthesizer, renew):
    """Writes conditions and instance maps of examples: something to synthesise from at once."""
    name = synthesizer.conditioning.condition_name
    writers: dict[str, Callable[..., None]] = {name: write_photo}
    if synthesizer.label_set is not None:
        writers[name] = functools.partial(write_label_map, label_set=synthesizer.label_set)
    # Label maps always have some: those of the data, or their own classes.
    if synthesizer.label_set or "instances" in synthesizer.input_names:
        writers["instances"] = write_instance_map
    names = [f"{stem}.png" for stem in examples.split.stems[: len(examples)]]
    for kind, write in writers.items():
        folder = run.layouts / kind
        folder.mkdir(parents=True, exist_ok=True)
        if renew or not all((folder / file).exists() for file in names):
            for file, example in zip(names, examples, strict=True):
                replace_file(folder / file, lambda path, w=write, a=example[kind]: w(path, a))


def cluster_styles(
    model_path, *, config=None, split="train", output=None, verbose=True, **settings
):
    """Takes the styles of a data set's objects into a trained synthesizer, anew.

    Args:
        model_path: A run folder, or a `.keras` file together with `config`.
        config: A `Config` that names the data; `None` for the run folder's.
        split: Name of the split.
        output: The `.keras` file to write; `None` replaces the model's own.
        verbose: Whether to show progress.
        **settings: `clusters`, `minimum_area` and `seed`; see `styles.cluster`.

    Returns:
        The path written and the `Synthesizer`.

    Raises:
        ValueError: If the model has no encoder, or data and model do not fit.
        FileNotFoundError: If there is no such model, or no folder for the output.
    """
    path = Path(model_path)
    synthesizer = load_synthesizer(path)
    target = Path(output or (RunFolder(path).synthesizer if path.is_dir() else path))
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"There is no folder {target.parent} for the model. Make it first.")
    styles.require_scikit_learn()
    config = config or own_config(path)
    dataset = registry.build(config.data.dataset)
    if dataset.label_set != synthesizer.label_set:
        raise ConfigError(f"{model_path} was trained with other classes than the data's.")
    examples = Examples(dataset.split(split), config.data.size, config.data.max_instances)
    bar = tqdm(examples, "collecting styles", unit="image", disable=not verbose)
    synthesizer.styles = styles.collect(synthesizer, bar, **settings)
    replace_file(target, synthesizer.save)
    return target, synthesizer


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
    if trainer.encoder is not None:
        networks["encoder"] = trainer.encoder
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

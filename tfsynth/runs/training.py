"""The training of a run: phase after phase, from the state in its folder."""

import dataclasses
import sys

from tqdm import tqdm

from tfsynth import data, sheets, trainers
from tfsynth.runs.feature_network import same_features, start_from, train_features
from tfsynth.runs.parts import build_trainer
from tfsynth.runs.results import draw_sheet, first_examples, synthesizer_of
from tfsynth.runs.signals import FEWEST_PICTURES, SignalLogs, SignalProbe


def train_phases(setup, run, strategy=None, verbose=True, callbacks=()):
    """Trains the rest of a run; its trainer is then `setup.trainer`.

    Args:
        setup: A `Setup`; its trainer is replaced by that of the current phase.
        run: The `RunFolder`.
        strategy: The `tf.distribute.Strategy`, or `None`.
        verbose: Whether to show progress.
        callbacks: Further Keras callbacks.

    Returns:
        Whether a step was taken.

    Raises:
        NotFiniteError: If a loss or weight became NaN or infinite.
        KeyboardInterrupt: On Ctrl-C, after the state was saved; on a second one, at once.
        Exception: Any other one too, after the state was saved, where all weights agree.
    """
    folders = [dataclasses.replace(run, phase=phase.name) for phase in setup.phases]
    stores = run.stores(setup.config)
    at = max((i for i, store in enumerate(stores) if store.exist()), default=0)
    trained = False
    for i in range(at, len(stores)):
        seconds = 0.0
        if found := _latest(stores[i], strategy):
            setup.trainer, state = found
            stores[i].tidy(state["step"])  # What a kill left unlisted, or had not removed yet.
            seconds = state.get("seconds", 0.0)
            phase = f", phase {run_phase}," if (run_phase := folders[i].phase) else ""
            print(f"Resuming {run.path}{phase} at step {state['step']}.")
        else:
            before = setup.trainer.game.features if i > 0 else None
            if i > 0:
                setup.trainer = _next_trainer(setup.trainer, setup.phases[i], strategy)
            took = train_features(setup, verbose)
            # Part of the budget, also where another run has trained them; of the first phase that
            # has them only.
            seconds = 0.0 if same_features(before, setup.trainer.game.features) else took
        clock = trainers.Clock(seconds)
        took = _fit(setup, setup.phases[i], folders[i], stores[i], clock, verbose, callbacks)
        trained = trained or took
    return trained


def _latest(store, strategy):
    with trainers.scope_of(strategy):
        found = store.latest()
    if found:
        found[0].mark_agreement()  # It was saved in that state.
    return found


def _next_trainer(before, phase, strategy):
    """Returns the trainer of a phase, with what it takes over from the one before."""
    with trainers.scope_of(strategy):
        trainer = build_trainer(phase.config)
    start_from(trainer, before.networks, phase.config.init_except)
    trainers.transfer_optimizers(before, trainer)
    trainer.mark_agreement()
    return trainer


def _fit(setup, phase, run, checkpoints, clock, verbose, more_callbacks):
    """Trains until the schedule or the budget ends; returns whether it took a step."""
    config, trainer = phase.config, setup.trainer
    train_split = setup.splits["train"]
    per_epoch = config.train.steps_per_epoch or data.steps_per_epoch(
        train_split, config.train.batch_size
    )
    epochs, first = phase.schedule.epochs, trainer.step
    bar = trainers.ProgressBar(
        per_epoch * epochs, config.train.batch_size, clock, config.train.minutes, trainer.game.shown
    )
    stop = trainers.StopBetweenSteps()
    save = trainers.SaveCheckpoint(checkpoints, clock, data=setup.dataset.inventory)
    callbacks = [
        trainers.NonFiniteGuard(),
        clock,
        trainers.LearningRateByProgress(phase.schedule, phase.rates, clock, config.train.minutes),
        *_reestimation(config, per_epoch),
        *_reporters(setup, phase.config, run, verbose),
        *more_callbacks,
        save,
        stop,
        *([bar] if verbose else []),
    ]
    validation = _validation_batches(setup, config)
    try:
        with data.surface_data_errors():
            # A run that was stopped within an epoch ends that epoch first.
            for start, end in _whole_epochs(first, per_epoch, epochs):
                # A new run takes one step, however small its budget: there is then a result.
                if trainer.step > 0 and _budget_spent(config, clock):
                    break
                run.unfinished.touch()
                trainer.fit(
                    _training_batches(setup, config, start),
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
            save.save(trainer)
        raise
    except trainers.NotFiniteError:
        raise
    except Exception:
        if save.save_after_error(trainer):
            print(f"\nThe state of step {trainer.step} was saved.", file=sys.stderr)
        raise
    finally:
        stop.release()
        bar.close()
    return trainer.step > first


def _reestimation(config, per_epoch):
    epoch = config.train.reestimate_epoch
    return [] if epoch is None else [trainers.ReestimateLayerWeights(epoch, per_epoch)]


def _whole_epochs(step, per_epoch, epochs):
    """Yields (first step, last step + 1): the rest of an interrupted epoch, then all whole ones."""
    total = per_epoch * epochs
    if step % per_epoch:
        end = -(-step // per_epoch) * per_epoch
        yield step, end
        step = end
    if step < total:
        yield step, total


def _budget_spent(config, clock):
    return config.train.minutes is not None and clock.seconds >= 60 * config.train.minutes


def _training_batches(setup, config, start_step):
    settings = config.data
    return data.batches(
        setup.splits["train"],
        batch_size=config.train.batch_size,
        size=settings.size,
        seed=config.seed,
        start_step=start_step,
        load_size=settings.load_size,
        keep_aspect=settings.keep_aspect,
        flip=settings.flip,
        max_instances=settings.max_instances,
        label_warp=settings.label_warp,
    )


def _validation_batches(setup, config):
    settings, train = config.data, config.train
    split = setup.splits.get("validation", ())
    steps = min(train.validation_examples, len(split)) // train.batch_size
    if steps == 0:
        return None
    return data.batches(
        split,
        batch_size=train.batch_size,
        size=settings.size,
        steps=steps,
        training=False,
        drop_remainder=True,
        max_instances=settings.max_instances,
    )


def _reporters(setup, config, run, verbose):
    synthesizer = synthesizer_of(setup)
    rows = list(first_examples(setup, config, "validation", f"the sheets in {run.samples} show"))

    def draw():
        return draw_sheet(synthesizer, rows)

    return [
        trainers.TensorBoardLogs(run.logs),
        trainers.SampleSheets(
            draw, sheets.write_sheet, run.samples, run.logs / "samples", config.train.sample_every
        ),
        _signals(setup, config, run, verbose),
    ]


def _signals(setup, config, run, verbose):
    settings, train = config.data, config.train
    probe = SignalProbe(
        setup.trainer,
        setup.splits[setup.shown_split("validation")],
        setup.splits["train"],
        settings.size,
        train.batch_size,
        settings.max_instances,
    )
    say = tqdm.write if verbose and len(probe.held_out) >= FEWEST_PICTURES else None
    return SignalLogs(probe, run.logs, train.sample_every, say)

"""Keras callbacks for games of several players."""

import contextlib
import signal
import threading
import time
from typing import Any

import keras
from tqdm import tqdm

from tfsynth.trainers.logs import write_image

# The first step of a process traces and compiles. How long the step itself took is not known: it
# counts as the least that a step takes.
_SHORTEST_STEP = 0.001


class Clock(keras.callbacks.Callback):
    """The wall time of a run's training steps, over all its interruptions.

    From step to step within an epoch, the wait for data included. Start-up, tracing, validation,
    sample sheets and checkpoints do not count, so that a budget buys the same training however
    often a run is interrupted. It goes before the callbacks that ask it for the time.

    Args:
        before: Seconds that earlier parts of the run took.
    """

    def __init__(self, before=0.0):
        super().__init__()
        self.seconds = before
        self._since: float | None = None
        self._traced = False

    def on_epoch_begin(self, epoch, logs=None):
        self._since = None

    def on_train_batch_begin(self, batch, logs=None):
        if self._since is None:
            self._since = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        self.seconds += now - (self._since or now) if self._traced else _SHORTEST_STEP
        self._since, self._traced = now, True


class LearningRateByProgress(keras.callbacks.Callback):
    """Sets each player's learning rate at the start of each epoch: its own times the schedule's.

    With a budget of minutes the schedule advances faster, in proportion to the elapsed
    time, and training stops at the end of the budget.

    Args:
        schedule: Callable epochs done (float) -> factor 0..1; `epochs` in all.
        rates: Dict of player -> its rate at factor 1. (A resumed trainer holds the
            rates of the epoch in which it was saved.)
        clock: The run's `Clock`.
        minutes: Budget of the clock's time, or `None`.
    """

    def __init__(self, schedule, rates, clock, minutes=None):
        super().__init__()
        self.schedule = schedule
        self.rates = rates
        self.clock = clock
        self.minutes = minutes

    def on_epoch_begin(self, epoch, logs=None):
        factor = self.schedule(self._position(epoch))
        for player, rate in self.rates.items():
            self.model.player_optimizers[player].learning_rate = rate * factor

    def on_epoch_end(self, epoch, logs=None):
        rates = self.model.learning_rates
        if logs is not None:
            logs.update({f"{player}_learning_rate": rate for player, rate in rates.items()})

    def on_train_batch_end(self, batch, logs=None):
        if self.minutes is not None and self.clock.seconds >= 60 * self.minutes:
            self.model.stop_training = True

    def _position(self, epoch):
        if self.minutes is None:
            return epoch
        return max(epoch, self.clock.seconds / (60 * self.minutes) * self.schedule.epochs)


class ProgressBar(keras.callbacks.Callback):
    """One bar for the whole run: losses, pictures per second, time left.

    Args:
        total_steps: Steps of the whole run.
        batch_size: Pictures in a step.
        clock: The run's `Clock`.
        minutes: Budget of wall time, or `None`; with one, the bar shows how much is used.
        names: Log keys to show.
    """

    def __init__(self, total_steps, batch_size, clock, minutes=None, names=None):
        super().__init__()
        self.total_steps = total_steps
        self.batch_size = batch_size
        self.clock = clock
        self.minutes = minutes
        self.names = names
        self._bar: Any = None  # From the first step on, a `tqdm`.
        self._shown = 0.0
        self._logs: dict[str, Any] = {}

    def on_train_begin(self, logs=None):
        if self._bar is not None:
            return  # A resumed run calls `fit` twice: the rest of an epoch, then whole ones.
        self._first = self.model.step
        self._start = time.monotonic()
        form = "{desc} {percentage:3.0f}%|{bar:20}| {text}"
        self._bar = _TextBar(total=1.0, desc="training", bar_format=form)

    def on_train_batch_end(self, batch, logs=None):
        self._logs = logs or {}
        now = time.monotonic()
        if now - self._shown >= 0.5:  # Reading the losses more often costs more than it tells.
            self._shown = now
            self._show()

    def close(self):
        """Leaves the bar on the screen; call it also if training failed."""
        if self._bar is not None:
            if self.model.step > self._first:
                self._show()
            self._bar.close()
            self._bar = None

    def _show(self):
        step = self.model.step
        rate = (step - self._first) / (time.monotonic() - self._start)
        done, left = step / self.total_steps, (self.total_steps - step) / rate
        steps = f"{step:,} of {self.total_steps:,} steps"
        if self.minutes is not None:
            budget = 60 * self.minutes
            done = max(done, self.clock.seconds / budget)
            left = min(left, max(0.0, budget - self.clock.seconds))
            steps = f"{step:,} steps"
        shown = self.names or list(self._logs)
        losses = " ".join(
            f"{name} {float(self._logs[name]):.3f}" for name in shown if name in self._logs
        )
        self._bar.n = min(1.0, done)
        self._bar.text = (
            f"{steps} | {losses} | {rate * self.batch_size:.1f} images/s | "
            f"{tqdm.format_interval(left)} left"
        )
        self._bar.refresh()


class _TextBar(tqdm):
    """A bar with a text of its own; tqdm's postfix begins with a comma."""

    text = ""

    @property
    def format_dict(self):
        return {**super().format_dict, "text": self.text}


class StopBetweenSteps(keras.callbacks.Callback):
    """Turns Ctrl-C, SIGTERM and SIGHUP into a stop between two steps, where all weights agree.

    After the last step of an epoch, validation, sheet and checkpoint are finished first. A second
    signal stops at once; `at_once` then says that the state is not to be saved. A signal that the
    process ignores, as SIGHUP under `nohup`, stays ignored.

    Raises:
        KeyboardInterrupt: At the end of the step or epoch in which the signal came. Its
            `signal_number` is that of the signal.
    """

    _SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP.

    def __init__(self):
        super().__init__()
        self.at_once = False
        self._asked = None
        self._before = {}

    def on_train_begin(self, logs=None):
        if self._before or threading.current_thread() is not threading.main_thread():
            return  # Python takes signals in the main thread only.
        for number in [getattr(signal, name) for name in self._SIGNALS if hasattr(signal, name)]:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)

    def on_train_batch_end(self, batch, logs=None):
        self.stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self.stop_if_asked()

    def stop_if_asked(self):
        """Raises `KeyboardInterrupt` if the signal came; call it once more after `fit`."""
        if self._asked is not None:
            raise _interruption(self._asked)

    def release(self):
        """Restores the signal handlers; call it also if training failed."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _ask(self, number, frame):
        self.at_once = self._asked is not None
        self._asked = number
        if self.at_once:
            raise _interruption(number)


def _interruption(number):
    interruption: Any = KeyboardInterrupt()
    interruption.signal_number = number
    return interruption


class SaveCheckpoint(keras.callbacks.Callback):
    """Saves the trainer after each epoch.

    Args:
        checkpoints: A `Checkpoints`.
        clock: The run's `Clock`; its seconds are stored with each checkpoint.
        **state: Plain numbers and strings that are stored too.
    """

    def __init__(self, checkpoints, clock, **state):
        super().__init__()
        self.checkpoints = checkpoints
        self.clock = clock
        self.state = state

    def on_epoch_end(self, epoch, logs=None):
        self.save(self.model)

    def save(self, trainer):
        """Saves a trainer as it is."""
        self.checkpoints.save(trainer, seconds=self.clock.seconds, **self.state)

    def save_after_error(self, trainer):
        """Saves a trainer if it has taken steps and no error broke into one.

        Returns:
            Whether there is a checkpoint of its last step.
        """
        # The error is what the caller hears of. Where it is a full disk, saving fails too.
        with contextlib.suppress(Exception):
            newest = self.checkpoints.newest()
            if trainer.agrees and trainer.step > (newest["step"] if newest else 0):
                self.save(trainer)
                return True
        return False


class SampleSheets(keras.callbacks.Callback):
    """Draws the same layouts after every few epochs, as a file and in TensorBoard.

    Args:
        draw: Callable without arguments -> uint8 picture (height, width, 3).
        write: Callable (path, picture) that writes a PNG.
        folder: Folder of the sheets, named by step.
        log_folder: Folder of TensorBoard's images.
        every: Epochs between two sheets.
    """

    def __init__(self, draw, write, folder, log_folder, every=1):
        super().__init__()
        self.draw = draw
        self.write = write
        self.folder = folder
        self.every = every
        self.log_folder = log_folder

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        picture = self.draw()
        step = self.model.step
        path = self.folder / f"step-{step:07d}.png"
        self.write(path, picture)
        write_image(self.log_folder, "samples", path.read_bytes(), picture.shape[:2], step)

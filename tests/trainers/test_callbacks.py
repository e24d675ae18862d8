import os
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trainers import games
from tfsynth.sheets import write_sheet
from tfsynth.trainers import (
    Clock,
    ConstantThenLinearDecay,
    LearningRateByProgress,
    ProgressBar,
    SampleSheets,
    StopBetweenSteps,
    TensorBoardLogs,
)


def events(folder):
    """Yields the events of all files of TensorBoard below a folder."""
    for file in sorted(folder.rglob("events*")):
        for record in tf.data.TFRecordDataset(str(file)):
            yield tf.compat.v1.Event.FromString(record.numpy())


def rates(trainer):
    return [float(o.learning_rate) for o in trainer.player_optimizers.values()]


def test_keras_learning_rate_scheduler_reaches_every_player():
    trainer = games.trainer()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e-3 / (epoch + 1))
    trainer.fit(games.data(1), epochs=2, callbacks=[schedule], verbose=0)
    assert rates(trainer) == pytest.approx([5e-4, 5e-4])


def test_keras_model_checkpoint_keeps_the_best_validation_score(tmp_path):
    trainer = games.trainer(learning_rate=2e-3)
    path = tmp_path / "best.keras"
    best = keras.callbacks.ModelCheckpoint(path, "val_l1", save_best_only=True, mode="min")
    history = trainer.fit(
        games.data(4), validation_data=games.data(2), epochs=4, callbacks=[best], verbose=0
    ).history
    loaded = keras.saving.load_model(path)
    score = loaded.evaluate(games.data(2), verbose=0, return_dict=True)["l1"]
    assert score == pytest.approx(min(history["val_l1"]), rel=1e-6)


def test_keras_tensorboard_writes_scalars(tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, write_graph=False)
    games.trainer().fit(games.data(1), callbacks=[board], verbose=0)
    tags = {value.tag for event in events(tmp_path) for value in event.summary.value}
    assert {"epoch_generator_loss", "epoch_discriminator_loss"} <= tags


def test_logs_without_tensorflow_are_those_of_keras(tmp_path):
    """The same tags in the same folders, and the numbers of `fit`'s history."""
    board = keras.callbacks.TensorBoard(tmp_path / "keras", write_graph=False)
    own = TensorBoardLogs(tmp_path / "own")
    history = games.trainer().fit(
        games.data(1), validation_data=games.data(1), epochs=2, callbacks=[board, own], verbose=0
    )
    found = {}
    for name in ("keras", "own"):
        for kind in ("train", "validation"):
            for event in events(tmp_path / name / kind):
                for value in event.summary.value:
                    if value.tag.startswith("epoch_"):
                        number = float(tf.make_ndarray(value.tensor))
                        found[name, kind, value.tag, event.step] = number
    own = {key[1:]: value for key, value in found.items() if key[0] == "own"}
    keras_own = {key[1:]: value for key, value in found.items() if key[0] == "keras"}
    assert own == {k: v for k, v in keras_own.items() if k[1] != "epoch_learning_rate"}
    assert own["train", "epoch_l1", 1] == pytest.approx(history.history["l1"][1])
    assert own["validation", "epoch_l1", 0] == pytest.approx(history.history["val_l1"][0])


def test_the_clock_counts_training_steps_alone():
    clock = Clock(10.0)
    clock.on_epoch_begin(0)
    clock.on_train_batch_begin(0)
    time.sleep(0.2)  # Tracing.
    clock.on_train_batch_end(0)
    assert clock.seconds == pytest.approx(10.001)
    time.sleep(0.1)  # The wait for data.
    clock.on_train_batch_begin(1)
    time.sleep(0.1)
    clock.on_train_batch_end(1)
    counted = clock.seconds
    assert 10.2 <= counted < 10.35
    time.sleep(0.2)  # Validation, sheets, checkpoint.
    clock.on_epoch_begin(1)
    clock.on_train_batch_begin(0)
    clock.on_train_batch_end(0)
    assert clock.seconds < counted + 0.1


RATES = {"generator": 1e-3, "discriminator": 1e-4}


def test_each_player_has_its_own_rate_times_the_schedule():
    trainer = games.trainer()
    callback = LearningRateByProgress(ConstantThenLinearDecay(1, 2), RATES, Clock())
    history = trainer.fit(games.data(1), epochs=3, callbacks=[callback], verbose=0).history
    assert history["generator_learning_rate"] == pytest.approx([1e-3, 1e-3, 5e-4])
    assert history["discriminator_learning_rate"] == pytest.approx([1e-4, 1e-4, 5e-5])


def test_a_budget_shortens_the_schedule_and_ends_the_run():
    trainer = games.trainer()
    schedule = ConstantThenLinearDecay(constant_epochs=2, decay_epochs=2)
    # 45 s of a budget of 1 minute are gone: 3 of 4 epochs, so half of the decay.
    callback = LearningRateByProgress(schedule, RATES, Clock(45.0), minutes=1)
    trainer.fit(games.data(1), epochs=1, callbacks=[callback], verbose=0)
    assert rates(trainer) == pytest.approx([5e-4, 5e-5], rel=0.2)
    spent = LearningRateByProgress(schedule, RATES, Clock(61.0), minutes=1)
    trainer.fit(games.data(5), epochs=4, callbacks=[spent], verbose=0)
    assert trainer.step == 2


class PressCtrlC(keras.callbacks.Callback):
    """Presses Ctrl-C at one of Keras's events, `times` times."""

    def __init__(self, event, times=1):
        super().__init__()
        self.times = times
        setattr(self, event, self.press)

    def press(self, *arguments, **keywords):
        for _ in range(self.times):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def stop():
    before = signal.getsignal(signal.SIGINT)
    callback = StopBetweenSteps()
    yield callback
    callback.release()
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_stops_between_steps(stop):
    trainer = games.trainer()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(games.data(5), callbacks=[PressCtrlC("on_train_batch_begin"), stop], verbose=0)
    assert trainer.step == 1
    assert not stop.at_once


@pytest.mark.parametrize("event", ["on_test_begin", "on_epoch_end"])
def test_ctrl_c_after_the_last_step_is_not_lost(stop, event):
    trainer = games.trainer()
    data = {"x": games.data(2), "validation_data": games.data(1)}
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(**data, callbacks=[PressCtrlC(event), stop], verbose=0)
    assert trainer.step == 2
    assert not stop.at_once


def test_ctrl_c_at_the_very_end_of_training_can_be_asked_for(stop):
    stop.stop_if_asked()
    games.trainer().fit(games.data(1), callbacks=[stop, PressCtrlC("on_train_end")], verbose=0)
    with pytest.raises(KeyboardInterrupt):
        stop.stop_if_asked()


def test_a_second_ctrl_c_stops_at_once(stop):
    trainer = games.trainer()
    twice = PressCtrlC("on_train_batch_begin", times=2)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(games.data(5), callbacks=[twice, stop], verbose=0)
    assert trainer.step == 0
    assert stop.at_once


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP.")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_other_signals_stop_between_steps_too(stop, name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    send = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: os.kill(os.getpid(), number)
    )
    trainer = games.trainer()
    with pytest.raises(KeyboardInterrupt) as stopped:
        trainer.fit(games.data(5), callbacks=[send, stop], verbose=0)
    assert (trainer.step, stopped.value.signal_number) == (1, number)
    stop.release()
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP.")
def test_under_nohup_the_end_of_the_terminal_stays_ignored(stop):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        games.trainer().fit(games.data(1), callbacks=[stop], verbose=0)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        stop.release()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_progress_bar_shows_losses_speed_and_time_left(capsys):
    bar = ProgressBar(total_steps=3, batch_size=4, clock=Clock())
    games.trainer().fit(games.data(3), callbacks=[bar], verbose=0)
    bar.close()
    shown = capsys.readouterr().err
    last = shown.split("\r")[-1]
    assert "training 100%" in last and "3 of 3 steps" in last and "00:00 left" in last
    assert "generator_loss" in last and "images/s" in last


def test_progress_bar_of_a_budget_shows_how_much_of_it_is_gone(capsys):
    bar = ProgressBar(total_steps=300, batch_size=4, clock=Clock(45.0), minutes=1)
    games.trainer().fit(games.data(3), callbacks=[bar], verbose=0)
    bar.close()
    last = capsys.readouterr().err.split("\r")[-1]
    # 45 seconds of 60 are gone, and those that the three steps took.
    assert 75 <= int(last.split("training")[1].split("%")[0]) < 100
    assert " 3 steps | " in last and "of 300" not in last


def test_sample_sheets_are_written_every_few_epochs(tmp_path):
    picture = np.arange(72, dtype="uint8").reshape(4, 6, 3)
    sheets = SampleSheets(lambda: picture, write_sheet, tmp_path, tmp_path / "logs", every=2)
    games.trainer().fit(games.data(1), epochs=5, callbacks=[sheets], verbose=0)
    written = sorted(tmp_path.glob("*.png"))
    assert [path.name for path in written] == ["step-0000002.png", "step-0000004.png"]
    logged = {
        event.step: event.summary.value[0].image.encoded_image_string
        for event in events(tmp_path / "logs")
        if event.summary.value
    }
    assert logged == {2: written[0].read_bytes(), 4: written[1].read_bytes()}

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trainers import games
from tfsynth.trainers import (
    Clock,
    ConstantThenLinearDecay,
    LearningRateByProgress,
    NonFiniteGuard,
    ProgressBar,
    SampleSheets,
    StopBetweenSteps,
)


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
    tags = {
        value.tag
        for file in tmp_path.rglob("events*")
        for record in tf.data.TFRecordDataset(str(file))
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value
    }
    assert {"epoch_generator_loss", "epoch_discriminator_loss"} <= tags


def test_a_loss_that_is_not_finite_ends_the_run_by_name():
    trainer = games.trainer()
    kernel = trainer.discriminator.get_layer("scale0_layer0_conv").kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(FloatingPointError, match="`adversarial` became nan in step 1"):
        trainer.fit(games.data(3), callbacks=[NonFiniteGuard()], verbose=0)


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


def test_ctrl_c_stops_between_steps_and_gives_the_signal_back():
    class PressCtrlC(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    trainer, stop = games.trainer(), StopBetweenSteps()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(games.data(5), callbacks=[PressCtrlC(), stop], verbose=0)
    assert trainer.step == 3
    stop.release()
    assert signal.getsignal(signal.SIGINT) is before


def test_progress_bar_shows_losses_speed_and_time_left(capsys):
    bar = ProgressBar(total_steps=3, batch_size=4, clock=Clock())
    games.trainer().fit(games.data(3), callbacks=[bar], verbose=0)
    bar.close()
    shown = capsys.readouterr().err
    assert "3/3 steps" in shown
    assert "generator_loss" in shown and "images/s" in shown and "left" in shown


def test_sample_sheets_are_written_every_few_epochs(tmp_path):
    written = {}
    picture = np.zeros((4, 6, 3), "uint8")
    sheets = SampleSheets(
        lambda: picture, written.__setitem__, tmp_path, tmp_path / "logs", every=2
    )
    games.trainer().fit(games.data(1), epochs=5, callbacks=[sheets], verbose=0)
    assert [path.name for path in written] == ["step-0000002.png", "step-0000004.png"]
    assert list((tmp_path / "logs").glob("events*"))

import keras
import numpy as np
import pytest

from tests.trainers import games
from tfsynth.trainers import Checkpoints, Clock, NonFiniteGuard, NotFiniteError, SaveCheckpoint


def spoil(variable, value=np.nan):
    variable.assign(np.full(variable.shape, value))


def first_kernel(trainer):
    return trainer.game.discriminator.get_layer("scale0_layer0_conv").kernel


def test_a_loss_that_is_not_finite_ends_the_run_by_name():
    trainer = games.trainer()
    spoil(first_kernel(trainer))
    with pytest.raises(NotFiniteError, match="`adversarial` became nan in step 1.*new --run-dir"):
        trainer.fit(games.data(3), callbacks=[NonFiniteGuard()], verbose=0)


def test_a_validation_score_that_is_not_finite_ends_the_run_by_name():
    class SpoilBeforeValidation(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            spoil(first_kernel(self.model))

    trainer = games.trainer()
    with pytest.raises(NotFiniteError, match="`val_.*` became nan at the end of epoch 1"):
        trainer.fit(
            games.data(2),
            validation_data=games.data(1),
            callbacks=[NonFiniteGuard(), SpoilBeforeValidation()],
            verbose=0,
        )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, value):
    class SpoilAfterTheLastStep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            spoil(first_kernel(self.model), value)

    checkpoints = Checkpoints(tmp_path)
    trainer = games.trainer()
    save = SaveCheckpoint(checkpoints, Clock())
    trainer.fit(games.data(1), callbacks=[save], verbose=0)
    with pytest.raises(NotFiniteError, match="scale0_layer0_conv/kernel.* not finite in step 2"):
        trainer.fit(games.data(1), callbacks=[SpoilAfterTheLastStep(), save], verbose=0)
    assert checkpoints.latest()[1]["step"] == 1
    assert [path.name for path in tmp_path.glob("*.keras")] == ["step-0000001.keras"]


def test_moments_that_are_not_finite_are_not_saved(tmp_path):
    trainer = games.trainer()
    optimizer = trainer.player_optimizers["generator"]
    spoil(next(v for v in optimizer.variables if "velocity" in v.path), np.inf)
    with pytest.raises(NotFiniteError, match="velocity"):
        Checkpoints(tmp_path / "checkpoints").save(trainer)
    assert not (tmp_path / "checkpoints").exists()

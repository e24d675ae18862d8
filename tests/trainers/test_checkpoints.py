import keras
import numpy as np
import pytest

from tests.trainers import games
from tfsynth.trainers import Checkpoints


def test_a_saved_trainer_goes_on_to_the_last_bit(tmp_path):
    trainer = games.trainer()
    trainer.fit(games.data(5), verbose=0)
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.saving.load_model(tmp_path / "trainer.keras")
    assert loaded.step == 5
    histories = [t.fit(games.data(5), verbose=0).history for t in (trainer, loaded)]
    assert histories[0] == histories[1]
    for mine, other in zip(trainer.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_latest_gives_the_newest_and_its_state(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    assert checkpoints.latest() is None
    trainer = games.trainer()
    for seconds in (1.0, 2.0, 3.0):
        trainer.fit(games.data(1), verbose=0)
        checkpoints.save(trainer, seconds=seconds)
    loaded, state = checkpoints.latest()
    assert (loaded.step, state["step"], state["seconds"]) == (3, 3, 3.0)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.keras"))
    assert kept == ["step-0000002.keras", "step-0000003.keras"]


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    trainer = games.trainer()
    for _ in range(2):
        trainer.fit(games.data(1), verbose=0)
        newest = checkpoints.save(trainer)
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match="step-0000002.keras is damaged"):
        _, state = checkpoints.latest()
    assert state["step"] == 1


def test_all_damaged_is_an_error_that_says_what_to_do(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(games.trainer()).unlink()
    with (
        pytest.warns(UserWarning, match="damaged or gone"),
        pytest.raises(ValueError, match="None of the 1 checkpoints .* Remove the folder"),
    ):
        checkpoints.latest()


def test_a_failed_save_leaves_the_checkpoints_before_it(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    trainer = games.trainer()
    checkpoints.save(trainer)
    trainer.fit(games.data(1), verbose=0)
    # A folder stands where the next checkpoint belongs: the rename must fail.
    (tmp_path / "step-0000001.keras" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError):
        checkpoints.save(trainer)
    assert checkpoints.latest()[1]["step"] == 0
    assert not list(tmp_path.glob(".writing*"))

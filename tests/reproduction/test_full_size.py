"""Time and memory of networks like the published ones, small and on a small picture."""

import keras
import pytest

from tfsynth.__main__ import main
from tfsynth.reproduction.full_size import FullSize

pytestmark = pytest.mark.slow


def test_a_step_and_a_photograph_are_timed_and_leave_no_policy(capsys):
    before = keras.config.dtype_policy().name
    small = {"size": (64, 64), "filters": 1, "precision": "mixed_bfloat16"}
    for what in ("synthesize", "train"):
        seconds, peak = FullSize(what, **small).measure(repeat=2)
        assert len(seconds) == 2
        assert min(seconds) > 0
        # Of TensorFlow alone, to what a test machine has.
        assert 2**28 < peak < 2**35
    assert keras.config.dtype_policy().name == before
    words = ["benchmark", "synthesize", "--size", "32", "64", "--filters", "1", "--repeat", "1"]
    assert main(words) == 0
    assert "synthesize pix2pixhd 64 x 32, float32: " in capsys.readouterr().out


def test_what_cannot_be_measured_is_refused(capsys):
    with pytest.raises(ValueError, match="was grown from smaller ones: measure `synthesize`"):
        FullSize("train", "crn").measure()
    with pytest.raises(
        ValueError, match=r"multiples of 32, at least 64. Nearest good size: .64, 96"
    ):
        FullSize("train", size=(50, 90), filters=1).measure()
    assert main(["benchmark", "train", "--network", "crn"]) == 2
    assert "tfsynth: error: The published cascade" in capsys.readouterr().err

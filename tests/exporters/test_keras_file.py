"""One file again: as it was, or of half the size."""

import keras
import numpy as np
import pytest

import tfsynth
from tests.synthesis.synthesizers import INSTANCES, LAYOUT, styled_synthesizer, wide
from tfsynth.__main__ import main
from tfsynth.networks import FeatureEncoder


def weights_of(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def test_half_a_file_is_half_the_size_and_a_grey_level_off(tmp_path):
    model = wide()
    model.export(tmp_path / "whole.keras", format="keras")
    model.export(tmp_path / "half.keras", format="keras", precision="float16")
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("whole", "half")]
    assert 0.5 < sizes[1] / sizes[0] < 0.52
    whole, half = (tfsynth.load_model(tmp_path / f"{name}.keras") for name in ("whole", "half"))
    np.testing.assert_array_equal(weights_of(whole), weights_of(model))
    assert {weight.dtype for weight in half.weights} == {"float32"}
    # Rounded to 11 bits, or, below 2^-14, to the steps of 2^-24.
    error = np.abs(weights_of(half) - weights_of(model))
    assert 0 < error.max()
    assert (error <= np.maximum(np.abs(weights_of(model)) * 2.0**-11, 2.0**-25)).all()
    difference = half.synthesize(LAYOUT, INSTANCES).astype(int) - whole.synthesize(
        LAYOUT, INSTANCES
    )
    # Measured: 1.
    assert np.abs(difference).max() <= 2
    assert (whole.stored_dtype, half.stored_dtype, model.stored_dtype) == (
        *("float32", "float16", "float32"),
    )


def test_a_half_stays_one_when_it_is_saved_again_and_can_be_made_whole(tmp_path):
    styled_synthesizer().export(tmp_path / "half.keras", format="keras", precision="float16")
    half = tfsynth.load_model(tmp_path / "half.keras")
    assert isinstance(half.encoder, FeatureEncoder)
    half.save(tmp_path / "again.keras")
    # Nothing is rounded a second time.
    again = tfsynth.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(weights_of(again), weights_of(half))
    assert again.stored_dtype == "float16"
    half.export(tmp_path / "whole.keras", format="keras")
    assert tfsynth.load_model(tmp_path / "whole.keras").stored_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path):
    model = styled_synthesizer()
    with pytest.raises(ValueError, match="ends in .keras. Received: model.h5"):
        model.export(tmp_path / "model.h5", format="keras")
    with pytest.raises(ValueError, match="'saved_model' has the precisions float32. Received: 'fl"):
        model.export(tmp_path / "1", precision="float16")
    model.generator.weights[0].assign(model.generator.weights[0] + 1e5)
    with pytest.raises(ValueError, match="float16 are at most 65504; this model has one of 1e"):
        model.export(tmp_path / "model.keras", format="keras", precision="float16")
    assert not list(tmp_path.iterdir())
    assert keras.config.dtype_policy().name == "float32"
    (tmp_path / "model.keras").write_text("mine")
    with pytest.raises(FileExistsError, match="model.keras exists already"):
        model.export(tmp_path / "model.keras", format="keras")


def test_the_command_replaces_a_file_when_told(tmp_path, capsys):
    styled_synthesizer().save(tmp_path / "my.keras")
    target = tmp_path / "small.keras"
    words = ["export", str(tmp_path / "my.keras"), "-o", str(target), "--format", "keras"]
    assert main(words) == 0
    assert tfsynth.load_model(target).stored_dtype == "float32"
    assert main([*words, "--precision", "float16"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*words, "--precision", "float16", "--overwrite"]) == 0
    assert tfsynth.load_model(target).stored_dtype == "float16"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my.keras", "small.keras"]

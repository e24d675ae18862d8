"""No export of a model whose training went wrong: its pictures would be grey, and equal."""

import os

import numpy as np
import pytest

from tests.synthesis.synthesizers import synthesizer

FORMATS = {
    "keras": "model.keras",
    "saved_model": "served",
    "pix2pixhd": "published",
    "preset": "preset",
}


@pytest.mark.parametrize(("format", "name"), FORMATS.items())
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_not_exported(tmp_path, format, name, value):
    model = synthesizer()
    kernel = np.array(model.generator.trainable_weights[0])
    kernel.flat[5] = value
    model.generator.trainable_weights[0].assign(kernel)
    with pytest.raises(ValueError, match="not finite"):
        model.export(tmp_path / name, format=format)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("format", ["keras", "saved_model"])
def test_pictures_that_are_not_finite_are_not_exported(tmp_path, format):
    model = synthesizer()
    weight = model.generator.trainable_weights[0]
    weight.assign(np.full(weight.shape, 3e38, "float32"))
    with pytest.raises(ValueError, match="makes pictures with numbers that are not finite"):
        model.export(tmp_path / FORMATS[format], format=format)
    assert os.listdir(tmp_path) == []

"""A small styled model, exported once, and how to reach a server of it."""

import pytest

from tests.synthesis.synthesizers import styled_synthesizer


@pytest.fixture(scope="session")
def model():
    """The synthesizer that is exported."""
    return styled_synthesizer()


@pytest.fixture(scope="session")
def models(model, tmp_path_factory):
    """The folder that stands for `/models`: version 1 of the model `tfsynth`."""
    folder = tmp_path_factory.mktemp("models")
    model.export(folder / "tfsynth" / "1")
    return folder

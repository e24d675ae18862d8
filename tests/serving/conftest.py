"""Three small models, exported once, for the servers of the tests."""

import pytest

from tests.synthesis.synthesizers import (
    noisy_synthesizer,
    picture_synthesizer,
    styled_synthesizer,
)
from tfsynth.exporters import saved_model
from tfsynth.exporters.description import describe


@pytest.fixture(scope="session")
def model():
    """The synthesizer that is served as `tfsynth`: instance edges, looks, an encoder."""
    return styled_synthesizer()


@pytest.fixture(scope="session")
def picture_model():
    """The synthesizer that is served as `pictures`: from a colour picture."""
    return picture_synthesizer(3, 3)


@pytest.fixture(scope="session")
def models(model, picture_model, tmp_path_factory):
    """The folder that stands for `/models`; `noisy` has noise and statistics of the picture."""
    folder = tmp_path_factory.mktemp("models")
    synthesizers = {"tfsynth": model, "pictures": picture_model, "noisy": noisy_synthesizer()}
    for name, synthesizer in synthesizers.items():
        (folder / name).mkdir()
        description = describe(synthesizer, format="saved_model", precision="float32")
        # The comparison that `export` makes has tests of its own.
        saved_model.write(synthesizer, folder / name / "1", description=description)
    return folder

"""What all tests share: a quiet CPU with two logical devices, fixed seeds, and real photographs."""

import gc
import os
from pathlib import Path

# Before the first import of TensorFlow: it reads these once.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"

import keras  # noqa: E402
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

from tests.strict_skips import (  # noqa: E402, F401
    pytest_addoption,
    pytest_make_collect_report,
    pytest_runtest_makereport,
)

# Two logical devices let tests run MirroredStrategy with two replicas on one processor. They can
# be configured only before TensorFlow first uses the processor.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def two_replicas():
    """A MirroredStrategy of two replicas, the only one of the session.

    Each strategy of a process counts its collectives from the same number, and TensorFlow takes
    two of the same number for one: the second strategy's reductions fail.
    """
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Makes a test's random numbers independent of the tests that ran before it."""
    keras.utils.set_random_seed(0)


def pytest_collection_finish(session):
    """Takes what the imports made out of the collector's sight: it is there to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def forget_graphs():
    """Lets go of the models of a file: one process runs many, and they add up to gigabytes."""
    yield
    keras.utils.clear_session()
    gc.collect()


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    """The folder of the drawn streets that `tiny.tree` trains on."""
    from tests import tiny

    return tiny.draw_streets(tmp_path_factory.mktemp("tfds"))


@pytest.fixture
def tree(data_folder, tmp_path, monkeypatch):
    """The config of the smallest run, as plain data, with a cache of its own."""
    from tests import tiny

    monkeypatch.setenv("TFSYNTH_CACHE", str(tmp_path / "cache"))
    return tiny.tree(data_folder)


@pytest.fixture(scope="module")
def tiny_config(tmp_path_factory):
    """Path of a config of one epoch of two steps."""
    from tests.tiny_yaml import TINY

    folder = tmp_path_factory.mktemp("tiny")
    path = folder / "tiny.yaml"
    path.write_text(TINY.format(data=folder / "data"))
    return path


@pytest.fixture
def shared_data():
    """`data/` in TFSYNTH_SHARED or a folder `shared` beside this checkout; skips without one."""
    beside = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("TFSYNTH_SHARED") or beside) / "data"
    if not folder.is_dir():
        pytest.skip(f"No real photographs at {folder}; TFSYNTH_SHARED can name their parent.")
    return folder

"""The folder of a run and its paths.

config.yaml         the resolved settings         checkpoints/   whole trainers, to resume
logs/               TensorBoard                   samples/       sheets of each epoch
samples.png         the first test layouts        synthesizer.keras   what ships
metrics.json        the scores                    export/1/      the SavedModel
curves.png          the losses and signals over the epochs
layouts/            the first test layouts: label maps in labels/ (or pictures in condition/), and
                    instance maps in instances/
"""

import contextlib
import dataclasses
import hashlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

from tfsynth import registry
from tfsynth.config import ConfigError, load_config
from tfsynth.files import WORKING, write_text
from tfsynth.models import BUNDLE
from tfsynth.runs.phases import split_into_phases
from tfsynth.trainers import Checkpoints

fcntl: Any = None
with contextlib.suppress(ImportError):  # There is none on Windows.
    import fcntl


_LOCK = ".lock"
# Keys that say where the data lies, not what it is.
_PLACES = {
    # A `Share` holds another data set.
    f"data.dataset.{inner}{key}"
    for inner in ("", "dataset.")
    for key in ("root", "data_dir", "labels")
}


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The paths of a run.

    Attributes:
        path: Its folder.
        phase: Name of the phase whose checkpoints, logs and samples are meant, each in a
            folder of that name; empty for a run in one go.
    """

    path: Path
    phase: str = ""

    config = property(lambda self: self.path / "config.yaml")
    checkpoints = property(lambda self: self.path / "checkpoints" / self.phase)
    logs = property(lambda self: self.path / "logs" / self.phase)
    samples = property(lambda self: self.path / "samples" / self.phase)
    sheet = property(lambda self: self.path / "samples.png")
    curves = property(lambda self: self.path / "curves.png")
    synthesizer = property(lambda self: self.path / BUNDLE)
    metrics = property(lambda self: self.path / "metrics.json")
    export = property(lambda self: self.path / "export" / "1")
    layouts = property(lambda self: self.path / "layouts")
    # There from the first step on until all results of the training are written.
    unfinished = property(lambda self: self.path / ".unfinished")

    def scores(self, split="test", limit=None):
        """Returns where scores go; only those of the whole test split are `metrics`."""
        if split == "test" and limit is None:
            return self.metrics
        parts = ["metrics", split, *([] if limit is None else [str(limit)])]
        return self.path / f"{'_'.join(parts)}.json"

    @contextlib.contextmanager
    def lock(self):
        """Keeps other processes from training in the folder, which must exist, in the block.

        The system releases the lock when the process ends, in any way. Without locks in the
        operating system or the file system, the folder is not locked.

        Raises:
            BlockingIOError: If another process holds it.
        """
        with open(self.path / _LOCK, "w") as file:
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BlockingIOError(
                    f"Another process trains in {self.path}. Wait for its end, or name another "
                    "--run-dir."
                ) from error
            except OSError:
                pass  # For example on a network drive that is mounted without locks.
            yield

    def refuse_other_config(self, config):
        """Raises `FileExistsError` if the folder is of another run, or no run at all.

        Data that has moved is the same if all its files have their names and sizes.
        """
        try:
            str(self.path).encode()
        except UnicodeError:
            # TensorFlow takes no other names, and would say so after the first epoch.
            raise ValueError(
                f"The name of the run's folder is no UTF-8: {str(self.path)!r}. Name another "
                "--run-dir."
            ) from None
        if self.config.is_file():
            there = self.read_config().to_dict()
            keys = sorted(_differing_keys(there, config.to_dict()))
            if keys and not (_PLACES.issuperset(keys) and self._is_of(config)):
                raise FileExistsError(
                    f"{self.path} holds a run with other settings ({', '.join(keys)}), and a run "
                    "keeps its settings. Name another --run-dir; to train on from the weights of "
                    f"this one, give it --set init_from={self.path} too."
                )
        elif self.path.exists() and not _is_empty_folder(self.path):
            raise FileExistsError(
                f"{self.path} exists and is no run folder (it has no config.yaml). Name another "
                "--run-dir."
            )
        there = next(parent for parent in self.path.absolute().parents if parent.exists())
        if not there.is_dir():
            raise NotADirectoryError(f"{there} is a file: {self.path} cannot be a folder in it.")

    def read_config(self):
        """Returns the run's `Config`.

        Raises:
            ConfigError: If its file is no config.
        """
        try:
            return load_config(self.config)
        except ConfigError as error:
            raise ConfigError(
                f"{error} It is damaged, or of another version of tfsynth: put the config that the "
                "run was trained with in its place, or name another --run-dir."
            ) from error

    def write_settings(self, config, dataset):
        """Writes the config and what identifies the data; warns if the data has changed.

        Args:
            config: A `Config` that `refuse_other_config` takes.
            dataset: Its `Dataset`.
        """
        text = config.to_yaml()
        if not self.config.is_file() or self.config.read_text(encoding="utf-8") != text:
            write_text(self.config, text)
        if self._inventories(config) - {dataset.inventory, None}:
            warnings.warn(
                f"Files of the data have been added, removed or changed since the run {self.path} "
                "began. It goes on with those that are there now.",
                stacklevel=2,
            )

    def _is_of(self, config):
        """Returns whether the run was trained on a data set's files, which may have moved."""
        before = self._inventories(config)
        return not before - {registry.build(config.data.dataset).inventory}

    def _inventories(self, config):
        """Returns the inventories of the data that the newest checkpoint of each phase is of."""
        states = [next(store.states(), None) for store in self.stores(config)]
        # A checkpoint of an earlier version has none: of its data nothing is known.
        return {state.get("data") for state in states if state}

    def stores(self, config):
        """Returns the `Checkpoints` of each phase of the run, in order, by its `Config`."""
        keep = config.train.keep_checkpoints
        return [
            Checkpoints(
                dataclasses.replace(self, phase=name).checkpoints, keep, _owner(name, settings)
            )
            for name, settings in split_into_phases(config)
        ]


def require_space(folder, needed):
    """Raises `OSError` if the disk of a folder, there or not yet, has too few bytes free."""
    folder = Path(folder).absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(there)
    if usage.total and usage.free < needed:  # A file system like /proc has no size at all.
        raise OSError(
            f"The disk of {there} has {usage.free / 2**20:.0f} MiB free; the checkpoints of this "
            f"run need {needed / 2**20:.0f} MiB. Free some, or name a --run-dir elsewhere."
        )


def _is_empty_folder(path):
    # The lock of the run, and what a kill left of the first file.
    names = [inside.name for inside in path.iterdir()] if path.is_dir() else ["a file"]
    return all(name == _LOCK or name.startswith(WORKING) for name in names)


def _owner(phase, config):
    """Returns the SHA-256 of what makes the weights of a phase those of no other training."""
    own = [phase, config.name, config.seed, config.game, config.optimizers]
    text = json.dumps(_whole(own), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _whole(node):
    """Returns plain data in which numbers that are equal, such as 1 and 1.0, are the same."""
    if isinstance(node, dict):
        return {str(key): _whole(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_whole(item) for item in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def _differing_keys(there, wanted, prefix=""):
    for key in there.keys() | wanted.keys():
        old, new = there.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing_keys(old, new, f"{prefix}{key}.")
        elif old != new:
            yield prefix + key

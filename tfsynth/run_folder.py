"""The folder of a run and its paths.

config.yaml         the resolved settings         checkpoints/   whole trainers, to resume
logs/               TensorBoard                   samples/       sheets as training goes on
samples.png         the first test layouts        synthesizer.keras   what ships
metrics.json        the scores                    export/1/      the SavedModel
"""

import dataclasses
import os
import shutil
from pathlib import Path

from tfsynth.config import load_config


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    config = property(lambda self: self.path / "config.yaml")
    checkpoints = property(lambda self: self.path / "checkpoints")
    logs = property(lambda self: self.path / "logs")
    samples = property(lambda self: self.path / "samples")
    sheet = property(lambda self: self.path / "samples.png")
    synthesizer = property(lambda self: self.path / "synthesizer.keras")
    metrics = property(lambda self: self.path / "metrics.json")
    export = property(lambda self: self.path / "export" / "1")

    def refuse_other_config(self, config):
        """Raises `FileExistsError` if the folder is of another run, or no run at all."""
        if self.config.is_file():
            there = load_config(self.config).to_dict()
            keys = sorted(_differing_keys(there, config.to_dict()))
            if keys:
                raise FileExistsError(
                    f"{self.path} holds a run with other settings ({', '.join(keys)}). Name "
                    "another --run-dir, or remove the folder."
                )
        elif self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise FileExistsError(
                f"{self.path} exists and is no run folder (it has no config.yaml). Name another "
                "--run-dir."
            )
        there = next(parent for parent in self.path.absolute().parents if parent.exists())
        if not there.is_dir():
            raise NotADirectoryError(f"{there} is a file: {self.path} cannot be a folder in it.")


def cache_folder():
    """Returns where data and scoring networks are kept between runs (`$TFSYNTH_CACHE`)."""
    return Path(os.environ.get("TFSYNTH_CACHE") or Path.home() / ".cache" / "tfsynth")


def require_space(folder, needed):
    """Raises `OSError` if the disk of a folder has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            f"The disk of {folder} has {free / 2**20:.0f} MiB free; the checkpoints of this run "
            f"need {needed / 2**20:.0f} MiB. Free some, or name a --run-dir elsewhere."
        )


def _differing_keys(there, wanted, prefix=""):
    for key in there.keys() | wanted.keys():
        old, new = there.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing_keys(old, new, f"{prefix}{key}.")
        elif old != new:
            yield prefix + key

"""Checkpoints that a crash cannot destroy."""

import json
import warnings
from pathlib import Path

import keras

from tfsynth.files import replace_file, sha256_of, write_text
from tfsynth.trainers.finite import require_finite


class Checkpoints:
    """A folder of whole trainers, newest last, with a manifest of their hashes.

    A checkpoint is written under a temporary name, flushed to the disk and renamed;
    the manifest that names it is replaced after it. A kill at any moment leaves the
    checkpoints before it untouched. A damaged one is passed over, with a warning.

    Args:
        folder: Where they are; made on the first `save`.
        keep: How many stay, at least 2.
    """

    def __init__(self, folder, keep=2):
        self.folder = Path(folder)
        self.keep = keep

    def save(self, trainer, **state):
        """Writes a trainer with its optimizers.

        Args:
            trainer: A compiled `Trainer`.
            **state: Plain numbers and strings to have back from `latest`.

        Returns:
            The path of the checkpoint.

        Raises:
            OSError: If the disk is full or read-only; earlier checkpoints stay.
            NotFiniteError: If a weight is NaN or infinite; nothing is written.
        """
        require_finite(trainer)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{trainer.step:07d}.keras"
        replace_file(path, trainer.save)
        entry = {"file": path.name, "sha256": sha256_of(path), "step": trainer.step, **state}
        entries = [e for e in self._entries() if e["file"] != path.name] + [entry]
        write_text(self._manifest, json.dumps(entries[-self.keep :], indent=1))
        for old in entries[: -self.keep]:
            (self.folder / old["file"]).unlink(missing_ok=True)
        return path

    def latest(self):
        """Returns the newest intact checkpoint.

        Returns:
            (trainer, state), the trainer compiled with its optimizers' state and
            `state` a dict with `step` and what `save` was given; `None` if there is none.

        Raises:
            ValueError: If there are checkpoints and each is damaged.
        """
        entries = self._entries()
        for entry in reversed(entries):
            path = self.folder / entry["file"]
            if path.is_file() and sha256_of(path) == entry["sha256"]:
                return keras.saving.load_model(path), entry
            warnings.warn(f"{path} is damaged or gone; trying the one before.", stacklevel=2)
        if entries:
            raise ValueError(
                f"None of the {len(entries)} checkpoints in {self.folder} is intact. Remove the "
                "folder to start anew."
            )
        return None

    def exist(self):
        """Returns whether there is one, intact or not."""
        return bool(self._entries())

    def newest(self):
        """Returns the state of the newest checkpoint, which is not read; `None` without one."""
        return self._entries()[-1] if self.exist() else None

    @property
    def _manifest(self):
        return self.folder / "checkpoints.json"

    def _entries(self):
        if not self._manifest.is_file():
            return []
        return json.loads(self._manifest.read_text())

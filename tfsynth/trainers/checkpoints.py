"""Checkpoints that a crash cannot destroy."""

import json
import re
import warnings
import zipfile
from pathlib import Path

from tfsynth import models
from tfsynth.files import replace_file, sha256_of, write_text
from tfsynth.models import archive
from tfsynth.trainers.finite import require_finite

_NAME = re.compile(r"step-([0-9]{7,15})\.keras")
# More than any run has trained, and few enough to calculate with.
_MOST_SECONDS = 1e10


class Checkpoints:
    """A folder of whole trainers, newest last.

    A checkpoint is written under a temporary name, flushed to the disk and renamed. A kill at any
    moment leaves the checkpoints before it untouched. What the folder holds decides: a file is a
    checkpoint if its own checksums hold, and a damaged one is skipped, with a warning. The
    manifest, `checkpoints.json`, lists them with their SHA-256; should it be damaged or gone,
    nothing is lost.

    Args:
        folder: Their folder; created by the first `save`.
        keep: Number of intact checkpoints kept, at least 2.
        owner: Text that says of whose training they are, or `None`. It is stored with them, and
            one that has another owner's is refused: a folder can be given another run's file.
    """

    def __init__(self, folder, keep=2, owner=None):
        self.folder = Path(folder)
        self.keep = keep
        self.owner = owner
        # File name -> entry of the manifest, of the files that were written or found intact.
        self._known = {}

    def save(self, trainer, **state):
        """Writes a trainer with its optimizers.

        Args:
            trainer: A compiled `Trainer`.
            **state: Plain numbers and strings that `latest` returns.

        Returns:
            The path of the checkpoint.

        Raises:
            OSError: If the disk is full or read-only; earlier checkpoints stay.
            NotFiniteError: If a weight is NaN or infinite; nothing is written.
        """
        require_finite(trainer)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{trainer.step:07d}.keras"
        state = {"step": trainer.step, **state}
        if self.owner is not None:
            state["owner"] = self.owner

        def write(temporary):
            trainer.save(temporary)
            with zipfile.ZipFile(temporary, "a") as file:
                file.writestr(archive.STATE, json.dumps(state))

        replace_file(path, write)
        self._known[path.name] = {"file": path.name, "sha256": sha256_of(path), **state}
        self.tidy(trainer.step)
        return path

    def latest(self):
        """Returns the newest intact checkpoint.

        Returns:
            (trainer, state), the trainer compiled with its optimizers' state and
            `state` a dict with `step` and what `save` was given; `None` if there is none.

        Raises:
            ValueError: If there are checkpoints and each is damaged, or one is another owner's.
        """
        paths, unread = self._paths(), None
        for path in paths:
            if entry := self._checked(path):
                try:
                    return models.read_model(path), entry
                except ValueError as error:
                    unread = unread or error
                    warnings.warn(f"{error} Trying the one before.", stacklevel=2)
        if unread is not None:
            # Its checksums hold: removing it would be wrong advice.
            raise ValueError(f"No checkpoint in {self.folder} can be read: {unread}") from unread
        if paths:
            raise ValueError(
                f"None of the {len(paths)} checkpoints in {self.folder} is intact. Remove the "
                "folder to start anew."
            )
        return None

    def exist(self):
        """Returns whether there is one, intact or not."""
        return bool(self._paths())

    def newest(self):
        """Returns the state of the newest intact checkpoint, without reading it; else `None`."""
        return next(filter(None, map(self._checked, self._paths())), None)

    def states(self):
        """Yields the states of the intact checkpoints, the newest first, without a warning.

        Each is found intact when it is asked for: all of a checkpoint is read for that.
        """
        entries = map(self._entry, self._paths())
        return (entry for entry in entries if entry and self._owns(entry))

    def total_bytes(self):
        """Returns the size of all that are there."""
        return sum(path.stat().st_size for path in self._paths() if path.is_file())

    def _paths(self):
        """Returns the paths of all checkpoints, intact, damaged or gone, the newest first."""
        files = self.folder.iterdir() if self.folder.is_dir() else ()
        names = {path.name for path in files if _NAME.fullmatch(path.name) and path.is_file()}
        paths = [self.folder / name for name in names | self._listed().keys()]
        return sorted(paths, key=_step_of, reverse=True)

    def _checked(self, path):
        """Returns the entry of a checkpoint; warns, and returns `None`, if it is damaged."""
        entry = self._entry(path)
        if entry is None:
            warnings.warn(f"{path} is damaged or gone; trying the one before.", stacklevel=3)
        elif not self._owns(entry):
            raise ValueError(
                f"{path} is a checkpoint of another run, or of another phase or network than the "
                "config's. Move it to where it belongs."
            )
        return entry

    def _owns(self, entry):
        # A checkpoint of an earlier version names no owner.
        return self.owner is None or entry.get("owner", self.owner) == self.owner

    def _entry(self, path):
        """Returns the entry of an intact checkpoint; `None` of a damaged one."""
        entry = self._listed().get(path.name)
        if not path.is_file():
            return None
        if entry is None or sha256_of(path) != entry["sha256"]:
            entry = _read_entry(path)
        return entry

    def tidy(self, step):
        """Lists the newest intact checkpoints up to a step, and removes the others up to it.

        Args:
            step: Step of the trainer. What is of a later one, and could not be read, stays.
        """
        entries, paths = {}, self._paths()
        for path in paths:
            if _step_of(path) <= step and len(entries) < self.keep:
                # The damage of older ones was reported when the run began.
                entry = self._known.get(path.name) or self._entry(path)
                if entry and self._owns(entry):
                    entries[path] = self._known[path.name] = entry
        if entries != {self.folder / name: entry for name, entry in self._listed().items()}:
            write_text(self._manifest, json.dumps([*reversed(entries.values())], indent=1))
        for path in paths:
            if path not in entries and _step_of(path) <= step and path.is_file():
                path.unlink(missing_ok=True)

    @property
    def _manifest(self):
        return self.folder / "checkpoints.json"

    def _listed(self):
        """Returns the entries of the manifest that are whole, by the names of their files."""
        try:
            entries = json.loads(self._manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        entries = entries if isinstance(entries, list) else []
        return {entry["file"]: entry for entry in entries if _is_entry(entry)}


def _step_of(path):
    return int(path.stem.removeprefix("step-"))


def _read_entry(path):
    """Returns the entry of a checkpoint by what its file holds; `None` of a damaged one."""
    try:
        with path.open("rb") as file:
            members = archive.read_members(file)
            for member in members.values():
                archive.check_sum(file, member)
            # A checkpoint of an earlier version has no state of its own.
            state = {"step": _step_of(path)}
            if archive.STATE in members:
                state = json.loads(archive.read_member(file, members[archive.STATE]))
        entry = {"file": path.name, "sha256": sha256_of(path), **state}
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return entry if _is_entry(entry) else None


def _is_entry(entry):
    """Returns whether a value is what `save` writes for one file of the folder."""
    if not isinstance(entry, dict) or not isinstance(name := entry.get("file"), str):
        return False
    match, seconds = _NAME.fullmatch(name), entry.get("seconds", 0.0)
    return (
        match is not None
        and entry.get("step") == int(match[1])
        and isinstance(entry.get("sha256"), str)
        and type(seconds) in (int, float)
        and 0 <= seconds <= _MOST_SECONDS
        and all(value is None or isinstance(value, str | int | float) for value in entry.values())
    )

"""Trained networks on the disk, so that each data set trains one only once."""

import dataclasses
import hashlib
import json
import warnings
from pathlib import Path

from tfsynth.files import replace_file, sha256_of, write_text
from tfsynth.layers import dtype_policy
from tfsynth.models import read_model


def key_of(parts):
    """Returns sixteen hexadecimal digits that change with plain data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class CachedNetwork:
    """The place of one network: a `.keras` file and a JSON file of one folder.

    The JSON is written last and holds the checksum of the weights, so that a network is either
    complete or absent.

    Attributes:
        weights: The network's file.
        record: The file that says what the network is.
        what: What it is, for messages: "segmenter".
        next_use: What would train it again, for messages: "evaluation".
        keys: What its record says.
    """

    weights: Path
    record: Path
    what: str
    next_use: str
    keys: tuple[str, ...]

    def load(self):
        """Returns what is there, or `None`: (float32 network, the record, a dict).

        The record has the SHA-256 of the network's file as `sha256`. Warns and returns `None` if
        what is there is damaged.
        """
        if not self.record.exists():
            return None
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            if missing := [key for key in (*self.keys, "sha256") if key not in record]:
                raise ValueError(f"its record lacks {', '.join(missing)}")
            checksum = sha256_of(self.weights)
            if record["sha256"] != checksum:
                raise ValueError(f"the weights' checksum is {checksum[:8]}, not the recorded one")
            with dtype_policy("float32"):
                return read_model(self.weights, compile=False), record
        # A file that another version wrote can fail in any way that Keras knows.
        except Exception as error:
            warnings.warn(
                f"The cached {self.what} {self.weights.parent} is damaged and is trained again "
                f"({error}).",
                stacklevel=3,
            )
            return None

    def store(self, network, record):
        """Writes a trained network, and returns the SHA-256 of its file.

        Warns and returns `None` if it cannot be written: it can be used all the same.

        Args:
            network: The network.
            record: What it is: plain data, a dict.
        """
        folder = self.weights.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.record.unlink(missing_ok=True)
            replace_file(self.weights, network.save)
            checksum = sha256_of(self.weights)
            write_text(self.record, json.dumps({**record, "sha256": checksum}, indent=1) + "\n")
            return checksum
        except OSError as error:
            warnings.warn(
                f"The {self.what} could not be kept in {folder} ({error}); the next "
                f"{self.next_use} trains it again. Make room there, or name another cache folder.",
                stacklevel=3,
            )
            return None

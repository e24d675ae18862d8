"""Trained scoring segmenters on the disk, so that each data set trains one only once."""

import dataclasses
import hashlib
import json
import warnings
from pathlib import Path

from tfsynth.files import replace_file, sha256_of, write_text
from tfsynth.layers import dtype_policy
from tfsynth.layouts.labels import LabelSet
from tfsynth.models import read_model


@dataclasses.dataclass(frozen=True)
class CachedSegmenter:
    """The place of one segmenter: `<folder>/<key>/segmenter.keras` and `protocol.json`.

    The key is a hash of all that the weights depend on. The JSON is written last and holds
    the checksum of the weights, so that a segmenter is either complete or absent.

    Attributes:
        folder: Folder of all cached segmenters.
        protocol: Name of the protocol.
        fingerprint: That of the data set.
        label_set: The data set's `LabelSet`.
    """

    folder: Path
    protocol: str
    fingerprint: str
    label_set: LabelSet

    @property
    def path(self):
        """The segmenter's own folder."""
        parts = [self.protocol, self.fingerprint, self.label_set.to_dict()]
        key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
        return self.folder / key

    @property
    def weights(self):
        """The network's file."""
        return self.path / "segmenter.keras"

    @property
    def record(self):
        """The file that says what the network is."""
        return self.path / "protocol.json"

    def load(self):
        """Returns what is there, or `None`: (float32 `Segmenter`, size, scores, SHA-256).

        The scores are those on the validation split, the SHA-256 that of the network's file. Warns
        and returns `None` if what is there is damaged.
        """
        if not self.record.exists():
            return None
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            checksum = sha256_of(self.weights)
            if record["sha256"] != checksum:
                raise ValueError(f"the weights' checksum is {checksum[:8]}, not the recorded one")
            with dtype_policy("float32"):
                network = read_model(self.weights, compile=False)
            return network, tuple(record["size"]), record["validation"], checksum
        # A file that another version wrote can fail in any way that Keras knows.
        except Exception as error:
            warnings.warn(
                f"The cached segmenter {self.path} is damaged and is trained again ({error}).",
                stacklevel=2,
            )
            return None

    def store(self, network, config, size, validation, seconds):
        """Writes a trained segmenter, and returns the SHA-256 of its file.

        Warns and returns `None` if it cannot be written, as the scores are still valid.

        Args:
            network: A float32 `Segmenter`.
            config: The protocol's arguments, plain data.
            size: (height, width) of the pictures that it was trained on.
            validation: Scores on the validation split, plain data, or `None`.
            seconds: How long training took.
        """
        record = {
            "protocol": self.protocol,
            "config": config,
            "dataset": self.fingerprint,
            "label_set": self.label_set.to_dict(),
            "size": list(size),
            "validation": validation,
            "seconds": seconds,
        }
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.record.unlink(missing_ok=True)
            replace_file(self.weights, network.save)
            record["sha256"] = sha256_of(self.weights)
            write_text(self.record, json.dumps(record, indent=1) + "\n")
            return record["sha256"]
        except OSError as error:
            warnings.warn(
                f"The segmenter could not be kept in {self.path} ({error}); the next evaluation "
                "trains it again. Make room there, or name another cache folder.",
                stacklevel=2,
            )
            return None
